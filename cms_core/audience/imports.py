"""Importing contacts from CSV files, of one's own or of another product. What makes a file unreadable saves nothing; a faulty row
is left out and told.

The whole is one savepoint: a dry run does everything and takes it back, so it tells exactly what the import would do. Memory:
besides a batch, one address and row number per person (duplicates are told with the row they repeat).
"""

import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from cms_core.audience import fields
from cms_core.audience.columns import Plan, make_plan
from cms_core.audience.consent import Standing
from cms_core.audience.lists import Lists
from cms_core.audience.products import CSV, is_known_header
from cms_core.audience.rows import RowReader
from cms_core.audience.upsert import BATCH, Incoming, upsert_batch
from cms_core.auth import audit
from cms_core.csvfile import CsvFile, read_csv
from cms_core.errors import Invalid
from cms_core.imports.unpack import unpack

ENDINGS = (".csv", ".tsv", ".txt")


@dataclass
class ImportResult:
    """What an import did, or would do: counts of people, faulty rows with reasons, remarks; ``saved`` is False for a dry run.

    ``format`` is the product whose export it is, or "csv"; ``segments`` are static ones, with how many were put into each.
    """

    format: str
    encoding: str
    delimiter: str
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    segments: list[dict[str, Any]] = field(default_factory=list)
    saved: bool = False

    @property
    def accepted(self) -> int:
        """How many rows were good."""
        return self.created + self.updated + self.unchanged

    @property
    def failure(self) -> str:
        """What is said when faulty rows kept everything from being saved."""
        count = len(self.skipped)
        return f"{count} {'row is' if count == 1 else 'rows are'} faulty; nothing was saved"


def import_contacts(
    session: Session,
    source: str | Path | bytes,
    mapping: Mapping[str, str] | None = None,
    *,
    name: str = "",
    dry_run: bool = False,
    all_or_nothing: bool = False,
) -> ImportResult:
    """Create and change contacts from a CSV file or a zip archive of some (a path or its content, then with its ``name``).

    ``mapping`` sends columns to fields (``{"Mail": "email"}``), to signals (``{"Labels": "@tags"}``) or nowhere (``{"Notes":
    "-"}``). Raises Invalid, with nothing saved, for a file that cannot be read as a whole; faulty rows are in the result.
    ``all_or_nothing`` saves nothing when there is one.
    """
    with open_files(source, name) as files:
        plans = [(file, make_plan(file, _of_file(mapping or {}, file, files))) for file in files]
        first = next((each for each in plans if each[1].product is not CSV), plans[0])
        result = ImportResult(
            first[1].product.name, first[0].encoding.removesuffix("-sig"), first[0].delimiter
        )
        with session.begin_nested() as savepoint:
            for file, plan in plans:
                _Loader(session, file, plan, result, several=len(files) > 1).load()
            faulty = bool(result.skipped) and (all_or_nothing or not result.accepted)
            result.saved = not (dry_run or faulty)
            if result.saved:
                counts = {
                    "created": result.created,
                    "updated": result.updated,
                    "skipped": len(result.skipped),
                }
                audit.note(session, "import", "contacts", (name or files[0].name)[:100], counts)
            else:
                savepoint.rollback()
                if not dry_run:
                    result.created, result.updated, result.segments = 0, 0, []
    result.notes = list(dict.fromkeys(result.notes))
    return result


@contextmanager
def open_files(source: str | Path | bytes, name: str = "") -> Iterator[list[CsvFile]]:
    """The CSV file, or those in a zip archive by name; raises Invalid for what is neither."""
    packed = BytesIO(source) if isinstance(source, bytes) else source
    if not _is_archive(packed):
        yield [read_csv(source, name, known=is_known_header)]
        return
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    shown = name or (Path(source).name if not isinstance(source, bytes) else "the archive")
    with tempfile.TemporaryDirectory() as folder:
        unpack([(shown, data)], Path(folder))
        paths = sorted(path for path in Path(folder).rglob("*") if _is_list(path, Path(folder)))
        if not paths:
            raise Invalid(f"{shown} holds no CSV file", f"their names end with {', '.join(ENDINGS)}")
        yield [read_csv(path, path.name, known=is_known_header) for path in paths]


