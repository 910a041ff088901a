"""The door for mail against a real mail server (aiosmtpd), with TLS and sign-in; and what it refuses before the wire."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from hypothesis import example, given
from hypothesis import strategies as st

from cms_core.contract import NotConnected, Retryable
from cms_core.errors import Invalid
from cms_core.outbound import Guard, SmtpDoor, SmtpMessage, SmtpServer, check_smtp
from cms_core.outbound.smtp_message import Unsendable, body, envelope, printable
from cms_core.testing.smtp import Answer, FaultySmtp

from .conftest import Certificates, RecordingWire

LOGIN = ("news", "s3cr3t-pass")
DATA = b"Subject: hello\r\n\r\n.dot\r\n..\r\n.\r\nlast\r\n"


class Mailbox:
    """What the real server was sent."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.mails.append(envelope)
        return "250 2.0.0 queued"


class RealServer(Controller):
    """aiosmtpd on a free port."""

    def __init__(self, **options: Any) -> None:
        self.mailbox = Mailbox()
        super().__init__(self.mailbox, hostname="127.0.0.1", port=0, **options)

    @property
    def bound(self) -> int:
        assert self.server is not None
        return int(self.server.sockets[0].getsockname()[1])

    def _trigger_server(self) -> None:
        """The controller would connect to port 0 to see whether it runs."""
        with contextlib.closing(socket.create_connection(("127.0.0.1", self.bound))) as probe:
            probe.recv(1)


def authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == tuple(
        each.encode() for each in LOGIN
    )
    return AuthResult(success=good, handled=False)


@contextlib.contextmanager
def real(**options: Any) -> Iterator[RealServer]:
    server = RealServer(**options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def mails(count: int, data: bytes = DATA) -> Iterator[SmtpMessage]:
    for key in range(count):
        yield SmtpMessage(key, "news@example.com", f"r{key}@example.org", data)


def send(server: SmtpServer, guard: Guard, wire: RecordingWire, messages: Iterator[SmtpMessage]) -> list[str]:
    door = SmtpDoor(server, guard, wire, attempts=1)
    with contextlib.closing(door):
        return [outcome.status for outcome in door.send(messages)]


def test_a_real_server_gets_every_message_as_it_was_written(guard: Guard, wire: RecordingWire) -> None:
    with real() as server:
        statuses = send(SmtpServer("127.0.0.1", server.bound, "none"), guard, wire, mails(20))
        received = server.mailbox.mails
    assert statuses == ["accepted"] * 20
    assert [mail.rcpt_tos for mail in received] == [[f"r{key}@example.org"] for key in range(20)]
    assert {mail.content for mail in received} == {DATA}
    assert {mail.mail_from for mail in received} == {"news@example.com"}


@pytest.mark.parametrize("method", ["PLAIN", "LOGIN"])
def test_starttls_and_sign_in_with_a_real_server(
    guard: Guard, wire: RecordingWire, certificates: Certificates, method: str
) -> None:
    options: dict[str, Any] = {
        "tls_context": certificates.good,
        "require_starttls": True,
        "auth_required": True,
        "authenticator": authenticate,
        "auth_exclude_mechanism": ["LOGIN" if method == "PLAIN" else "PLAIN"],
    }
    with real(**options) as server:
        settings = SmtpServer(
            "127.0.0.1", server.bound, "starttls", *LOGIN, ca_file=certificates.ca_file, timeout=2
        )
        assert send(settings, guard, wire, mails(3)) == ["accepted"] * 3
        assert "AUTH" in check_smtp(settings, guard).rights
        wrong = SmtpServer(
            "127.0.0.1", server.bound, "starttls", "news", "wrong", ca_file=certificates.ca_file
        )
        with pytest.raises(NotConnected, match="535"):
            check_smtp(wrong, guard)
    assert [mail.content for mail in server.mailbox.mails] == [DATA] * 3


def secure(certificates: Certificates, good: bool = True, **options: Any) -> FaultySmtp:
    return FaultySmtp(tls=certificates.good if good else certificates.other, **options)


def test_tls_from_the_first_byte(guard: Guard, wire: RecordingWire, certificates: Certificates) -> None:
    with secure(certificates, implicit_tls=True, login=LOGIN) as server:
        settings = SmtpServer(
            "127.0.0.1", server.port, "tls", *LOGIN, ca_file=certificates.ca_file, timeout=2
        )
        big = DATA + (b"x" * 70 + b"\r\n") * 5000
        assert send(settings, guard, wire, mails(12, big)) == ["accepted"] * 12
    assert {mail.data for mail in server.received} == {big}


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_certificate_ends_before_the_password(
    guard: Guard, wire: RecordingWire, certificates: Certificates, known: bool, implicit: bool
) -> None:
    with secure(certificates, good=not known, implicit_tls=implicit, login=LOGIN) as server:
        authority = certificates.ca_file if known else None
        security = "tls" if implicit else "starttls"
        settings = SmtpServer("127.0.0.1", server.port, security, *LOGIN, ca_file=authority, timeout=1)  # type: ignore[arg-type]
        with pytest.raises(NotConnected, match="certificate"):
            send(settings, guard, wire, mails(2))
    assert not any(command.startswith(("AUTH", "MAIL")) for command in server.commands)
    assert server.connections == 1


def test_stripped_starttls_is_refused_and_nothing_goes_in_plain_text(
    guard: Guard, wire: RecordingWire
) -> None:
    with FaultySmtp(login=LOGIN) as server:
        settings = SmtpServer("127.0.0.1", server.port, "starttls", *LOGIN, timeout=1)
        with pytest.raises(NotConnected, match="STARTTLS"):
            send(settings, guard, wire, mails(2))
    assert [command.split()[0] for command in server.commands] == ["EHLO"]
    assert (server.received, server.connections) == ([], 1)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer("454 4.7.0 not now"), Retryable),
        (Answer("502 5.5.1 no"), NotConnected),
        (Answer("220 go\n250 slipped in"), Retryable),
        (Answer("220 go\r\n220 slipped in before the encryption"), Retryable),
    ],
)
def test_starttls_that_fails_is_no_plain_text(
    guard: Guard, wire: RecordingWire, certificates: Certificates, answer: Answer, error: type[Exception]
) -> None:
    with secure(certificates, login=LOGIN, answers={"STARTTLS": [answer]}) as server:
        settings = SmtpServer(
            "127.0.0.1", server.port, "starttls", *LOGIN, ca_file=certificates.ca_file, timeout=0.5
        )
        with pytest.raises(error):
            send(settings, guard, wire, mails(2))
    assert [command.split()[0] for command in server.commands] == ["EHLO", "STARTTLS"]


