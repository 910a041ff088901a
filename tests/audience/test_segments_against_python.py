"""Any rule, counted by the database, gives what a plain evaluation in Python gives over the same people and events."""

import operator
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from cms_core import models
from cms_core.audience import rules, segments, tree
from cms_core.audience.models import Contact, CustomField
from cms_core.clock import FrozenClock
from cms_core.db import Database
from cms_core.events.keys import campaign_key
from cms_core.events.models import Event

NOW = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
OPERATORS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TEXTS = st.sampled_from(
    ["", "FR", "fr", "De", "10", "9", "-2.5", "2026-05-04", "2026-05-05x", "a%b", "a_b", "été", "x\ny", "'\""]
)
FIELDS = st.sampled_from(["country", "first_name", "stage", "score"])
OWN = ("stage", "score")
CAMPAIGNS = ("Launch", "Été")
KINDS = st.sampled_from(rules.EVENT_KINDS)

numbers = st.sampled_from([Decimal(each) for each in ("0", "9", "10", "-2.5", "9.50")])
days = st.sampled_from([date(2026, 5, 3), date(2026, 5, 4), date(2026, 5, 5)])
values = st.one_of(TEXTS, numbers, days)
signs = st.sampled_from(list(OPERATORS))
people = st.lists(
    st.fixed_dictionaries(
        {"country": TEXTS, "first_name": TEXTS, "stage": TEXTS, "score": TEXTS, "days_ago": st.integers(0, 2)}
    ),
    max_size=6,
)
happenings = st.lists(
    st.tuples(
        st.integers(0, 5),
        KINDS,
        st.sampled_from(CAMPAIGNS),
        st.integers(0, 50),
        st.sampled_from(["human", "human", "bot"]),
    ),
    max_size=15,
)
terms = st.one_of(
    st.builds(tree.Compare, FIELDS, signs, TEXTS, st.just(1)),
    st.builds(tree.Compare, st.sampled_from(OWN), signs, st.one_of(numbers, days), st.just(1)),
    st.builds(tree.Compare, st.just("created_at"), signs, days, st.just(1)),
    st.builds(tree.OneOf, FIELDS, st.lists(TEXTS, min_size=1, max_size=3).map(tuple), st.just(1)),
    st.builds(tree.OneOf, st.sampled_from(OWN), st.lists(values, min_size=1, max_size=3).map(tuple), st.just(1)),
    st.builds(tree.Like, FIELDS, st.sampled_from(["%", "_", "%r", "f_", "A\\%B", "a%b", "", "%10%"]), st.just(1)),
    st.builds(tree.Empty, FIELDS, st.just(1)),
    st.builds(
        tree.Happened, KINDS, st.sampled_from(CAMPAIGNS), signs, st.integers(0, 3),
        st.one_of(st.none(), st.integers(1, 60).map(lambda n: timedelta(days=n))),
    ),
)  # fmt: skip
trees = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.builds(tree.Not, inner),
        st.builds(tree.All, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(tree.AnyOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


def written(rule: tree.Rule) -> str:  # noqa: PLR0911 - one form after the other
    """The rule as a person would type it."""
    match rule:
        case tree.All(parts):
            return " and ".join(f"({written(part)})" for part in parts)
        case tree.AnyOf(parts):
            return " or ".join(f"({written(part)})" for part in parts)
        case tree.Not(part):
            return f"not ({written(part)})"
        case tree.Compare(field, sign, value):
            return f"{field} {sign} {literal(value)}"
        case tree.OneOf(field, values):
            return f"{field} in ({', '.join(map(literal, values))})"
        case tree.Like(field, pattern):
            return f"{field} like {literal(pattern)}"
        case tree.Empty(field):
            return f"{field} is empty"
        case tree.Happened(kind, campaign, sign, count, window):
            tail = f" within {window.days} days" if window else ""
            return f'{kind}("{campaign}") {sign} {count}{tail}'
    raise AssertionError(rule)


def literal(value: Any) -> str:
    if isinstance(value, str):
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"'
    return str(value)


def lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def fits(rule: tree.Rule, person: dict[str, Any], events: list[Any]) -> bool:  # noqa: PLR0911
    """What a rule means, in the plainest words."""
    match rule:
        case tree.All(parts):
            return all(fits(part, person, events) for part in parts)
        case tree.AnyOf(parts):
            return any(fits(part, person, events) for part in parts)
        case tree.Not(part):
            return not fits(part, person, events)
        case tree.Compare(field, "!=", value):
            return not compare(person, field, "=", value)
        case tree.Compare(field, sign, value):
            return compare(person, field, sign, value)
        case tree.OneOf(field, values):
            return any(compare(person, field, "=", value) for value in values)
        case tree.Like(field, pattern):
            regex = "".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in lower(pattern))
            return person[field] != "" and re.fullmatch(regex, lower(person[field]), re.DOTALL) is not None
        case tree.Empty(field):
            return bool(person[field] == "")
        case tree.Happened(kind, campaign, sign, count, window):
            seen = [
                each
                for each in events
                if each[1:3] == (kind, campaign)
                and each[4] == "human"
                and (window is None or timedelta(days=each[3]) <= window)
            ]
            return bool(OPERATORS[sign](len(seen), count))
    raise AssertionError(rule)


def compare(person: dict[str, Any], field: str, sign: str, value: Any) -> bool:
    if field == "created_at":
        return bool(OPERATORS[sign]((NOW - timedelta(days=person["days_ago"])).date(), value))
    text = person[field]
    if isinstance(value, str):
        return bool((text != "" or sign == "=") and OPERATORS[sign](lower(text), lower(value)))
    if isinstance(value, Decimal):
        return bool(re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text) and OPERATORS[sign](Decimal(text), value))
    return bool(re.match(r"\d{4}-\d\d-\d\d(?!\d)", text) and OPERATORS[sign](text[:10], value.isoformat()))


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    opened = Database("sqlite://", FrozenClock(NOW))
    models.metadata.create_all(opened.engine)
    with opened.transaction() as session:
        session.execute(insert(CustomField), [{"name": name, "label": name} for name in OWN])
    yield opened
    opened.dispose()


def fill(session: Session, everybody: list[dict[str, Any]], events: list[Any]) -> None:
    session.execute(delete(Event))
    session.execute(delete(Contact))
    for number, person in enumerate(everybody):
        at = NOW - timedelta(days=person["days_ago"])
        own = {name: person[name] for name in OWN if person[name]}
        plain = {"country": person["country"], "first_name": person["first_name"]}
        session.add(
            Contact(id=number + 1, email=f"{number}@x.de", extra=own, created_at=at, updated_at=at, **plain)
        )
    for number, (who, kind, campaign, days_ago, agent) in enumerate(events):
        at = NOW - timedelta(days=days_ago)
        session.add(
            Event(
                source="t", source_id=str(number), kind=kind, at=at, received_at=at, agent_class=agent, contact_id=who + 1,
                campaign=campaign_key(campaign), props={},
            )
        )  # fmt: skip
    session.flush()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(everybody=people, events=happenings, rule=trees)
def test_count_equals_python(
    database: Database, everybody: list[dict[str, Any]], events: list[Any], rule: tree.Rule
) -> None:
    expected = sum(
        fits(rule, person, [each for each in events if each[0] == number])
        for number, person in enumerate(everybody)
    )
    with database.session() as session:
        fill(session, everybody, events)
        assert segments.count(session, written(rule)) == expected
