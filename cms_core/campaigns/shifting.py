"""Whole campaigns: moved by days, or copied to another start, with every time of day kept in its own zone."""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.campaigns import placing, series, service
from cms_core.campaigns.models import Campaign, Entry, EntryState, Series
from cms_core.campaigns.money import show_money
from cms_core.campaigns.when import Mode, zone
from cms_core.db import now
from cms_core.errors import Invalid

MOST_DAYS = 24_000  # sixty-five years: more is a mistake, and too many seconds for a database's integer


def days_to(campaign: Campaign, start: date) -> int:
    """By how many days a campaign moves to begin on another day."""
    return (start - campaign.starts_on).days


def entries_of(session: Session, campaign: Campaign) -> list[Entry]:
    """All entries of a campaign but dropped ones, by time."""
    of_it = Entry.campaign_id == campaign.id, Entry.state != EntryState.DROPPED
    return list(session.scalars(select(Entry).where(*of_it).order_by(Entry.instant, Entry.id)))


def shift(session: Session, campaign: Campaign, entries: Sequence[Entry], days: int) -> list[Entry]:
    """Move a campaign's days, its series and these entries; returns all that moved.

    What follows another entry moves with that one, and stays if that one stays.
    """
    by = _checked(campaign, days)
    for each in session.scalars(select(Series).where(Series.campaign_id == campaign.id)):
        series.shift(session, each, by)
    moved: dict[int, Entry] = {}
    for entry in entries:
        if entry.mode != Mode.AFTER or entry.after_id is None:
            moved.update({each.id: each for each in _put(session, entry, by)})
    campaign.starts_on, campaign.ends_on = campaign.starts_on + by, campaign.ends_on + by
    session.flush()
    return list(moved.values())


def copy(session: Session, campaign: Campaign, name: str, start: date) -> tuple[Campaign, list[Entry]]:
    """A campaign like another one that begins on ``start``; its entries are planned, and follow each other as they did."""
    days = days_to(campaign, start)
    by = _checked(campaign, days)
    made = service.create_campaign(
        session,
        name,
        start,
        campaign.ends_on + by,
        campaign.tz,
        budget=show_money(campaign.budget_micros, campaign.currency) or "",
        goal=campaign.goal,
        utm=campaign.utm,
    )
    serial = _copy_series(session, campaign, made, by)
    waiting, copies = entries_of(session, campaign), dict[int, Entry]()
    while waiting:  # what follows another comes after it
        ids = {each.id for each in waiting}
        ready = [each for each in waiting if each.after_id not in ids]
        for entry in ready:
            copies[entry.id] = _copy(session, entry, made, by, copies.get(entry.after_id or 0), serial)
        waiting = [each for each in waiting if each not in ready]
    _copy_gaps(session, made, by, serial)
    for each in serial.values():
        series.extend(session, each, now(session))
    return made, entries_of(session, made)


def _copy_gaps(session: Session, made: Campaign, by: timedelta, serial: dict[int, Series]) -> None:
    """What was dropped of a series is not made again in its copy."""
    gone = Entry.series_id.in_(serial), Entry.state == EntryState.DROPPED
    for each in session.scalars(select(Entry).where(*gone)).all():
        _copy(session, each, made, by, None, serial).state = EntryState.DROPPED


def _checked(campaign: Campaign, days: int) -> timedelta:
    if abs(days) > MOST_DAYS:
        raise Invalid(f"{days} days are too many", f"move it by at most {MOST_DAYS}")
    by = timedelta(days=days)
    try:
        campaign.starts_on + by, campaign.ends_on + by
    except OverflowError:
        raise Invalid(
            f"{days} days from {campaign.starts_on} leave the calendar", "take fewer days"
        ) from None
    return by


def _put(session: Session, entry: Entry, by: timedelta) -> list[Entry]:
    return placing.put_at(session, entry, placing.wall_of(entry) + by)


def _copy_series(session: Session, campaign: Campaign, made: Campaign, by: timedelta) -> dict[int, Series]:
    found = {}
    for each in session.scalars(select(Series).where(Series.campaign_id == campaign.id)).all():
        twin = series.twin(session, each)
        twin.campaign_id, twin.armed, twin.made_until = made.id, False, None
        twin.shift += int(by.total_seconds())
        found[each.id] = twin
    session.flush()
    return found


def _copy(
    session: Session,
    entry: Entry,
    campaign: Campaign,
    by: timedelta,
    anchor: Entry | None,
    serial: dict[int, Series],
) -> Entry:
    names = "kind title asset_id channel connection_id segment_id assignee_id budget_micros currency original_wall".split()
    copied = Entry(**{name: getattr(entry, name) for name in names}, state=EntryState.PLANNED)
    copied.campaign_id, copied.created_at = campaign.id, now(session)
    copied.series_id = serial[entry.series_id].id if entry.series_id in serial else None
    if copied.series_id is None:
        copied.original_wall = None
    if entry.ends_at is not None:
        copied.ends_at = (entry.ends_at.astimezone(zone(entry.tz)) + by).astimezone(entry.ends_at.tzinfo)
    wall = placing.wall_of(entry) + by
    when = placing.meant(entry, anchor) if anchor else placing.at_wall(entry, wall)
    placing.place(session, copied, when, anchor)
    return copied
