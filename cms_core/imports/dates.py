"""Days and times as spreadsheets and schedulers write them, as the text that ``parse_when`` reads."""

import re
from collections.abc import Iterable

from cms_core.errors import Invalid

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?!\d)")
_DAY_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\.? ([A-Za-z]{3,9})\.?,? (\d{4})(?!\d)")
_MONTH_DAY = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})(?!\d)")
_TIME = re.compile(
    r"(?:[ T,]+|^)(\d{1,2})(?::(\d\d)(?::(\d\d)(?:\.\d+)?)?)?(?: ?([ap])\.?m\.?)?(?= |$|Z|[+-]\d)",
    re.IGNORECASE,
)


def day_comes_first(cells: Iterable[str]) -> bool | None:
    """Whether 5/4/2026 is the fifth of April, by the other days of the same file; None when they do not say."""
    found = [_YEAR_LAST.search(cell) for cell in cells]
    pairs = [(int(each[1]), int(each[3])) for each in found if each and each[2] != "."]
    day_first, month_first = any(a > 12 for a, _ in pairs), any(b > 12 for _, b in pairs)
    return None if day_first == month_first else day_first


def plain_when(text: str, day_first: bool | None) -> str:
    """The same time as ``2026-05-04 09:00`` with what follows it (offset, zone); what has no day in it stays as it is.

    Raises Invalid for a day that may be two.
    """
    text = " ".join(text.split())
    found = _day(text, day_first)
    if found is None:
        return text
    day, rest = found
    time = _TIME.match(rest)
    if time is None:
        return f"{day} {rest.strip()}".strip()
    hour, minute, second, half = int(time[1]), time[2], time[3], (time[4] or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "p" else 0) if 1 <= hour <= 12 else 99
    elif minute is None:
        return f"{day} {rest.strip()}"
    clock = f"{hour:02}:{minute or '00'}" + (f":{second}" if second else "")
    return f"{day} {clock}{rest[time.end() :]}"


def _day(text: str, day_first: bool | None) -> tuple[str, str] | None:
    if found := _YEAR_FIRST.match(text):
        return _iso(found[1], found[2], found[3]), text[found.end() :]
    if found := _YEAR_LAST.match(text):
        first, second = int(found[1]), int(found[3])
        if found[2] == "." or first == second or first > 12:
            day_first = True
        elif second > 12:
            day_first = False
        if day_first is None:
            raise Invalid(
                f"{found.group()} may be two days", f"write it as {_iso(found[4], found[3], found[1])}"
            )
        day, month = (found[1], found[3]) if day_first else (found[3], found[1])
        return _iso(found[4], month, day), text[found.end() :]
    for pattern, month_at, day_at in ((_DAY_MONTH, 2, 1), (_MONTH_DAY, 1, 2)):
        found = pattern.match(text)
        if found and (month := found[month_at][:3].lower()) in _MONTHS:
            return _iso(found[3], str(_MONTHS.index(month) + 1), found[day_at]), text[found.end() :]
    return None


def _iso(year: str, month: str, day: str) -> str:
    return f"{year}-{int(month):02}-{int(day):02}"
