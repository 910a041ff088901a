"""Instants, money and numbers as people read them; a time is never shown without its zone."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal, format_percent

LOCALE = "en_GB"
NOTHING = "–"
PATTERNS = {
    "long": "EEEE d MMMM y, HH:mm",
    "medium": "EEE d MMM y, HH:mm",
    "short": "d MMM, HH:mm",
    "time": "HH:mm",
}


def zone_of(name: str | None) -> ZoneInfo:
    """The zone of this IANA name; UTC for none or one that this machine does not know."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def wall_clock(instant: datetime | None, tz: str | None, style: str = "medium") -> str:
    """The instant on the wall clock of a zone, without the zone's name; naive instants are refused."""
    if instant is None:
        return NOTHING
    if instant.tzinfo is None:
        raise ValueError(f"naive datetime {instant!r}: say in which zone it is")
    return str(format_datetime(instant.astimezone(zone_of(tz)), PATTERNS[style], locale=LOCALE))


def when(instant: datetime | None, tz: str | None = None, style: str = "medium") -> str:
    """The instant on the wall clock of a zone, with the zone's name."""
    shown = wall_clock(instant, tz, style)
    return shown if instant is None else f"{shown} {zone_of(tz).key}"


def wall(value: datetime | None, style: str = "medium") -> str:
    """A time on a wall clock, whose zone is said elsewhere."""
    return NOTHING if value is None else str(format_datetime(value, PATTERNS[style], locale=LOCALE))


def iso(instant: datetime) -> str:
    """ISO 8601 in UTC, for the ``datetime`` attribute."""
    return instant.astimezone(UTC).isoformat(timespec="seconds")


def day(value: date | None) -> str:
    """A calendar day, which has no zone."""
    return NOTHING if value is None else str(format_date(value, "EEE d MMM y", locale=LOCALE))


def number(value: int | float | Decimal | None) -> str:
    """A number with separators; None is a dash, for "not known" is not 0."""
    return NOTHING if value is None else str(format_decimal(value, locale=LOCALE))


def percent(value: float | Decimal | None) -> str:
    """A share (0.218) as percent with at most one decimal (21.8%)."""
    return NOTHING if value is None else str(format_percent(value, "#,##0.#%", locale=LOCALE))


def money(value: Decimal | int | None, currency: str) -> str:
    """An amount with its ISO 4217 code; without a code the bare number."""
    if value is None:
        return NOTHING
    return str(format_currency(value, currency, locale=LOCALE)) if currency else number(value)
