"""The calendar as the page draws it: a month of whole weeks or one week, in one zone; campaigns as bands, entries as chips."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Self

from sqlalchemy import Row

from cms_core.campaigns.models import Campaign, EntryKind, EntryState
from cms_core.campaigns.when import resolve_wall, zone
from cms_core.contract import Channel, Mark
from cms_core.errors import Invalid

WEEK = 7
FIRST_YEAR, LAST_YEAR = 2, 9998  # whole weeks in any zone reach into the years beside
FAILED = ("failed", "unknown", "missed", "held")
OUT = ("published", "withdrawn")
MAX_LANES = 6
GROUPS = ("email", "event", "sales", "seo", "social", "ads")


@dataclass(frozen=True)
class Month:
    """A month shown as whole weeks, from Monday to Sunday, in one zone."""

    first: date
    tz: str

    @classmethod
    def parse(cls, text: str | None, today: date, tz: str) -> Self:
        """The month of "2026-05", or this month."""
        if not text:
            return cls(today.replace(day=1), tz)
        try:
            first = date.fromisoformat(f"{text}-01")
            if not FIRST_YEAR <= first.year <= LAST_YEAR:
                raise ValueError
        except ValueError:
            raise Invalid(f"{text[:20]!r} is not a month", "write it like 2026-05") from None
        return cls(first, tz)

    @property
    def title(self) -> str:
        return f"{self.first:%B %Y}"

    @property
    def arguments(self) -> dict[str, str]:
        """What leads to this stretch of days."""
        return {"month": self.shifted(0)}

    def beside(self, steps: int) -> dict[str, str]:
        """What leads to the stretch so many steps away."""
        return {"month": self.shifted(steps)}

    def outside(self, day: date) -> bool:
        """Whether a day is shown only to fill its week."""
        return day.month != self.first.month

    def shifted(self, months: int) -> str:
        """The month so many months away, as "2026-05"."""
        index = self.first.year * 12 + self.first.month - 1 + months
        return f"{max(FIRST_YEAR, min(LAST_YEAR, index // 12)):04d}-{index % 12 + 1:02d}"

    @property
    def start(self) -> date:
        """The Monday of the first week."""
        return self.first - timedelta(days=self.first.weekday())

    @property
    def days(self) -> list[date]:
        """All days shown."""
        following = (self.first.replace(day=28) + timedelta(days=4)).replace(day=1)
        last = following - timedelta(days=1)
        end = last + timedelta(days=WEEK - 1 - last.weekday())
        return [self.start + timedelta(days=n) for n in range((end - self.start).days + 1)]

    @property
    def range(self) -> tuple[datetime, datetime]:
        """The instants at which the first day shown begins and the last one ends."""
        first, last = self.days[0], self.days[-1] + timedelta(days=1)
        edges = (datetime.combine(day, time()) for day in (first, last))
        start, end = (resolve_wall(edge, self.tz).instant for edge in edges)
        return start, end


class Week(Month):
    """The week, from Monday to Sunday, that holds the day ``first``."""

    @classmethod
    def parse(cls, text: str | None, today: date, tz: str) -> Self:
        """The week of "2026-05-04", or this week."""
        try:
            first = date.fromisoformat(text) if text else today
            if not FIRST_YEAR <= first.year <= LAST_YEAR:
                raise ValueError
        except ValueError:
            raise Invalid(f"{str(text)[:20]!r} is not a day", "write it like 2026-05-04") from None
        return cls(first, tz)

    @property
    def title(self) -> str:
        first, last = self.days[0], self.days[-1]
        return f"{first.day} {first:%B} – {last.day} {last:%B} {last:%Y}"

    @property
    def days(self) -> list[date]:
        return [self.start + timedelta(days=n) for n in range(WEEK)]

    @property
    def arguments(self) -> dict[str, str]:
        return self.beside(0)

    def beside(self, steps: int) -> dict[str, str]:
        return {"view": "week", "week": (self.start + timedelta(days=WEEK * steps)).isoformat()}

    def outside(self, day: date) -> bool:
        return False


class Listing(Month):
    """A month as a list of its entries; what runs for days stands on the first of them."""

    def beside(self, steps: int) -> dict[str, str]:
        return {"view": "list", "month": self.shifted(steps)}

    @property
    def arguments(self) -> dict[str, str]:
        return self.beside(0)


@dataclass(frozen=True)
class Bar:
    """What runs from one day to another: a campaign, or a flight, which has a chip too and can be moved."""

    first: date
    last: date
    label: str
    url: str
    group: str
    chip: dict[str, Any] | None = None


def shown_days(view: str, month: str | None, week: str | None, today: date, tz: str) -> Month:
    """What a view of the calendar shows: the month, the week, or the list of a month."""
    if view == "week":
        return Week.parse(week, today, tz)
    return (Listing if view == "list" else Month).parse(month, today, tz)


def chip(
    row: Row[Any], tz: str, group: str, publication: str | None, move_url: str, url: str
) -> dict[str, Any]:
    """An entry as a chip: what became of its publication counts more than its own state."""
    state = publication or row.state
    kind = "armed" if row.state == EntryState.ARMED else row.state
    if publication in FAILED:
        kind = "failed"
    elif publication in OUT or row.state == EntryState.DONE:
        kind = "done"
    local = row.local or row.instant.astimezone(zone(tz))
    ends = _last_day(row, tz)
    movable = row.state in (EntryState.PLANNED, EntryState.ARMED) and kind != "done"
    return {
        "id": row.id,
        "url": url,
        "title": row.title,
        "time": f"{local:%H:%M}{' local' if row.local else ''}",
        "day": local.date(),
        "until": ends if ends and ends > local.date() else None,
        "channel": row.channel or row.kind,
        "group": group,
        "state": state,
        "kind": kind,
        "move_url": move_url if movable else "",
        "version": row.row_version,
        "serial": row.series_id is not None,
    }


def _last_day(row: Row[Any], tz: str) -> date | None:
    """The day on which a flight ends: midnight belongs to the day before."""
    if row.kind != EntryKind.FLIGHT or row.ends_at is None:
        return None
    last: datetime = row.ends_at - timedelta(microseconds=1)
    return last.astimezone(zone(tz)).date()


def campaign_bar(campaign: Campaign, url: str) -> Bar:
    """A campaign as a bar over its days."""
    group = GROUPS[campaign.id % len(GROUPS)]
    return Bar(campaign.starts_on, campaign.ends_on, campaign.name, url, group)


def spread(
    month: Month, chips: Iterable[dict[str, Any]]
) -> tuple[dict[date, list[dict[str, Any]]], list[Bar]]:
    """Chips by day, and as bars those that run for days; a list has no bars, there they stand on their first day shown."""
    days: dict[date, list[dict[str, Any]]] = {}
    bars: list[Bar] = []
    for each in chips:
        day, last = each["day"], each["until"]
        if last and not isinstance(month, Listing):
            bars.append(Bar(day, last, each["title"], each["url"], each["group"], each))
        else:
            # A recipient's own time may lie a day beside those shown: what was found is shown.
            shown = max(day, month.first) if last else min(max(day, month.days[0]), month.days[-1])
            days.setdefault(shown, []).append(each)
    return days, bars


def weeks(
    month: Month,
    today: date,
    chips: Mapping[date, Sequence[dict[str, Any]]],
    bars: Sequence[Bar],
    marks: Iterable[Mark],
) -> list[dict[str, Any]]:
    """The weeks in the shape that the template ``cms/_calendar.html`` draws."""
    badges: dict[date, list[str]] = {}
    for mark in marks:
        for day in _days_of(mark):
            badges.setdefault(day, []).append(mark.label)
    days = month.days
    drawn = []
    for start in range(0, len(days), WEEK):
        week = days[start : start + WEEK]
        bands, crowded = _bands(week, bars)
        lanes = max((band["lane"] for band in bands), default=0)
        standing = {day: [bar.chip for bar in crowded if bar.chip and bar.first == day] for day in week}
        cells = [
            _day(day, month, today, [*standing[day], *chips.get(day, ())], badges.get(day, ()))
            for day in week
        ]
        drawn.append({"days": cells, "bands": bands, "lanes": lanes})
    return drawn


def _days_of(mark: Mark) -> Iterable[date]:
    length = min((mark.end - mark.start).days, 366)
    return (mark.start + timedelta(days=n) for n in range(length + 1))


def _day(
    day: date, month: Month, today: date, chips: Sequence[dict[str, Any]], badges: Sequence[str]
) -> dict[str, Any]:
    return {
        "iso": day.isoformat(),
        "number": day.day,
        "label": f"{day:%A} {day.day} {day:%B}",
        "month": f"{day:%b}" if day.day == 1 else "",
        "out": month.outside(day),
        "today": day == today,
        "badge": badges[0].rpartition(": ")[2] if badges else "",
        "badge_title": ", ".join(badges),
        "chips": chips,
    }


def _bands(week: Sequence[date], bars: Sequence[Bar]) -> tuple[list[dict[str, Any]], list[Bar]]:
    """The bars of a week on their lanes, and those for which no lane is left."""
    bands: list[dict[str, Any]] = []
    crowded: list[Bar] = []
    for bar in bars:
        if bar.first > week[-1] or bar.last < week[0]:
            continue
        start = max(0, (bar.first - week[0]).days)
        end = min(WEEK - 1, (bar.last - week[0]).days)
        lane = _free_lane(bands, start, end)
        if lane > MAX_LANES:
            crowded.append(bar)
            continue
        bands.append(
            {
                "label": bar.label,
                "url": bar.url,
                "group": bar.group,
                "start": start + 1,
                "span": end - start + 1,
                "begins": bar.first >= week[0],
                "ends": bar.last <= week[-1],
                "lane": lane,
                "entry": bar.chip,
            }
        )
    return bands, crowded


def _free_lane(bands: Sequence[dict[str, Any]], start: int, end: int) -> int:
    taken = {b["lane"] for b in bands if b["start"] - 1 <= end and b["start"] + b["span"] - 2 >= start}
    return next(lane for lane in range(1, MAX_LANES + 2) if lane not in taken)


def group_of(channels: Mapping[str, Channel], name: str) -> str:
    """The colour group of a channel; a channel whose plugin is gone has none."""
    channel = channels.get(name)
    return channel.group if channel else ""
