"""Importing contacts from a CSV file. What makes the file unreadable saves nothing; a faulty row is left out and told.

The whole file is one savepoint: a dry run does everything and takes it back, so it tells exactly what the import would do.
Memory: besides a batch, one address and row number per person (duplicates are told with the row they repeat).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from cms_core.addresses import normalise
from cms_core.audience import fields
from cms_core.audience.consent import Standing
from cms_core.audience.upsert import BATCH, Incoming, upsert_batch
from cms_core.auth import audit
from cms_core.csvfile import CsvFile, Row, read_csv, unprotect_cell
from cms_core.errors import Invalid

CONSENT_WORDS = frozenset(Standing)


@dataclass
class ImportResult:
    """What an import did, or would do: counts of people, faulty rows with reasons, remarks; ``saved`` is False for a dry run."""

    format: str
    encoding: str
    delimiter: str
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    saved: bool = False

    @property
    def accepted(self) -> int:
        """How many rows were good."""
        return self.created + self.updated + self.unchanged


class Column(NamedTuple):
    """Where a field is read from (the first filled column counts); values up to ``unchecked`` characters need no check."""

    field: str
    indexes: tuple[int, ...]
    unchecked: int


@dataclass(frozen=True)
class Plan:
    """Which columns go where: those of the address, of consent, of built-in and of own fields, and the own ones' labels."""

    email: tuple[int, ...]
    consent: tuple[int, ...]
    values: tuple[Column, ...]
    extra: tuple[Column, ...]
    labels: Mapping[str, str]
    notes: tuple[str, ...]


def import_contacts(
    session: Session,
    source: str | Path | bytes,
    mapping: Mapping[str, str] | None = None,
    *,
    name: str = "",
    dry_run: bool = False,
    all_or_nothing: bool = False,
) -> ImportResult:
    """Create and change contacts from a CSV file (a path or its content, then with its ``name``).

    ``mapping`` sends columns to fields (``{"Mail": "email"}``) or nowhere (``{"Notes": "-"}``). Raises Invalid, with nothing saved,
    for a file that cannot be read as a whole; faulty rows are in the result. ``all_or_nothing`` saves nothing when there is one.
    """
    file = read_csv(source, name, known=fields.is_built_in_header)
    plan = make_plan(file, mapping or {})
    result = ImportResult("csv", file.encoding.removesuffix("-sig"), file.delimiter, notes=list(plan.notes))
    with session.begin_nested() as savepoint:
        fields.register(session, plan.labels)
        kept = _load(session, file, plan, result)
        if kept:
            result.notes.append(f"{kept} who unsubscribed stay unsubscribed, whatever the file says")
        faulty = bool(result.skipped) and (all_or_nothing or not result.accepted)
        result.saved = not (dry_run or faulty)
        if result.saved:
            counts = {"created": result.created, "updated": result.updated, "skipped": len(result.skipped)}
            audit.note(session, "import", "contacts", file.name[:100], counts)
        else:
            savepoint.rollback()
    result.skipped.sort(key=lambda each: each["row"])
    return result


def make_plan(file: CsvFile, mapping: Mapping[str, str]) -> Plan:
    """Decide where each column goes; raises Invalid when none holds the e-mail address."""
    targets, notes = _targets(file, mapping), []
    columns: dict[str, list[int]] = {}
    labels: dict[str, str] = {}
    for index, target in sorted(targets.items(), key=lambda each: file.header[each[0]] not in mapping):
        columns.setdefault(target, []).append(index)
        if target not in fields.BUILT_IN and target != "consent":
            labels.setdefault(target, file.header[index])
    if "email" not in columns:
        named = ", ".join(name for name in file.header if name)
        raise Invalid(
            f"{file.name} has no column of e-mail addresses; its columns are: {named}",
            "name it: --map COLUMN=email",
        )
    for target, indexes in columns.items():
        if len(indexes) > 1:
            names = " and ".join(str(index + 1) for index in indexes)
            notes.append(f"columns {names} are all {target}: the first filled one counts")
    unnamed = [str(index + 1) for index, name in enumerate(file.header) if not name]
    if unnamed:
        notes.append(f"columns without a name were left out: {', '.join(unnamed)}")
    if "consent" not in columns:
        notes.append("there is no consent column: whom you did not have consent of before, you may not mail")
    return Plan(
        email=tuple(columns["email"]),
        consent=tuple(columns.get("consent", ())),
        values=tuple(_column(name, columns[name]) for name in fields.MAX_LENGTH if name in columns),
        extra=tuple(_column(name, columns[name]) for name in labels),
        labels=labels,
        notes=tuple(notes),
    )


