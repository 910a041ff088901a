"""The guard of budgets: warns and pauses once for each crossing, exact to the last micro."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_ads import guard
from cms_ads.models import Running
from cms_core import Services
from cms_core.errors import TryLater

MONEY = st.decimals(0, 10**9, places=6, allow_nan=False, allow_infinity=False)


@given(MONEY, MONEY, st.integers(1, 99))
def test_levels_follow_the_spend_exactly(spent: Decimal, budget: Decimal, warn_at: int) -> None:
    level = guard.level_of(spent, budget, warn_at)
    assert (level == guard.STOPPED) == (spent > 0 and spent >= budget)
    if level == guard.WARNED:
        assert budget * warn_at <= spent * 100 < budget * 100
    assert guard.level_of(spent + Decimal("0.000001"), budget, warn_at) >= level


def spend(desk: Any, amount: str) -> None:
    desk.rows(f"Search ads,2026-05-04,EUR,{amount},1,1")


def events(desk: Any) -> list[tuple[str, str | None]]:
    from cms_core.events.models import Event

    with desk.workspace.db.session() as session:
        found = session.query(Event).where(Event.kind.like("budget%")).order_by(Event.id)
        return [(row.kind, row.campaign) for row in found]


def test_it_warns_at_eighty_and_stops_at_a_hundred_once_for_each_crossing(desk: Any) -> None:
    desk.campaign("Launch")
    desk.account("acme")
    flight = desk.flight("Search ads", "Launch", "acme", "100 EUR")
    assert desk.said() == []
    spend(desk, "79.99")
    assert desk.said() == []
    spend(desk, "80.00")
    (words,) = desk.said()
    assert "80 of 100 EUR" in words.replace("80.00", "80")
    assert (desk.said(), desk.shown(flight)["state"]) == ([], "scheduled")
    spend(desk, "100.00")
    (words,) = desk.said()
    assert "paused here: pause it in Google Ads too" in words
    assert desk.shown(flight)["state"] == "held"
    assert desk.said() == []
    assert events(desk) == [("budget_warned", "launch"), ("budget_stopped", "launch")]


def test_who_resumes_a_spent_flight_has_decided_so(desk: Any) -> None:
    desk.campaign("Launch")
    desk.account("acme")
    flight = desk.flight("Search ads", "Launch", "acme", "100 EUR")
    spend(desk, "120")
    assert len(desk.said()) == 1
    desk.services.resume(flight)
    assert (desk.said(), desk.shown(flight)["state"]) == ([], "scheduled")
    spend(desk, "50")
    assert desk.said() == []
    spend(desk, "100")
    assert len(desk.said()) == 1
    assert desk.shown(flight)["state"] == "held"
    assert len(events(desk)) == 2


def test_budget_of_a_campaign_stops_all_of_its_flights(desk: Any) -> None:
    desk.campaign("Launch", "100 EUR")
    desk.account("acme")
    desk.account("other", "meta")
    flights = [desk.flight("Search ads", "Launch", "acme"), desk.flight("Feed ads", "Launch", "other")]
    spend(desk, "60")
    desk.take("Campaign name,Day,Amount spent (EUR)\nFeed ads,2026-05-04,40\n")
    assert len(desk.said()) == 1
    assert [desk.shown(each)["state"] for each in flights] == ["held", "held"]


def test_without_leave_to_pause_it_only_speaks(desk: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("cms_core.services.Services.settings", lambda self: {"warn_at": 50, "pause": False})
    desk.campaign("Launch")
    desk.account("acme")
    flight = desk.flight("Search ads", "Launch", "acme", "100 EUR")
    spend(desk, "50")
    assert len(desk.said()) == 1
    spend(desk, "500")
    assert len(desk.said()) == 1
    assert desk.shown(flight)["state"] == "scheduled"


def test_spend_without_a_rate_is_told_and_never_taken_for_nothing(desk: Any) -> None:
    desk.campaign("Launch", "100 EUR")
    desk.rows("Launch,2026-05-04,USD,500,1,1", "Launch,2026-05-04,EUR,10,1,1")
    (found,) = guard.watched(desk.services)
    assert (found.spent, found.unrated) == (Decimal(10), True)


def test_flight_that_is_armed_after_the_budget_is_spent_is_paused_too(desk: Any) -> None:
    desk.campaign("Launch", "100 EUR")
    desk.account("acme")
    desk.rows("Launch,2026-05-04,EUR,120,1,1")
    assert len(desk.said()) == 1
    late = desk.flight("Search ads", "Launch", "acme")
    (words,) = desk.said()
    assert "Search ads is paused here: pause it in Google Ads too" in words
    assert desk.shown(late)["state"] == "held"
    desk.services.resume(late)
    assert (desk.said(), desk.shown(late)["state"]) == ([], "scheduled")
    assert len(events(desk)) == 1


def test_flight_that_could_not_be_paused_is_tried_again_and_told_once(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.campaign("Launch")
    desk.account("acme")
    flight = desk.flight("Search ads", "Launch", "acme", "100 EUR")
    spend(desk, "100")
    with monkeypatch.context() as broken:
        broken.setattr(Services, "pause", _refuse)
        (words,) = desk.said()
        assert "Search ads could not be paused (it is busy)" in words
        assert desk.said() == []
    (words,) = desk.said()
    assert "Search ads is paused here" in words
    assert desk.shown(flight)["state"] == "held"
    assert (desk.said(), len(events(desk))) == ([], 1)


def _refuse(*_: object) -> None:
    raise TryLater("it is busy")


def test_running_flight_is_paused_or_the_guard_says_that_it_could_not(desk: Any) -> None:
    desk.campaign("Launch")
    desk.account("acme")
    flight = desk.flight("Search ads", "Launch", "acme", "100 EUR")
    desk.work()
    spend(desk, "100")
    (words,) = desk.said()
    desk.work()
    with desk.workspace.db.session() as session:
        state = session.query(Running).where(Running.key == flight).one().state
    assert (state == "paused") == ("could not be paused" not in words)
