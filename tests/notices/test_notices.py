"""What needs somebody is told once, to those who may act on it, gathered; and closed when it is in order."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from cms_core import contract as c
from cms_core.audience.models import Contact, Erasure
from cms_core.audience.upsert import upsert_many
from cms_core.auth import service as auth
from cms_core.auth import tokens
from cms_core.auth.models import User
from cms_core.connections import links as connections
from cms_core.connections.models import Connection
from cms_core.errors import Invalid
from cms_core.notices import gathering, inbox, letters, posting
from cms_core.notices.models import Mail, Notice, NoticePost
from cms_core.notices.raising import Raised, next_daily, raise_one
from cms_core.notices.telling import purge, tell_people
from cms_core.publishing import service as publishing
from cms_core.services import Services
from cms_core.testing.client import FormClient
from cms_core.testing.fixtures import NOW
from cms_core.testing.pages import PASSWORD, harm_in
from cms_core.webhooks import service as webhooks
from cms_core.webhooks.models import Webhook, WebhookMessage
from cms_core.webhooks.sending import tell_webhooks
from cms_core.worker import Worker
from cms_core.workspace import Workspace, open_workspace
from tests.harm import NAUGHTY
from tests.webhooks.conftest import Receiver, receiver  # noqa: F401 - a fixture

from . import raised
from .conftest import Mailbox

Tell = Callable[[], int]
WHO_ACTS = {"admin@example.com", "marketer@example.com"}


@pytest.fixture(autouse=True)
def everybody(people: dict[str, User]) -> dict[str, User]:
    return people


def open_notices(workspace: Workspace) -> list[tuple[str, str]]:
    with workspace.db.session() as session:
        query = select(Notice).where(Notice.resolved_at.is_(None)).order_by(Notice.id)
        return [(row.source, row.title) for row in session.scalars(query)]


def addressed(mailbox: Mailbox) -> set[str]:
    return {address for address, _ in mailbox.mails}


def text(mail: EmailMessage) -> str:
    return str(mail.get_content())


# --- what is told, and to whom ----------------------------------------------------------------------------------------


def test_a_failed_publication_is_told_to_those_who_may_act_with_reason_and_page(
    mailing: Workspace, mailbox: Mailbox, tell: Tell
) -> None:
    public_id = raised.publication(mailing)
    assert tell() == 2
    assert addressed(mailbox) == WHO_ACTS
    mail = mailbox.to("marketer@example.com")[0]
    assert mail["Subject"] == "Failed: Spring letter on email:news"
    assert "550 no such host" in text(mail)
    assert f"http://127.0.0.1:8000/app/publications/{public_id}" in text(mail)
    assert tell() == 0, "once"
    raised.set_state(mailing, public_id, state="scheduled", reason="")
    tell()
    assert open_notices(mailing) == []
    raised.later(mailing, minutes=11)
    raised.set_state(mailing, public_id, state="failed", reason="again")
    assert tell() == 2, "failing anew is told anew"


@pytest.mark.parametrize(("values", "source"), [
    ({"state": "failed"}, "failed"),
    ({"state": "missed"}, "missed"),
    ({"state": "held"}, "held"),
    ({"state": "unknown", "needs_person": True}, "unknown"),
    ({"state": "published", "needs_person": True}, "stuck"),
    ({"state": "sending", "paused_at": datetime(2026, 5, 4, tzinfo=UTC), "paused_reason": "budget"}, "held"),
    ({"state": "unknown", "channel": "gone"}, "unknown"),
    ({"state": "scheduled"}, None),
    ({"state": "published"}, None),
    ({"state": "cancelled"}, None),
    ({"state": "withdrawn"}, None),
    ({"state": "retry_wait"}, None),
])  # fmt: skip
def test_each_state_that_needs_a_person_is_told_and_no_other(
    mailing: Workspace, values: dict[str, object], source: str | None
) -> None:
    raised.publication(mailing, **values)
    gathering.gather(mailing)
    assert [found for found, _ in open_notices(mailing)] == ([source] if source else [])


def test_who_holds_a_publication_by_hand_is_not_told_of_it(
    mailing: Workspace, mailbox: Mailbox, tell: Tell
) -> None:
    public_id = raised.publication(mailing, state="scheduled", reason="")
    with mailing.db.transaction() as session:
        session.info["actor"] = (auth.find_user(session, "marketer@example.com").id, "web")
        publishing.hold(session, publishing.find(session, public_id), "wait for the lawyers")
    assert tell() == 1
    assert addressed(mailbox) == {"admin@example.com"}


def test_approval_is_asked_of_those_who_may_approve_but_not_of_who_asks(
    mailing: Workspace, mailbox: Mailbox, tell: Tell
) -> None:
    slug = raised.review(mailing, "admin@example.com")
    assert tell() == 1
    (mail,) = mailbox.to("approver@example.com")
    assert mail["Subject"] == "Approval asked: Launch"
    assert "Admin asks for approval" in text(mail)
    assert f"/app/content/{slug}" in text(mail)


def test_connections_that_broke_or_whose_credentials_end_are_told_in_time(
    mailing: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection_id = raised.connection(mailing)
    ends = mailing.db.clock.now() + timedelta(days=20)
    channel = mailing.plugins.channel("email")
    monkeypatch.setattr(type(channel), "test", lambda _self, _link: c.Identity("us", expires_at=ends))
    connections.verify_connection(mailing, connection_id)
    gathering.gather(mailing)
    assert open_notices(mailing) == []
    raised.later(mailing, days=7)
    gathering.gather(mailing)
    assert open_notices(mailing) == [("ending", "email:news must be connected anew")]
    with mailing.db.transaction() as session:
        row = session.get_one(Connection, connection_id)
        row.state, row.reason = "broken", "the token was revoked"
    gathering.gather(mailing)
    assert open_notices(mailing) == [("connection", "email:news needs reconnecting")]


def test_a_token_that_ends_is_told_to_its_owner_once_a_day(
    mailing: Workspace, mailbox: Mailbox, tell: Tell
) -> None:
    with mailing.db.transaction() as session:
        rep = auth.find_user(session, "rep@example.com")
        tokens.add(session, mailing.plugins, rep, rep, name="CRM", expires="2026-05-15")
    assert tell() == 0
    raised.later(mailing, days=5)
    assert tell() == 0, "it waits for the letter of the day"
    raised.later(mailing, days=1, hours=2)
    assert tell() == 1
    assert addressed(mailbox) == {"rep@example.com"}
    raised.later(mailing, days=10)
    tell()
    assert open_notices(mailing) == []


def test_webhooks_that_were_switched_off_and_erasures_that_hang_are_told_to_admins(
    mailing: Workspace, mailbox: Mailbox
) -> None:
    with mailing.db.transaction() as session:
        hook, _ = webhooks.add(session, mailing, "https://hooks.example.com/services/secret-key")
        by_hand, _ = webhooks.add(session, mailing, "https://other.example.com/")
        webhooks.disable(session, hook, "nothing was taken for 3 days")
        webhooks.disable(session, by_hand, "switched off by ann@example.com")
        upsert_many(session, [c.Contact("", "ann@example.com")], source="test")
        contact = session.scalars(select(Contact)).one()
        asked = mailing.db.clock.now() - timedelta(hours=2)
        session.add(Erasure(contact_id=contact.id, asked_at=asked, pending=["leads"]))
    gathering.gather(mailing)
    assert [source for source, _ in open_notices(mailing)] == ["webhook", "erasure"]
    with mailing.db.session() as session:
        found = session.scalars(select(Notice).order_by(Notice.id)).all()
        assert found[0].reason == "hooks.example.com: nothing was taken for 3 days"
        assert "leads" in found[1].reason
        assert {each.permission for each in found} == {"system.admin"}


# --- gathered ---------------------------------------------------------------------------------------------------------


def test_the_first_is_told_at_once_what_follows_within_ten_minutes_in_one_letter(
    mailing: Workspace, mailbox: Mailbox, tell: Tell
) -> None:
    raised.publication(mailing, "First")
    tell()
    for n in range(25):
        raised.publication(mailing, f"Later {n}")
    raised.publication(mailing, "Held", state="held", reason="budget")
    raised.later(mailing, minutes=5)
    assert tell() == 0
    raised.later(mailing, minutes=5)
    assert tell() == 2
    mail = mailbox.to("admin@example.com")[1]
    assert mail["Subject"] == "26 notices: 25 failed, 1 held"
    assert "- and 5 more" in text(mail)
    assert text(mail).count("/app/publications/") == letters.LISTED + 1


def test_what_was_settled_or_read_meanwhile_is_not_told(
    mailing: Workspace, mailbox: Mailbox, tell: Tell
) -> None:
    raised.publication(mailing, "First")
    tell()
    settled, read = raised.publication(mailing, "Settled"), raised.publication(mailing, "Read")
    tell()
    raised.set_state(mailing, settled, state="cancelled")
    with mailing.db.transaction() as session:
        admin = auth.find_user(session, "admin@example.com")
        notice = session.scalars(select(Notice).where(Notice.key == read)).one()
        inbox.mark_read(session, admin, notice)
    raised.later(mailing, minutes=10)
    assert tell() == 1
    assert addressed(mailbox) == WHO_ACTS
    (_, second) = mailbox.to("marketer@example.com")
    assert "Read" in str(second["Subject"])
    with mailing.db.session() as session:
        assert session.scalars(select(NoticePost)).all() == []


def test_everybody_chooses_how_they_are_mailed(mailing: Workspace, mailbox: Mailbox, tell: Tell) -> None:
    def choose(email: str, how: str) -> None:
        with mailing.db.transaction() as session:
            inbox.choose(session, mailing.plugins, auth.find_user(session, email), {"failed": how})

    choose("admin@example.com", "never")
    choose("marketer@example.com", "daily")
    raised.publication(mailing)  # at 07:00 UTC
    assert tell() == 0
    raised.later(mailing, minutes=61)
    assert tell() == 1
    assert addressed(mailbox) == {"marketer@example.com"}
    with mailing.db.session() as session:
        assert inbox.unread(session, mailing.plugins, auth.find_user(session, "admin@example.com")) == 1


@given(
    at=st.integers(0, 6 * 365 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    tz=st.sampled_from(["UTC", "Europe/Paris", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia"]),
)
def test_the_letter_of_the_day_comes_at_eight_within_a_day(at: datetime, tz: str) -> None:
    from zoneinfo import ZoneInfo

    due = next_daily(User(timezone=tz), at)
    assert due.astimezone(ZoneInfo(tz)).time().hour == 8
    assert timedelta(0) <= due - at <= timedelta(hours=25)


def test_who_lost_the_right_to_see_it_is_not_told_any_more(
    mailing: Workspace, mailbox: Mailbox, tell: Tell
) -> None:
    with mailing.db.transaction() as session:
        user = auth.find_user(session, "marketer@example.com")
        inbox.choose(session, mailing.plugins, user, {"failed": "daily"})
    raised.publication(mailing)
    tell()
    with mailing.db.transaction() as session:
        auth.change_role(session, auth.find_user(session, "marketer@example.com"), "rep")
    raised.later(mailing, days=2)
    tell()
    assert addressed(mailbox) == {"admin@example.com"}


def test_without_a_transport_notices_stand_in_the_app_and_nothing_piles_up(workspace: Workspace) -> None:
    raised.publication(workspace)
    tell_people(workspace)
    assert [source for source, _ in open_notices(workspace)] == ["failed"]
    with workspace.db.session() as session:
        assert session.scalars(select(NoticePost)).all() == []
        assert session.scalars(select(Mail)).all() == []


def test_naughty_words_are_one_line_and_no_markup(mailing: Workspace, mailbox: Mailbox, tell: Tell) -> None:
    evil = f"Sale\r\nBcc: all@example.com\r\n\r\n{NAUGHTY}\u2028\u202e"
    raised.publication(mailing, NAUGHTY, reason=evil)
    assert tell() == 2
    mail = mailbox.to("admin@example.com")[0]
    assert mail["Bcc"] is None
    assert len(str(mail["Subject"]).splitlines()) == 1
    assert mail.get_content_type() == "text/plain"
    assert "\nBcc" not in text(mail)
    with mailing.db.session() as session:
        assert "\n" not in session.scalars(select(Notice.reason)).one()


@given(st.text(max_size=400))
def test_words_of_others_are_one_line_however_odd(text: str) -> None:
    line = letters.one_line(text, 100)
    assert len(line) <= 100
    assert len(line.splitlines()) <= 1
    assert line.isprintable()
    assert letters.one_line(line, 100) == line


# --- webhooks ---------------------------------------------------------------------------------------------------------


def test_webhooks_are_told_of_notices_gathered(mailing: Workspace, receiver: Receiver) -> None:  # noqa: F811
    with mailing.db.transaction() as session:
        webhooks.add(session, mailing, receiver.url, ["notice"])
        webhooks.add(session, mailing, receiver.url, ["clicked"])
    public_id = raised.publication(mailing)
    raised.publication(mailing, "Second", state="missed", reason="too late")
    tell_people(mailing)
    tell_webhooks(mailing)
    (got,) = [json.loads(body) for _, body in receiver.got]
    assert got["type"] == "notice"
    assert got["data"]["count"] == 2
    first = got["data"]["notices"][0]
    assert (first["kind"], first["title"], first["reason"]) == (
        "failed",
        "Spring letter on email:news",
        "550 no such host",
    )
    assert first["url"] == f"http://127.0.0.1:8000/app/publications/{public_id}"
    raised.publication(mailing, "Third")
    tell_people(mailing)
    tell_webhooks(mailing)
    assert len(receiver.got) == 1
    raised.later(mailing, minutes=10)
    tell_people(mailing)
    tell_webhooks(mailing)
    assert len(receiver.got) == 2


def test_a_chat_gets_text_in_which_nothing_is_a_mention_or_a_link(
    mailing: Workspace,
    receiver: Receiver,  # noqa: F811
) -> None:
    with mailing.db.transaction() as session:
        hook, _ = webhooks.add(session, mailing, receiver.url, chat=True)
        assert hook.kinds == ["notice"]
    raised.publication(mailing, "<!channel> & <https://evil.example|here> *bold*", reason="`code` <@U1>")
    tell_people(mailing)
    tell_webhooks(mailing)
    ((_, body),) = receiver.got
    told = json.loads(body)
    assert set(told) == {"text"}
    assert told["text"].startswith("*Failed*\n• <http://127.0.0.1:8000/app/publications/")
    assert "&lt;!channel&gt; &amp; &lt;https://evil.example" in told["text"]
    assert told["text"].count("<") == 1
    assert "bold*" not in told["text"]


def test_a_plugin_that_is_missing_on_one_machine_is_told_once(mailing: Workspace) -> None:
    elsewhere = open_workspace(replace(mailing.config, host_name="second"), clock=mailing.db.clock)
    broken = next(iter(elsewhere.plugins.loaded.values()))
    broken.state, broken.error = "error", "no module named so"
    for workspace in (elsewhere, mailing, elsewhere, mailing):
        gathering.gather(workspace)
    with mailing.db.session() as session:
        (notice,) = session.scalars(select(Notice).where(Notice.source == "plugin"))
    assert notice.title == f"Plugin {broken.name} is not loaded on second"
    assert notice.resolved_at is None
    broken.state, broken.error = "on", ""
    gathering.gather(elsewhere)
    with mailing.db.session() as session:
        assert session.get_one(Notice, notice.id).resolved_at is not None
    elsewhere.db.dispose()


# --- by plugins -------------------------------------------------------------------------------------------------------


def test_a_plugin_tells_once_and_settles(mailing: Workspace, mailbox: Mailbox, tell: Tell) -> None:
    svc = Services(mailing, "leads")
    notice = c.Notice(
        "deal:1", "A deal waits", "nobody has it", "/app/p/leads/", permission="calendar.edit", urgent=True
    )
    assert svc.notify(notice) is True
    assert svc.notify(notice) is False
    assert tell() == 2
    assert mailbox.to("admin@example.com")[0]["Subject"] == "Leads: A deal waits"
    with mailing.db.session() as session:
        assert session.scalars(select(Notice.times)).one() == 2
    assert svc.settle_notice("deal:1") is True
    assert svc.settle_notice("deal:1") is False
    assert svc.notify(notice) is True


def test_a_plugin_tells_one_person(
    mailing: Workspace, people: dict[str, User], mailbox: Mailbox, tell: Tell
) -> None:
    svc = Services(mailing, "leads")
    svc.notify(c.Notice("a", "For you", user=people["rep"].public_id, permission="system.admin", urgent=True))
    svc.notify(c.Notice("b", "Not urgent", user="rep@example.com"))
    assert tell() == 1
    assert addressed(mailbox) == {"rep@example.com"}
    with mailing.db.session() as session:
        admin, rep = (auth.find_user(session, f"{role}@example.com") for role in ("admin", "rep"))
        assert inbox.unread(session, mailing.plugins, rep) == 2
        assert inbox.unread(session, mailing.plugins, admin) == 0


@pytest.mark.parametrize("notice", [
    c.Notice("k", "T"),
    c.Notice("k", "T", permission="nobody.knows"),
    c.Notice("k", "T", user="nobody@example.com"),
    c.Notice("", "T", permission="system.admin"),
    c.Notice("k", " ", permission="system.admin"),
    c.Notice("k", "T", path="https://evil.example/", permission="system.admin"),
    c.Notice("k", "T", path="//evil.example/app/", permission="system.admin"),
    c.Notice("k", "T", path="/app/\r\nX: y", permission="system.admin"),
    c.Notice("k", "T", path="/outside", permission="system.admin"),
])  # fmt: skip
def test_a_notice_that_concerns_nobody_or_leads_away_is_refused(mailing: Workspace, notice: c.Notice) -> None:
    with pytest.raises(Invalid):
        Services(mailing, "leads").notify(notice)
    assert open_notices(mailing) == []


def test_a_plugin_that_floods_is_counted_in_one(mailing: Workspace, mailbox: Mailbox, tell: Tell) -> None:
    svc = Services(mailing, "leads")
    for n in range(150):
        svc.notify(c.Notice(f"n{n}", f"Notice {n}", permission="system.admin", urgent=True))
    with mailing.db.session() as session:
        rows = session.scalars(select(Notice).order_by(Notice.id)).all()
        assert len(rows) == 101
        assert (rows[-1].times, rows[-1].reason) == (50, "what came last: Notice 149")
    assert tell() == 1
    assert svc.notify(c.Notice("n3", "Notice 3", permission="system.admin")) is False, (
        "known ones are still counted"
    )
    raised.later(mailing, hours=1, seconds=1)
    assert svc.notify(c.Notice("fresh", "Fresh", permission="system.admin")) is True


def test_erasing_a_person_takes_away_what_names_them(mailing: Workspace) -> None:
    from cms_core import personal

    with mailing.db.transaction() as session:
        (contact,) = upsert_many(session, [c.Contact("", "ann@example.com")], source="test")
    svc = Services(mailing, "leads")
    svc.notify(c.Notice("a", "Ann looked", "ann@example.com", permission="system.admin", contact=contact))
    svc.notify(c.Notice("b", "Other", permission="system.admin"))
    with mailing.db.session() as session:
        row_id = session.scalars(select(Contact.id)).one()
    assert [each["title"] for each in personal.export(mailing, row_id)["notices"]] == ["Ann looked"]
    personal.erase(mailing, row_id, (None, "system"))
    assert [title for _, title in open_notices(mailing)] == ["Other"]


# --- kept -------------------------------------------------------------------------------------------------------------


def test_settled_notices_and_those_of_plugins_are_forgotten_after_90_days(
    mailing: Workspace, tell: Tell
) -> None:
    raised.publication(mailing, "Stays")
    over = raised.publication(mailing, "Over")
    Services(mailing, "leads").notify(c.Notice("a", "Old", permission="system.admin"))
    tell()
    raised.set_state(mailing, over, state="cancelled")
    tell()
    raised.later(mailing, days=89)
    purge(mailing)
    with mailing.db.session() as session:
        assert len(session.scalars(select(Notice)).all()) == 3
    raised.later(mailing, days=2)
    purge(mailing)
    assert [source for source, _ in open_notices(mailing)] == ["failed"]
    with mailing.db.session() as session:
        assert len(session.scalars(select(Notice)).all()) == 1
        assert session.scalars(select(Mail)).all() == []


def test_the_worker_tells_at_its_end(mailing: Workspace, mailbox: Mailbox) -> None:
    raised.publication(mailing)
    Worker(mailing).run_until_idle()
    assert addressed(mailbox) == WHO_ACTS


# --- in the app -------------------------------------------------------------------------------------------------------


def signed_in(visitor: FormClient, role: str) -> FormClient:
    assert visitor.sign_in(f"{role}@example.com", PASSWORD).status_code == 303
    return visitor


def test_the_page_lists_what_concerns_one_counts_and_marks_read(
    mailing: Workspace, visitor: FormClient
) -> None:
    public_id = raised.publication(mailing, NAUGHTY)
    raised.publication(mailing, "Second", state="held", reason="budget")
    raised.review(mailing)
    gathering.gather(mailing)
    page = signed_in(visitor, "marketer").get("/app/notices")
    assert harm_in(page.text) == []
    assert f"/app/publications/{public_id}" in page.text
    assert "Launch" not in page.text, "approvals are not the marketer's"
    assert '<span class="count hot">2</span>' in page.text
    with mailing.db.session() as session:
        notice = session.scalars(select(Notice).where(Notice.key == public_id)).one()
    assert visitor.submit(f"/app/notices/{notice.public_id}/read", {}, "/app/notices").status_code == 303
    assert '<span class="count hot">1</span>' in visitor.get("/app/notices").text
    visitor.submit("/app/notices/read", {}, "/app/notices")
    assert 'class="count hot"' not in visitor.get("/app/notices").text
    assert visitor.get("/app/notices?kind=held").text.count("/app/publications/") == 1


def test_nobody_marks_what_does_not_concern_them(mailing: Workspace, visitor: FormClient) -> None:
    raised.review(mailing)
    gathering.gather(mailing)
    with mailing.db.session() as session:
        notice = session.scalars(select(Notice)).one()
    signed_in(visitor, "rep")
    assert visitor.submit(f"/app/notices/{notice.public_id}/read", {}, "/app/me").status_code == 404
    assert "Nothing needs you" in visitor.get("/app/notices").text


def test_settled_ones_are_shown_when_asked_and_pages_follow_each_other(
    mailing: Workspace, visitor: FormClient
) -> None:
    with mailing.db.transaction() as session:
        for n in range(inbox.PAGE + 5):
            raise_one(
                session,
                mailing,
                Raised("system", "system", f"k{n}", f"Matter {n}.", permission="system.admin"),
            )
    page = signed_in(visitor, "admin").get("/app/notices").text
    assert "Matter 5." in page
    assert "Matter 4." not in page
    more = page.partition("before=")[2].partition('"')[0].partition("&")[0]
    assert "Matter 4." in visitor.get(f"/app/notices?before={more}").text
    public_id = raised.publication(mailing)
    gathering.gather(mailing)
    raised.set_state(mailing, public_id, state="cancelled")
    gathering.gather(mailing)
    assert "Spring letter" not in visitor.get("/app/notices").text
    assert "Settled" in visitor.get("/app/notices?show=all").text


def test_one_chooses_on_ones_own_page(mailing: Workspace, visitor: FormClient) -> None:
    signed_in(visitor, "rep")
    page = visitor.get("/app/me").text
    assert "Your API tokens" in page
    assert 'name="how-failed"' not in page
    assert (
        visitor.submit("/app/me/notices", {"how-token": "never", "how-failed": "now"}, "/app/me").status_code
        == 303
    )
    with mailing.db.session() as session:
        rep = auth.find_user(session, "rep@example.com")
        assert {kind.name: how for kind, how in inbox.choices(session, mailing.plugins, rep)} == {
            "token": "never"
        }
    assert visitor.submit("/app/me/notices", {"how-token": "hourly"}, "/app/me").status_code == 422


def test_webhooks_in_the_log_are_of_the_kind_notice(mailing: Workspace, receiver: Receiver) -> None:  # noqa: F811
    with mailing.db.transaction() as session:
        webhooks.add(session, mailing, receiver.url)
    raised.publication(mailing)
    gathering.gather(mailing)
    assert posting.post(mailing) == 3
    with mailing.db.session() as session:
        assert session.scalars(select(WebhookMessage.kind)).all() == ["notice"]
        assert session.scalars(select(Webhook.chat)).all() == [False]
