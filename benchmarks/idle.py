"""``idle``: what a process with nothing to do asks of the database, with all plugins, counted where the driver is called."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measure import Row
from place import make_home
from sqlalchemy import event
from sqlalchemy.engine import Engine

from cms_core.cli.run import working
from cms_core.config import load_config
from cms_core.migrations import upgrade
from cms_core.workspace import Workspace, open_workspace

GOAL = 2.0
SECONDS, BEFORE = 60, 20  # jobs of plugins run each minute; at the start everything is looked at once
QUICK = {"SECONDS": 2, "BEFORE": 1}


def rows() -> list[Row]:
    """Statements a second on SQLite; BEGIN, which SQLite needs none for, is not counted."""
    counted = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            counted.append(statement)

    with _workspace() as workspace, working(workspace):
        time.sleep(BEFORE)
        event.listen(Engine, "before_cursor_execute", count)
        try:
            time.sleep(SECONDS)
        finally:
            event.remove(Engine, "before_cursor_execute", count)
    against = "one statement a second, with all plugins"
    return [Row("idle", len(counted) / SECONDS, 1.0, "/s", against, GOAL, at_most=True)]


@contextmanager
def _workspace() -> Iterator[Workspace]:
    with tempfile.TemporaryDirectory(prefix="cms-bench-") as folder:
        opened = open_workspace(load_config(make_home(Path(folder))))
        upgrade(opened.db.engine, opened.plugins)
        yield opened
        opened.db.dispose()