def test_plain_text_where_tls_is_meant_and_the_other_way(
    guard: Guard, wire: RecordingWire, certificates: Certificates
) -> None:
    with FaultySmtp() as server, pytest.raises(NotConnected, match="TLS"):
        send(SmtpServer("127.0.0.1", server.port, "tls", timeout=1), guard, wire, mails(1))
    with secure(certificates, implicit_tls=True) as server, pytest.raises(Retryable):
        send(SmtpServer("127.0.0.1", server.port, "none", timeout=0.3), guard, wire, mails(1))


def test_a_password_goes_in_plain_text_only_to_a_host_that_the_operator_named(wire: RecordingWire) -> None:
    class Open(Guard):
        def permits(self, address: str) -> bool:
            return True

    with FaultySmtp(login=LOGIN) as server:
        settings = SmtpServer("127.0.0.1", server.port, "none", *LOGIN, timeout=1)
        with pytest.raises(NotConnected, match="plain text"):
            check_smtp(settings, Open())
        assert not any(command.startswith("AUTH") for command in server.commands)
        assert check_smtp(settings, Guard("127.0.0.1")).name == "mail.test ESMTP ready"


@pytest.mark.parametrize(
    ("code", "error"),
    [("535 5.7.8 no", NotConnected), ("534 5.7.9 weak", NotConnected), ("454 4.7.0 later", Retryable)],
)
def test_a_refused_sign_in_takes_no_message(
    guard: Guard, wire: RecordingWire, code: str, error: type[Exception]
) -> None:
    messages = mails(2)
    with (
        FaultySmtp(login=LOGIN, answers={"AUTH": [Answer(code)]}) as server,
        pytest.raises(error, match=code[:3]),
    ):
        send(SmtpServer("127.0.0.1", server.port, "none", *LOGIN, timeout=1), guard, wire, messages)
    assert next(messages).key == 0


def test_a_server_without_sign_in_is_said_so(guard: Guard) -> None:
    with FaultySmtp() as server, pytest.raises(NotConnected, match="sign in"):
        check_smtp(SmtpServer("127.0.0.1", server.port, "none", *LOGIN, timeout=1), guard)


def test_a_server_that_knows_no_extensions_is_greeted_by_helo(guard: Guard, wire: RecordingWire) -> None:
    with FaultySmtp(answers={"EHLO": lambda _: Answer("502 5.5.1 what?")}) as server:
        settings = SmtpServer("127.0.0.1", server.port, "none", local_name="us.test", timeout=1)
        assert send(settings, guard, wire, mails(2)) == ["accepted"] * 2
    assert server.commands[:3] == ["EHLO us.test", "HELO us.test", "MAIL FROM:<news@example.com>"]


def test_secrets_are_in_no_repr_and_names_are_names() -> None:
    assert "s3cr3t" not in repr(SmtpServer("mail.test", 25, "none", *LOGIN))
    with pytest.raises(Invalid):
        SmtpServer("mail.test", local_name="us\r\nMAIL FROM:<x@y.z>")


# --- S17: nothing extra on the wire ----------------------------------------------------------------------------------

