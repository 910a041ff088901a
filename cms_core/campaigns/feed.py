"""The calendar as a feed for calendar programs (RFC 5545), under a secret address for each user.

Only a hash of the address's token is kept; a new one makes the old one worthless. What does not change in the calendar does not
change in the feed, byte for byte, so that programs may ask as often as they like.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

import cms_core
from cms_core.auth.models import User
from cms_core.campaigns.calendar import LOCAL
from cms_core.campaigns.models import Campaign, Entry, EntryState, Feed
from cms_core.campaigns.when import zone
from cms_core.connections.models import Connection
from cms_core.db import now
from cms_core.zones import rules_version

BACK, AHEAD = timedelta(days=90), timedelta(days=400)
LASTS = timedelta(minutes=30)  # how long an entry without an end is shown
TOKEN_BYTES = 32


def renew(session: Session, user: User) -> str:
    """Give a user a new secret address; returns its token, which nobody can read again. The old one leads nowhere."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    feed = session.get(Feed, user.id) or Feed(user_id=user.id)
    feed.token_hash, feed.created_at = _digest(token), now(session)
    session.add(feed)
    session.flush()
    return token


def revoke(session: Session, user: User) -> None:
    """Take a user's secret address away."""
    feed = session.get(Feed, user.id)
    if feed is not None:
        session.delete(feed)
        session.flush()


def made_at(session: Session, user: User) -> datetime | None:
    """When a user's address was made; None when there is none."""
    return session.scalar(select(Feed.created_at).where(Feed.user_id == user.id))


def owner(session: Session, token: str) -> User | None:
    """The active user to whom a token belongs."""
    query = select(User).join(Feed, Feed.user_id == User.id)
    return session.scalar(query.where(Feed.token_hash == _digest(token), User.disabled_at.is_(None)))


def fingerprint(session: Session, tz: str, base_url: str) -> str:
    """What is another one as soon as ``write`` gives another file; it costs reading the entries, and no writing of them."""
    made_of = (tz, base_url, rules_version(), cms_core.__version__, _years(session))
    found = hashlib.sha256(repr(made_of).encode())
    for row in _rows(session):
        found.update(repr(tuple(row)).encode("utf-8", "surrogatepass"))
    return found.hexdigest()[:32]


def write(session: Session, tz: str, base_url: str) -> bytes:
    """The entries of the last months and the next year as one iCalendar file, with the zones that they name."""
    import icalendar

    calendar = icalendar.Calendar()
    for name, value in (
        ("prodid", "-//cms-core//calendar//EN"),
        ("version", "2.0"),
        ("method", "PUBLISH"),
        ("x-wr-calname", "Campaign calendar"),
        ("x-wr-timezone", tz),
    ):
        calendar.add(name, value)
    for row in _rows(session):
        calendar.add_component(_event(row, base_url))
    first, last = _years(session)
    calendar.add_missing_timezones(first_date=first, last_date=last)
    return bytes(calendar.to_ical())


def _years(session: Session) -> tuple[date, date]:
    """Whole years, so that the zones of a feed do not change from day to day."""
    year = now(session).year
    return date(year - 1, 1, 1), date(year + 2, 12, 31)


def _rows(session: Session) -> Iterable[Any]:
    # By whole days: the window must not move with every request.
    today = now(session).replace(hour=0, minute=0, second=0, microsecond=0)
    query = (
        select(
            Entry.public_id,
            Entry.title,
            Entry.kind,
            Entry.state,
            Entry.instant,
            Entry.tz,
            LOCAL.label("local"),
            Entry.ends_at,
            Entry.channel,
            Entry.created_at,
            Entry.row_version,
            Connection.name.label("connection"),
            Campaign.name.label("campaign"),
        )
        .outerjoin(Connection, Connection.id == Entry.connection_id)
        .outerjoin(Campaign, Campaign.id == Entry.campaign_id)
        .where(Entry.instant >= today - BACK, Entry.instant < today + AHEAD)
        .where(Entry.state != EntryState.DROPPED)
        .order_by(Entry.instant, Entry.id)
    )
    return session.execute(query)


def _event(row: Any, base_url: str) -> Any:
    import icalendar

    event, local = icalendar.Event(), zone(row.tz)
    end = row.ends_at if row.ends_at and row.ends_at > row.instant else row.instant + LASTS
    where = f"{row.channel}:{row.connection}" if row.connection else row.channel
    about = [row.kind.capitalize(), where, row.campaign, row.state.capitalize()]
    event.add("uid", f"{row.public_id}@cms-core")
    event.add("dtstamp", row.created_at.replace(microsecond=0))
    event.add("sequence", row.row_version - 1)
    if row.local:  # each recipient's own time is a time without a zone
        event.add("dtstart", row.local)
        event.add("dtend", row.local + LASTS)
    else:  # UTC is written as an instant: it has no VTIMEZONE
        event.add("dtstart", row.instant if local.key == "UTC" else row.instant.astimezone(local))
        event.add("dtend", end if local.key == "UTC" else end.astimezone(local))
    event.add("summary", _printable(row.title))
    event.add("description", _printable(" · ".join(part for part in about if part)))
    event.add("status", "TENTATIVE" if row.state == EntryState.PLANNED else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    event.add("url", f"{base_url}/app/calendar/entries/{row.public_id}")
    if row.campaign:
        event.add("categories", [_printable(row.campaign)])
    return event


def _printable(text: str) -> str:
    """Without control characters, which RFC 5545 forbids in any text."""
    return "".join(char if ord(char) >= 32 and ord(char) != 127 else " " for char in text)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
