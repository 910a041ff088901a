"""Publications in the app: seen with their attempts, and what a person may do about them."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from cms_core.contract import OutcomeUnknown, Refused
from cms_core.publishing import listing, pages
from cms_core.testing.client import FormClient
from cms_core.testing.pages import add_people, app_of, harm_in, signed_in, statements
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import DUE, Arm, approve_words, people, shown
from tests.publishing.toys import Toys


@pytest.fixture
def marketer(workspace: Workspace) -> FormClient:
    add_people_beside_admin(workspace)
    app = app_of(workspace)
    app.testing = True
    return signed_in(app, "marketer")


def add_people_beside_admin(workspace: Workspace) -> None:
    from cms_core.auth.models import User

    with workspace.db.transaction() as session:
        for user in session.query(User):
            user.email = "first@example.com"
    add_people(workspace)


def do(client: FormClient, public_id: str, what: str, **data: str) -> int:
    page = f"/app/publications/{public_id}"
    return client.submit(f"{page}/{what}", data, page).status_code


def test_list_and_page_show_state_reason_and_attempts(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, marketer: FormClient
) -> None:
    toys.remote.before = [Refused('no <b onclick="x">such</b> page')]
    public_id = arm()
    worker.run_until_idle()
    with statements(workspace.db.engine) as counter:
        listed = marketer.get("/app/publications").text
    assert next(counter) <= 12
    page = marketer.get(f"/app/publications/{public_id}").text
    for text in (listed, page):
        assert "no &lt;b onclick=" in text
        assert "Failed" in text
        assert not harm_in(text)
    assert marketer.get("/app/publications?state=failed").text.count(public_id) == 1
    assert public_id not in marketer.get("/app/publications?state=published").text
    assert marketer.get("/app/publications?state=lost").status_code == 422


def test_list_goes_on_page_by_page(
    workspace: Workspace, arm: Arm, marketer: FormClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SHOWN", 2)
    ids = [arm(title=f"Piece {n}", due=DUE + timedelta(hours=n)) for n in range(5)]
    address, seen = "/app/publications", []
    while address:
        page = marketer.get(address).text
        seen.append([each for each in ids if f'/app/publications/{each}"' in page])
        found = re.search(r'href="(/app/publications\?before=[^"]+)"', page)
        address = found[1] if found else ""
    assert seen == [[ids[3], ids[4]], [ids[1], ids[2]], [ids[0]]]
    assert marketer.get("/app/publications?before=nothing").status_code == 404


def test_every_page_of_a_copy_says_that_nothing_is_published(
    workspace: Workspace, marketer: FormClient
) -> None:
    words = "Nothing is published from here"
    assert words not in marketer.get("/app/calendar").text
    workspace.fence.close("this workspace was copied")
    page = marketer.get("/app/calendar").text
    assert words in page
    assert "this workspace was copied" in page


def test_failed_is_retried_with_one_press(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, marketer: FormClient
) -> None:
    toys.remote.before = [Refused("not today")]
    public_id = arm()
    worker.run_until_idle()
    assert do(marketer, public_id, "retry") == 303
    worker.run_until_idle()
    assert shown(workspace, public_id)["state"] == "published"


def test_unknown_is_settled_by_a_person(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, marketer: FormClient
) -> None:
    toys.remote.after = [OutcomeUnknown("no answer")]
    public_id = arm("once")
    worker.run_until_idle()
    assert "Nobody knows whether it went out" in marketer.get(f"/app/publications/{public_id}").text
    assert do(marketer, public_id, "retry") == 409
    assert do(marketer, public_id, "resolve", outcome="published", url="javascript:alert(1)") == 422
    assert do(marketer, public_id, "resolve", outcome="published", url="https://toy.example/seen") == 303
    assert shown(workspace, public_id)["url"] == "https://toy.example/seen"


def test_unknown_recipients_are_settled_one_by_one_or_all_together(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, marketer: FormClient
) -> None:
    people(workspace, 3)
    toys.letter.script = {f"p{n}@example.com": ["unknown"] for n in range(3)}
    public_id = arm("letter")
    worker.run_until_idle()
    page = marketer.get(f"/app/publications/{public_id}").text
    assert page.count("It arrived") == 3
    assert "3 not known" in marketer.get("/app/publications").text
    assert do(marketer, public_id, "settle", address="p0@example.com", outcome="accepted") == 303
    assert shown(workspace, public_id)["deliveries"] == {"accepted": 1, "unknown": 2}
    assert do(marketer, public_id, "settle", outcome="again") == 303
    worker.run_until_idle()
    assert shown(workspace, public_id)["deliveries"] == {"accepted": 3}
    assert do(marketer, public_id, "settle", outcome="accepted") == 409


def test_what_was_refused_of_a_mailing_is_tried_again_with_one_press(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, marketer: FormClient
) -> None:
    people(workspace, 2)
    toys.letter.script["p1@example.com"] = ["refuse"]
    public_id = arm("letter")
    worker.run_until_idle()
    page = marketer.get(f"/app/publications/{public_id}").text
    assert "Retry those refused" in page
    assert "p1@example.com" in page
    assert "p0@example.com" not in page
    assert do(marketer, public_id, "retry") == 303
    worker.run_until_idle()
    assert shown(workspace, public_id)["deliveries"] == {"accepted": 2}
    assert "Retry those refused" not in marketer.get(f"/app/publications/{public_id}").text


@pytest.mark.parametrize("minutes", [1, 3])
def test_the_calendar_says_what_is_late_and_that_nobody_works(
    workspace: Workspace, arm: Arm, marketer: FormClient, minutes: int
) -> None:
    arm(due=datetime.now(UTC) - timedelta(minutes=minutes, seconds=5))
    page = marketer.get("/app/calendar").text
    late = "1 is due and has not gone out, the first for 3 minutes" in page
    assert late == (minutes == 3)
    assert ("No worker is at work" in page) == late
    assert ("nothing is late" in page) != late


def test_hold_resume_cancel(workspace: Workspace, arm: Arm, marketer: FormClient) -> None:
    public_id = arm()
    assert do(marketer, public_id, "hold", reason="wait for legal") == 303
    assert "wait for legal" in marketer.get(f"/app/publications/{public_id}").text
    assert do(marketer, public_id, "resume") == 303
    assert do(marketer, public_id, "cancel") == 303
    month = marketer.get(f"/app/calendar?month={DUE:%Y-%m}").text
    assert 'class="it planned"' in month
    assert 'class="it armed"' not in month
    assert do(marketer, public_id, "resume") == 409
    assert shown(workspace, public_id)["state"] == "cancelled"


def test_update_and_withdraw_happen_at_once(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, marketer: FormClient
) -> None:
    public_id = arm()
    worker.run_until_idle()
    assert do(marketer, public_id, "update") == 422, "there are no newer approved words"
    with workspace.db.transaction() as session:
        approve_words(session, workspace, "toy", "Better", "toy-hello")
    assert do(marketer, public_id, "update") == 303
    assert toys.remote.posts == {public_id: {"title": "Better"}}
    successor = shown(workspace, public_id)["superseded_by"]
    assert do(marketer, successor, "withdraw") == 303
    assert toys.remote.posts == {}


def test_progress_of_a_send_is_shown(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, marketer: FormClient
) -> None:
    people(workspace, 3)
    toys.letter.script["p1@example.com"] = ["unknown"]
    public_id = arm("letter")
    worker.run_until_idle()
    page = marketer.get(f"/app/publications/{public_id}").text
    assert "3 people in the audience" in page
    assert "p1@example.com" in page
    assert "<html" not in marketer.get(f"/app/publications/{public_id}/progress").text


@pytest.mark.parametrize(("role", "code"), [("approver", 403), ("viewer", 403), ("rep", 403), ("admin", 303)])
def test_who_may_not_act_cannot(
    workspace: Workspace, arm: Arm, marketer: FormClient, role: str, code: int
) -> None:
    public_id = arm()
    client = signed_in(marketer.application, role)
    token = client.token("/app/me")
    answer = client.post(f"/app/publications/{public_id}/cancel", data={"csrf_token": token})
    assert answer.status_code == code


# --- tests, pauses, chains and streams on pages -----------------------------------------------------------------------


def planned_letter(workspace: Workspace) -> str:
    from cms_core.campaigns.service import Plan, plan
    from cms_core.campaigns.when import Mode, When
    from cms_core.connections import service as connections
    from tests.publishing.conftest import DUE, _everybody

    with workspace.db.transaction() as session:
        asset = approve_words(session, workspace, "letter", "Hello")
        wanted = Plan(
            When(Mode.ABSOLUTE, instant=DUE, tz="UTC"),
            asset=asset,
            channel="letter",
            connection=connections.find(session, "letter", "main"),
            segment=_everybody(session),
        )
        return plan(session, wanted).public_id


def test_an_entry_is_armed_with_a_test_and_the_page_shows_it_and_lets_a_person_pick(
    workspace: Workspace, worker: Worker, toys: Toys, marketer: FormClient
) -> None:
    people(workspace, 60)
    entry = planned_letter(workspace)
    page = f"/app/calendar/entries/{entry}"
    assert "Arm with a test" in marketer.get(page).text
    refused = marketer.submit(f"{page}/arm", {"variant": "short", "share": "20", "decide": "soon"}, page)
    assert refused.status_code == 422
    assert "the end of the test" in refused.text
    assert 'value="soon"' in refused.text, "what was typed is kept"
    refused = marketer.submit(f"{page}/arm", {"variant": "short", "share": "200", "decide": "4h"}, page)
    assert refused.status_code == 422
    form = {"variant": "short", "share": "40", "decide": "4h", "metric": "clicked_people", "hold_out": "10"}
    assert marketer.submit(f"{page}/arm", form, page).status_code == 303
    assert "Test of A and B, 10 % held out" in marketer.get(page).text
    worker.run_until_idle()
    with workspace.db.session() as session:
        (row,) = listing.publications(session)
    shown_page = marketer.get(f"/app/publications/{row['id']}").text
    for text in ("Test", "Held out, never sent", "The test ends", "Send this to the rest", "Too few yet"):
        assert text in shown_page, text
    assert not harm_in(shown_page)
    assert do(marketer, row["id"], "pick", arm="C") == 404
    assert do(marketer, row["id"], "pick", arm="B") == 303
    assert do(marketer, row["id"], "pick", arm="A") == 409
    worker.run_until_idle()
    document = shown(workspace, row["id"])
    assert document["test"]["winner"] == "B"
    assert document["state"] == "published"
    assert "winner" in marketer.get(f"/app/publications/{row['id']}").text


def test_what_is_live_is_paused_and_resumed_on_its_page(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm, marketer: FormClient
) -> None:
    public_id = arm()
    worker.run_until_idle()
    page = f"/app/publications/{public_id}"
    assert "Pause" in marketer.get(page).text
    assert do(marketer, public_id, "hold", reason="too dear") == 303
    assert shown(workspace, public_id)["paused"] == "too dear"
    assert "paused: too dear" in marketer.get(page).text
    assert do(marketer, public_id, "resume") == 303
    assert shown(workspace, public_id)["paused"] == ""
    assert toys.remote.calls[-2:] == ["pause", "activate"]


def test_of_a_chain_the_list_of_published_shows_the_head(
    workspace: Workspace, worker: Worker, arm: Arm, marketer: FormClient
) -> None:
    first = arm()
    worker.run_until_idle()
    with workspace.db.transaction() as session:
        approve_words(session, workspace, "toy", "Hello again", slug="toy-hello")
    assert do(marketer, first, "update") == 303
    second = shown(workspace, first)["superseded_by"]
    published = marketer.get("/app/publications?state=published").text
    assert second in published
    assert first not in published
    everything = marketer.get("/app/publications").text
    assert first in everything
    assert "replaced" in everything
    assert "replaced" in marketer.get(f"/app/publications/{first}").text


def test_a_stream_says_what_it_is(
    workspace: Workspace, worker: Worker, arm: Arm, marketer: FormClient
) -> None:
    from cms_core.services import Services

    people(workspace, 2)
    with workspace.db.transaction() as session:
        approve_words(session, workspace, "letter", "Welcome")
    services = Services(workspace, "toys")
    public_id = services.send("letter-welcome", [], key="k", connection="letter:main", source="<b>drip")
    worker.run_until_idle()
    page = marketer.get(f"/app/publications/{public_id}").text
    assert "Open: it sends whenever toys:&lt;b&gt;drip asks." in page
    assert "sent by toys:&lt;b&gt;drip" in marketer.get("/app/publications").text