BAD_ADDRESSES = [
    *"a@b>c a@<b nobody @b.c a@ <a@b.c> a@b@c\r a@b\tc a@b\x00c a@b\x7fc a@b\x85c a@b\udc80c".split(" "),
    '"a@b> SIZE=1\r\nRCPT TO:<c"@d.e',
    "a@b.c\r\nDATA",
    "a b@c.d",
    "a@b.c\n",
    "a\u2028@b.c",
    "x" * 251 + "@b.c",
    "",
]


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_odd_addresses_never_reach_the_wire(guard: Guard, wire: RecordingWire, address: str) -> None:
    with FaultySmtp() as server:
        door = SmtpDoor(SmtpServer("127.0.0.1", server.port, "none", timeout=1), guard, wire, attempts=1)
        messages = [
            SmtpMessage(1, "news@example.com", address, DATA),
            SmtpMessage(2, address or "no address", "r@example.org", DATA),
            SmtpMessage(3, "", "r@example.org", DATA),
        ]
        with contextlib.closing(door):
            outcomes = {each.key: each for each in door.send(iter(messages))}
    assert [outcomes[key].status for key in (1, 2, 3)] == ["failed", "failed", "accepted"]
    assert outcomes[1].code == 553
    assert [command.split(" ")[0] for command in server.commands] == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]
    assert (wire.told, server.received[0].sender) == ([3], "")


@given(st.text(), st.text())
@example("a@b.c>", "a@b.c")
def test_an_envelope_is_always_three_lines(sender: str, recipient: str) -> None:
    try:
        commands = envelope(
            SmtpMessage(1, sender, recipient, b""), {"SMTPUTF8": "", "SIZE": "", "8BITMIME": ""}
        )
    except Unsendable:
        return
    assert [command.count(b"\n") for command in commands] == [1, 1, 1]
    assert all(command.endswith(b"\r\n") and command.count(b"\r") == 1 for command in commands)
    assert all(command.count(b"<") == command.count(b">") == 1 for command in commands[:2])


@given(st.lists(st.sampled_from([b"\r\n", b".", b"a", b"\n", b"\r", b"\0"])).map(b"".join))
def test_a_body_ends_where_it_ends_and_comes_back_as_it_was(data: bytes) -> None:
    bare = data.replace(b"\r\n", b"")
    if b"\r" in bare or b"\n" in bare:
        with pytest.raises(Unsendable):
            body(data)
        return
    sent = body(data)
    assert sent.endswith(b"\r\n.\r\n") or sent == b".\r\n"
    assert sent.find(b"\r\n.\r\n") in (-1, len(sent) - 5)
    lines = sent.split(b"\r\n")[:-2]
    unstuffed = b"".join(line.removeprefix(b".") + b"\r\n" for line in lines)
    assert unstuffed in (data, data + b"\r\n")


@given(st.text())
def test_replies_are_short_and_printable(text: str) -> None:
    shown = printable(text)
    assert len(shown) <= 200
    assert shown.isprintable()


# --- what the server offers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extensions", "recipient", "data", "status", "parameters"),
    [
        (["SIZE 1000", "8BITMIME"], "r@example.org", b"x\r\n", "accepted", "SIZE=3"),
        (["SIZE 1000"], "r@example.org", b"x" * 1001, "failed", None),
        (["SIZE 0"], "r@example.org", b"x" * 1001, "accepted", "SIZE=1001"),
        (["SIZE"], "r@example.org", b"x\r\n", "accepted", "SIZE=3"),
        ([], "r@example.org", b"x\r\n", "accepted", ""),
        (["8BITMIME"], "r@example.org", "ü\r\n".encode(), "accepted", "BODY=8BITMIME"),
        ([], "r@example.org", "ü\r\n".encode(), "failed", None),
        (["SMTPUTF8", "8BITMIME"], "jürgen@bücher.example", b"x\r\n", "accepted", "SMTPUTF8"),
        (["8BITMIME"], "jürgen@bücher.example", b"x\r\n", "failed", None),
        ([], "r@bücher.example", b"x\r\n", "accepted", ""),
        ([], "r@straße.example", b"x\r\n", "accepted", ""),
        ([], "r@-ü-.example", b"x\r\n", "failed", None),
    ],
)
def test_extensions_are_used_when_offered_and_needed(
    guard: Guard,
    wire: RecordingWire,
    extensions: list[str],
    recipient: str,
    data: bytes,
    status: str,
    parameters: str | None,
) -> None:
    message = SmtpMessage(1, "news@example.com", recipient, data)
    with FaultySmtp(extensions=extensions) as server:
        settings = SmtpServer("127.0.0.1", server.port, "none", timeout=1)
        assert send(settings, guard, wire, iter([message])) == [status]
    assert [mail.parameters for mail in server.received] == ([] if parameters is None else [parameters])
    if status == "accepted" and "bücher" in recipient:
        domain = "bücher.example" if "SMTPUTF8" in extensions else "xn--bcher-kva.example"
        assert server.received[0].recipients[0].endswith("@" + domain)
    if "straße" in recipient:
        assert server.received[0].recipients == ["r@xn--strae-oqa.example"]
