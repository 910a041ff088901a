"""The audit log: who changed what, from which value to which, by which door.

``watch`` puts a listener on all sessions that records what is created, updated and deleted through the ORM in the tables below,
in the same transaction as the change; a model of a plugin joins them by ``__audited__ = True``. What is changed by bulk SQL, or
happens without a row (a sign-in), is recorded by ``note``.
The actor is ``session.info["actor"] = (user id, via)``; without one the system itself acted. Entries are never changed.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import ORMExecuteState, Session

from cms_core.auth.models import AuditEntry
from cms_core.db import Base, PublicId, now
from cms_core.ids import new_id

# Tables that fill by the thousand (events, deliveries, attempts, contacts, …) are their own history and stay out.
TABLES = frozenset(
    "core_user core_connection core_plugin_settings core_asset core_former_slug core_revision core_review core_media core_campaign "
    "core_entry core_publication core_segment core_company core_field core_series core_blackout core_slot core_feed core_cap "
    "core_quiet_hours core_api_token core_webhook".split()
)
# Of these only what a person did: the worker moves them all the time, and attempts tell about that.
BY_PEOPLE = frozenset({"core_publication", "core_entry"})
HIDDEN = frozenset({"password_hash", "secrets", "secret", "token", "token_hash"})
NOISE = frozenset({"id", "row_version", "session_epoch", "created_at", "updated_at"})
MAX_TEXT = 200
HIDDEN_VALUE = "(hidden)"

Actor = tuple[int | None, str]
SYSTEM: Actor = (None, "system")


def note(session: Session, action: str, kind: str, subject: str, changes: Mapping[str, Any]) -> None:
    """Record what somebody did to ``subject`` (a public id); secret names are hidden, long values shortened."""
    _add(session, action, kind, subject, {name: _shown(name, value) for name, value in changes.items()})


def watch() -> None:
    """Put the listeners on all sessions of this process; calling it again changes nothing."""
    if not event.contains(Session, "before_flush", _record):
        event.listen(Session, "before_flush", _record)
        event.listen(Session, "do_orm_execute", _refuse_bulk)


def kind_of(row: Base) -> str:
    """The kind under which a row stands in the log: its table without the prefix of the core."""
    return str(row.__tablename__).removeprefix("core_")


def _add(session: Session, action: str, kind: str, subject: str, changes: dict[str, Any]) -> None:
    user_id, via = session.info.get("actor", SYSTEM)
    entry = AuditEntry(at=now(session), user_id=user_id, via=via, action=action, kind=kind, changes=changes)
    entry.subject = subject[:100]
    session.add(entry)


def _record(session: Session, _context: object, _instances: object) -> None:
    for row in [*session.dirty, *session.deleted]:
        if isinstance(row, AuditEntry) and (row in session.deleted or session.is_modified(row)):
            raise RuntimeError("the audit log is append-only")
    found = [
        *(("create", row) for row in session.new),
        *(("update", row) for row in session.dirty if session.is_modified(row)),
        *(("delete", row) for row in session.deleted),
    ]
    for action, row in found:
        if _watched(session, row):
            changes = dict(_changes(action, row))
            if changes or action != "update":
                _add(session, action, kind_of(row), _subject(row), changes)


def _watched(session: Session, row: object) -> bool:
    table = getattr(row, "__tablename__", "")
    known = table in TABLES or getattr(row, "__audited__", False)
    return known and (table not in BY_PEOPLE or "actor" in session.info)


def _changes(action: str, row: Any) -> Iterator[tuple[str, list[Any]]]:
    state = inspect(row)
    for column in state.mapper.column_attrs:
        name = column.key
        if name in NOISE:
            continue
        old, new = _before_after(action, state.attrs[name])
        if old != new:
            hidden = "secret" if column.columns[0].info.get("secret") else name
            yield name, [_shown(hidden, old), _shown(hidden, new)]


def _before_after(action: str, attribute: Any) -> tuple[Any, Any]:
    if action == "create":
        return None, next(iter(attribute.history.added), None)
    if action == "delete":
        return attribute.value, None
    history = attribute.history
    return next(iter(history.deleted), None), next(iter(history.added), None)


def _subject(row: Any) -> str:
    """The public id, given now when the row has none yet; else the primary key, as far as it is known before the row is stored."""
    if isinstance(row, PublicId):
        row.public_id = row.public_id or new_id()
        return row.public_id
    keys = inspect(row).mapper.primary_key_from_instance(row)
    return "/".join(str(key) for key in keys if key is not None)


def _shown(name: str, value: Any) -> Any:
    return HIDDEN_VALUE if name in HIDDEN and value is not None else _short(value)


def _short(value: Any) -> Any:
    """A value as JSON that fits into a line of the log."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float):
        return value
    text = (
        value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, default=str, sort_keys=True)
    )
    if len(text) > MAX_TEXT:
        return f"{text[:MAX_TEXT]}… ({len(text)} characters)"
    return text if isinstance(value, str) else json.loads(text)


def _refuse_bulk(execution: ORMExecuteState) -> None:
    mapper = execution.bind_mapper if execution.is_update or execution.is_delete else None
    if mapper is not None and mapper.class_ is AuditEntry:
        raise RuntimeError("the audit log is append-only")
