"""Filters and comparisons: what they give for any value."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markupsafe import Markup

from cms_core.merge.filters import FILTERS
from cms_core.merge.values import COMPARE, blank, contained, equal, number, text, truth

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(st.characters(), max_size=20)
    | st.dates()
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.binary(max_size=4)
    | st.just(object()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
ARGUMENTS = {
    "default": ("x",),
    "truncate": (5,),
    "number": (2,),
    "join": ("/",),
    "date": ("%d.%m.%y %H:%M %a %A %b %B %e %Y %%",),
}


@given(ANYTHING)
def test_every_filter_takes_anything(value: Any) -> None:
    for name, rule in FILTERS.items():
        result = rule.apply(value, *ARGUMENTS.get(name, ()))
        assert len(text(result)) <= 60 + 40 * len(text(value))
        text(result).encode()


@given(ANYTHING, ANYTHING)
@example([False], [Decimal("NaN")])
def test_every_comparison_takes_anything(left: Any, right: Any) -> None:
    results = {name: compare(left, right) for name, compare in COMPARE.items()}
    assert all(type(result) is bool for result in results.values())
    assert results["ne"] is not results["eq"]
    assert results["notin"] is not results["in"]
    assert not (results["lt"] and results["gt"])


@given(ANYTHING)
def test_what_is_blank_is_never_true_and_shows_nothing(value: Any) -> None:
    if blank(value):
        assert not truth(value)
        assert not text(value).strip()


@pytest.mark.parametrize(
    ("name", "value", "arguments", "expected"),
    [
        ("default", " ", ("x",), "x"),
        ("default", 0, ("x",), "0"),
        ("default", False, ("x",), "false"),
        ("title", "o'brien von der-leyen", (), "O'brien Von Der-Leyen"),
        ("trim", "  a b ", (), "a b"),
        ("truncate", "one two three", (8,), "one two…"),
        ("truncate", "one", (3,), "one"),
        ("truncate", "ones", (1,), "…"),
        ("date", date(2026, 5, 4), (), "2026-05-04"),
        ("date", "2026-05-04T07:08:09+02:00", ("%A, %e %B %Y, %H:%M",), "Monday, 4 May 2026, 07:08"),
        ("date", "soon", ("%d",), "soon"),
        ("date", None, ("%d",), ""),
        ("number", 1234567.891, (2,), "1,234,567.89"),
        ("number", "1234", (), "1,234"),
        ("number", "many", (2,), "many"),
        ("number", "1e999999", (2,), "1e999999"),
        ("join", ["a", 1, None], (), "a, 1, "),
        ("length", ["a", 1, None], (), "3"),
        ("length", "abc", (), "3"),
        ("length", None, (), "0"),
        ("urlencode", "a b/ü&=", (), "a%20b%2F%C3%BC%26%3D"),
    ],
)  # fmt: skip
def test_filters(name: str, value: Any, arguments: tuple[Any, ...], expected: str) -> None:
    assert text(FILTERS[name].apply(value, *arguments)) == expected


@pytest.mark.parametrize(
    ("left", "operator", "right"),
    [
        ("73", "gt", 50),
        (73, "eq", "73.0"),
        (Decimal("0.1"), "eq", 0.1),
        ("abc", "ne", 5),
        (None, "ne", 0),
        (None, "eq", ""),
        ("b", "gt", "a"),
        (date(2026, 5, 4), "lt", "2026-05-05"),
        (datetime(2026, 5, 4, 1, tzinfo=timezone(timedelta(hours=2))), "lt", "2026-05-03T23:30"),
        (datetime(2026, 5, 4, tzinfo=UTC), "eq", date(2026, 5, 4)),
        ("yes", "eq", True),
        ("off", "eq", False),
        ("a", "in", "cat"),
        (1, "in", ["1"]),
        ("", "notin", "cat"),
        (None, "notin", [None]),
    ],
)  # fmt: skip
def test_like_is_compared_with_like(left: Any, operator: str, right: Any) -> None:
    assert COMPARE[operator](left, right)


@pytest.mark.parametrize("operator", ["lt", "lteq", "gt", "gteq"])
@pytest.mark.parametrize(
    ("left", "right"),
    [(None, 5), ("", "a"), ("abc", 5), ([1], 5), (float("nan"), 1), ("soon", date(2026, 5, 4))],
)
def test_what_has_no_order_is_neither_before_nor_after(left: Any, operator: str, right: Any) -> None:
    assert not COMPARE[operator](left, right)


def test_markup_and_half_surrogates_are_plain_text() -> None:
    assert type(text(Markup("<b>"))) is str
    assert text("a\ud800b") == "a?b"
    assert text(10**5000) == ""
    assert number(True) is None
    assert equal(["a"], ["a"])
    assert not contained("a", 5)
