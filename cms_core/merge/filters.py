"""The fixed set of filters. Each takes any value and its literal arguments, never raises, and adds at most its arguments."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cms_core.merge.values import blank, items, joined, moment, number, text

_WORD = re.compile(r"[^\s\-(\[{<]+")
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_DATE_FORMAT = re.compile(r"(?:[^%]|%[dmYyHMBbAae%])*", re.DOTALL)


def _default(value: Any, instead: Any) -> Any:
    return instead if blank(value) else value


def _title(value: Any) -> str:
    return _WORD.sub(lambda word: word[0].capitalize(), text(value))


def _truncate(value: Any, length: int) -> str:
    full = text(value)
    return full if len(full) <= length else full[: length - 1].rstrip() + "…"


def _date(value: Any, pattern: str = "%Y-%m-%d") -> str:
    """Own formatting, as strftime follows the process's locale and lets a pattern ask for any width."""
    at = moment(value)
    if at is None:
        return text(value)
    month, day = _MONTHS[at.month - 1], _DAYS[at.weekday()]
    parts = {
        "%d": f"{at.day:02}", "%e": str(at.day), "%m": f"{at.month:02}", "%b": month[:3], "%B": month, "%Y": f"{at.year:04}",
        "%y": f"{at.year % 100:02}", "%a": day[:3], "%A": day, "%H": f"{at.hour:02}", "%M": f"{at.minute:02}", "%%": "%",
    }  # fmt: skip
    return re.sub("%.", lambda part: parts[part[0]], pattern)


def _number(value: Any, decimals: int = 0) -> str:
    found = number(value)
    return text(value) if found is None else f"{found:,.{decimals}f}"


def _join(value: Any, separator: str = ", ") -> str:
    return joined(value, separator) if isinstance(value, list | tuple) else text(value)


def _length(value: Any) -> int:
    return len(value if isinstance(value, str) else items(value))


def urlencode(value: Any, safe: str = "") -> str:
    """The text percent-encoded, so that it is one part of an address and nothing more."""
    return quote(text(value), safe)


@dataclass(frozen=True)
class Filter:
    """A filter, what it wants in its brackets, and whether that may be left out."""

    apply: Callable[..., Any]
    accepts: Callable[[Any], bool] | None = None
    usage: str = ""
    optional: bool = False
    fills: bool = False  # what it gives is never blank by accident


def _is_separator(argument: Any) -> bool:
    return isinstance(argument, str) and len(argument) <= 20


def _is_date_format(argument: Any) -> bool:
    return isinstance(argument, str) and _DATE_FORMAT.fullmatch(argument) is not None


def _is_literal(argument: Any) -> bool:
    return isinstance(argument, str | int | float) and not isinstance(argument, bool)


def _between(low: int, high: int) -> Callable[[Any], bool]:
    return lambda argument: type(argument) is int and low <= argument <= high


FILTERS: Mapping[str, Filter] = {
    "capitalize": Filter(lambda value: text(value).capitalize()),
    "date": Filter(
        _date, _is_date_format, 'date("%d.%m.%Y") with %d %e %m %b %B %y %Y %a %A %H %M', optional=True
    ),
    "default": Filter(_default, _is_literal, 'default("there")', fills=True),
    "join": Filter(_join, _is_separator, 'join(", ") with at most 20 characters', optional=True),
    "length": Filter(_length, fills=True),
    "lower": Filter(lambda value: text(value).lower()),
    "number": Filter(_number, _between(0, 6), "number(2), with 0 to 6 decimals", optional=True),
    "title": Filter(_title),
    "trim": Filter(lambda value: text(value).strip()),
    "truncate": Filter(_truncate, _between(1, 10_000), "truncate(40), with 1 to 10000 characters"),
    "upper": Filter(lambda value: text(value).upper()),
    "urlencode": Filter(urlencode),
}
