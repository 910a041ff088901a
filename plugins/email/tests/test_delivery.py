"""Delivery over real SMTP on loopback: every recipient gets one mail or an honest outcome."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from cms_core import Link, NotConnected, Outcome, OutcomeStatus, Retryable
from cms_core.testing.smtp import DROP, Answer, FaultySmtp
from cms_email.channel import EmailChannel

ToServer = Callable[[int], Link]


@pytest.fixture
def send(channel: EmailChannel, kit: SimpleNamespace) -> Callable[..., dict[int, Outcome]]:
    """Deliver one placement to these people; outcomes by key, each person settled once."""

    def run(link: Link, people: list[Any], text: str = "Hi", **more: Any) -> dict[int, Outcome]:
        prepared = channel.prepare(replace(link, links=kit.links()), kit.placement(text, **more), None)
        outcomes = list(channel.deliver(link, prepared, iter(people)))
        assert len({each.recipient.key for each in outcomes}) == len(outcomes)
        return {each.recipient.key: each for each in outcomes}

    return run


Send = Callable[..., dict[int, Outcome]]


def test_everybody_gets_their_own_mail(
    kit: SimpleNamespace, send: Send, to_server: ToServer, mailbox: tuple[Any, int]
) -> None:
    box, port = mailbox
    people = [kit.person(n, f"p{n}@example.com", {"first_name": f"Name{n}"}) for n in range(40)]
    outcomes = send(to_server(port), people, "Hi {{ contact.first_name }}\n\n.dot")
    assert {each.status for each in outcomes.values()} == {OutcomeStatus.ACCEPTED}
    assert {kit.parsed(raw)["To"] for raw in box.raw} == {person.address for person in people}
    for raw in box.raw:
        n = kit.parsed(raw)["To"].removeprefix("p").removesuffix("@example.com")
        assert f"Hi Name{n}\n\n.dot" in kit.part(raw, "plain")
        assert people[int(n)].token in kit.part(raw, "html")


def test_outcome_tells_answer_code_and_message_id(
    kit: SimpleNamespace, send: Send, to_server: ToServer, mailbox: tuple[Any, int]
) -> None:
    person = kit.person(3, "ann@example.com")
    outcome = send(to_server(mailbox[1]), [person])[3]
    assert outcome.detail == "250 OK"
    assert outcome.code == 250
    assert outcome.provider_id == f"{person.token}@acme.test"


def test_journal_hears_of_each_mail_before_it_leaves(
    kit: SimpleNamespace, send: Send, to_server: ToServer, mailbox: tuple[Any, int]
) -> None:
    journal = kit.journal()
    send(replace(to_server(mailbox[1]), wire=journal), [kit.person(n, f"p{n}@example.com") for n in range(5)])
    assert journal.told == [0, 1, 2, 3, 4]
    assert journal.flushes >= 5


def test_refused_fails_greylisted_waits_the_others_go(
    kit: SimpleNamespace, send: Send, to_server: ToServer
) -> None:
    says = {"no@example.com": Answer("550 5.1.1 no such user"), "grey@example.com": Answer("451 4.7.1 later")}
    with FaultySmtp(answers={"RCPT": says.get}) as server:
        people = [kit.person(n, a) for n, a in enumerate(["a@example.com", *says, "b@example.com"])]
        outcomes = send(to_server(server.port), people)
    assert [outcomes[n].status for n in range(4)] == ["accepted", "failed", "retry", "accepted"]
    assert outcomes[1].detail == "550 5.1.1 no such user"
    assert outcomes[2].code == 451
    assert len(server.received) == 2


def test_lost_after_the_final_dot_is_unknown_and_not_repeated(
    kit: SimpleNamespace, send: Send, to_server: ToServer
) -> None:
    with FaultySmtp(answers={"END": [DROP]}) as server:
        people = [kit.person(n, f"p{n}@example.com") for n in range(3)]
        outcomes = send(to_server(server.port), people)
    assert [outcomes[n].status for n in range(3)] == ["unknown", "accepted", "accepted"]
    assert sorted(each for mail in server.received for each in mail.recipients) == [p.address for p in people]


def test_one_that_cannot_be_written_fails_alone_and_is_not_named(
    kit: SimpleNamespace, send: Send, to_server: ToServer, caplog: pytest.LogCaptureFixture
) -> None:
    people = [
        kit.person(0, "a@example.com", {"first_name": "Ann"}),
        kit.person(1, "b@example.com", {"first_name": "Secretname\r\nBcc: x@y.test"}),
        kit.person(2, "c@example.com\r\nBcc: x@y.test", {"first_name": "Cid"}),
        kit.person(3, "d@example.com", {"first_name": "Dee"}),
    ]
    with FaultySmtp() as server:
        outcomes = send(to_server(server.port), people, body={"subject": "For {{ contact.first_name }}"})
    assert [outcomes[n].status for n in range(4)] == ["accepted", "failed", "failed", "accepted"]
    assert "line break" in outcomes[1].detail
    assert "Secretname" not in outcomes[1].detail + caplog.text
    assert not any(b"Bcc" in mail.data for mail in server.received)
    assert not any("y.test" in command for command in server.commands)


def test_international_address_goes_where_it_is_understood(
    kit: SimpleNamespace, send: Send, to_server: ToServer
) -> None:
    person = kit.person(1, "jösé@bücher.test")
    with FaultySmtp() as server:
        assert send(to_server(server.port), [person])[1].status == "accepted"
    (mail,) = server.received
    assert "SMTPUTF8" in mail.parameters
    assert "\r\nTo: <jösé@xn--bcher-kva.test>\r\n".encode() in mail.data
    with FaultySmtp(extensions=["8BITMIME"]) as server:
        outcome = send(to_server(server.port), [person])[1]
    assert (outcome.status, "SMTPUTF8" in outcome.detail) == ("failed", True)


def test_a_pause_of_the_queue_finishes_what_is_in_flight(
    channel: EmailChannel, kit: SimpleNamespace, to_server: ToServer
) -> None:
    with FaultySmtp() as server:
        link = to_server(server.port)
        prepared = channel.prepare(replace(link, links=kit.links()), kit.placement(), None)
        settled: set[int] = set()

        def people() -> Iterator[Any]:
            yield kit.person(1, "a@example.com")
            yield None
            assert settled == {1}
            yield kit.person(2, "b@example.com")

        for outcome in channel.deliver(link, prepared, people()):
            settled.add(outcome.recipient.key)
    assert settled == {1, 2}


def test_server_that_is_away_is_tried_again_and_wrong_password_asks_for_a_person(
    kit: SimpleNamespace, send: Send, to_server: ToServer
) -> None:
    with FaultySmtp(login=("me", "right")) as server:
        link = to_server(server.port)
        signed = replace(link, settings={**link.settings, "username": "me"}, secrets={"password": "wrong"})
        with pytest.raises(NotConnected, match="535"):
            send(signed, [kit.person(1, "a@example.com")])
    with (
        FaultySmtp(answers={"CONNECT": lambda _: Answer("421 4.3.2 closed")}) as server,
        pytest.raises(Retryable),
    ):
        send(to_server(server.port), [kit.person(1, "a@example.com")])


def test_test_says_who_we_are_and_sends_nothing(channel: EmailChannel, to_server: ToServer) -> None:
    with FaultySmtp() as server:
        identity = channel.test(to_server(server.port))
    assert identity.name == "127.0.0.1 as news@acme.test"
    assert not server.received
    assert not any(command.startswith("MAIL") for command in server.commands)


def test_private_servers_are_out_of_reach_unless_allowed(channel: EmailChannel, link: Link) -> None:
    from cms_core.outbound import Guard

    with FaultySmtp() as server:
        closed = replace(link, settings={**link.settings, "port": server.port}, guard=Guard(""))
        with pytest.raises(NotConnected, match="may be reached"):
            channel.test(closed)
    assert server.connections == 0


def test_contact_without_address_has_none(channel: EmailChannel) -> None:
    from cms_core import Contact

    assert channel.address(Contact("c1", "a@example.com")) == "a@example.com"
    assert channel.address(Contact("c1", None)) is None
    assert channel.address(Contact("c1", "")) is None
