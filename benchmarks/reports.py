"""``reports``: figures read from rollups, against the same question asked of five million events: in SQL, and of DuckDB.

All ways must give the same figures. The overview is every campaign's totals, the report is one campaign by channel and asset, with
its days; people are counted once at each level. ``reports-keep`` is what keeping the rollups costs beside writing the events.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import manyevents
from databases import fresh, installed, row_name
from measure import Row, compare, say, take_turns
from sqlalchemy import select

from cms_core.campaigns.models import Campaign
from cms_core.db import Database
from cms_core.reports import rollups
from cms_core.reports.campaign import overview, report
from cms_core.reports.figures import Figures

EVENTS, ROUNDS = 5_000_000, 3
QUICK = {"EVENTS": 5_000, "ROUNDS": 1}
RAW_GOAL, DUCK_GOAL = 20, 10
CAMPAIGN = f"c{manyevents.CAMPAIGNS // 2}"
BATCHES = 3  # that are written and counted anew, for the cost of keeping

Ask = Callable[[str], Sequence[Sequence[Any]]]

_TOTALS = """
SELECT {place}, sum(CASE WHEN kind = 'opened' AND agent_class = 'human' THEN 1 ELSE 0 END),
 sum(CASE WHEN kind = 'clicked' AND agent_class = 'human' THEN 1 ELSE 0 END),
 sum(CASE WHEN kind = 'opened' AND agent_class <> 'human' THEN 1 ELSE 0 END),
 sum(CASE WHEN kind = 'clicked' AND agent_class <> 'human' THEN 1 ELSE 0 END),
 sum(CASE WHEN kind = 'visited' AND agent_class = 'human' THEN 1 ELSE 0 END),
 sum(CASE WHEN kind = 'converted' THEN 1 ELSE 0 END),
 count(DISTINCT CASE WHEN kind = 'opened' AND agent_class = 'human' THEN contact_id END),
 count(DISTINCT CASE WHEN kind = 'clicked' AND agent_class = 'human' THEN contact_id END)
