"""Imports a calendar plan from CSV: each row an entry, each fault with its row and column, the same plan twice once.

Columns: when, tz, channel, connection, asset, campaign, segment, title, kind, end, budget. Rows are counted as data record + 1,
also in ``after:ROW``.
"""

import hashlib
import io
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from csv import writer
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from cms_core.auth.models import User
from cms_core.campaigns import blackouts
from cms_core.campaigns.models import Entry, EntryState
from cms_core.campaigns.service import plan
from cms_core.campaigns.when import Mode, describe
from cms_core.csvfile import CsvFile, Row, protect_cell, read_csv, unprotect_cell
from cms_core.db import now
from cms_core.errors import CmsError, Invalid
from cms_core.imports.plan_names import RowFault, Sought
from cms_core.imports.plan_rows import COLUMNS, PlanRow, read_row, seek
from cms_core.imports.posts import Sheet, column_of, read_post, read_sheet
from cms_core.plugins import Plugins

Arm = Callable[[Entry], object]
REASON = "reason"


@dataclass(frozen=True)
class Fault:
    """What is wrong with a row: where and why."""

    row: int
    column: str
    reason: str


@dataclass
class PlanResult:
    """What became of a plan. ``ready`` rows are without a fault; ``saved`` of them are new, ``unchanged`` were there."""

    ready: int = 0
    saved: int = 0
    unchanged: int = 0
    faulty: list[Fault] = field(default_factory=list)
    findings: list[Fault] = field(default_factory=list)

    @property
    def failure(self) -> str:
        """What is said when the faults kept everything from being saved."""
        return f"{len(self.faulty)} {'fault' if len(self.faulty) == 1 else 'faults'}; nothing was saved"


def import_plan(
    session: Session,
    plugins: Plugins,
    source: str | Path | bytes,
    *,
    name: str = "",
    tz: str = "UTC",
    arm: Arm | None = None,
    author: User | None = None,
) -> tuple[PlanResult, CsvFile]:
    """Put the rows of a plan on the calendar; ``tz`` is the zone where neither row, campaign nor what it follows names one.

    A sheet of social posts (a text and a time in each row, as schedulers have it) is recognised by its columns; ``author`` writes
    the posts that are new. ``arm`` is called with each entry; what it refuses makes the row faulty. Raises Invalid for a file that
    cannot be read as a whole. The caller decides whether to keep what was saved.
    """
    file = read_csv(
        source, name, known=lambda header: header.strip().lower() in COLUMNS or bool(column_of(header))
    )
    return _Importer(session, plugins, file, tz, arm, author).run(), file


def write_faulty(file: CsvFile, result: PlanResult, path: Path) -> None:
    """Write the faulty rows with their reasons to a CSV file, to be mended and imported again."""
    reasons: dict[int, list[str]] = {}
    for fault in result.faulty:
        reasons.setdefault(fault.row, []).append(
            f"{fault.column}: {fault.reason}" if fault.column else fault.reason
        )
    text = io.StringIO()
    out = writer(text)
    out.writerow([*file.header, REASON])
    for row in file.rows():
        if row.number in reasons:
            out.writerow([protect_cell(cell) for cell in [*row.cells, "; ".join(reasons[row.number])]])
    path.write_text(text.getvalue(), encoding="utf-8")