def _is_archive(packed: str | Path | BytesIO) -> bool:
    """Whether this is a zip archive of files, and not one of those that Excel writes."""
    try:
        with zipfile.ZipFile(packed) as archive:
            return "[Content_Types].xml" not in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _is_list(path: Path, folder: Path) -> bool:
    inside = path.relative_to(folder).parts
    hidden = any(part.startswith((".", "__MACOSX")) for part in inside)
    return path.is_file() and not hidden and path.suffix.lower() in ENDINGS


def _of_file(mapping: Mapping[str, str], file: CsvFile, files: Sequence[CsvFile]) -> Mapping[str, str]:
    """What of a mapping concerns this one of several files; a column that none of them has is told with the first."""
    everywhere = {header for each in files for header in each.header}
    return {name: target for name, target in mapping.items() if name in file.header or name not in everywhere}


class _Loader:
    """Writes the good rows of one file in batches and fills the result."""

    def __init__(
        self, session: Session, file: CsvFile, plan: Plan, result: ImportResult, *, several: bool
    ) -> None:
        self._session = session
        self._file = file
        self._result = result
        self._where = {"file": file.name} if several else {}
        self._reader = RowReader(plan, file.name)
        self._refusals = RowReader(plan.of_consent(), file.name)
        self._lists = Lists(session)
        self._plan = plan
        self._seen: dict[str, int] = {}
        self._stricter: dict[str, Incoming] = {}
        self._kept = 0

    def load(self) -> None:
        fields.register(self._session, self._plan.labels)
        before = len(self._result.skipped)
        batch: list[Incoming] = []
        for row in self._file.rows():
            try:
                person = self._reader.person(row)
            except Invalid as fault:
                self._skip(row.number, fault.message)
                with suppress(Invalid):
                    self._hear(self._refusals.person(row))
                continue
            first = self._seen.setdefault(person.email, row.number)
            if first != row.number:
                self._skip(row.number, f"duplicate of row {first}")
                self._hear(person)
                continue
            batch.append(person)
            if len(batch) == BATCH:
                self._write(batch)
                batch = []
        if batch:
            self._write(batch)
        self._write_stricter()
        tail = sorted(self._result.skipped[before:], key=lambda each: each["row"])
        self._result.skipped[before:] = tail
        self._tell()

    def _skip(self, row: int, reason: str) -> None:
        self._result.skipped.append({"row": row, "reason": reason, **self._where})

    def _hear(self, person: Incoming) -> None:
        """A repeated or faulty row is left out, but not that somebody does not want mail, or that it comes back."""
        if person.bounced or person.consent == Standing.UNSUBSCRIBED:
            self._stricter[person.email] = person._replace(values={}, extra={}, tags=())

    def _write(self, batch: Sequence[Incoming]) -> None:
        fields.register(self._session, self._reader.new_labels())
        outcome = upsert_batch(self._session, batch, source=f"import {self._file.name}")
        self._result.created += len(outcome.created)
        self._result.updated += len(outcome.updated)
        self._result.unchanged += len(outcome.unchanged)
        self._kept += len(outcome.kept)
        for email in outcome.tombstones:
            self._skip(self._seen[email], f"{email} belongs to a contact that was merged or erased")
        self._lists.join(batch)

    def _write_stricter(self) -> None:
        people = list(self._stricter.values())
        for start in range(0, len(people), BATCH):
            upsert_batch(self._session, people[start : start + BATCH], source=f"import {self._file.name}")

    def _tell(self) -> None:
        notes = self._result.notes
        notes += [*self._plan.notes, *self._reader.notes(), *self._lists.notes]
        if self._kept:
            notes.append(f"{self._kept} who unsubscribed stay unsubscribed, whatever the file says")
        self._result.segments += [{"name": name, "added": count} for name, count in self._lists.added.items()]
