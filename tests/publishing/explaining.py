"""How a database would answer a question: its plan, as text."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session


def explained(session: Session, query: Any, **given: Any) -> str:
    """The plan of a query with these parameters; PostgreSQL, which reads small tables whole, must take its indexes."""
    dialect = session.get_bind().dialect
    if dialect.name == "postgresql":
        for way in ("seqscan", "bitmapscan", "sort"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
    compiled = query.compile(dialect=dialect)
    state = compiled.construct_expanded_state(given)
    said = {
        name: state.processors[name](value) if name in state.processors else value
        for name, value in state.parameters.items()
    }
    parameters = tuple(said[name] for name in state.positiontup) if state.positiontup else said
    explain = "EXPLAIN " if dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    rows = session.connection().exec_driver_sql(explain + state.statement, parameters)
    return "\n".join(str(row) for row in rows)
