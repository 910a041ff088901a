"""What the workspace runs on: Python, the clock, the disk."""

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from cms_core.campaigns.when import rules_version
from cms_core.doctor.database import file_of
from cms_core.doctor.findings import Finding, error, ok, warning
from cms_core.publishing import replanning
from cms_core.publishing.models import Worker
from cms_core.workspace import Workspace

OLDEST_PYTHON = (3, 11)
CLOCKS_APART = timedelta(seconds=5)
CLOCKS_FAR_APART = timedelta(minutes=1)
MEGABYTE = 1 << 20
NO_SPACE = 100 * MEGABYTE
LITTLE_SPACE = 1024 * MEGABYTE
SET_CLOCK = "let the machine keep its time by NTP; leases and what is due go by it"


def python(workspace: Workspace) -> Iterator[Finding]:
    """The versions of what runs this."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        yield error(f"Python {version} is older than 3.11", "install a newer one")
    else:
        yield ok(f"Python {version}, SQLite {sqlite3.sqlite_version}")


def zones(workspace: Workspace) -> Iterator[Finding]:
    """That what is planned stands where the rules of time zones put it now."""
    with workspace.db.session() as session:
        count = replanning.wanted(session)
    if count:
        said = f"the rules of time zones have changed: {count} planned entries mean another instant now"
        yield warning(said, "`cms calendar replan --dry-run` lists them, `cms calendar replan` moves them")
    else:
        yield ok(f"what is planned follows the rules of {rules_version()}")


def clock(workspace: Workspace) -> Iterator[Finding]:
    """This machine's clock beside that of the database, or, where that is a file, beside what it has stamped before."""
    present = datetime.now(UTC)
    if workspace.db.engine.dialect.name == "postgresql":
        with workspace.db.session() as session:
            theirs = session.scalar(select(func.clock_timestamp())) or present
        yield _apart(abs(theirs.astimezone(UTC) - present), "the clock of the database's server")
        return
    with workspace.db.session() as session:
        stamps = [session.scalar(select(func.max(Worker.seen_at)))]
    path = file_of(workspace)
    if path is not None:
        stamps.append(datetime.fromtimestamp(path.stat().st_mtime, UTC))
    latest = max((each for each in stamps if each is not None), default=present)
    yield _apart(max(latest - present, timedelta()), "what was written here last")


def _apart(apart: timedelta, what: str) -> Finding:
    seconds = apart.total_seconds()
    if apart > CLOCKS_FAR_APART:
        return error(f"this machine's clock is {seconds:.0f} s away from {what}", SET_CLOCK)
    if apart > CLOCKS_APART:
        return warning(f"this machine's clock is {seconds:.0f} s away from {what}", SET_CLOCK)
    return ok(f"this machine's clock agrees with {what}")


def disk(workspace: Workspace) -> Iterator[Finding]:
    """The space that is left where files and database are written."""
    folders = {workspace.config.home}
    if (path := file_of(workspace)) is not None and path.parent.is_dir():
        folders.add(path.parent)
    for folder in sorted(folders):
        yield _space(folder)


def _space(folder: Path) -> Finding:
    usage = shutil.disk_usage(folder)
    said = f"{usage.free // MEGABYTE:,} of {usage.total // MEGABYTE:,} MB are free at {folder}"
    remedy = "make room, or take the workspace to a larger disk"
    if usage.free < NO_SPACE:
        return error(said, remedy)
    return warning(said, remedy) if usage.free < LITTLE_SPACE else ok(said)
