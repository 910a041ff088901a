"""When a link ends, as people write it, within what the settings allow."""

import re
from datetime import UTC, date, datetime, time, timedelta

from cms_core import Invalid
from cms_sales_enablement.terms import Limits

_DAYS = re.compile(r"\+?(\d{1,4})d")


def end_of(expires: str | date, now: datetime, limits: Limits) -> datetime | None:
    """The instant of a day (through its end, UTC), of "14d" or of an instant with its offset; raises Invalid."""
    most = limits.longest_days
    latest = now + timedelta(days=most) if most else None
    ends = _instant(expires, now) or latest
    if ends is not None and ends <= now:
        raise Invalid(
            f"the link would end at {ends:%Y-%m-%d %H:%M} UTC, before it begins",
            "give a later day",
            field="expires",
        )
    if ends is not None and latest is not None and ends > latest:
        raise Invalid(
            f"links may live for {most} days at most by the setting “longest_days” of this workspace",
            f"give {latest:%Y-%m-%d} or a day before",
            field="expires",
        )
    return ends


def _instant(expires: str | date, now: datetime) -> datetime | None:
    text = str(expires or "").strip()
    if not text:
        return None
    try:
        if days := _DAYS.fullmatch(text):
            return now + timedelta(days=int(days[1]))
        if len(text) == len("2026-05-04"):
            return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=1)
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Invalid(
        f"{text[:60]!r} is not a time at which a link could end",
        "write 2026-05-04, 14d, or 2026-05-04T18:00+02:00",
        field="expires",
    )
