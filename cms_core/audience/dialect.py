"""The one statement that SQLite and PostgreSQL both have but SQLAlchemy spells per dialect: INSERT … ON CONFLICT."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from cms_core.db import Base


def insert_for(session: Session, model: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, in the dialect of this session."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(model)
    return sqlite.insert(model)


def insert_missing(session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; those that exist already (any unique key) are left as they are."""
    if rows:
        session.connection().execute(insert_for(session, model).on_conflict_do_nothing(), rows)
