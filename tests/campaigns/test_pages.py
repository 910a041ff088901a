"""The calendar and campaigns in the app: seen, planned, moved with a way back, armed, imported."""

import io
import re
from datetime import date, datetime

import pytest

from cms_core.campaigns import service
from cms_core.campaigns.models import Entry
from cms_core.campaigns.month import Month
from cms_core.campaigns.service import Plan
from cms_core.campaigns.when import parse_when
from cms_core.testing.client import FormClient
from cms_core.testing.pages import harm_in, statements
from cms_core.workspace import Workspace

NASTY = '"><script>alert(1)</script>{{ 7*7 }}'


@pytest.fixture
def entry_id(workspace: Workspace) -> str:
    with workspace.db.transaction() as session:
        campaign = service.create_campaign(
            session, NASTY, date(2026, 5, 1), date(2026, 5, 20), "Europe/Paris"
        )
        wanted = Plan(
            parse_when("2026-05-04 09:00", "Europe/Paris"), NASTY, service.EntryKind.TASK, campaign=campaign
        )
        return service.plan(session, wanted).public_id


def stored(workspace: Workspace, public_id: str) -> Entry:
    with workspace.db.session() as session:
        return service.find_entry(session, public_id)


def test_month_shows_entries_and_campaigns_escaped(
    marketer: FormClient, entry_id: str, workspace: Workspace
) -> None:
    with statements(workspace.db.engine) as counter:
        page = marketer.get("/app/calendar?month=2026-05").text
    assert next(counter) <= 15
    assert "May 2026" in page
    assert f'data-entry="{entry_id}"' in page
    assert not harm_in(page)
    assert "{{ 7*7 }}" in page
    assert "49" not in re.findall(r"</script>(\d+)", page)


def flight(workspace: Workspace, begins: str, ends: str, title: str = "Search ads") -> str:
    with workspace.db.transaction() as session:
        end = datetime.fromisoformat(f"{ends}+02:00")
        when, kind = parse_when(begins, "Europe/Paris"), service.EntryKind.FLIGHT
        wanted = service.Plan(when, title, kind, ends_at=end)
        return service.plan(session, wanted).public_id


def bars(page: str) -> list[tuple[str, str]]:
    """The classes and the text of every bar of a flight."""
    found = re.findall(r'<a class="band([^"]*) flight[^"]*".*?<span class="x">(.*?)</span>', page, re.DOTALL)
    return [(" ".join(classes.split()), text) for classes, text in found]


def test_a_flight_is_a_bar_over_its_days_in_every_week(marketer: FormClient, workspace: Workspace) -> None:
    public_id = flight(workspace, "2026-05-14 09:00", "2026-06-03 00:00")
    may = marketer.get("/app/calendar?month=2026-05").text
    assert bars(may) == [
        ("c4 s4 r1 more", "Search ads"),
        ("c1 s7 r1 cont more", "Search ads"),
        ("c1 s7 r1 cont more", "Search ads"),
    ]
    assert may.count(f'data-entry="{public_id}"') == 1, "it is moved by its beginning"
    assert 'data-from="2026-05-14"' in may
    june = marketer.get("/app/calendar?month=2026-06").text
    assert bars(june) == [("c1 s2 r1 cont", "Search ads")], "midnight belongs to the day before"
    assert "data-entry" not in june
    listed = marketer.get("/app/calendar?view=list&month=2026-05").text
    assert "until Tue 2 Jun 2026" in listed
    assert not bars(listed)


def test_a_flight_for_which_no_lane_is_left_stands_on_its_day(
    marketer: FormClient, workspace: Workspace
) -> None:
    for n in range(8):
        flight(workspace, "2026-05-13 09:00", "2026-05-15 09:00", f"Flight {n}")
    page = marketer.get("/app/calendar?month=2026-05").text
    assert len(bars(page)) == 6
    assert page.count("data-move=") == 8


@pytest.mark.parametrize("month", ["2026-13", "soon", "0000-01", "2026-05-04"])
def test_month_that_is_none_is_said(marketer: FormClient, month: str) -> None:
    assert marketer.get(f"/app/calendar?month={month}").status_code == 422


@pytest.mark.parametrize("day", [date(2026, 5, 1), date(2024, 2, 29), date(1, 2, 1), date(9998, 11, 30)])
def test_month_is_whole_weeks(day: date) -> None:
    days = Month(day.replace(day=1), "Europe/Paris").days
    assert days[0].weekday() == 0
    assert days[-1].weekday() == 6
    assert len(days) % 7 == 0
    assert day in days


def test_dragging_to_a_day_keeps_the_local_time_and_offers_the_way_back(
    marketer: FormClient, entry_id: str, workspace: Workspace
) -> None:
    url = f"/app/calendar/entries/{entry_id}"
    assert marketer.submit(f"{url}/move", {"day": "2026-11-04"}, "/app/calendar").status_code == 303
    assert stored(workspace, entry_id).instant == datetime.fromisoformat("2026-11-04T09:00+01:00")
    page = marketer.get("/app/calendar").text
    undo = re.search(r'name="when" value="([^"]+)"', page)
    assert undo, "the toast has an Undo"
    marketer.submit(f"{url}/move", {"when": undo[1]}, "/app/calendar")
    assert stored(workspace, entry_id).instant == datetime.fromisoformat("2026-05-04T09:00+02:00")


