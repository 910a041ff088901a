"""``import``: contacts from a CSV file, against the driver alone writing the same rows, and against the ORM's add_all.

The same rows: the contact, its consent with evidence, the mark that it changed. The floor reads the same file, makes the same ids
and hashes and checks nothing; on SQLite it writes with executemany. On PostgreSQL it is COPY into a staging table, from which one
statement creates or changes contacts; ``import-copy`` is COPY straight into the tables, which fails once somebody is there already.
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
Write = Callable[[Session], Any]
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
    floors: dict[str, tuple[Write, str, float | None]] = {
        "import": (partial(_driver, data=data), "executemany of the driver, the same rows", GOALS[kind])
    }
    if kind == "postgresql":
        floors = {
            "import": (partial(_staged, data=data), "COPY and one upsert, the same rows", GOALS[kind]),
            "import-copy": (partial(_copied, data=data), "COPY straight into the tables", None),
        }
    cases: dict[str, Callable[[], float]] = {
        "ours": partial(_rate, database, PEOPLE, partial(import_contacts, source=data, name="people.csv")),
        "orm": partial(_rate, database, ORM_PEOPLE, partial(_orm, data=small)),
    }
    cases |= {name: partial(_rate, database, PEOPLE, write) for name, (write, _, _) in floors.items()}
    timed = take_turns(cases, ROUNDS)
    compared = partial(compare, unit="/s")
    found = [
        compared(row_name(name, kind), timed["ours"], timed[name], against=against, goal=goal)
        for name, (_, against, goal) in floors.items()
    ]
    orm = row_name("import-orm", kind)
    return [*found, compared(orm, timed["ours"], timed["orm"], against="ORM add_all", goal=ORM_GOAL)]


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


def _rate(database: Database, people: int, write: Write) -> float:
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


def _driver(session: Session, data: bytes) -> None:
    cursor = session.connection().connection.cursor()
    at = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
    _write_straight(partial(_executemany, cursor), data, at)


def _copied(session: Session, data: bytes) -> None:
    cursor = session.connection().connection.cursor()
    _write_straight(partial(_copy, cursor), data, datetime.now(UTC))


def _write_straight(write: Callable[..., None], data: bytes, at: Any) -> None:
    """Into empty tables, by ids of one's own."""
    first = 1
    for batch in _batches(_people(data)):
        numbers = range(first, first + len(batch))
        first += len(batch)
        people = (_contact(n, row, at) for n, row in zip(numbers, batch, strict=True))
        write("core_contact", ["id", *CONTACT], people)
        write("core_consent", CONSENT, (_consent(n, at) for n in numbers))
        write("core_contact_change", CHANGE, ((n, "created", json.dumps(FIELDS), at) for n in numbers))


def _staged(session: Session, data: bytes) -> None:
    """Whoever is there already is changed; an address that comes twice is taken once. The other rows are made from these."""
    cursor = session.connection().connection.cursor()
    at, names = datetime.now(UTC), ", ".join(CONTACT)
    changed = ", ".join(
        f"{name} = excluded.{name}" for name in ("first_name", "last_name", "country", "extra", "updated_at")
    )
    cursor.execute(
        f"CREATE TEMP TABLE staged ON COMMIT DROP AS SELECT 0::bigint AS id, {names} FROM core_contact WITH NO DATA"  # noqa: S608
    )
    _copy(
        cursor, "staged", ["id", *CONTACT], (_contact(n, row, at) for n, row in enumerate(_people(data), 1))
    )
    cursor.execute(
        f"INSERT INTO core_contact ({names}) SELECT DISTINCT ON (email) {names} FROM staged ORDER BY email, id "  # noqa: S608
        f"ON CONFLICT (email) DO UPDATE SET {changed}"
    )
    cursor.execute(
        f"INSERT INTO core_consent ({', '.join(CONSENT)}) SELECT c.id, 'email', '', 'granted', 'import', "  # noqa: S608
        "'import people.csv', json_build_object('file', 'people.csv', 'row', s.id + 1), s.created_at "
        "FROM staged AS s JOIN core_contact AS c USING (email)"
    )
    cursor.execute(
        f"INSERT INTO core_contact_change ({', '.join(CHANGE)}) SELECT c.id, 'created', %s::json, s.created_at "  # noqa: S608
        "FROM staged AS s JOIN core_contact AS c USING (email)",
        [json.dumps(FIELDS)],
    )


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
