"""What merge values mean: as text, as truth, as numbers and dates, and compared. Every function takes anything and never raises.

Values are data: no method of theirs is called, no attribute is read, and what is not text, a number, a date, a truth value
or a list of these is nothing.
"""

import operator
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

# Tuples, as isinstance takes three times as long for a union; this runs for each value of each message.
_NUMBERS = (int, float, Decimal)
_LISTS = (list, tuple)
_NUMERIC = (str, *_NUMBERS)
_SHOWN = (*_NUMBERS, date)
_NO = ("", "0", "false", "no", "off")


def text(value: Any) -> str:
    """How a value is written; missing and unknown things are empty, lists are joined with commas."""
    if isinstance(value, str):
        plain = str.__str__(value)  # a Markup, too, is only text here
        return plain if plain.isascii() else plain.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _NUMBERS):
        return _number_text(value)
    if isinstance(value, date):
        return str(value)[:16]  # of a datetime the minutes, of a date all
    if isinstance(value, _LISTS):
        return joined(value, ", ")
    return ""


def joined(values: list[Any] | tuple[Any, ...], separator: str) -> str:
    """The items of a list as one text; a list inside it is left out."""
    return separator.join(text(item) for item in values if not isinstance(item, _LISTS))


def _number_text(value: float | Decimal) -> str:
    try:
        return str(value)
    except ValueError:  # an integer of more than 4,300 digits
        return ""


def blank(value: Any) -> bool:
    """Whether there is nothing to show: missing, empty, or white space only; 0 and false are something."""
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, _SHOWN):
        return False
    return not (isinstance(value, _LISTS) and value)


def truth(value: Any) -> bool:
    """What ``{% if value %}`` means: not blank, not zero, not false."""
    return not blank(value) and bool(value)


def flag(value: Any) -> bool | None:
    """A truth value that may come as text (from a CSV file); None when it is blank."""
    if blank(value):
        return None
    return value.strip().lower() not in _NO if isinstance(value, str) else bool(value)


def items(value: Any) -> list[Any] | tuple[Any, ...]:
    """The items of a list; anything else has none."""
    return value if isinstance(value, _LISTS) else ()


def number(value: Any) -> Decimal | None:
    """A finite number of a sensible size, or None."""
    if isinstance(value, bool) or not isinstance(value, _NUMERIC):
        return None
    try:
        found = Decimal(text(value).strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found.adjusted()) < 30 else None


def moment(value: Any) -> datetime | None:
    """The instant of a date, a datetime or an ISO 8601 text; without a zone it is taken as UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if isinstance(value, date) else None


def equal(left: Any, right: Any) -> bool:
    """Equality of like with like: numbers with numbers in text, dates with ISO texts, missing with the empty text."""
    left, right = _alike(left, right)
    return bool(left == right)


def contained(left: Any, right: Any) -> bool:
    """Whether a list has an item equal to ``left``, or a text has it inside; nothing is in nothing."""
    if blank(left):
        return False
    if isinstance(right, _LISTS):
        return any(equal(left, item) for item in right)
    return text(left) in text(right)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def ordered(left: Any, right: Any) -> bool:
        """An order of like with like; what has no order is neither before nor after."""
        if blank(left) or blank(right):
            return False
        left, right = _alike(left, right)
        try:
            return bool(compare(left, right))
        except (TypeError, InvalidOperation):  # the latter where a list holds what is no number
            return False

    return ordered


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    if type(left) is type(right) and type(left) in (int, str):
        return left, right
    for kinds, convert in _CONVERT:
        if isinstance(left, kinds) or isinstance(right, kinds):
            return convert(left), convert(right)
    if isinstance(left, _LISTS) or isinstance(right, _LISTS):
        return items(left), items(right)
    return text(left), text(right)


_CONVERT: tuple[tuple[tuple[type, ...], Callable[[Any], Any]], ...] = (
    ((bool,), flag),
    ((date,), lambda value: moment(value) or ""),
    (_NUMBERS, lambda value: "" if (found := number(value)) is None else found),
)

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": equal,
    "ne": lambda left, right: not equal(left, right),
    "lt": _ordered(operator.lt),
    "lteq": _ordered(operator.le),
    "gt": _ordered(operator.gt),
    "gteq": _ordered(operator.ge),
    "in": contained,
    "notin": lambda left, right: not contained(left, right),
}