def test_recipients_own_time_is_shown_dragged_and_undone(marketer: FormClient, workspace: Workspace) -> None:
    with workspace.db.transaction() as session:
        made = service.plan(session, Plan(parse_when("local 2026-05-04 09:00", "Asia/Tokyo"), "Morning"))
        public_id = made.public_id
    assert "09:00 local" in marketer.get("/app/calendar?month=2026-05").text
    url = f"/app/calendar/entries/{public_id}"
    page = marketer.get(url).text
    assert "Mon 4 May 2026, 09:00 (each recipient&#39;s own time)" in page
    assert 'value="local 2026-05-04 09:00"' in page
    assert marketer.submit(f"{url}/move", {"day": "2026-05-06"}, "/app/calendar").status_code == 303
    assert (
        f"{stored(workspace, public_id).mode} {stored(workspace, public_id).wall}"
        == "recipient_local 2026-05-06 09:00:00"
    )
    undo = re.search(r'name="when" value="([^"]+)"', marketer.get("/app/calendar").text)
    assert undo
    assert undo[1] == "local 2026-05-04 09:00:00"


def test_move_to_a_time_that_does_not_exist_is_said_on_the_page(
    marketer: FormClient, entry_id: str, workspace: Workspace
) -> None:
    answer = marketer.submit(
        f"/app/calendar/entries/{entry_id}/move", {"when": "2026-02-30 09:00"}, "/app/calendar"
    )
    assert answer.status_code == 422
    assert "2026-02-30" in answer.text
    assert stored(workspace, entry_id).instant == datetime.fromisoformat("2026-05-04T09:00+02:00")


def test_what_cannot_be_armed_says_why(marketer: FormClient, entry_id: str) -> None:
    answer = marketer.submit(f"/app/calendar/entries/{entry_id}/arm", {}, f"/app/calendar/entries/{entry_id}")
    assert answer.status_code == 422
    assert "only entries of kind publish go out" in answer.text


def test_entry_and_campaign_are_made_by_forms(marketer: FormClient, workspace: Workspace) -> None:
    campaign = {
        "name": "Spring",
        "start": "2026-05-01",
        "end": "2026-05-31",
        "tz": "Europe/Paris",
        "budget": "500 EUR",
    }
    made = marketer.submit("/app/campaigns/new", campaign)
    assert made.status_code == 303
    public_id = made.headers["Location"].rsplit("/", 1)[1]
    entry = {"when": "2026-05-04 09:00", "title": "Print", "kind": "task", "campaign": public_id}
    assert marketer.submit("/app/calendar/new", entry).status_code == 303
    page = marketer.get(f"/app/campaigns/{public_id}").text
    assert "Print" in page
    assert "Mon 4 May 2026, 09:00" in page


def test_a_flight_is_planned_with_its_end_and_budget(marketer: FormClient) -> None:
    flight = {
        "when": "2026-05-04 09:00",
        "end": "2026-05-18 18:00",
        "budget": "500 EUR",
        "title": "Search ads",
        "kind": "flight",
    }
    made = marketer.submit("/app/calendar/new", flight)
    page = marketer.get(made.headers["Location"]).text
    assert "Mon 18 May 2026, 18:00" in page
    assert "500" in page
    for wrong, words in (
        ({"end": "2026-05-01 09:00"}, "not after the beginning"),
        ({"end": "never"}, "never"),
        ({"budget": "a lot"}, "a lot"),
        ({"repeats": "FREQ=WEEKLY;COUNT=2"}, "neither an end nor a budget"),
    ):
        answer = marketer.submit("/app/calendar/new", {**flight, **wrong})
        assert answer.status_code == 422
        assert words in answer.text
        assert 'aria-invalid="true"' in answer.text, wrong


@pytest.mark.parametrize(
    ("page", "data", "words"),
    [
        (
            "/app/campaigns/new",
            {"name": "X", "start": "2026-05-02", "end": "2026-05-01", "tz": "UTC"},
            "before it starts",
        ),
        (
            "/app/campaigns/new",
            {"name": "X", "start": "2026-05-01", "end": "2026-05-02", "tz": "Mars"},
            "time zone",
        ),
        ("/app/campaigns/new", {"start": "2026-05-01", "end": "2026-05-02", "tz": "UTC"}, "fill this in"),
        ("/app/calendar/new", {"when": "later", "title": "X", "kind": "task"}, "later"),
        ("/app/calendar/new", {"when": "2026-05-04 09:00", "kind": "task"}, "needs a title"),
        ("/app/calendar/new", {"when": "2026-05-04 09:00", "title": "X", "kind": "party"}, "one of"),
    ],
)
def test_form_says_what_is_wrong_and_keeps_what_was_typed(
    marketer: FormClient, page: str, data: dict[str, str], words: str
) -> None:
    answer = marketer.submit(page, data)
    assert answer.status_code == 422
    assert words.lower() in answer.text.lower()
    assert 'aria-invalid="true"' in answer.text


def test_plan_is_checked_before_it_is_saved(marketer: FormClient, workspace: Workspace) -> None:
    plan = b"when,title,kind\n2026-05-04 09:00,Print,task\nnever,Ship,task\n"

    def send(**more: str) -> str:
        data = {
            "csrf_token": marketer.token("/app/calendar/import"),
            "file": (io.BytesIO(plan), "plan.csv"),
            **more,
        }
        return marketer.post("/app/calendar/import", data=data, content_type="multipart/form-data").text

    checked = send()
    assert "nothing was saved" in checked
    assert "&#39;never&#39;" in checked
    with workspace.db.session() as session:
        assert session.query(Entry).count() == 0
    send(save="1")
    with workspace.db.session() as session:
        assert session.query(Entry).count() == 1


def test_without_a_file_the_import_says_so(marketer: FormClient) -> None:
    answer = marketer.submit("/app/calendar/import", {})
    assert answer.status_code == 422
    assert "no file was chosen" in answer.text


def test_side_is_fetched_anew_by_itself(marketer: FormClient) -> None:
    page = marketer.get("/app/calendar/side").text
    assert "Needs you" in page
    assert "<html" not in page