class _Importer:
    def __init__(
        self,
        session: Session,
        plugins: Plugins,
        file: CsvFile,
        tz: str,
        arm: Arm | None,
        author: User | None,
    ) -> None:
        self._session = session
        self._file = file
        self._tz = tz
        self._arm = arm
        self._sought = Sought(session, plugins)
        self._author = author
        self._sheet = read_sheet(file) if author else None
        self._columns = {} if self._sheet else _columns(file)
        self._mended = any(name.strip().lower() == REASON for name in file.header)
        self._entries: dict[int, Entry] = {}
        self._row_of: dict[int, int] = {}
        self._result = PlanResult()

    def run(self) -> PlanResult:
        rows = self._read()
        for row in self._in_order(rows):
            try:
                with self._session.begin_nested():
                    entry = self._save(row)
            except CmsError as error:
                self._fault(row.number, error.field, error)
            else:  # a faulty row leaves nothing that another one could follow or repeat
                self._entries[row.number] = entry
                self._row_of[entry.id] = row.number
        self._result.faulty.sort(key=lambda fault: (fault.row, fault.column))
        if self._sheet and self._sheet.unused:
            message = f"columns that are not used: {', '.join(self._sheet.unused)}"
            self._result.findings.insert(0, Fault(1, "", message))
        self._result.ready = self._result.saved + self._result.unchanged
        return self._result

    def _read(self) -> dict[int, PlanRow]:
        rows: dict[int, PlanRow] = {}
        for record in self._file.rows():
            if record.fault:
                self._result.faulty.append(Fault(record.number, "", record.fault))
                continue
            row, faults = self._parse(record)
            for fault in faults:
                self._fault(record.number, fault.field, fault)
            if row is not None and not faults:
                rows[record.number] = row
        return rows

    def _parse(self, record: Row) -> tuple[PlanRow | None, list[RowFault]]:
        if self._sheet is not None and self._author is not None:
            return self._parse_post(record, self._sheet, self._author)
        cells = {column: self._cell(record.cells[index]) for column, index in self._columns.items()}
        return read_row(self._sought, record.number, cells, self._tz)

    def _parse_post(self, record: Row, sheet: Sheet, author: User) -> tuple[PlanRow | None, list[RowFault]]:
        """A row with a fault leaves no post behind."""
        with self._session.begin_nested() as savepoint:
            cells, faults = read_post(
                self._session, self._sought, sheet, [*map(self._cell, record.cells)], author
            )
            row, more = (
                read_row(self._sought, record.number, cells, self._tz) if not faults else (None, faults)
            )
            if more:
                savepoint.rollback()
        return row, [RowFault(sheet.place(fault.field), fault.message, fault.remedy) for fault in more]

    def _cell(self, text: str) -> str:
        return (unprotect_cell(text) if self._mended else text).strip()

    def _in_order(self, rows: Mapping[int, PlanRow]) -> Iterator[PlanRow]:
        """Rows after the rows that they follow; circles and missing rows become faults."""
        waiting = dict(rows)
        followers: dict[int | None, list[PlanRow]] = {}
        for row in rows.values():
            followers.setdefault(row.follows, []).append(row)
        free = deque(followers.get(None, ()))
        while free:
            row = free.popleft()
            del waiting[row.number]
            yield row
            free.extend(followers.get(row.number, ()))
        lost = deque(row for row in waiting.values() if row.follows not in waiting)
        while lost:
            row = lost.popleft()
            del waiting[row.number]
            words = f"row {row.follows} is not in the plan or faulty"
            self._fault(row.number, "when", Invalid(words, "name a row that has a time"))
            lost.extend(followers.get(row.number, ()))
        for row in waiting.values():
            self._fault(
                row.number, "when", Invalid("follows itself in a circle", "name a row that has a time")
            )

    def _save(self, row: PlanRow) -> Entry:
        anchor = self._entries.get(row.follows) if row.follows is not None else None
        if row.follows is not None and anchor is None:
            raise RowFault("when", f"row {row.follows} is faulty", "mend that row first")
        if anchor is not None:
            row = self._in_zone_of(anchor, row)
        wanted = row.plan(anchor, f"plan:{_key(row, anchor)}")
        existing = seek(self._session, wanted)
        if existing is not None and existing.id in self._row_of:
            raise RowFault("", f"duplicate of row {self._row_of[existing.id]}", "leave one of them out")
        entry = existing or plan(self._session, wanted)
        if self._arm is not None and entry.state == EntryState.PLANNED and row.armable:
            self._arm(entry)
        if existing is None:
            self._result.saved += 1
            self._note_past(row, entry.instant)
            self._note_blackouts(row, entry)
        else:
            self._result.unchanged += 1
        return entry

    def _in_zone_of(self, anchor: Entry, row: PlanRow) -> PlanRow:
        """The row as it reads where neither it nor its campaign names a zone: in that of what it follows."""
        again, faults = read_row(self._sought, row.number, row.cells, anchor.tz)
        if again is None:
            raise faults[0]
        return again

    def _note_past(self, row: PlanRow, instant: datetime) -> None:
        if instant < now(self._session) and row.when.mode is not Mode.AFTER:
            self._note(
                row,
                "this time is in the past; an armed entry goes out at once, or is missed when it is too late",
            )

    def _note_blackouts(self, row: PlanRow, entry: Entry) -> None:
        if entry.deferred:
            self._note(row, f"{entry.deferred}, to {describe(entry.instant, entry.tz)}")
        for window in blackouts.of_entry(self._session, entry).warned:
            self._note(row, f"falls into {window}")

    def _note(self, row: PlanRow, message: str) -> None:
        self._result.findings.append(Fault(row.number, "when", message))

    def _fault(self, row: int, column: str, error: CmsError) -> None:
        reason = f"{error.message}; {error.remedy}" if error.remedy else error.message
        self._result.faulty.append(Fault(row, column, reason))


def _key(row: PlanRow, anchor: Entry | None) -> str:
    """What makes a row the same plan again: when, connection, asset, campaign, segment (and title, kind without an asset)."""
    when = (
        f"{anchor.source or anchor.public_id}{row.when.condition}{row.when.offset}"
        if anchor is not None
        else row.when_text
    )
    return hashlib.sha256("\x1f".join([when, *row.identity]).encode()).hexdigest()[:32]


def _columns(file: CsvFile) -> dict[str, int]:
    found = {
        name.strip().lower(): index for index, name in reversed(list(enumerate(file.header))) if name.strip()
    }
    remedy = f"columns: {', '.join(COLUMNS)}"
    if "when" not in found:
        raise Invalid(f"{file.name} has no column when; its columns are: {', '.join(file.header)}", remedy)
    found.pop(REASON, None)  # what write_faulty added, when its file is imported again
    unknown = [name for name in found if name not in COLUMNS]
    if unknown:
        raise Invalid(f"{file.name} has a column {unknown[0]!r} that a plan does not have", remedy)
    return found
