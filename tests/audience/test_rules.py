"""The segment language: what is understood, and how faults name the column, what was expected and a remedy."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core.audience.rules import MAX_DEPTH, parse
from cms_core.audience.tokens import MAX_RULE_LENGTH
from cms_core.audience.tree import All, AnyOf, Compare, Empty, Happened, InSegment, Like, Not, OneOf
from cms_core.errors import Invalid


def test_the_rule_of_the_reference() -> None:
    assert parse(
        'country = "FR" and (stage in ("intent", "evaluation") or clicked("Launch") > 0 within 30 days) and not in segment "X"'
    ) == All(
        (
            Compare("country", "=", "FR", 1),
            AnyOf(
                (
                    OneOf("stage", ("intent", "evaluation"), 21),
                    Happened("clicked", "Launch", ">", 0, timedelta(days=30)),
                )
            ),
            Not(InSegment("X", 104)),
        )
    )


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        (
            'a = "x" or b = 1 and not c is empty',
            AnyOf((Compare("a", "=", "x", 1), All((Compare("b", "=", Decimal(1), 12), Not(Empty("c", 26)))))),
        ),
        ("a is not empty", Not(Empty("a", 1))),
        ('A LIKE "x%"', Like("a", "x%", 1)),
        ('a not like "x%"', Not(Like("a", "x%", 1))),
        ("a NOT IN (1, -2.5)", Not(OneOf("a", (Decimal(1), Decimal("-2.5")), 1))),
        ("a>=2026-05-04", Compare("a", ">=", date(2026, 5, 4), 1)),
        ("a<2026-05-04T09:00+02:00", Compare("a", "<", datetime(2026, 5, 4, 7, tzinfo=UTC), 1)),
        (r'a = "say \"hi\" \\"', Compare("a", "=", r'say "hi" \\'[:-1], 1)),
        ('opened("A")', Happened("opened", "A", ">", 0, None)),
        ('visited("A") within 1 week', Happened("visited", "A", ">", 0, timedelta(weeks=1))),
        ('converted("A") = 2 within 12 hours', Happened("converted", "A", "=", 2, timedelta(hours=12))),
        ('clicked = "yes"', Compare("clicked", "=", "yes", 1)),
        ('not in segment "X"', Not(InSegment("X", 5))),
        ('segment = "X"', Compare("segment", "=", "X", 1)),
    ],
)  # fmt: skip
def test_forms(text: str, tree: object) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("", "the rule is empty", "write one like"),
        (
            "country = FR",
            "column 11: expected a text in double quotes, a number or a date, found FR",
            'write "FR"',
        ),
        ("country = 'FR'", "column 11", 'double quotes: "FR"'),
        ("country = “FR”", "column 11", "straight double quotes"),
        ('country == "FR"', "column 9", "write = for equal"),
        ('country <> "FR"', "column 9", "write != for unequal"),
        ('a = "x" && b = "y"', "column 9", "write and"),
        ("country", "column 8: expected an operator", "write it like"),
        ('country "FR"', "column 9: expected an operator", ""),
        ("(a = 1", "column 7: expected ), found the end", ""),
        ("a = 1)", "column 6: expected and, or, or the end of the rule, found )", ""),
        ("a = 1 b = 2", "column 7: expected and, or", ""),
        ("a = 1 and", "column 10: expected a field", ""),
        ('a = "open', "column 5", "close the text with a double quote"),
        ("a in 1", "column 6: expected (", ""),
        ("a in ()", "column 7: expected a text", ""),
        ("a like 5", "column 8: expected a pattern", ""),
        ("a is full", "column 6: expected empty or not empty, found full", ""),
        ("a not 5", "column 7: expected in or like", ""),
        ('in "X"', "column 4: expected the word segment", ""),
        ("in segment X", "column 12: expected the name of a segment", 'write "X"'),
        ("clicked(5)", "column 9: expected the name of a campaign", ""),
        ('clicked("A") > 0.5', "column 16: expected how often, as a whole number", ""),
        ('clicked("A") > "2"', "column 16: expected how often", ""),
        ('clicked("A") within 3', "column 22: expected hours, days or weeks", ""),
        ('clicked("A") within 0 days', "column 21: a window of 0 is out of range", ""),
        ('clicked("A") within 999999999 weeks', "column 21: a window", ""),
        ("a = 2026-02-30", "column 5: 2026-02-30 is no date", "2026-05-04"),
        ("a = 2026-05-04T09:00", "column 5: 2026-05-04T09:00 does not say in which zone", "add Z"),
        ("a = 5days", "column 5", ""),
        ("a = 1; drop table core_contact", "column 6", ""),
        ("a = 1 -- x", "column 7", ""),
        ("a" * (MAX_RULE_LENGTH + 1), "at most 10,000", "in segment"),
        ("(" * 200 + "a = 1" + ")" * 200, f"more than {MAX_DEPTH}", "make a segment"),
        ("not " * 2000 + "a = 1", f"more than {MAX_DEPTH}", ""),
        ("a in (" + ",".join("1" for _ in range(1001)) + ")", "a list of 1,001 values", ""),
        ("schön = 1", "column 4", ""),
    ],
)
def test_faults(text: str, message: str, remedy: str) -> None:
    with pytest.raises(Invalid) as fault:
        parse(text)
    assert message in fault.value.message
    assert remedy in fault.value.remedy
    assert fault.value.remedy


WORDS = st.sampled_from(
    'and or not in like is empty segment within days country clicked ( ) , = != < >= "FR" "x%" 5 -2.5 2026-05-04 ("A")'.split()
)


@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=14).map(" ".join)))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        parse(text)
    except Invalid as fault:
        assert fault.remedy  # noqa: PT017 - both ends are right
