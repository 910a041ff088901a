"""Millions of events, made by the database itself: the same ones in SQLite, PostgreSQL and DuckDB.

Forty campaigns of five mailings each follow one another over a year; the four youngest mailings are opened, clicked and visited,
each by people out of the 20,000 of its campaign. A fifth of the hits are machines, one event in a hundred is a bounce.
"""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection

from cms_core.campaigns.models import Campaign
from cms_core.connections.models import Connection as Account
from cms_core.content.models import Asset, Revision
from cms_core.db import Database
from cms_core.events.models import Event
from cms_core.publishing.models import Publication

CAMPAIGNS, MAILINGS, AUDIENCE = 40, 200, 20_000
FIRST_SECOND, YEAR = 1_767_225_600, 365 * 86_400  # from 2026-01-01
COLUMNS = (
    "id public_id source source_id kind at received_at agent_class contact_id campaign publication_id "
    "delivery_id asset_id channel props"
).split()
# What the dialects say differently: a row for each number, an instant of seconds, and a number as text of a fixed width.
SERIES = {
    "sqlite": "(WITH RECURSIVE c(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM c WHERE n < {last}) SELECT n FROM c)",
    "postgresql": "generate_series({first}::bigint, {last}::bigint) AS series(n)",
    "duckdb": "(SELECT range AS n FROM range({first}, {last} + 1))",
}
INSTANT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S', {0}, 'unixepoch') || '.000000'",
    "postgresql": "to_timestamp({0})",
    "duckdb": "make_timestamp(({0}) * 1000000)",
}
WIDE = {
    "sqlite": "printf('%012d', n)",
    "postgresql": "lpad(n::text, 12, '0')",
    "duckdb": "printf('%012d', n)",
}
DIVIDE = {"sqlite": "/", "postgresql": "/", "duckdb": "//"}
# A different number below 2**32 for each n: r and s say what an event is, each by digits of its own.
_EVENTS = """
SELECT n AS id, '00000000-0000-7000-8000-' || {wide} AS public_id, 'bench' AS source, {wide} AS source_id,
  CASE WHEN r % 100 < 50 THEN 'opened' WHEN r % 100 < 70 THEN 'clicked' WHEN r % 100 < 98 THEN 'visited'
       WHEN r % 100 = 98 THEN 'converted' ELSE 'bounced' END AS kind,
  {at} AS at, {at} AS received_at,
  CASE WHEN r % 100 >= 98 THEN 'internal' WHEN s % 5 = 0 THEN 'scanner' ELSE 'human' END AS agent_class,
  1 + m {d} 5 * {audience} + s {d} 8 % {audience} AS contact_id,
  'c' || (m {d} 5) AS campaign, 1 + m AS publication_id, 1 + s AS delivery_id, 1 + m AS asset_id,
  CASE m % 5 WHEN 0 THEN 'site' WHEN 1 THEN 'social' ELSE 'email' END AS channel, '{{}}' AS props
FROM (SELECT n, r, s, CASE WHEN n * {mailings} {d} {count} + s % 4 < {mailings} THEN n * {mailings} {d} {count} + s % 4
                           ELSE {mailings} - 1 END AS m
      FROM (SELECT n, n * 2654435761 % 4294967296 {d} 64 AS r, n * 2246822519 % 4294967296 {d} 64 AS s
            FROM {series}) AS raw) AS made
"""


def select_events(kind: str, first: int, last: int, count: int) -> str:
    """SQL: the events of these numbers, out of ``count`` in the year."""
    return _EVENTS.format(
        wide=WIDE[kind],
        at=INSTANT[kind].format(f"{FIRST_SECOND} + n * {YEAR} {DIVIDE[kind]} {count}"),
        d=DIVIDE[kind],
        audience=AUDIENCE,
        mailings=MAILINGS,
        count=count,
        series=SERIES[kind].format(first=first, last=last),
    )


def fill(database: Database, kind: str, count: int) -> None:
    """Write so many events and what they are of; indexes are made afterwards, which is several times as fast."""
    _mailings(database)
    with database.writing() as connection:
        _indexes(connection, "drop")
        add(connection, kind, 1, count, count)
        _indexes(connection, "create")
    with database.writing() as connection:
        connection.exec_driver_sql("ANALYZE")


def add(connection: Connection, kind: str, first: int, last: int, count: int) -> None:
    """Write the events of these numbers."""
    names = ", ".join(COLUMNS)
    listed = names.replace("props", "CAST(props AS json)" if kind == "postgresql" else "props")
    statement = f"INSERT INTO core_event ({names}) SELECT {listed} FROM ({select_events(kind, first, last, count)}) AS e"  # noqa: S608
    connection.exec_driver_sql(statement.replace("%", "%%") if kind == "postgresql" else statement)


def _indexes(connection: Connection, what: str) -> None:
    table: Any = Event.__table__
    for index in table.indexes:
        getattr(index, what)(connection, checkfirst=True)


def _mailings(database: Database) -> None:
    at = datetime.fromtimestamp(FIRST_SECOND, UTC)
    born: dict[str, Any] = {"created_at": at}
    day = date(2026, 1, 1)
    with database.transaction() as session:
        session.add_all(
            Campaign(name=f"Campaign {n}", key=f"c{n}", tz="UTC", utm={}, starts_on=day, ends_on=day, **born)
            for n in range(CAMPAIGNS)
        )
        accounts = [
            Account(channel=channel, name="main", settings={}, secrets="", **born)
            for channel in ("site", "social", "email", "email2", "email3")
        ]
        assets = [
            Asset(id=n + 1, slug=f"asset-{n:03}", kind="article", updated_at=at, **born)
            for n in range(MAILINGS)
        ]
        session.add_all([*accounts, *assets])
        session.flush()
        session.add_all(
            Revision(
                id=n + 1,
                asset_id=n + 1,
                n=1,
                title=f"Mailing {n}",
                body={},
                variants={},
                content_hash="0" * 64,
                **born,
            )
            for n in range(MAILINGS)
        )
        session.flush()
        session.add_all(
            Publication(
                id=n + 1, campaign_id=1 + n // 5, asset_id=n + 1, revision_id=n + 1, content_hash="0" * 64,
                channel=("site", "social", "email", "email", "email")[n % 5], connection_id=accounts[n % 5].id,
                due_at=at, **born,
            )
            for n in range(MAILINGS)
        )  # fmt: skip
