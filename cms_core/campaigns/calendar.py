"""The calendar: one range query serves every view."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Dialect,
    Row,
    Select,
    String,
    bindparam,
    case,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from cms_core.campaigns.models import Campaign, Entry, EntryState
from cms_core.campaigns.when import Mode, resolve_wall, zone
from cms_core.connections.models import Connection
from cms_core.content.models import Asset
from cms_core.db import UTCDateTime
from cms_core.errors import Invalid
from cms_core.quick import QuickStatement, cursor_of

RECIPIENT = "recipient"  # instead of a zone: the time is each recipient's own
LOCAL = type_coerce(case((Entry.mode == Mode.RECIPIENT_LOCAL, Entry.wall)), DateTime(timezone=False))
COLUMNS = (
    Entry.public_id.label("id"),
    Entry.kind,
    Entry.title,
    Entry.instant,
    Entry.tz,
    Entry.state,
    Entry.channel,
    Connection.name.label("connection"),
    Campaign.name.label("campaign"),
    Asset.slug.label("asset"),
    Entry.ends_at,
    LOCAL.label("local"),
    Entry.id.label("row_id"),
    Entry.row_version,
    Entry.series_id,
)
DOCUMENTED = 12  # of them make a document
INSTANTS = (3, 10)  # where in it these stand
NAMED_AT = 7  # where in it these names stand
NAMES = (Connection.name, Campaign.name, Asset.slug)
NAMES_AT_ONCE = 5_000  # databases take so many parameters at least


def day_range(first: str, last: str, tz: str = "UTC") -> tuple[datetime, datetime]:
    """The instants [from, to) of two days (both included) or instants as ISO text; days begin in ``tz``."""
    start, end = _edge(first, tz, 0), _edge(last, tz, 1)
    if end <= start:
        raise Invalid(f"the range from {first} to {last} is empty", "give a later end")
    return start, end


def _edge(text: str, tz: str, days: int) -> datetime:
    try:
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=days)
            return resolve_wall(datetime.combine(day, time()), tz).instant
        if (instant := datetime.fromisoformat(text)).tzinfo is not None:
            return instant.astimezone(UTC)
    except OverflowError:  # the last day has no next one
        return datetime.max.replace(tzinfo=UTC)
    except ValueError:
        pass
    raise Invalid(f"{text!r} is neither a day nor an instant", "write 2026-05-04 or 2026-05-04T09:00+02:00")


def entries_of(session: Session, owner: Campaign | Asset) -> list[Row[Any]]:
    """All entries of a campaign or of an asset, by time."""
    column = Entry.campaign_id if isinstance(owner, Campaign) else Entry.asset_id
    return _listed(session, column == owner.id)


def campaigns_between(session: Session, first: date, last: date) -> list[Campaign]:
    """The campaigns that run on any of these days."""
    running = Campaign.starts_on <= last, Campaign.ends_on >= first
    return list(session.scalars(select(Campaign).where(*running).order_by(Campaign.starts_on, Campaign.name)))


def documents_between(session: Session, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """The entries between two instants with the keys of ``cms calendar list --json``, by time.

    A month may have tens of thousands, so the driver's own rows are read: SQLAlchemy's cost more than the query. Names are looked
    up once for all: a month has many entries of few campaigns, and a join looks them up for each.
    """
    session.flush()
    connection = session.connection()
    rows = _range(connection.dialect).rows(cursor_of(connection), start, end)
    names = [
        _names(session, column, {row[place] for row in rows}) for place, column in enumerate(NAMES, NAMED_AT)
    ]
    return _documents(rows, datetime.fromisoformat if connection.dialect.name == "sqlite" else _same, *names)


def _names(session: Session, column: InstrumentedAttribute[str], ids: set[int | None]) -> dict[Any, Any]:
    """What the rows of these ids are called, by id."""
    found: dict[Any, Any] = {None: None}
    model: Any = column.class_
    wanted = sorted(each for each in ids if each is not None)
    for start in range(0, len(wanted), NAMES_AT_ONCE):
        some = model.id.in_(wanted[start : start + NAMES_AT_ONCE])
        found.update(dict(session.connection().execute(select(model.id, column).where(some)).all()))
    return found


def documents(rows: Iterable[Row[Any]]) -> list[dict[str, Any]]:
    """The same of listed rows."""
    return _documents((row[:DOCUMENTED] for row in rows), _same)


def document(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same of one row of ``rows_of``."""
    return _documents([tuple(row.values())], _same)[0]


class _Zones(dict[str, ZoneInfo]):
    """Each zone is looked up once."""

    def __missing__(self, tz: str) -> ZoneInfo:
        found = self[tz] = zone(tz)
        return found


class _Itself(dict[Any, Any]):
    """For rows in which names stand already, and not the ids of what is called so."""

    def __missing__(self, name: str | None) -> str | None:
        return name


_NAMED = _Itself()


def _documents(
    rows: Iterable[Sequence[Any]],
    read: Callable[[Any], datetime],
    accounts: dict[Any, Any] = _NAMED,
    campaigns: dict[Any, Any] = _NAMED,
    assets: dict[Any, Any] = _NAMED,
) -> list[dict[str, Any]]:
    # One expression: a call for each row would cost a third more.
    zones = _Zones()
    return [
        {
            "id": public_id,
            "kind": kind,
            "title": title,
            "when": read(instant).astimezone(zones[tz]) if local is None else read(local),
            "tz": tz if local is None else RECIPIENT,
            "state": state,
            "channel": channel or None,
            "connection": accounts[connection],
            "campaign": campaigns[campaign],
            "asset": assets[asset],
            "ends_at": ends_at and read(ends_at).astimezone(zones[tz]),
        }
        for public_id, kind, title, instant, tz, state, channel, connection, campaign, asset, ends_at, local in rows
    ]


def _same(instant: datetime) -> datetime:
    return instant


@lru_cache(maxsize=4)
def _range(dialect: Dialect) -> QuickStatement:
    start, end = (bindparam(name, type_=UTCDateTime()) for name in ("start", "end"))
    ids = Entry.connection_id, Entry.campaign_id, Entry.asset_id
    columns: list[Any] = [*COLUMNS[:NAMED_AT], *ids, Entry.ends_at, LOCAL]
    if dialect.name == "sqlite":  # text without a zone there
        for place in INSTANTS:
            columns[place] = type_coerce(columns[place], String) + literal_column("'+00:00'")
    query = select(*columns).where(
        Entry.instant >= start, Entry.instant < end, Entry.state != EntryState.DROPPED
    )
    return QuickStatement(dialect, query.order_by(Entry.instant, Entry.id), ("start", "end"))


def _listed(session: Session, *conditions: ColumnElement[bool]) -> list[Row[Any]]:
    return list(session.execute(_query(*COLUMNS).where(*conditions)).all())


def _query(*columns: Any) -> Select[*tuple[Any, ...]]:
    listed = rows_of(*columns).where(Entry.state != EntryState.DROPPED)
    return listed.order_by(Entry.instant, Entry.id)


def rows_of(*columns: Any) -> Select[*tuple[Any, ...]]:
    """The query of entries, by default with what ``document`` shows of each; in no order yet, dropped ones too."""
    return (
        select(*(columns or COLUMNS[:DOCUMENTED]))
        .outerjoin(Connection, Connection.id == Entry.connection_id)
        .outerjoin(Campaign, Campaign.id == Entry.campaign_id)
        .outerjoin(Asset, Asset.id == Entry.asset_id)
    )
