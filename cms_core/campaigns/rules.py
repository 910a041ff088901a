"""What pages, commands and calls of blackouts, slots, series and whole campaigns share: names become rows, rows documents."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from cms_core.audience import segments
from cms_core.campaigns import blackouts, placing, series, service, slots
from cms_core.campaigns.blackouts import Wanted
from cms_core.campaigns.fatigue import SPAN, Fatigue
from cms_core.campaigns.models import Blackout, Campaign, Entry, EntryKind, Series
from cms_core.campaigns.money import parse_money
from cms_core.campaigns.service import Plan
from cms_core.campaigns.when import parse_when, resolve, zone
from cms_core.connections import service as connections
from cms_core.connections.models import Connection
from cms_core.content import service as content
from cms_core.errors import Invalid, NotFound
from cms_core.publishing.rescheduling import CampaignMove

T = TypeVar("T")


@contextmanager
def of_field(name: str) -> Iterator[None]:
    """What cannot be used within is said of this field, unless it names its own; so are days beyond the last one."""
    try:
        yield
    except OverflowError:
        raise Invalid("this leaves the calendar", "give an earlier day", field=name) from None
    except Invalid as error:
        error.field = error.field or name
        raise


def named(
    find: Callable[[Session, str], T], session: Session, given: Mapping[str, str], field: str
) -> T | None:
    """What a field names, or None where it is empty; raises Invalid where there is no such thing."""
    if not given[field]:
        return None
    with of_field(field):
        try:
            return find(session, given[field])
        except NotFound as error:
            raise Invalid(error.message, error.remedy) from None


# --- read -------------------------------------------------------------------------------------------------------------


def add_blackout(session: Session, given: Mapping[str, str], tz: str) -> Blackout:
    """Add the blackout that was asked for by the names of BlackoutForm; ``tz`` is the zone of one that names none."""
    with of_field("starts"):
        starts = blackouts.edge(given["starts"], last=False)
    with of_field("ends"):
        ends = blackouts.edge(given["ends"], last=True)
    with of_field("tz"):
        key = zone(given["tz"] or tz).key
    wanted = Wanted(
        name=given["name"],
        policy=given["policy"],
        tz=key,
        starts=starts,
        ends=ends,
        rrule=given["rrule"],
        country=given["country"],
        subdivision=given["subdivision"],
        campaign=named(service.find_campaign, session, given, "campaign"),
        connection=named(connections.find_by_name, session, given, "connection"),
    )
    with of_field("rrule"):
        return blackouts.add(session, wanted)


def plan_of(session: Session, given: Mapping[str, str], tz: str, field: str = "when") -> Plan:
    """What was asked for of an entry; the text in ``field`` says when. ``tz``: where neither it nor a campaign has a zone."""
    campaign = named(service.find_campaign, session, given, "campaign")
    connection = named(connections.find_by_name, session, given, "connection")
    with of_field("tz"):
        key = zone(given.get("tz") or (campaign.tz if campaign else tz)).key
    with of_field(field):
        when = parse_when(given[field], key)
    with of_field("end"):
        ends_at = resolve(parse_when(given["end"], key)).instant if given.get("end") else None
    with of_field("budget"):
        budget = parse_money(given["budget"]) if given.get("budget") else (None, "")
    return Plan(
        when,
        title=given["title"],
        kind=EntryKind(given["kind"]),
        asset=named(content.find, session, given, "asset"),
        channel=connection.channel if connection else "",
        connection=connection,
        campaign=campaign,
        segment=named(segments.find, session, given, "segment"),
        ends_at=ends_at,
        budget=budget,
    )


def add_entry(session: Session, given: Mapping[str, str], tz: str) -> Entry:
    """Put the entry that was asked for on the calendar, planned."""
    plan = plan_of(session, given, tz)
    with of_field("when"):
        return service.plan(session, plan)


def add_series(session: Session, given: Mapping[str, str], tz: str, start: str = "start") -> Series:
    """Make the series that was asked for, which begins at the time in the field ``start``."""
    plan = plan_of(session, given, tz, start)
    with of_field("rrule"):
        return series.create(session, plan, given["rrule"])


def refused(session: Session, made: Series) -> list[str]:
    """Which entries of a series cannot be armed where they stand, for a blackout refuses them there."""
    problems = []
    for each in series.entries_of(session, made):
        try:
            placing.fitted_to(session, each, each.instant, each.tz)
        except Invalid as error:
            problems.append(f"{each.title} on {each.instant:%Y-%m-%d}: {error.message}")
    return problems


# --- shown ------------------------------------------------------------------------------------------------------------


def blackout_document(row: Blackout) -> dict[str, Any]:
    """A blackout for programs."""
    return {
        "id": row.public_id,
        "name": row.name,
        "policy": row.policy,
        "from": _clock(row.starts),
        "to": _clock(row.ends),
        "tz": row.tz,
        "rrule": row.rrule or None,
        "country": row.country or None,
        "subdivision": row.subdivision or None,
    }


def slots_document(session: Session, connection: Connection, count: int) -> dict[str, Any]:
    """The posting times of a connection, and the next free ones."""
    kept = slots.of_connection(session, connection.id)
    free = slots.free(session, connection, count) if kept else []
    return {"slots": slots.show(kept), "tz": kept[0].tz if kept else None, "next": free}


def series_document(row: Series) -> dict[str, Any]:
    """A series for programs, without its entries."""
    return {
        "id": row.public_id,
        "title": row.title,
        "rrule": row.rrule,
        "start": _clock(row.start),
        "tz": row.tz,
        "until": _clock(row.until),
        "shift_seconds": row.shift,
        "armed": row.armed,
        "made_until": row.made_until,
    }


def series_with_entries(session: Session, row: Series) -> dict[str, Any]:
    """A series for programs, with its entries."""
    rows = [_occurrence(each, row) for each in series.entries_of(session, row)]
    return {**series_document(row), "entries": rows}


def _occurrence(entry: Entry, row: Series) -> dict[str, Any]:
    return {
        "id": entry.public_id,
        "original": _clock(entry.original_wall),
        "when": entry.instant.astimezone(zone(entry.tz)),
        "state": entry.state,
        "moved": series.is_moved(entry, row),
    }


def fatigue_document(found: Fatigue) -> dict[str, Any]:
    """Who would get too much, for programs."""
    rows = [
        {
            "id": each.public_id,
            "title": each.title,
            "when": each.instant.astimezone(zone(each.tz)),
            "people": each.people,
            "most": each.most,
        }
        for each in found.overlaps
    ]
    return {"limit": found.limit, "days": SPAN.days, "people": found.people, "overlaps": rows}


def move_document(campaign: Campaign, done: CampaignMove) -> dict[str, Any]:
    """What a move of a campaign changes, for programs."""
    moved = [_placed(entry, old) for entry, old in done.moved]
    stays = [{**_placed(entry, entry.instant), "reason": reason} for entry, reason in done.stays]
    return {**service.document(campaign), "by": done.by, "moved": moved, "stays": stays}


def copy_document(made: Campaign, entries: Sequence[Entry]) -> dict[str, Any]:
    """A copy of a campaign with what is planned in it, for programs."""
    return {**service.document(made), "entries": [_placed(entry) for entry in entries]}


def _placed(entry: Entry, old: datetime | None = None) -> dict[str, Any]:
    local = zone(entry.tz)
    row: dict[str, Any] = {"id": entry.public_id, "title": entry.title, "state": entry.state}
    if old is not None:
        row["old"] = old.astimezone(local)
    return {**row, "new": entry.instant.astimezone(local)}


def _clock(wall: datetime | None) -> str | None:
    return wall.isoformat(" ", "minutes") if wall else None
