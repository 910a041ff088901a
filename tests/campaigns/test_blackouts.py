"""Blackouts: windows and holidays that refuse, remark or put later what goes out."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from cms_core.campaigns import blackouts, service
from cms_core.campaigns.blackouts import Wanted
from cms_core.campaigns.models import Blackout, Campaign, EntryKind, Policy
from cms_core.connections.models import Connection
from cms_core.errors import CmsError, Conflict, Invalid
from tests.campaigns.conftest import Put
from tests.campaigns.times import wall

PARIS = "Europe/Paris"


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def window(
    session: Session, policy: str, first: str, last: str, name: str = "Freeze", **more: object
) -> Blackout:
    starts, ends = blackouts.edge(first, last=False), blackouts.edge(last, last=True)
    return blackouts.add(session, Wanted(name, policy, PARIS, starts=starts, ends=ends, **more))  # type: ignore[arg-type]


def test_block_refuses_and_names_the_window(session: Session, put: Put) -> None:
    window(session, "block", "2026-05-04", "2026-05-08")
    with pytest.raises(Invalid, match=r"'Freeze' .Mon 4 May 2026, 00:00 .* to Sat 9 May 2026, 00:00"):
        put("2026-05-08 23:59")
    entry = put("2026-05-09 00:00")
    with pytest.raises(Invalid, match="Freeze"):
        service.move(session, entry, "2026-05-06 09:00")
    assert entry.instant == local("2026-05-09T00:00+02:00"), "refused is left as it was"


def test_what_does_not_go_out_is_free_to_stand_there(session: Session, put: Put) -> None:
    window(session, "block", "2026-05-04", "2026-05-08")
    assert put("2026-05-05 09:00", kind=EntryKind.TASK).instant == local("2026-05-05T09:00+02:00")


def test_defer_goes_to_the_end_of_a_window_within_a_day(session: Session, put: Put) -> None:
    window(session, "defer", "2026-05-04 08:00", "2026-05-04 12:00")
    entry = put("2026-05-04 09:00")
    assert entry.instant == local("2026-05-04T12:00+02:00")
    assert "Freeze" in entry.deferred
    service.move(session, entry, "2026-05-07 09:00")
    assert entry.deferred == ""


def test_defer_keeps_the_time_of_day_after_whole_days_and_passes_what_blocks(
    session: Session, put: Put
) -> None:
    window(session, "defer", "2026-05-04", "2026-05-05")
    window(session, "block", "2026-05-06 08:00", "2026-05-06 10:00", name="Maintenance")
    assert put("2026-05-04 09:00").instant == local("2026-05-06T10:00+02:00")
    assert put("2026-05-04 11:00").instant == local("2026-05-06T11:00+02:00")


def test_windows_without_an_end_are_looked_through_once(
    session: Session, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    window(session, "defer", "2026-05-04", "2026-05-06", rrule="FREQ=DAILY")
    asked, expand = [], blackouts.expand
    monkeypatch.setattr(blackouts, "expand", lambda *args: asked.append(args) or expand(*args))
    with pytest.raises(Invalid, match="no free time within a year after 'Freeze'"):
        put("2027-05-04 09:00")
    assert len(asked) == 2


def test_warn_and_show_leave_the_time(session: Session, put: Put) -> None:
    window(session, "warn", "2026-05-04", "2026-05-08")
    window(session, "show", "2026-05-04", "2026-05-08", name="Fair")
    entry = put("2026-05-05 09:00")
    assert entry.instant == local("2026-05-05T09:00+02:00")
    assert [each.label for each in blackouts.of_entry(session, entry).warned] == ["Freeze"]


def test_only_what_it_is_meant_for(session: Session, campaign: Campaign, site: Connection, put: Put) -> None:
    window(session, "block", "2026-05-04", "2026-05-08", campaign=campaign)
    window(session, "block", "2026-06-01", "2026-06-02", name="Site", connection=site)
    put("2026-05-05 09:00")
    put("2026-06-01 09:00")
    for when, more in (
        ("2026-05-05 09:00", {"campaign": campaign}),
        ("2026-06-01 09:00", {"connection": site}),
    ):
        with pytest.raises(Invalid):
            put(when, **more)


def test_a_window_comes_again_by_the_wall_clock(session: Session, put: Put) -> None:
    window(session, "block", "2026-03-21 08:00", "2026-03-21 10:00", rrule="FREQ=WEEKLY")
    for when in ("2026-03-28 09:59", "2026-04-04 08:00"):  # on both sides of the clock change
        with pytest.raises(Invalid):
            put(when)
    put("2026-04-04 10:00")
    put("2026-04-03 09:00")


def test_followers_are_held_to_it_too(session: Session, put: Put) -> None:
    window(session, "defer", "2026-05-06", "2026-05-07")
    first = put("2026-05-04 09:00")
    second = put("after:1+1d", after=first)
    service.move(session, first, "2026-05-05 09:00")
    assert second.instant == local("2026-05-08T09:00+02:00")
    assert "Freeze" in second.deferred


def test_holidays_of_a_country_and_of_a_part_of_it(session: Session, put: Put) -> None:
    blackouts.add(session, Wanted("Germany", "block", "Europe/Berlin", country="de", subdivision="by"))
    blackouts.add(session, Wanted("Zone A", "warn", "Europe/Paris", country="fr", subdivision="zone a"))
    with pytest.raises(Invalid, match="Germany: "):
        put("2026-05-01 09:00")
    with pytest.raises(Invalid):
        put("2026-06-04 09:00")  # Corpus Christi, in Bavaria
    put("2026-05-04 09:00")
    row = blackouts.find(session, "Germany")
    assert (date(2026, 12, 25), date(2026, 12, 26)) == tuple(
        day for day, _ in blackouts.holidays_between(row, date(2026, 12, 1), date(2026, 12, 31))
    )


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Wanted("", "block", PARIS), "name"),
        (Wanted("X", "stop", PARIS), "policy"),
        (Wanted("X", "block", PARIS), "starts"),
        (Wanted("X", "block", PARIS, starts=wall("2026-05-05"), ends=wall("2026-05-04")), "ends"),
        (Wanted("X", "block", PARIS, country="XX"), "country"),
        (Wanted("X", "block", PARIS, country="DE", subdivision="ZZ"), "subdivision"),
        (Wanted("X", "block", PARIS, country="DE", rrule="FREQ=DAILY"), "country"),
    ],
)
def test_nonsense_is_refused_with_its_field(session: Session, wanted: Wanted, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        blackouts.add(session, wanted)
    assert caught.value.field == field
    assert blackouts.list_all(session) == []


def test_names_are_taken_once_and_given_back(session: Session) -> None:
    window(session, "block", "2026-05-04", "2026-05-08")
    with pytest.raises(Conflict):
        window(session, "block", "2026-05-04", "2026-05-08")
    blackouts.remove(session, blackouts.find(session, "Freeze"))
    window(session, "block", "2026-05-04", "2026-05-08")


HOURS = st.integers(0, 400)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(HOURS, st.integers(1, 60), st.sampled_from(list(Policy))), max_size=8), HOURS)
def test_what_is_put_later_is_free_and_not_earlier(spans: list[tuple[int, int, Policy]], at: int) -> None:
    begin = wall("2026-03-20")
    known = [
        Blackout(
            name=f"B{n}",
            policy=policy,
            tz=PARIS,
            starts=begin + timedelta(hours=start),
            ends=begin + timedelta(hours=start + length),
            rrule="",
            country="",
        )
        for n, (start, length, policy) in enumerate(spans)
    ]
    asked = local("2026-03-20T00:00+01:00") + timedelta(hours=at)
    try:
        found = blackouts.fit(known, asked, PARIS)
    except CmsError:
        return
    assert found.instant >= asked
    hits = [
        w
        for each in known
        for w in blackouts.windows(each, found.instant, found.instant + timedelta(microseconds=1))
    ]
    if found.blocked:
        assert found.instant == asked
    else:
        assert not [each for each in hits if each.policy in (Policy.BLOCK, Policy.DEFER)]
        assert (found.instant > asked) == (found.after is not None)
