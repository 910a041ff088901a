"""Points as a function of what somebody did: whole numbers that add up, whatever the order; half-lives and caps by definition."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core import Event, EventType, Invalid
from cms_leads import rules
from cms_leads.scoring import Reason, Rule, faded, reasons

NOW = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
DAY = timedelta(days=1)
KINDS = ("clicked", "visited", "lead_returned")

ages = st.timedeltas(timedelta(0), timedelta(days=900))
halves = st.timedeltas(timedelta(hours=1), timedelta(days=400))
some_rules = st.dictionaries(
    st.sampled_from(KINDS),
    st.builds(Rule, st.integers(-50, 50), st.none() | st.integers(1, 100), st.none() | halves),
    min_size=1,
)
events = st.lists(
    st.builds(
        lambda kind, age, number: Event(kind, NOW - age, "test", str(number), id=str(number)),
        st.sampled_from(KINDS),
        st.timedeltas(-timedelta(days=30), timedelta(days=400)),
        st.integers(0, 40),
    ),
    max_size=30,
    unique_by=lambda event: event.id,
)


@given(events, some_rules, st.data())
def test_order_and_doubles_change_nothing(
    did: list[Event], by_kind: dict[str, Rule], data: st.DataObject
) -> None:
    found = reasons(did, by_kind, NOW)
    shuffled = data.draw(st.permutations(did + did))
    assert reasons(shuffled, by_kind, NOW) == found


@given(events, some_rules)
def test_no_kind_gives_more_than_its_cap_and_nothing_of_the_future_counts(
    did: list[Event], by_kind: dict[str, Rule]
) -> None:
    found = reasons(did, by_kind, NOW)
    assert all(reason.points and reason.at <= NOW for reason in found)
    for kind, rule in by_kind.items():
        together = sum(abs(reason.points) for reason in found if reason.kind == kind)
        assert rule.cap is None or together <= rule.cap
        assert all((reason.points > 0) == (rule.points > 0) for reason in found if reason.kind == kind)


@given(events, some_rules)
def test_reasons_are_those_of_a_plain_reading_of_the_definition(
    did: list[Event], by_kind: dict[str, Rule]
) -> None:
    expected = []
    for kind, rule in by_kind.items():
        total = 0
        for event in sorted(
            (each for each in did if each.kind == kind and each.at <= NOW), key=lambda e: (e.at, e.id)
        )[::-1]:
            points = faded(rule.points, NOW - event.at, rule.half_life)
            if rule.cap is not None and abs(total + points) > rule.cap:
                points = (rule.cap if rule.points > 0 else -rule.cap) - total
            total += points
            if points:
                expected.append(Reason(event.id, kind, points, event.at))
    assert sorted(reasons(did, by_kind, NOW), key=str) == sorted(expected, key=str)


@given(st.integers(-10_000, 10_000), ages, halves)
def test_fading_is_exact_and_never_grows(points: int, age: timedelta, half_life: timedelta) -> None:
    left = faded(points, age, half_life)
    whole, rest = divmod(age, half_life)
    exact = Fraction(points) * (
        2 - Fraction(rest // timedelta(microseconds=1), half_life // timedelta(microseconds=1))
    )
    exact /= 2 ** (whole + 1)
    assert abs(left - exact) <= Fraction(1, 2)
    assert isinstance(left, int)
    assert abs(faded(points, age + DAY, half_life)) <= abs(left) <= abs(points)
    assert faded(-points, age, half_life) == -left


def test_fading_at_the_edges() -> None:
    assert [faded(100, DAY * days, DAY * 10) for days in (0, 5, 10, 15, 20, 30, 10_000)] == [
        100,
        75,
        50,
        38,
        25,
        13,
        0,
    ]
    assert faded(1, DAY * 10, DAY * 10) == 1, "a half is rounded away from nothing"
    assert faded(1, DAY * 10 + timedelta(microseconds=1), DAY * 10) == 0
    assert faded(7, -DAY, DAY) == 7
    assert faded(7, DAY * 10_000, None) == 7


def test_the_newest_count_first_under_a_cap() -> None:
    did = [Event("clicked", NOW - DAY * n, "test", str(n), id=str(n)) for n in range(5)]
    found = reasons(did, {"clicked": Rule(4, cap=10)}, NOW)
    assert [(reason.event, reason.points) for reason in found] == [("0", 4), ("1", 4), ("2", 2)]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("clicked 3", ("clicked", Rule(3))),
        ("clicked: +3 cap 15", ("clicked", Rule(3, 15))),
        ("visited = -2 cap 10 half-life 30 days", ("visited", Rule(-2, 10, DAY * 30))),
        (" opened 1 half-life 2w ", ("opened", Rule(1, None, DAY * 14))),
        ("unsubscribed -100", ("unsubscribed", Rule(-100))),
    ],
)
def test_rules_are_read(line: str, rule: tuple[str, Rule]) -> None:
    assert rules.read_points(line) == rule


@pytest.mark.parametrize(
    "line",
    [
        "",
        "clicked",
        "clicked x",
        "3 clicked",
        "clicked 3 half-life 0 days",
        "clicked 99999",
        "clicked ３",
        "c\0 3",
        "clicked 3 cap",
    ],
)
def test_what_is_no_rule_is_refused(line: str) -> None:
    with pytest.raises(Invalid):
        rules.read_points(line)


def test_settings_go_over_the_defaults_and_0_switches_a_kind_off() -> None:
    types = {kind: EventType(kind, kind, points=3, cap=9) for kind in ("clicked", "opened", "visited")}
    settings = {
        "points": ["opened 0", "visited 5"],
        "fit": ['-20 "Free mail" when email like "%@gmail.com"'],
        "threshold": 50,
        "answer_hours": 24,
    }
    model = rules.model(types, settings)
    assert model.kinds == {"clicked": Rule(3, 9), "visited": Rule(5)}
    assert model.fits == (rules.Fit(-20, 'email like "%@gmail.com"', "Free mail"),)
