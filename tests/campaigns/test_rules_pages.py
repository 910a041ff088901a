"""Rules of the calendar in the app: series moved as asked, blackouts, slots, waiting, views, whole campaigns."""

import re
from datetime import date

import pytest
from sqlalchemy import select

from cms_core.campaigns import blackouts, series, service, slots
from cms_core.campaigns.models import Blackout, Entry, EntryKind, EntryState, Series
from cms_core.campaigns.service import Plan
from cms_core.campaigns.when import parse_when
from cms_core.connections import service as connections
from cms_core.testing.client import FormClient
from cms_core.testing.pages import harm_in
from cms_core.workspace import Workspace
from tests.campaigns.times import wall

PARIS = "Europe/Paris"
NASTY = '"><script>alert(1)</script>{{ 7*7 }}'
RULES = "/app/calendar/rules"


@pytest.fixture
def weekly(workspace: Workspace) -> list[str]:
    """The ids of the entries of a series on Mondays at nine."""
    with workspace.db.transaction() as session:
        when = parse_when("2026-05-11 09:00", PARIS)
        made = series.create(session, Plan(when, "Weekly", EntryKind.TASK), "FREQ=WEEKLY;BYDAY=MO;COUNT=4")
        return [each.public_id for each in series.entries_of(session, made)]


def when_of(workspace: Workspace, *ids: str) -> list[str]:
    with workspace.db.session() as session:
        return [service.find_entry(session, each).instant.isoformat()[5:16] for each in ids]


def undo(client: FormClient) -> dict[str, str]:
    """The fields of the Undo that the next page offers."""
    page = client.get("/app/campaigns").text
    form = re.search(r'<form method="post" action="[^"]+/move">.*?</form>', page, re.DOTALL)
    assert form, "the toast has an Undo"
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[0]))


@pytest.mark.parametrize(
    ("scope", "moved"),
    [
        ("one", ["05-11T07:00", "05-19T07:00", "05-25T07:00", "06-01T07:00"]),
        ("following", ["05-11T07:00", "05-19T07:00", "05-26T07:00", "06-02T07:00"]),
        ("all", ["05-12T07:00", "05-19T07:00", "05-26T07:00", "06-02T07:00"]),
    ],
)
def test_a_move_of_a_series_and_its_undo(
    marketer: FormClient, weekly: list[str], workspace: Workspace, scope: str, moved: list[str]
) -> None:
    before, url = when_of(workspace, *weekly), f"/app/calendar/entries/{weekly[1]}/move"
    assert marketer.submit(url, {"day": "2026-05-19", "scope": scope}, "/app/calendar").status_code == 303
    assert when_of(workspace, *weekly) == moved
    fields = undo(marketer)
    assert fields["scope"] == scope
    marketer.submit(url, {name: fields[name] for name in ("when", "scope")}, "/app/calendar")
    assert when_of(workspace, *weekly) == before


def test_undo_restores_what_follows_and_what_is_followed(marketer: FormClient, workspace: Workspace) -> None:
    with workspace.db.transaction() as session:
        first = service.plan(session, Plan(parse_when("2026-05-11 09:00", PARIS), "First", EntryKind.TASK))
        when = parse_when(f"after:{first.public_id}:finished+1d", PARIS)
        second = service.plan(session, Plan(when, "Second", EntryKind.TASK, after=first))
        when = parse_when(f"after:{second.public_id}+1h", PARIS)
        third = service.plan(session, Plan(when, "Third", EntryKind.TASK, after=second))
        ids = [each.public_id for each in (first, second, third)]
    before, url = when_of(workspace, *ids), f"/app/calendar/entries/{ids[1]}/move"
    marketer.submit(url, {"day": "2026-05-20"}, "/app/calendar")
    assert when_of(workspace, *ids) == [before[0], "05-20T07:00", "05-20T08:00"]
    marketer.submit(url, {"when": undo(marketer)["when"]}, "/app/calendar")
    assert when_of(workspace, *ids) == before
    with workspace.db.session() as session:
        again = service.find_entry(session, ids[1])
        assert (again.mode, again.condition, again.offset) == ("after", "finished", "+1d")


def test_who_looks_at_an_older_calendar_is_told(
    marketer: FormClient, weekly: list[str], workspace: Workspace
) -> None:
    page = marketer.get("/app/calendar?month=2026-05").text
    chip = re.search(rf'data-entry="{weekly[0]}"[^>]* data-version="(\d+)" data-serial', page)
    assert chip
    url = f"/app/calendar/entries/{weekly[0]}/move"
    marketer.submit(url, {"day": "2026-05-12", "version": chip[1]}, "/app/calendar")
    answer = marketer.submit(url, {"day": "2026-05-13", "version": chip[1]}, "/app/calendar")
    assert answer.status_code == 409
    assert "meanwhile" in answer.text
    assert when_of(workspace, weekly[0]) == ["05-12T07:00"]


