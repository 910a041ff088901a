"""Reading the audit log, page by page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.auth.models import AuditEntry, User
from cms_core.db import Base

PAGE = 50
LABEL_COLUMNS = ("email", "slug", "name", "title", "filename")


@dataclass(frozen=True)
class Line:
    """One entry of the log as people read it: ``who`` is an address, or empty where the system itself acted.

    ``label`` is what the subject is called now; ``changes`` are (field, old, new), where one of both may be empty.
    """

    id: int
    at: datetime
    who: str
    via: str
    action: str
    kind: str
    subject: str
    label: str
    changes: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class AuditPage:
    """Some lines, the filters that chose them, and from where to read on (None: that was all)."""

    lines: list[Line]
    kinds: list[str]
    kind: str
    subject: str
    next: int | None


def audit_page(
    session: Session, *, before: int | None = None, kind: str = "", subject: str = "", size: int = PAGE
) -> AuditPage:
    """The newest lines of the log, or those before an id; of one kind or about one subject if given."""
    query = select(AuditEntry, User.email).outerjoin(User, User.id == AuditEntry.user_id)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    if kind:
        query = query.where(AuditEntry.kind == kind)
    if subject:
        query = query.where(AuditEntry.subject == subject)
    rows = session.execute(query.order_by(AuditEntry.id.desc()).limit(size + 1)).all()
    labels = _labels(session, [entry for entry, _ in rows[:size]])
    lines = [_line(entry, email, labels) for entry, email in rows[:size]]
    kinds = list(session.scalars(select(AuditEntry.kind).distinct().order_by(AuditEntry.kind)))
    return AuditPage(lines, kinds, kind, subject, lines[-1].id if len(rows) > size else None)


def _labels(session: Session, entries: list[AuditEntry]) -> dict[str, str]:
    """What the subjects are called now, by public id; one query for each kind of row."""
    found: dict[str, str] = {}
    for kind in {entry.kind for entry in entries}:
        table = Base.metadata.tables.get(f"core_{kind}")
        name = next((name for name in LABEL_COLUMNS if table is not None and name in table.c), None)
        if table is not None and name is not None and "public_id" in table.c:
            ids = [entry.subject for entry in entries if entry.kind == kind]
            query = select(table.c.public_id, table.c[name]).where(table.c.public_id.in_(ids))
            found.update({public_id: str(label) for public_id, label in session.execute(query)})
    return found


def _line(entry: AuditEntry, email: str | None, labels: dict[str, str]) -> Line:
    changes = tuple(_change(name, value) for name, value in entry.changes.items())
    label = labels.get(entry.subject) or entry.subject
    return Line(
        entry.id, entry.at, email or "", entry.via, entry.action, entry.kind, entry.subject, label, changes
    )


def _change(name: str, value: Any) -> tuple[str, str, str]:
    old, new = value if isinstance(value, list) and len(value) == 2 else (None, value)
    return name.replace("_", " "), _text(old), _text(new)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
