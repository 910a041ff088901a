"""The tree of a segment rule: what the parser makes of the text and the compiler makes SQL of."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

Value = str | Decimal | date | datetime


@dataclass(frozen=True)
class Compare:
    """A field against one value; ``column`` is where the field stands in the rule (from 1)."""

    field: str
    operator: str
    value: Value
    column: int


@dataclass(frozen=True)
class OneOf:
    """A field against a list of values."""

    field: str
    values: tuple[Value, ...]
    column: int


@dataclass(frozen=True)
class Like:
    """A field against a pattern: ``%`` is any text, ``_`` any one character."""

    field: str
    pattern: str
    column: int


@dataclass(frozen=True)
class Empty:
    """Whether a field is empty."""

    field: str
    column: int


@dataclass(frozen=True)
class Happened:
    """How often something happened with a campaign, ever or within a window up to now."""

    kind: str
    campaign: str
    operator: str
    count: int
    window: timedelta | None


@dataclass(frozen=True)
class InSegment:
    """Whether the contact belongs to another segment."""

    name: str
    column: int


@dataclass(frozen=True)
class Not:
    """Everybody but those."""

    part: "Rule"


@dataclass(frozen=True)
class All:
    """Those in every part."""

    parts: tuple["Rule", ...]


@dataclass(frozen=True)
class AnyOf:
    """Those in at least one part."""

    parts: tuple["Rule", ...]


Rule = Compare | OneOf | Like | Empty | Happened | InSegment | Not | All | AnyOf
