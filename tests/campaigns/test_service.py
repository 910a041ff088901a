"""Campaigns and entries: created, moved with what follows them, dropped."""

from collections.abc import Iterator
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from cms_core.campaigns import calendar, service
from cms_core.campaigns.models import Entry, EntryKind
from cms_core.campaigns.money import parse_money, show_money
from cms_core.campaigns.service import Plan
from cms_core.campaigns.when import parse_when
from cms_core.errors import CmsError, Conflict, Invalid, NotFound
from cms_core.workspace import Workspace


@pytest.fixture
def writing(workspace: Workspace) -> Iterator[Session]:
    with workspace.db.open_transaction() as session:
        yield session


def launch(session: Session, name: str = "Launch", **more: str) -> service.Campaign:
    return service.create_campaign(session, name, date(2026, 5, 1), date(2026, 5, 31), "Europe/Paris", **more)


def task(session: Session, when: str, title: str = "Task", after: Entry | None = None) -> Entry:
    return service.plan(session, Plan(parse_when(when, "Europe/Paris"), title, EntryKind.TASK, after=after))


def test_campaign_is_found_by_name_key_and_id(writing: Session) -> None:
    made = launch(writing, "Spring  Launch", budget="99.90 eur")
    assert (made.name, made.key) == ("Spring Launch", "spring-launch")
    assert show_money(made.budget_micros, made.currency) == "99.90 EUR"
    for name in ("Spring Launch", "spring-launch", made.public_id):
        assert service.find_campaign(writing, name) is made
    with pytest.raises(NotFound) as caught:
        service.find_campaign(writing, "Spring Lunch")
    assert "Spring Launch" in caught.value.remedy


@pytest.mark.parametrize("name", ["Launch", "launch", " LAUNCH "])
def test_names_with_one_key_are_one_campaign(writing: Session, name: str) -> None:
    launch(writing)
    with pytest.raises(Conflict):
        launch(writing, name)


def test_campaign_refuses_nonsense(writing: Session) -> None:
    with pytest.raises(Invalid, match="before it starts"):
        service.create_campaign(writing, "X", date(2026, 5, 2), date(2026, 5, 1), "UTC")
    with pytest.raises(Invalid, match="time zone"):
        service.create_campaign(writing, "X", date(2026, 5, 1), date(2026, 5, 2), "Europe/Pari")
    with pytest.raises(Invalid, match="amount"):
        launch(writing, "X", budget="many")
    with pytest.raises(Invalid, match="UTM"):
        service.create_campaign(
            writing, "X", date(2026, 5, 1), date(2026, 5, 2), "UTC", utm={"campaign": "y"}
        )


@given(st.integers(0, 10**15), st.sampled_from(["EUR", "USD", "JPY"]))
def test_money_round_trips(micros: int, currency: str) -> None:
    shown = show_money(micros, currency)
    assert shown is not None
    assert parse_money(shown) == (micros, currency)


@given(st.text(max_size=30))
def test_money_is_read_or_refused(text: str) -> None:
    try:
        micros, currency = parse_money(text)
    except Invalid:
        return
    assert micros >= 0
    assert len(currency) == 3


def test_moving_keeps_local_time_and_pulls_what_follows(writing: Session) -> None:
    first = task(writing, "2026-03-27 09:00")
    second = task(writing, "after:1+2d", "Second", first)
    third = task(writing, "after:1+3h", "Third", second)
    moved = service.move(writing, first, "2026-03-28 09:00")
    assert moved == [first, second, third]
    assert second.instant == datetime.fromisoformat("2026-03-30T09:00+02:00"), (
        "nine o'clock on both sides of the change"
    )
    assert third.instant == datetime.fromisoformat("2026-03-30T12:00+02:00")


def test_entry_can_be_hung_on_another_but_not_on_itself(writing: Session) -> None:
    first, second = task(writing, "2026-05-04 09:00"), task(writing, "2026-06-01 09:00", "Second")
    service.move(writing, second, f"after:{first.public_id}+1d")
    assert second.instant == datetime.fromisoformat("2026-05-05T09:00+02:00")
    with pytest.raises(Invalid, match="follow itself"):
        service.move(writing, first, f"after:{second.public_id}+1d")
    with pytest.raises(Invalid, match="row number"):
        service.move(writing, first, "after:3+1d")


def test_what_is_done_or_dropped_is_not_moved(writing: Session) -> None:
    entry = task(writing, "2026-05-04 09:00")
    service.drop(writing, entry)
    with pytest.raises(Conflict):
        service.move(writing, entry, "2026-05-05 09:00")


def test_range_holds_whole_days_in_their_zone(writing: Session) -> None:
    late = task(writing, "2026-05-31 23:30")
    task(writing, "2026-06-01 00:00", "June")
    start, end = calendar.day_range("2026-05-31", "2026-05-31", "Europe/Paris")
    assert [row["id"] for row in calendar.documents_between(writing, start, end)] == [late.public_id]


@pytest.mark.parametrize("tz", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("last", ["9999-12-31", "9999-12-31T23:30-05:00"])
def test_range_may_end_with_the_last_day_there_is(writing: Session, tz: str, last: str) -> None:
    entry = task(writing, "2026-05-31 23:30")
    found = calendar.documents_between(writing, *calendar.day_range("2026-05-31", last, tz))
    assert [row["id"] for row in found] == [entry.public_id]


@pytest.mark.parametrize(
    ("first", "last"),
    [("2026-05-31", "2026-05-01"), ("soon", "2026-05-01"), ("2026-05-01T09:00", "2026-05-02")],
)
def test_unusable_range_is_refused(first: str, last: str) -> None:
    with pytest.raises(CmsError):
        calendar.day_range(first, last)
