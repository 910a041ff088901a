"""``segments``: counting a segment by rule, against the same question as hand-written SQL and as a loop in Python."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from databases import fresh, installed, row_name
from measure import Row, compare, take_turns
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from cms_core.audience import fields
from cms_core.audience.models import Contact
from cms_core.audience.segments import count
from cms_core.db import Database
from cms_core.dialect import insert_rows
from cms_core.events.models import Event
from cms_core.ids import new_id

PEOPLE, EVENTS, ROUNDS = 60_000, 240_000, 5
QUICK = {"PEOPLE": 500, "EVENTS": 2_000, "ROUNDS": 1}
HAND_GOAL, PYTHON_GOAL = 1.1, 3
COUNTRIES = ("US", "DE", "FR", "GB", "IN", "BR", "JP", "CA")
RULE = 'country in ("US", "DE") and score >= 50 and (opened("Launch") >= 2 within 30 days or clicked("Launch") > 0)'
BATCH = 10_000
# The same question by somebody who knows the tables: an own field is a text, and counts only where it looks like a number
# (PostgreSQL would not cast another one at all).
_HAND = """
SELECT count(*) FROM core_contact c WHERE c.merged_into_id IS NULL AND c.erased_at IS NULL
 AND lower(c.country) IN ('us', 'de') AND {score}
 AND ((SELECT count(*) FROM core_event e WHERE e.contact_id = c.id AND e.kind = 'opened' AND e.campaign = 'launch'
        AND e.agent_class = 'human' AND e.at >= :since) >= 2
   OR EXISTS (SELECT 1 FROM core_event e WHERE e.contact_id = c.id AND e.kind = 'clicked' AND e.campaign = 'launch'
        AND e.agent_class = 'human'))
"""
_NUMBER = r"'^[+-]?[0-9]{1,15}(\.[0-9]{1,12})?$'"
_SQLITE, _POSTGRESQL = "json_extract(c.extra, '$.score')", "(c.extra ->> 'score')"
_SCORE = {
    "sqlite": f"CASE WHEN CAST({_SQLITE} AS REAL) >= 50 THEN {_SQLITE} REGEXP {_NUMBER} ELSE 0 END",
    "postgresql": f"CASE WHEN {_POSTGRESQL} ~ {_NUMBER} THEN CAST({_POSTGRESQL} AS DOUBLE PRECISION) >= 50 ELSE false END",
}


def rows() -> list[Row]:
    """One comparison with hand-written SQL and one with Python for each database."""
    found = []
    for kind in installed():
        with fresh(kind) as database:
            _fill(database)
            found += _compared(database, kind)
    return found


def _compared(database: Database, kind: str) -> list[Row]:
    cases: dict[str, Callable[[], float]] = {
        "ours": partial(_seconds, database, lambda session: count(session, RULE)),
        "hand": partial(_seconds, database, lambda session: _hand(session, kind)),
        "python": partial(_seconds, database, _python),
    }
    timed = take_turns(cases, ROUNDS)
    hand = compare(
        row_name("segments", kind), timed["ours"], timed["hand"],
        unit="s", against="hand-written SQL", goal=HAND_GOAL, at_most=True,
    )  # fmt: skip
    speeds = {name: [1 / each for each in timed[name]] for name in ("ours", "python")}
    python = compare(
        row_name("segments-python", kind),
        speeds["ours"],
        speeds["python"],
        unit="/s",
        against="a loop in Python",
        goal=PYTHON_GOAL,
    )
    return [hand, python]


def _seconds(database: Database, ask: Callable[[Session], int]) -> float:
    with database.session() as session:
        start = time.perf_counter()
        ask(session)
        return time.perf_counter() - start


def _since() -> datetime:
    return datetime.now(UTC) - timedelta(days=30)


def _hand(session: Session, kind: str) -> int:
    since: Any = _since()
    if kind == "sqlite":
        since = since.replace(tzinfo=None).isoformat(" ")
    return int(session.scalar(text(_HAND.format(score=_SCORE[kind])), {"since": since}) or 0)


def _python(session: Session) -> int:
    since = _since()
    opened: dict[int | None, int] = {}
    events = select(Event.contact_id).where(Event.campaign == "launch", Event.agent_class == "human")
    for (contact_id,) in session.execute(events.where(Event.kind == "opened", Event.at >= since)):
        opened[contact_id] = opened.get(contact_id, 0) + 1
    clicked = set(session.scalars(events.where(Event.kind == "clicked")))
    people = session.execute(
        select(Contact.id, Contact.country, Contact.extra).where(Contact.erased_at.is_(None))
    )
    return sum(
        country in ("US", "DE")
        and float(extra["score"]) >= 50
        and (opened.get(number, 0) >= 2 or number in clicked)
        for number, country, extra in people
    )


def _fill(database: Database) -> None:
    at = datetime.now(UTC)
    with database.transaction() as session:
        fields.register(session, {"score": "score"})
        for numbers in _batches(PEOPLE):
            people = [_person(n) for n in numbers]
            insert_rows(session, Contact, people, source="bench", created_at=at, updated_at=at)
        for numbers in _batches(EVENTS):
            insert_rows(session, Event, [_event(n, at) for n in numbers], received_at=at, source="bench")
    with database.writing() as connection:
        connection.exec_driver_sql("ANALYZE")


def _batches(count: int) -> list[range]:
    return [range(start, min(start + BATCH, count)) for start in range(0, count, BATCH)]


def _person(n: int) -> dict[str, Any]:
    return {
        "id": n + 1, "public_id": new_id(), "email": f"user{n}@example.org", "domain": "example.org",
        "first_name": "", "last_name": "", "country": COUNTRIES[n * 7 % 8],
        "language": "", "timezone": "", "extra": {"score": str(n * 13 % 100)},
    }  # fmt: skip


def _event(n: int, now: datetime) -> dict[str, Any]:
    return {
        "public_id": new_id(), "source_id": str(n), "kind": ("opened", "opened", "clicked", "visited")[n * 5 % 4],
        "contact_id": n * 17 % PEOPLE + 1, "at": now - timedelta(minutes=n % 130_000), "agent_class": "human",
        "campaign": ("launch", "spring", "autumn")[n * 3 % 7 % 3], "props": {},
    }  # fmt: skip