FROM core_event {where} GROUP BY {place}
"""
_DAYS = """
SELECT {day}, kind, count(*) FROM core_event
WHERE campaign = '{campaign}' AND agent_class = 'human' AND kind IN ('opened', 'clicked', 'visited') GROUP BY 1, 2
"""
_DAY = {
    "sqlite": "substr(at, 1, 10)",
    "postgresql": "CAST(at AT TIME ZONE 'UTC' AS date)",
    "duckdb": 'CAST("at" AS date)',
}
_ONE = f"WHERE campaign = '{CAMPAIGN}'"


def rows() -> list[Row]:
    """The overview and the report of one campaign against both, and the cost of keeping, for each database."""
    found = []
    with _duckdb() as duck:
        for kind in installed():
            with fresh(kind) as database:
                _prepare(database, kind)
                found += _read(database, kind, duck)
                found.append(_kept(database, kind))
    return found


def _prepare(database: Database, kind: str) -> None:
    start = time.perf_counter()
    manyevents.fill(database, kind, EVENTS)
    written = time.perf_counter()
    rollups.keep_up(database)
    say(
        f"reports: {EVENTS} events on {kind} written in {written - start:.0f} s, "
        f"counted in {time.perf_counter() - written:.0f} s"
    )


def _read(database: Database, kind: str, duck: Ask | None) -> list[Row]:
    ways: dict[str, Ask] = {kind: partial(_ask, database)} | ({"duckdb": duck} if duck else {})
    found = []
    for name, ours, theirs in (("", _overview, _raw_overview), ("-campaign", _report, _raw_report)):
        cases = {"ours": partial(_timed, partial(ours, database))}
        cases |= {way: partial(_timed, partial(theirs, way, ask)) for way, ask in ways.items()}
        _agree(ours(database), [theirs(way, ask) for way, ask in ways.items()])
        timed = take_turns(cases, ROUNDS)
        speeds = {way: [1 / each for each in seconds] for way, seconds in timed.items()}
        for way in ways:
            label = row_name(f"reports{name}" + ("-duckdb" if way == "duckdb" else ""), kind)
            against = "DuckDB on the events" if way == "duckdb" else f"SQL on the events, {kind}"
            goal = DUCK_GOAL if way == "duckdb" else RAW_GOAL
            found.append(compare(label, speeds["ours"], speeds[way], unit="/s", against=against, goal=goal))
    return found


def _kept(database: Database, kind: str) -> Row:
    """Events counted a second, against events written a second by plain INSERT … SELECT."""
    counted, written = [], []
    for number in range(BATCHES):
        first = EVENTS + number * rollups.BATCH + 1
        last = first + rollups.BATCH - 1
        start = time.perf_counter()
        with database.writing() as connection:
            manyevents.add(connection, kind, first, last, last)
        middle = time.perf_counter()
        rollups.keep_up(database)
        written.append(rollups.BATCH / (middle - start))
        counted.append(rollups.BATCH / (time.perf_counter() - middle))
    return compare(
        row_name("reports-keep", kind), counted, written, unit="events/s", against="INSERT of the events"
    )


def _timed(case: Callable[[], Any]) -> float:
    start = time.perf_counter()
    case()
    return time.perf_counter() - start


def _agree(ours: Any, others: Sequence[Any]) -> None:
    for other in others:
        if ours != other:
            raise RuntimeError(f"the figures differ: {str(ours)[:300]} and {str(other)[:300]}")


# --- ours -------------------------------------------------------------------------------------------------------------


def _overview(database: Database) -> dict[str, tuple[int, ...]]:
    with database.session() as session:
        return {campaign.key: _numbers(figures) for campaign, _, figures in overview(session)}


def _report(database: Database) -> Any:
    with database.session() as session:
        made = report(session, session.scalars(select(Campaign).where(Campaign.key == CAMPAIGN)).one())
        days = {
            (day.day.isoformat(), kind): count
            for day in made.by_day
            for kind, count in (
                ("opened", day.opened_total),
                ("clicked", day.clicked_total),
                ("visited", day.visits),
            )
            if count
        }
    channels = {name: _numbers(figures) for name, figures in made.by_channel}
    return _numbers(made.totals), channels, [_numbers(each) for _, each in made.by_asset], days


def _numbers(figures: Figures) -> tuple[int, ...]:
    return (
        figures.opened_total, figures.clicked_total, figures.machine_opens, figures.machine_clicks, figures.visits,
        figures.conversions, figures.opened_people, figures.clicked_people,
    )  # fmt: skip


# --- the same of the events -------------------------------------------------------------------------------------------


def _raw_overview(_: str, ask: Ask) -> dict[str, tuple[int, ...]]:
    return _by_first(ask(_TOTALS.format(place="campaign", where="")))


def _raw_report(kind: str, ask: Ask) -> Any:
    (total,) = _by_first(ask(_TOTALS.format(place="campaign", where=_ONE))).values()
    channels = _by_first(ask(_TOTALS.format(place="channel", where=_ONE)))
    assets = _by_first(ask(_TOTALS.format(place="asset_id", where=_ONE)))
    days = ask(_DAYS.format(day=_DAY[kind], campaign=CAMPAIGN))
    by_day = {(str(day), what): count for day, what, count in days}
    return total, channels, [numbers for _, numbers in sorted(assets.items())], by_day


def _by_first(found: Sequence[Sequence[Any]]) -> dict[Any, tuple[int, ...]]:
    return {row[0]: tuple(map(int, row[1:])) for row in found}


def _ask(database: Database, sql: str) -> Sequence[Sequence[Any]]:
    with database.session() as session:
        return session.connection().exec_driver_sql(sql).all()


@contextmanager
def _duckdb() -> Iterator[Ask | None]:
    """The events in a file of DuckDB's own; None where it is not installed."""
    try:
        import duckdb
    except ImportError:
        say("reports: no DuckDB here, its rows are left out")
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="cms-bench-") as folder:
        connection = duckdb.connect(str(Path(folder, "events.duckdb")))
        events = manyevents.select_events("duckdb", 1, EVENTS, EVENTS)
        connection.execute(f"CREATE TABLE core_event AS {events}")
        yield lambda sql: connection.execute(sql).fetchall()
        connection.close()