def _column(name: str, indexes: Sequence[int]) -> Column:
    unchecked = 0 if name == "timezone" else fields.MAX_LENGTH.get(name, fields.MAX_CUSTOM_LENGTH)
    return Column(name, tuple(indexes), unchecked)


def _targets(file: CsvFile, mapping: Mapping[str, str]) -> dict[int, str]:
    missing = [name for name in mapping if name not in file.header]
    if missing:
        named = ", ".join(name for name in file.header if name)
        raise Invalid(
            f"{file.name} has no column {missing[0]!r}; its columns are: {named}",
            "correct --map COLUMN=field",
        )
    return {
        index: fields.field_of_header(mapping.get(name, name))
        for index, name in enumerate(file.header)
        if name and mapping.get(name) != fields.LEFT_OUT
    }


def _load(session: Session, file: CsvFile, plan: Plan, result: ImportResult) -> int:
    """Write all good rows in batches and fill the result; how many unsubscriptions held against a "yes"."""
    seen: dict[str, int] = {}
    batch: list[Incoming] = []
    kept = 0
    for row in file.rows():
        try:
            person = _person(row, plan, file.name)
        except Invalid as fault:
            result.skipped.append({"row": row.number, "reason": fault.message})
            continue
        first = seen.setdefault(person.email, row.number)
        if first != row.number:
            result.skipped.append({"row": row.number, "reason": f"duplicate of row {first}"})
            continue
        batch.append(person)
        if len(batch) == BATCH:
            kept += _write(session, batch, seen, file.name, result)
            batch = []
    return kept + (_write(session, batch, seen, file.name, result) if batch else 0)


def _write(
    session: Session, batch: Sequence[Incoming], seen: Mapping[str, int], name: str, result: ImportResult
) -> int:
    outcome = upsert_batch(session, batch, source=f"import {name}")
    result.created += len(outcome.created)
    result.updated += len(outcome.updated)
    result.unchanged += len(outcome.unchanged)
    for email in outcome.tombstones:
        result.skipped.append(
            {"row": seen[email], "reason": f"{email} belongs to a contact that was merged or erased"}
        )
    return len(outcome.kept)


def _person(row: Row, plan: Plan, name: str) -> Incoming:
    """What a row says; raises Invalid with the reason for leaving it out."""
    if row.fault:
        raise Invalid(row.fault)
    cells = row.cells
    address = _cell(cells, plan.email)
    if not address:
        raise Invalid("no e-mail address")
    consent = _cell(cells, plan.consent).casefold()
    if consent and consent not in CONSENT_WORDS:
        raise Invalid(f"consent {consent[:40]!r} is not one of yes, no, unsubscribed")
    return Incoming(
        normalise(address),
        _filled(cells, plan.values),
        _filled(cells, plan.extra),
        consent,
        {"file": name, "row": row.number} if consent else {},
    )


def _filled(cells: Sequence[str], columns: Sequence[Column]) -> dict[str, str]:
    found = {}
    for target, indexes, unchecked in columns:
        text = cells[indexes[0]].strip()
        if not text or text[0] == "'":
            text = _cell(cells, indexes)
        if text:
            found[target] = text if len(text) <= unchecked else fields.clean(target, text)
    return found


def _cell(cells: Sequence[str], indexes: tuple[int, ...]) -> str:
    """The first filled cell, as it was before an export protected it."""
    for index in indexes:
        text = cells[index].strip()
        if text:
            return unprotect_cell(text).strip() if text[0] == "'" else text
    return ""
