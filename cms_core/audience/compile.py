"""What a segment rule means, as SQL: an expression over ``Contact`` built by SQLAlchemy, every value a bound parameter.

- Every term is true or false, never NULL. An empty field fits no comparison but ``!=`` (and ``= ""``), so ``not`` and ``!=``
  include contacts whose field is empty.
- Texts are compared without regard to case (of A–Z in SQLite, of all letters where the database's locale knows them).
- Own fields are texts; against a number they count only where they look like one, against a date where they begin like one.
- A date against an instant (``created_at``) is that day in UTC.
- Events count only where a human caused them.
"""

import operator
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Double,
    String,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
)
from sqlalchemy.orm import Session

from cms_core.audience import fields, tree
from cms_core.audience.consent import standing
from cms_core.audience.models import Company, Contact, Segment, SegmentMember
from cms_core.audience.rules import parse
from cms_core.contract import AgentClass
from cms_core.db import now
from cms_core.dialect import not_by_index
from cms_core.errors import Invalid
from cms_core.events.keys import campaign_key
from cms_core.events.models import Event

MAX_TERMS = 200
CONSENT = "consent"  # how a contact stands to e-mail: yes, no or unsubscribed
MOMENTS = {"created_at": Contact.created_at, "updated_at": Contact.updated_at}
_NUMBER = r"^[+-]?[0-9]{1,15}(\.[0-9]{1,12})?$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([^0-9]|$)"
_OPERATORS: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_COMPANY = select(Company.name).where(Company.id == Contact.company_id).correlate(Contact).scalar_subquery()

Condition = ColumnElement[bool]


class Names:
    """The own fields and segments that rules may name; shared by many rules, each is read once."""

    def __init__(self, session: Session, segments: Iterable[Segment] = ()) -> None:
        self._session = session
        self._segments: dict[str, Segment | None] = {segment.name: segment for segment in segments}

    @cached_property
    def fields(self) -> dict[str, str]:
        """The workspace's own fields."""
        return fields.known(self._session)

    def segment(self, name: str) -> Segment | None:
        """The segment of this name, if any."""
        if name not in self._segments:
            self._segments[name] = self._session.scalar(select(Segment).where(Segment.name == name))
        return self._segments[name]


def compile_rule(session: Session, rule: str, *, within: str = "", names: Names | None = None) -> Condition:
    """The condition that a contact must fulfil; ``within`` is the name of the segment whose rule it is.

    Raises Invalid for a rule that is not understood, names an unknown field or segment, or leads back to itself.
    """
    return _Compiler(session, (within,) if within else (), names or Names(session)).compile(parse(rule))


