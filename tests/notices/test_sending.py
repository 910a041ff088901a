"""The system's mail goes out at most once, is tried again while it surely did not, and every outcome stands in the log."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from cms_core.auth.models import User
from cms_core.config import check_mail_from, check_mail_url, load_config, write_config
from cms_core.errors import CmsError, ConfigError
from cms_core.notices import outbox, sending, trial
from cms_core.notices.models import Mail, MailState, Purpose
from cms_core.notices.sending import send_due
from cms_core.notices.transport import document, transport_of
from cms_core.services import Services
from cms_core.testing.fixtures import NOW
from cms_core.testing.smtp import DROP, Answer, FaultySmtp
from cms_core.workspace import Workspace

from . import raised

PASSWORD = "pass-word/with@signs"
Put = Callable[..., int]


def by(workspace: Workspace, port: int, *, login: str = "", security: str = "none") -> Workspace:
    url = f"smtp://{login}127.0.0.1:{port}?security={security}"
    return replace(workspace, config=replace(workspace.config, mail_url=url, mail_from="cms@acme.test"))


def put(workspace: Workspace, address: str = "ann@example.com", subject: str = "Hello") -> int:
    with workspace.db.transaction() as session:
        mail = outbox.put(session, workspace, Purpose.NOTICE, address, subject, "Words.\n.dot\nÄ\n")
        assert mail is not None
        return mail.id


def one(workspace: Workspace) -> Mail:
    with workspace.db.session() as session:
        return session.scalars(select(Mail)).one()


def test_a_mail_goes_out_once_and_its_words_are_forgotten(workspace: Workspace) -> None:
    with FaultySmtp() as server:
        work = by(workspace, server.port)
        put(work)
        assert send_due(work) == 1
        assert send_due(work) == 0
    (got,) = server.received
    assert (got.sender, got.recipients) == ("cms@acme.test", ["ann@example.com"])
    assert b"\r\n.dot\r\n=C3=84\r\n" in got.data
    row = one(work)
    assert (row.state, row.tries, row.code, row.body) == (MailState.SENT, 1, 250, "")
    assert (row.settled_at, row.next_at) == (NOW, None)


def test_a_mail_of_a_plugin_goes_out_in_the_same_way(workspace: Workspace) -> None:
    with FaultySmtp() as server:
        work = by(workspace, server.port)
        assert Services(work, "any").send_mail("Ann@Example.com", "Your code", "It is 123456.\n")
        assert send_due(work) == 1
    (got,) = server.received
    assert (got.sender, got.recipients) == ("cms@acme.test", ["ann@example.com"])
    assert b"Subject: Your code\r\n" in got.data
    assert b"\r\nIt is 123456.\r\n" in got.data
    assert (one(work).state, one(work).body) == (MailState.SENT, "")


def test_what_is_refused_for_now_is_tried_again_and_what_is_refused_for_good_is_not(
    workspace: Workspace,
) -> None:
    answers = {"RCPT": [Answer("450 4.7.1 later"), None, Answer("550 5.1.1 nobody here")]}
    with FaultySmtp(answers=answers) as server:
        work = by(workspace, server.port)
        put(work)
        assert send_due(work) == 0
        row = one(work)
        assert (row.state, row.reason, row.on_wire_at) == (MailState.PENDING, "4.7.1 later", None)
        assert row.next_at == NOW + sending.WAITS[0]
        assert send_due(work) == 0
        raised.later(work, seconds=15)
        assert send_due(work) == 1
        with work.db.transaction() as session:
            session.delete(session.scalars(select(Mail)).one())
        put(work)
        assert send_due(work) == 0
        row = one(work)
        assert (row.state, row.code, row.reason) == (MailState.FAILED, 550, "5.1.1 nobody here")


def test_a_lost_answer_is_unknown_is_not_repeated_and_a_person_may(workspace: Workspace) -> None:
    with FaultySmtp(answers={"END": [DROP]}) as server:
        work = by(workspace, server.port)
        put(work)
        assert send_due(work) == 0
        raised.later(work, hours=30)
        assert send_due(work) == 0
        assert len(server.received) == 1
        row = one(work)
        assert row.state == MailState.UNKNOWN
        assert "may have arrived" in row.reason
        with work.db.transaction() as session:
            outbox.again(session, work, session.scalars(select(Mail)).one())
        assert send_due(work) == 1
        with work.db.transaction() as session, pytest.raises(CmsError, match="are not kept"):
            outbox.again(session, work, session.scalars(select(Mail)).one())


def test_a_worker_that_died_on_the_wire_left_an_unknown_one_and_before_it_one_to_be_sent(
    workspace: Workspace,
) -> None:
    with FaultySmtp() as server:
        work = by(workspace, server.port)
        died, before = put(work, "died@example.com"), put(work, "before@example.com")
        with work.db.transaction() as session:
            leased = update(Mail).values(next_at=NOW + sending.LEASE, tries=1)
            session.execute(leased)
            session.execute(update(Mail).where(Mail.id == died).values(on_wire_at=NOW))
        assert send_due(work) == 0, "another worker has them"
        raised.later(work, minutes=10)
        assert send_due(work) == 1
        with work.db.session() as session:
            assert session.get_one(Mail, died).state == MailState.UNKNOWN
            assert session.get_one(Mail, before).state == MailState.SENT
    assert [mail.recipients for mail in server.received] == [["before@example.com"]]


def test_a_server_that_is_away_is_tried_for_a_day_and_its_password_is_nowhere(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "WAITS", sending.WAITS[:2])
    with FaultySmtp(
        login=("cms", "another"), answers={"AUTH": lambda _: Answer(f"535 5.7.8 no: {PASSWORD}")}
    ) as server:
        work = by(workspace, server.port, login="cms:pass-word%2Fwith%40signs@")
        transport = transport_of(work.config)
        assert transport is not None
        assert transport.server.password == PASSWORD
        put(work)
        for _ in range(3):
            assert send_due(work) == 0
            raised.later(work, hours=9)
    row = one(work)
    assert (row.state, row.tries) == (MailState.FAILED, 3)
    assert "given up after 3 tries" in row.reason
    for shown in (row.reason, caplog.text, repr(work), repr(work.config), str(document(work.config))):
        assert PASSWORD not in shown
        assert "pass-word" not in shown


def test_without_encryption_nothing_is_said_to_a_server_that_should_encrypt(workspace: Workspace) -> None:
    with FaultySmtp() as server:
        work = by(workspace, server.port, security="starttls")
        put(work)
        assert send_due(work) == 0
    assert server.received == []
    assert not any(each.startswith(("MAIL", "AUTH")) for each in server.commands)
    assert one(work).state == MailState.PENDING


def test_the_door_to_the_world_holds_for_mail_too(workspace: Workspace) -> None:
    url = "smtp://169.254.169.254:25?security=none"
    work = replace(workspace, config=replace(workspace.config, mail_url=url, mail_from="cms@acme.test"))
    put(work)
    assert send_due(work) == 0
    assert "may be reached" in one(work).reason


def test_behind_a_closed_fence_nothing_leaves(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultySmtp() as server:
        work = by(workspace, server.port)
        put(work)
        monkeypatch.setattr(type(work.fence), "reason", "this is a copy")
        assert send_due(work) == 0
        with pytest.raises(CmsError, match="this is a copy"):
            trial.send_trial(work, "ann@example.com", (None, "cli"))
    assert server.received == []


def test_a_mail_without_a_transport_is_not_written_and_a_test_says_what_to_do(workspace: Workspace) -> None:
    with workspace.db.transaction() as session:
        assert outbox.put(session, workspace, Purpose.TEST, "ann@example.com", "s", "b") is None
    with pytest.raises(ConfigError) as error:
        trial.send_trial(workspace, "ann@example.com", (None, "cli"))
    assert "CMS_MAIL_URL" in error.value.remedy
    assert send_due(workspace) == 0


def test_a_test_is_never_taken_by_a_worker_in_between(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_one, taken = sending.send_one, list[int]()

    def slower(work: Workspace, mail_id: int) -> None:
        taken.extend(sending._claim(work))
        send_one(work, mail_id)

    monkeypatch.setattr(trial, "send_one", slower)
    with FaultySmtp() as server:
        told = trial.send_trial(by(workspace, server.port), "ann@example.com", (None, "cli"))
    assert (told["state"], told["tries"], taken) == (MailState.SENT, 1, [])


def test_what_could_not_be_sent_for_days_is_given_up(workspace: Workspace, people: dict[str, User]) -> None:
    work = by(workspace, 1)
    put(work)
    raised.later(work, days=2, seconds=1)
    with work.db.transaction() as session:
        outbox.purge(session)
    assert one(work).state == MailState.FAILED
    raised.later(work, days=31)
    with work.db.transaction() as session:
        outbox.purge(session)
        assert session.scalars(select(Mail)).all() == []


def test_an_international_address_and_subject_arrive(workspace: Workspace) -> None:
    with FaultySmtp() as server:
        work = by(workspace, server.port)
        put(work, "jörg@bücher.example", "Grüße 株式会社 " * 10)
        assert send_due(work) == 1
    from email import message_from_bytes
    from email.policy import default

    (got,) = server.received
    assert max(map(len, got.data.split(b"\r\n"))) < 100
    assert message_from_bytes(got.data, policy=default)["Subject"].startswith("Grüße 株式会社")


@pytest.mark.parametrize(("url", "port", "security"), [
    ("smtp://mail.example.com", 587, "starttls"),
    ("smtps://u:p@mail.example.com", 465, "tls"),
    ("smtp://mail.example.com:25?security=none", 25, "none"),
])  # fmt: skip
def test_an_address_of_a_server_says_port_and_security(
    workspace: Workspace, url: str, port: int, security: str
) -> None:
    config = replace(workspace.config, mail_url=check_mail_url(url), mail_from="a@example.com")
    transport = transport_of(config)
    assert transport is not None
    assert (transport.server.port, transport.server.security) == (port, security)


@pytest.mark.parametrize("url", [
    "mail.example.com", "http://u:hidden@x", "smtp://", "smtp://u:hidden@x:99999", "smtp://u:hidden@x?security=maybe",
    "smtp://u:hid den@x", "smtp://u:hidden@x\r\n", "smtp://u:hidden@x:0",
])  # fmt: skip
def test_an_address_that_is_none_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_mail_url(url)
    assert "hidden" not in error.value.message + error.value.remedy


@pytest.mark.parametrize("sender", ["", "nobody", "a@b@c", "a@example.com\r\nBcc: x@y.z", "Acme <>"])
def test_a_sender_that_is_none_is_refused(sender: str) -> None:
    with pytest.raises(ConfigError):
        check_mail_from(sender, needed=True)


def test_the_env_file_of_the_workspace_holds_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("mail") / "home"
    write_config(home, None, None)
    with (home / ".env").open("a") as file:
        file.write('CMS_MAIL_URL=smtp://u:p@mail.example.com\nCMS_MAIL_FROM="Acme <cms@example.com>"\n')
    config = load_config(home, {})
    assert document(config) == {
        "configured": True,
        "server": "mail.example.com:587",
        "security": "starttls",
        "username": "u",
        "from": "Acme <cms@example.com>",
        "remedy": "",
    }