@pytest.mark.parametrize(
    "fields", [{"day": "2026-05-12", "scope": "both"}, {"day": "x"}, {"when": "slot"}, {"when": "after:1"}]
)
def test_nonsense_moves_nothing(
    marketer: FormClient, weekly: list[str], workspace: Workspace, fields: dict[str, str]
) -> None:
    answer = marketer.submit(f"/app/calendar/entries/{weekly[0]}/move", fields, "/app/calendar")
    assert answer.status_code == 422
    assert when_of(workspace, weekly[0]) == ["05-11T07:00"]


def test_blackouts_are_added_shown_and_removed(marketer: FormClient, workspace: Workspace) -> None:
    form = {"name": NASTY, "policy": "block", "tz": PARIS, "starts": "2026-05-18", "ends": "2026-05-19"}
    assert marketer.submit(f"{RULES}/blackouts", form, RULES).status_code == 303
    page = marketer.get(RULES).text
    assert not harm_in(page)
    assert "Mon 18 May 2026, 00:00 to Wed 20 May 2026, 00:00" in page
    month = marketer.get("/app/calendar?month=2026-05").text
    assert not harm_in(month)
    assert month.count('<span class="tag warn"') == 2
    with workspace.db.session() as session:
        public_id = session.scalars(select(Blackout.public_id)).one()
    marketer.submit(f"{RULES}/blackouts/{public_id}/remove", {}, RULES)
    assert "No blackouts" in marketer.get(RULES).text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"starts": "soon"}, "not a local date"),
        ({"ends": "2026-05-01"}, "ends before it begins"),
        ({"country": "Mars"}, "days of their own"),
        ({"policy": "stop"}, "one of"),
        ({"campaign": "Nothing"}, "no campaign"),
        ({"connection": "site:nothing"}, "nothing"),
    ],
)
def test_a_blackout_that_cannot_be_says_why(marketer: FormClient, change: dict[str, str], words: str) -> None:
    form = {
        "name": "X",
        "policy": "block",
        "tz": PARIS,
        "starts": "2026-05-18",
        "ends": "2026-05-19",
        **change,
    }
    answer = marketer.submit(f"{RULES}/blackouts", form, RULES)
    assert answer.status_code == 422
    assert words in answer.text
    assert "No blackouts" in marketer.get(RULES).text


def test_holidays_stand_on_their_days(marketer: FormClient, workspace: Workspace) -> None:
    with workspace.db.transaction() as session:
        blackouts.add(session, blackouts.Wanted("France", "warn", PARIS, country="FR"))
    page = marketer.get("/app/calendar?month=2026-05").text
    assert 'title="France: Fête de la Victoire"' in page or 'title="France: Victory Day"' in page


def test_slots_are_saved_and_taken_by_a_button(marketer: FormClient, workspace: Workspace) -> None:
    with workspace.db.transaction() as session:
        settings = {"base_url": "https://www.example.com"}
        site = connections.add(session, workspace.vault, workspace.plugins, "site", "www", settings)
        wanted = Plan(parse_when("2026-06-11 09:00", PARIS), "Post", channel="site", connection=site)
        entry_id, site_id = service.plan(session, wanted).public_id, site.public_id
    assert (
        marketer.submit(f"{RULES}/slots/{site_id}", {"times": "wed 10:00", "tz": PARIS}, RULES).status_code
        == 303
    )
    assert 'value="wed 10:00"' in marketer.get(RULES).text
    page = f"/app/calendar/entries/{entry_id}"
    assert "To the next free slot" in marketer.get(page).text
    assert marketer.submit(f"{page}/move", {"when": "slot"}, page).status_code == 303
    assert when_of(workspace, entry_id) == ["05-06T08:00"]
    refused = marketer.submit(f"{RULES}/slots/{site_id}", {"times": "never", "tz": PARIS}, RULES)
    assert refused.status_code == 422
    with workspace.db.session() as session:
        assert len(slots.of_connection(session, site.id)) == 1


def test_a_form_makes_a_series_which_the_rules_end(marketer: FormClient, workspace: Workspace) -> None:
    form = {"when": "2026-05-11 09:00", "title": "Weekly", "kind": "task", "repeats": "FREQ=WEEKLY;COUNT=3"}
    assert marketer.submit("/app/calendar/new", form).status_code == 303
    page = marketer.get(RULES).text
    assert "FREQ=WEEKLY;COUNT=3 from 2026-05-11 09:00 (UTC)" in page
    with workspace.db.session() as session:
        public_id = session.scalars(select(Series.public_id)).one()
    marketer.submit(f"{RULES}/series/{public_id}/end", {}, RULES)
    with workspace.db.session() as session:
        assert set(session.scalars(select(Entry.state))) == {EntryState.DROPPED}
    bad = marketer.submit("/app/calendar/new", {**form, "repeats": "FREQ=OFTEN"})
    assert bad.status_code == 422
    assert "FREQ" in bad.text