class _Compiler:
    """Compiles one rule, and those of the segments it names; ``path`` are the segments on the way, to find circles."""

    def __init__(self, session: Session, path: tuple[str, ...], names: Names) -> None:
        self._session = session
        self._now = now(session)
        self._names = names
        self._custom = names.fields
        self._path = path
        self._terms = 0

    def compile(self, rule: tree.Rule) -> Condition:
        match rule:
            case tree.All(parts):
                return and_(*map(self.compile, parts))
            case tree.AnyOf(parts):
                return or_(*map(self.compile, parts))
            case tree.Not(part):
                return not_(self.compile(part))
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise Invalid(
                f"the rule has more than {MAX_TERMS} terms, with those of the segments it names",
                "make it simpler",
            )
        return self._term(rule)

    def _term(self, rule: tree.Rule) -> Condition:
        match rule:
            case tree.Happened():
                return self._happened(rule)
            case tree.InSegment(name, column):
                return self._in_segment(name, column)
            case tree.Empty(field, column):
                return false() if field in MOMENTS else self._text(field, column) == ""
            case tree.Like(field, pattern, column):
                text = self._text(field, column)
                return and_(text != "", text.ilike(pattern.replace("\\", "\\\\"), escape="\\"))
            case tree.OneOf(field, values, column):
                return self._one_of(field, values, column)
            case tree.Compare(field, sign, value, column):
                found = self._compare(field, "=" if sign == "!=" else sign, value, column)
                return not_(found) if sign == "!=" else found
        raise AssertionError(rule)

    def _compare(self, field: str, sign: str, value: tree.Value, column: int) -> Condition:
        if field in MOMENTS:
            return _compare_moment(field, sign, value, column)
        text = self._text(field, column)
        if isinstance(value, str):
            found = _OPERATORS[sign](func.lower(text), func.lower(literal(value, String)))
            return found if sign == "=" else and_(text != "", found)
        if field not in self._custom:
            raise _at(
                column,
                f"{field} is a text and cannot be compared with {value}",
                f'write "{value}" in double quotes',
            )
        if isinstance(value, Decimal):
            looks_so = text.regexp_match(_NUMBER)
            holds = _OPERATORS[sign](cast(text, Double), float(value))
            # SQLite casts anything and has Python match; PostgreSQL casts nothing that is no number.
            first, then = (
                (holds, looks_so) if self._session.get_bind().dialect.name == "sqlite" else (looks_so, holds)
            )
            return case((first, then), else_=false())
        if isinstance(value, datetime):
            raise _at(column, f"{field} is compared by the day", "give a date such as 2026-05-04")
        return and_(text.regexp_match(_DATE), _OPERATORS[sign](func.substr(text, 1, 10), value.isoformat()))

    def _one_of(self, field: str, values: tuple[tree.Value, ...], column: int) -> Condition:
        texts = [value for value in values if isinstance(value, str) and field not in MOMENTS]
        others = [value for value in values if not isinstance(value, str) or field in MOMENTS]
        self._terms += len(others)
        found = [self._compare(field, "=", value, column) for value in others]
        if texts:
            text = func.lower(self._text(field, column))
            found.append(text.in_([func.lower(literal(value, String)) for value in texts]))
        return or_(*found)

    def _happened(self, rule: tree.Happened) -> Condition:
        conditions = [
            Event.contact_id == Contact.id,
            Event.kind == rule.kind,
            not_by_index(self._session, Event.campaign) == campaign_key(rule.campaign),
            Event.agent_class == AgentClass.HUMAN,
        ]
        if rule.window is not None:
            conditions.append(Event.at >= self._now - rule.window)
        if (rule.operator, rule.count) in ((">", 0), (">=", 1), ("!=", 0)):
            return exists(select(Event.id).where(*conditions).correlate(Contact))
        how_often = select(func.count(Event.id)).where(*conditions).correlate(Contact).scalar_subquery()
        return _OPERATORS[rule.operator](how_often, rule.count)

    def _in_segment(self, name: str, column: int) -> Condition:
        if name in self._path:
            circle = " → ".join((*self._path[self._path.index(name) :], name))
            raise _at(
                column,
                f"the segments lead back to themselves: {circle}",
                "take one of them out of the other's rule",
            )
        segment = self._names.segment(name)
        if segment is None:
            names = self._session.scalars(select(Segment.name).order_by(Segment.name)).all()
            raise _at(column, f"there is no segment {name!r}", _suggest(name, names, "segments"))
        if not segment.rule:
            return Contact.id.in_(
                select(SegmentMember.contact_id).where(SegmentMember.segment_id == segment.id)
            )
        self._path = (*self._path, name)
        found = self.compile(parse(segment.rule))
        self._path = self._path[:-1]
        return found

    def _text(self, field: str, column: int) -> ColumnElement[str]:
        """The field as a text that is never NULL."""
        if field == "company":
            return func.coalesce(_COMPANY, "")
        if field == CONSENT:
            return standing(Contact.id, Contact.address_hash, "email", self._now)
        if field in fields.BUILT_IN:
            return func.coalesce(getattr(Contact, field), "")
        if field in self._custom:
            return func.coalesce(Contact.extra[field].as_string(), "")
        if field in MOMENTS:
            raise _at(
                column,
                f"{field} is an instant, not a text",
                "compare it with a date: created_at >= 2026-05-04",
            )
        raise _at(
            column,
            f"unknown field {field}",
            _suggest(field, [*fields.BUILT_IN, CONSENT, *MOMENTS, *self._custom], "fields"),
        )


def _compare_moment(field: str, sign: str, value: tree.Value, column: int) -> Condition:
    """An instant against an instant, or against a day in UTC: ``=`` is within it, ``>`` after its end."""
    if isinstance(value, str):
        value = _day(value)
    if isinstance(value, datetime):
        return _OPERATORS[sign](MOMENTS[field], value.astimezone(UTC))
    if not isinstance(value, date):
        raise _at(
            column,
            f"{field} is an instant and cannot be compared with {value}",
            "give a date such as 2026-05-04",
        )
    start = datetime.combine(value, time(), UTC)
    end = start + timedelta(days=1)
    moment = MOMENTS[field]
    if sign == "=":
        return and_(moment >= start, moment < end)
    return _OPERATORS[{"<=": "<", ">": ">="}.get(sign, sign)](moment, end if sign in ("<=", ">") else start)


def _day(text: str) -> tree.Value:
    """A quoted date as a date; anything else stays a text, which an instant cannot be compared with."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text


def _suggest(name: str, known: Any, what: str) -> str:
    close = get_close_matches(name[:120], known, n=1)  # its time grows with the square of the length
    meant = f"did you mean {close[0]}? " if close else ""
    return f"{meant}the {what} are: {', '.join(known)}" if known else f"there are no {what} yet"


def _at(column: int, message: str, remedy: str) -> Invalid:
    return Invalid(f"rule, column {column}: {message}", remedy)
