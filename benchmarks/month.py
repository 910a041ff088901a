"""``calendar``: one month out of a million entries as JSON, against the database's own JSON and against ORM and marshmallow.

The floor is one statement with the same joins, the same rows and the same keys, which the database itself makes JSON of; it prints
times as it stores them, while ours are in each entry's own zone.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from databases import fresh, installed, row_name
from manyevents import INSTANT, SERIES, WIDE
from marshmallow import Schema, fields
from measure import Row, compare, say, take_turns
from sqlalchemy import select, text
from sqlalchemy.orm import Session, joinedload

from cms_core.campaigns import calendar
from cms_core.campaigns.models import Campaign, Entry, EntryState
from cms_core.connections.models import Connection
from cms_core.content.models import Asset
from cms_core.db import Database

ENTRIES = 1_000_000
ROUNDS = 5
QUICK = {"ENTRIES": 3_000, "ROUNDS": 1}
MONTH = ("2026-03-01", "2026-03-31")
CHANNELS = ("email", "social", "site", "ads", "deck")
SECONDS = 3 * 365 * 86_400
FIRST_SECOND = 1_735_689_600  # of 2025


class ById(Schema):
    """An entry as marshmallow dumps it: the same keys."""

    id = fields.String(attribute="public_id")
    kind = fields.String()
    title = fields.String()
    when = fields.DateTime(attribute="instant")
    tz = fields.String()
    state = fields.String()
    channel = fields.String()
    connection = fields.Pluck("Named", "name", allow_none=True)
    campaign = fields.Pluck("Named", "name", allow_none=True)
    asset = fields.Pluck("Named", "slug", allow_none=True)
    ends_at = fields.DateTime(allow_none=True)


class Named(Schema):
    """What has a name, or a slug."""

    name = fields.String()
    slug = fields.String()


def rows() -> list[Row]:
    """Three ways to the same month, on each database that there is."""
    found: list[Row] = []
    for kind in installed():
        with fresh(kind) as database:
            found += _compared(database, kind)
    return found


def _compared(db: Database, kind: str) -> list[Row]:
    start = time.perf_counter()
    _fill(db, kind)
    say(f"calendar: {ENTRIES} entries on {kind} in {time.perf_counter() - start:.0f} s")
    cases = {
        "ours": lambda: _timed(db, _ours),
        "floor": lambda: _timed(db, _floor),
        "orm": lambda: _timed(db, _orm),
    }
    for case in (_ours, _floor, _orm):
        _timed(db, case)
    timed = take_turns(cases, ROUNDS)
    against = f"the JSON of {kind} itself, same joins"
    speed = [1 / each for each in timed["ours"]], [1 / each for each in timed["orm"]]
    return [
        compare(
            row_name("calendar", kind), timed["ours"], timed["floor"],
            unit="s", against=against, goal=1.5, at_most=True,
        ),
        compare(
            row_name("calendar-orm", kind), *speed, unit="months/s", against="ORM, marshmallow and json", goal=3.0
        ),
    ]  # fmt: skip


def _timed(db: Database, case: Callable[[Session], bytes | str]) -> float:
    with db.session() as session:
        start = time.perf_counter()
        case(session)
        return time.perf_counter() - start


def _ours(session: Session) -> bytes:
    return orjson.dumps(calendar.documents_between(session, *calendar.day_range(*MONTH)))


def _floor(session: Session) -> str:
    made = {
        "sqlite": "json_group_array(json_object({}))",
        "postgresql": "json_agg(json_build_object({}))::text",
    }[session.get_bind().dialect.name]
    keys = "id kind title when tz state channel connection campaign asset ends_at".split()
    pairs = ", ".join(f"'{key}', \"{key}\"" for key in keys)
    start, end = calendar.day_range(*MONTH)
    statement = text(
        f'SELECT {made.format(pairs)} FROM (SELECT e.public_id AS id, e.kind, e.title, e.instant AS "when", e.tz, e.state, '  # noqa: S608
        "e.channel, c.name AS connection, k.name AS campaign, a.slug AS asset, e.ends_at FROM core_entry e "
        "LEFT JOIN core_connection c ON c.id = e.connection_id LEFT JOIN core_campaign k ON k.id = e.campaign_id "
        "LEFT JOIN core_asset a ON a.id = e.asset_id "
        "WHERE e.state != 'dropped' AND e.instant >= :start AND e.instant < :end ORDER BY e.instant, e.id) AS listed"
    )
    bound = statement.bindparams(start=_stored(session, start), end=_stored(session, end))
    return str(session.execute(bound).scalar_one())


def _stored(session: Session, instant: datetime) -> Any:
    """An instant as the database keeps it."""
    return (
        instant
        if session.get_bind().dialect.name == "postgresql"
        else instant.strftime("%Y-%m-%d %H:%M:%S.%f")
    )


def _orm(session: Session) -> str:
    start, end = calendar.day_range(*MONTH)
    query = (
        select(Entry)
        .where(Entry.state != EntryState.DROPPED, Entry.instant >= start, Entry.instant < end)
        .order_by(Entry.instant, Entry.id)
        .options(joinedload(Entry.campaign), joinedload(Entry.asset), joinedload(Entry.connection))
    )
    return json.dumps(ById(many=True).dump(session.scalars(query).all()))


# --- a calendar full of entries --------------------------------------------------------------------------------------------


def _fill(db: Database, kind: str) -> None:
    born = datetime.fromtimestamp(FIRST_SECOND, UTC)
    with db.transaction() as session:
        day = born.date()
        same = {"tz": "Europe/Paris", "utm": {}, "starts_on": day, "ends_on": day, "created_at": born}
        session.add_all(Campaign(name=f"Campaign {n}", key=f"c{n}", **same) for n in range(500))
        session.add_all(
            Asset(slug=f"asset-{n}", kind="article", created_at=born, updated_at=born) for n in range(500)
        )
        session.add_all(
            Connection(channel=each, name="main", settings={}, secrets="", created_at=born)
            for each in CHANNELS
        )
    with db.writing() as connection:
        connection.exec_driver_sql(_insert(kind))
    with db.writing() as connection:
        connection.exec_driver_sql("ANALYZE")


def _insert(kind: str) -> str:
    """SQL: the entries, made by the database itself."""
    values = {
        "public_id": f"'00000000-0000-7000-8000-' || {WIDE[kind]}",
        "kind": "'publish'",
        "title": "'Post number ' || n || ' about the funnel'",
        "mode": "'zoned'",
        "tz": "CASE n % 2 WHEN 0 THEN 'America/New_York' ELSE 'Europe/Paris' END",
        "instant": INSTANT[kind].format(f"{FIRST_SECOND} + n * 102947 % {SECONDS}"),
        "state": "CASE n * 17 % 3 WHEN 0 THEN 'planned' WHEN 1 THEN 'armed' ELSE 'done' END",
        "channel": f"CASE n * 31 % 5 {' '.join(f'WHEN {n} THEN {each!r}' for n, each in enumerate(CHANNELS))} END",
        "connection_id": "n * 31 % 5 + 1",
        "campaign_id": "1 + n * 7919 % 500",
        "asset_id": "1 + n * 104729 % 500",
        "row_version": "1",
        "created_at": INSTANT[kind].format(FIRST_SECOND),
        **{f'"{name}"': "''" for name in "offset condition deferred tzdata currency source".split()},
    }
    listed, selected = ", ".join(values), ", ".join(values.values())
    statement = f"INSERT INTO core_entry ({listed}) SELECT {selected} FROM {SERIES[kind].format(first=1, last=ENTRIES)}"  # noqa: S608
    return statement.replace("%", "%%") if kind == "postgresql" else statement