def test_a_form_that_makes_a_series_tells_what_a_blackout_refuses_of_it(
    marketer: FormClient, workspace: Workspace
) -> None:
    starts, ends = blackouts.edge("2026-05-12", last=False), blackouts.edge("2026-05-12", last=True)
    with workspace.db.transaction() as session:
        blackouts.add(session, blackouts.Wanted("Freeze", "block", PARIS, starts=starts, ends=ends))
    form = {"when": "2026-05-11 09:00", "title": "Digest", "kind": "publish", "repeats": "FREQ=DAILY;COUNT=3"}
    made = marketer.submit("/app/calendar/new", form)
    page = marketer.get(made.headers["Location"]).text
    assert page.count("Stays planned: Digest on 2026-05-12") == 1
    assert "Freeze" in page


@pytest.mark.parametrize("address", ["view=week&week=2026-05-13", "view=list&month=2026-05"])
def test_other_views_show_the_same_entries(marketer: FormClient, weekly: list[str], address: str) -> None:
    page = marketer.get(f"/app/calendar?{address}").text
    assert f"entry-{weekly[0]}" in page
    assert (f"entry-{weekly[1]}" in page) == ("list" in address)
    assert 'aria-current="true"' in page


@pytest.mark.parametrize(
    "address", ["view=week&week=soon", "view=week&week=0001-01-01", "view=list&month=2026-13"]
)
def test_a_view_of_nothing_is_said(marketer: FormClient, address: str) -> None:
    assert marketer.get(f"/app/calendar?{address}").status_code == 422


def test_a_task_is_ticked_off(marketer: FormClient, weekly: list[str], workspace: Workspace) -> None:
    page = f"/app/calendar/entries/{weekly[0]}"
    assert marketer.submit(f"{page}/done", {}, page).status_code == 303
    with workspace.db.session() as session:
        assert service.find_entry(session, weekly[0]).state == EntryState.DONE


def test_a_campaign_is_looked_at_before_it_moves_and_copied(
    marketer: FormClient, workspace: Workspace
) -> None:
    with workspace.db.transaction() as session:
        made = service.create_campaign(session, "Spring", date(2026, 5, 4), date(2026, 5, 29), PARIS)
        wanted = Plan(parse_when("2026-05-11 09:00", PARIS), NASTY, EntryKind.TASK, campaign=made)
        entry_id, public_id = service.plan(session, wanted).public_id, made.public_id
    page = f"/app/campaigns/{public_id}/move"
    shown = marketer.submit(page, {"start": "2026-05-11"}, page)
    assert not harm_in(shown.text)
    assert "Mon 18 May 2026, 09:00" in shown.text
    assert "nothing was changed" in shown.text
    assert when_of(workspace, entry_id) == ["05-11T07:00"]
    assert marketer.submit(page, {"start": "2026-05-11", "save": "1"}, page).status_code == 303
    assert when_of(workspace, entry_id) == ["05-18T07:00"]
    copy = f"/app/campaigns/{public_id}/copy"
    assert marketer.submit(copy, {"start": "2026-10-05", "name": "Autumn"}, page).status_code == 303
    assert marketer.submit(copy, {"start": "2026-10-05", "name": "Autumn"}, page).status_code == 409
    assert marketer.submit(page, {"start": "someday"}, page).status_code == 422


def test_a_window_that_refuses_is_told_on_the_page(marketer: FormClient, workspace: Workspace) -> None:
    with workspace.db.transaction() as session:
        entry_id = service.plan(session, Plan(parse_when("2026-05-11 09:00", PARIS), "Post")).public_id
        freeze = blackouts.Wanted(
            "Freeze", "block", PARIS, starts=wall("2026-05-12"), ends=wall("2026-05-13")
        )
        blackouts.add(session, freeze)
        fair = blackouts.Wanted("Fair", "warn", PARIS, starts=wall("2026-05-11"), ends=wall("2026-05-12"))
        blackouts.add(session, fair)
    page = f"/app/calendar/entries/{entry_id}"
    answer = marketer.submit(f"{page}/move", {"day": "2026-05-12"}, page)
    assert answer.status_code == 422
    assert "falls into &#39;Freeze&#39;" in answer.text
    assert "falls into &#39;Fair&#39;" in marketer.get(page).text
