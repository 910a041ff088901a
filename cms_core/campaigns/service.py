"""Campaigns, and planning, moving and dropping what stands on the calendar."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cms_core.audience.models import Segment
from cms_core.campaigns import placing
from cms_core.campaigns.models import Campaign, Entry, EntryKind, EntryState
from cms_core.campaigns.money import parse_money, show_money
from cms_core.campaigns.when import Mode, When, parse_when, resolve, zone
from cms_core.connections import service as connections
from cms_core.connections.models import Connection
from cms_core.content.models import Asset
from cms_core.content.revisions import head_of
from cms_core.db import now
from cms_core.errors import Conflict, Invalid, NotFound
from cms_core.events.keys import campaign_key

MAX_SOURCE = 200
UTM_KEYS = ("source", "medium", "content", "term")


def create_campaign(
    session: Session,
    name: str,
    start: date,
    end: date,
    tz: str,
    budget: str = "",
    goal: str = "",
    utm: Mapping[str, str] | None = None,
) -> Campaign:
    """Create a campaign; raises Conflict when the name, or the key made from it, is taken."""
    name = " ".join(name.split())
    if not name or len(name) > 200:
        raise Invalid("a campaign needs a name of at most 200 characters", "give it a name")
    if end < start:
        raise Invalid(f"the campaign ends on {end}, before it starts on {start}", "exchange the dates")
    unknown = sorted(set(utm or {}) - set(UTM_KEYS))
    if unknown:
        raise Invalid(f"{unknown[0]!r} is no UTM parameter that can be set", f"use {', '.join(UTM_KEYS)}")
    key = campaign_key(name)
    if session.scalar(select(Campaign.id).where((Campaign.key == key) | (Campaign.name == name))):
        raise Conflict(f"there is a campaign {name!r} (key {key!r}) already", "take another name")
    micros, currency = parse_money(budget) if budget.strip() else (None, "")
    campaign = Campaign(
        name=name,
        key=key,
        goal=goal.strip(),
        budget_micros=micros,
        currency=currency,
        tz=zone(tz).key,
        utm=dict(utm or {}),
        starts_on=start,
        ends_on=end,
        created_at=now(session),
    )
    session.add(campaign)
    session.flush()
    return campaign


def find_campaign(session: Session, name: str) -> Campaign:
    """The campaign of this name, key or public id; raises NotFound that names a close one."""
    named = (Campaign.name == name) | (Campaign.key == name) | (Campaign.public_id == name)
    found = session.scalar(select(Campaign).where(named).order_by((Campaign.name == name).desc()).limit(1))
    if found is None:
        near = get_close_matches(name, session.scalars(select(Campaign.name)).all(), 1)
        remedy = f"did you mean {near[0]!r}?" if near else "`cms campaigns list` shows them"
        raise NotFound(f"there is no campaign {name!r}", remedy)
    return found


def campaigns(session: Session) -> list[Campaign]:
    """All campaigns, the latest start first."""
    return list(session.scalars(select(Campaign).order_by(Campaign.starts_on.desc(), Campaign.name)))


def document(campaign: Campaign) -> dict[str, Any]:
    """A campaign with the keys of ``cms campaigns list --json``."""
    return {
        "id": campaign.public_id,
        "name": campaign.name,
        "key": campaign.key,
        "start": campaign.starts_on,
        "end": campaign.ends_on,
        "tz": campaign.tz,
        "budget": show_money(campaign.budget_micros, campaign.currency),
        "goal": campaign.goal,
    }


@dataclass(frozen=True)
class Plan:
    """What shall stand on the calendar; ``after`` is the entry that a time of mode "after" counts from."""

    when: When
    title: str = ""
    kind: EntryKind = EntryKind.PUBLISH
    asset: Asset | None = None
    channel: str = ""
    connection: Connection | None = None
    campaign: Campaign | None = None
    segment: Segment | None = None
    after: Entry | None = None
    ends_at: datetime | None = None
    budget: tuple[int | None, str] = (None, "")
    source: str = ""


def plan(session: Session, wanted: Plan) -> Entry:
    """Put a planned entry on the calendar; blackouts may refuse its time (Invalid) or put it later (``deferred`` says so)."""
    title = wanted.title or (head_of(session, wanted.asset).title if wanted.asset else "")
    if not title:
        raise Invalid("an entry without an asset needs a title", "give it a title", field="title")
    entry = Entry(
        state=EntryState.PLANNED,
        campaign_id=wanted.campaign.id if wanted.campaign else None,
        kind=wanted.kind,
        title=title[:500],
        ends_at=wanted.ends_at,
        asset_id=wanted.asset.id if wanted.asset else None,
        channel=wanted.channel,
        connection_id=wanted.connection.id if wanted.connection else None,
        segment_id=wanted.segment.id if wanted.segment else None,
        budget_micros=wanted.budget[0],
        currency=wanted.budget[1],
        source=wanted.source,
        created_at=now(session),
    )
    placing.place(session, entry, wanted.when, wanted.after)
    if entry.ends_at is not None and entry.ends_at <= entry.instant:
        raise Invalid("the end is not after the beginning", "give a later end", field="end")
    return entry


def plan_for_plugin(session: Session, plugin: str, key: str, wanted: Plan) -> Entry:
    """Put what a plugin knows of on the calendar, once for each key; planned again, it gets the new time, end and title.

    Raises Invalid for a key or time that cannot be used; what people have dropped or done stays as it is.
    """
    source = f"plugin:{plugin}:{key}"
    if not key or len(source) > MAX_SOURCE or "\0" in key:
        raise Invalid(f"the key of an entry has 1 to {MAX_SOURCE - 40} characters", "give another key")
    same = select(Entry).where(Entry.source == source)
    found = session.scalars(same).first()
    if found is None:
        try:
            with session.begin_nested():
                return plan(session, replace(wanted, source=source))
        except IntegrityError:  # another process was faster
            found = session.scalars(same).one()
    if found.state == EntryState.PLANNED:
        placing.place(session, found, wanted.when)
        found.ends_at, found.title = wanted.ends_at, (wanted.title or found.title)[:500]
        if found.ends_at is not None and found.ends_at <= found.instant:
            raise Invalid("the end is not after the beginning", "give a later end", field="end")
        session.flush()
    return found


def move(session: Session, entry: Entry, text: str) -> list[Entry]:
    """Give an entry another time, and those that follow it theirs; returns all that moved, this one first.

    Without a zone in ``text`` the entry's own counts. Raises Invalid for a time that cannot be used, that a blackout refuses, or
    that would follow itself.
    """
    if entry.state in (EntryState.DONE, EntryState.DROPPED):
        raise Conflict(f"entry {entry.title!r} is {entry.state}", "plan a new one")
    when = parse_when(text, entry.tz)
    return placing.put(session, entry, when, _anchor(session, entry, when))


def _anchor(session: Session, entry: Entry, when: When) -> Entry | None:
    if when.mode is not Mode.AFTER:
        return None
    if (when.after or "").isdigit():
        raise Invalid(f"{when.after} is a row number", "name the entry that it follows by its id")
    anchor: Entry | None = find_entry(session, when.after or "")
    step = anchor
    while step is not None:
        if step.id == entry.id:
            raise Invalid(f"entry {entry.title!r} would follow itself", "name another entry")
        # Locked, so that nobody hangs this chain on the entry meanwhile.
        step = session.get(Entry, step.after_id, with_for_update=True) if step.after_id else None
    return anchor


def drop(session: Session, entry: Entry) -> None:
    """Take an entry off the calendar; it stays for the record."""
    if entry.state == EntryState.DONE:
        raise Conflict(f"entry {entry.title!r} is done", "withdraw its publication instead")
    entry.state, entry.slot_at = EntryState.DROPPED, None
    session.flush()


def tick_off(session: Session, entry: Entry) -> None:
    """Say that a task, a milestone or a flight is done; what goes out is done when it has gone out."""
    if entry.kind == EntryKind.PUBLISH or entry.state != EntryState.PLANNED:
        raise Conflict(
            f"entry {entry.title!r} ({entry.kind}, {entry.state}) cannot be ticked off",
            "only planned tasks can",
        )
    entry.state = EntryState.DONE
    session.flush()


def find_entry(session: Session, public_id: str) -> Entry:
    """The entry of this id."""
    found = session.scalar(select(Entry).where(Entry.public_id == public_id))
    if found is None:
        raise NotFound(f"there is no entry {public_id!r}", "`cms calendar list` shows them")
    return found


def plan_from_content(
    session: Session, asset: Asset, when_text: str, targets: Sequence[tuple[str, str]], source: str
) -> int:
    """Plan what an imported document says of itself; returns how many entries are new.

    Said again, nothing is added; with another time, the entry is moved as long as it is planned.
    """
    when = parse_when(when_text, "UTC")
    created = 0
    for channel, name in targets or [("", "")]:
        connection = connections.find(session, channel, name) if name else None
        same = select(Entry).where(
            Entry.source == source,
            Entry.channel == channel,
            Entry.connection_id == (connection.id if connection else None),
            Entry.state != EntryState.DROPPED,
        )
        existing = session.scalars(same.limit(1)).first()
        if existing is None:
            plan(session, Plan(when, asset=asset, channel=channel, connection=connection, source=source))
            created += 1
        elif existing.state == EntryState.PLANNED and existing.instant != resolve(when).instant:
            move(session, existing, when_text)
    return created
