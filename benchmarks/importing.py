"""``import``: contacts from a CSV file, against the driver alone writing the same rows, and against the ORM's add_all.

The same rows: the contact, its consent with evidence, the mark that it changed. The floor reads the same file, makes the same ids
and hashes and checks nothing; on SQLite it writes with executemany, on PostgreSQL with COPY.
"""

import csv
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from io import StringIO
from itertools import islice
from typing import Any

from databases import KEY, fresh, installed, row_name
from measure import Row, compare, take_turns
from sqlalchemy import text
from sqlalchemy.orm import Session

from cms_core.audience.imports import import_contacts
from cms_core.audience.models import Company, Consent, Contact, ContactChange, CustomField
from cms_core.auth.models import AuditEntry
from cms_core.db import Database
from cms_core.ids import new_id
from cms_core.secrets import keyed_hash

PEOPLE = 60_000
ORM_PEOPLE = 6_000
ROUNDS = 3
QUICK = {"PEOPLE": 1_500, "ORM_PEOPLE": 500, "ROUNDS": 1}
GOALS = {"sqlite": 0.6, "postgresql": 0.8}
ORM_GOAL = 10
BATCH = 10_000
FIELDS = ["email", "first_name", "last_name", "country", "score"]
COUNTRIES = ("US", "DE", "FR", "GB", "IN", "BR", "JP", "CA")
CONTACT = (
    "public_id email domain address_hash first_name last_name country language timezone extra source created_at updated_at"
).split()
CONSENT = "contact_id channel topic action basis source evidence at".split()
CHANGE = "contact_id change fields at".split()


def rows() -> list[Row]:
    """One comparison with the driver and one with the ORM for each database."""
    found = []
    for kind in installed():
        with fresh(kind) as database:
            found += _compared(database, kind)
    return found


def _compared(database: Database, kind: str) -> list[Row]:
    data, small = _file(PEOPLE), _file(ORM_PEOPLE)
    cases: dict[str, Callable[[], float]] = {
        "ours": partial(
            _rate, database, PEOPLE, lambda session: import_contacts(session, data, name="people.csv")
        ),
        "driver": partial(_rate, database, PEOPLE, lambda session: _driver(session, data, kind)),
        "orm": partial(_rate, database, ORM_PEOPLE, lambda session: _orm(session, small)),
    }
    timed = take_turns(cases, ROUNDS)
    against = "executemany of the driver" if kind == "sqlite" else "COPY"
    driver = compare(
        row_name("import", kind), timed["ours"], timed["driver"],
        unit="/s", against=f"{against}, the same rows", goal=GOALS[kind],
    )  # fmt: skip
    orm = compare(
        row_name("import-orm", kind),
        timed["ours"],
        timed["orm"],
        unit="/s",
        against="ORM add_all",
        goal=ORM_GOAL,
    )
    return [driver, orm]


def _file(people: int) -> bytes:
    text = StringIO()
    out = csv.writer(text)
    out.writerow(["email", "first_name", "last_name", "country", "score", "consent"])
    for n in range(people):
        out.writerow(
            [
                f"User{n}@example{n % 500}.org",
                f"First{n % 1000}",
                f"Last{n % 5000}",
                COUNTRIES[n % 8],
                n % 100,
                "yes",
            ]
        )
    return text.getvalue().encode()


def _rate(database: Database, people: int, write: Callable[[Session], Any]) -> float:
    """People per second into empty tables, the commit included."""
    _empty(database)
    start = time.perf_counter()
    with database.transaction() as session:
        write(session)
    return people / (time.perf_counter() - start)


def _empty(database: Database) -> None:
    written = (Consent, ContactChange, Contact, Company, CustomField, AuditEntry)
    with database.transaction() as session:
        if (
            session.get_bind().dialect.name == "postgresql"
        ):  # DELETE would look for references to each contact
            names = ", ".join(model.__tablename__ for model in written)
            session.execute(text(f"TRUNCATE {names} CASCADE"))
            return
        for model in written:
            session.execute(text(f"DELETE FROM {model.__tablename__}"))  # noqa: S608 - by no model: one is append-only


def _people(data: bytes) -> Iterator[list[str]]:
    return islice(csv.reader(StringIO(data.decode(), newline="")), 1, None)


def _batches(people: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    while batch := list(islice(people, BATCH)):
        yield batch


def _driver(session: Session, data: bytes, kind: str) -> None:
    cursor = session.connection().connection.cursor()
    now = datetime.now(UTC)
    at: Any = now.replace(tzinfo=None).isoformat(" ") if kind == "sqlite" else now
    write = partial(_executemany if kind == "sqlite" else _copy, cursor)
    first = 1
    for batch in _batches(_people(data)):
        numbers = range(first, first + len(batch))
        first += len(batch)
        people = (_contact(n, row, at) for n, row in zip(numbers, batch, strict=True))
        write("core_contact", ["id", *CONTACT], people)
        write("core_consent", CONSENT, (_consent(n, at) for n in numbers))
        write("core_contact_change", CHANGE, ((n, "created", json.dumps(FIELDS), at) for n in numbers))


def _contact(number: int, row: list[str], at: Any) -> tuple[Any, ...]:
    email = row[0].lower()
    return (
        number, new_id(), email, email.rpartition("@")[2], keyed_hash(KEY, email), row[1], row[2], row[3], "", "",
        json.dumps({"score": row[4]}), "import people.csv", at, at,
    )  # fmt: skip


def _consent(number: int, at: Any) -> tuple[Any, ...]:
    evidence = json.dumps({"file": "people.csv", "row": number + 1})
    return (number, "email", "", "granted", "import", "import people.csv", evidence, at)


def _executemany(cursor: Any, table: str, columns: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(columns))
    cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)  # noqa: S608 - fixed names


def _copy(cursor: Any, table: str, columns: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _orm(session: Session, data: bytes) -> None:
    at = datetime.now(UTC)
    for batch in _batches(_people(data)):
        people = [
            Contact(
                email=row[0].lower(), address_hash=keyed_hash(KEY, row[0].lower()), first_name=row[1], last_name=row[2],
                country=row[3], extra={"score": row[4]}, source="import people.csv", created_at=at, updated_at=at,
            )
            for row in batch
        ]  # fmt: skip
        session.add_all(people)
        session.flush()
        for person in people:
            said = {"channel": "email", "action": "granted", "basis": "import", "evidence": {"row": 1}}
            session.add(Consent(contact_id=person.id, at=at, **said))
            session.add(ContactChange(contact_id=person.id, change="created", fields=FIELDS, at=at))
        session.flush()
        session.expunge_all()
