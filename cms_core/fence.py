"""The fence: a workspace that was copied, moved or set back publishes nothing until a person confirms that it is the one to.

Two copies that both publish would send everything twice, and so would one whose database has forgotten what it sent. So a file in
the workspace's folder, outside the database, keeps which database this is, where both stand, and how far the database had come when
something was last published from here. Who publishes compares them at the start and each second.
"""

import fcntl
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Select, String, column, func, select, table, update
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Mapped, mapped_column

from cms_core.config import Config
from cms_core.db import Base, Database, version_tables
from cms_core.dialect import insert_missing
from cms_core.errors import Conflict
from cms_core.files import replace_file
from cms_core.ids import new_id
from cms_core.publishing.models import Attempt, Claim

FILE = "fence.json"
LOOK_SECONDS = 1.0
CONFIRM = "confirm with `cms fence accept` that no other copy publishes"
RESTART = "start this program again"
GONE = f"the file {FILE} is missing, but the database has been published from"
UNREADABLE = f"the file {FILE} cannot be read"
SWAPPED = "the database is another one than this folder has published from"
MOVED = "the folder of the workspace was copied or moved, or this machine has another name"
ELSEWHERE = "the database stands at another address than before"
UPGRADED = "the database was upgraded while this program was running"
OLDER = "the database is older than what was published from here: it may have forgotten what it sent"


class Instance(Base):
    """Names this database, in one row; it stays behind when the workspace is taken elsewhere."""

    __tablename__ = "core_instance"
    __table_args__ = {"info": {"not_taken": "names one database"}}

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(36))


@dataclass(frozen=True)
class Mark:
    """What the file keeps; ``closed`` is why somebody closed the fence on purpose, or ""."""

    instance: str = ""
    place: str = ""
    database: str = ""
    seen: int = 0
    closed: str = ""
    at: str = ""


@dataclass(frozen=True)
class Found:
    """What the database says of itself.

    Its name, or None; a number that every claim and every attempt raises; the versions of all its tables.
    """

    instance: str | None
    seen: int
    versions: tuple[str | None, ...]


class Fence:
    """The fence of one workspace. A verdict holds for a second; ``close`` and ``accept`` count at once where they are called."""

    def __init__(self, config: Config, db: Database) -> None:
        self._db = db
        self.file = config.home / FILE
        self._lock = config.run_dir / "fence.lock"
        self._place = _hash(config.host_name, str(config.home))
        self._database = _hash(_address(config.database_url))
        self._verdict: str | None = None
        self._look_at = self._watch_at = 0.0
        self._versions: tuple[str | None, ...] = ()  # when this program began

    @property
    def reason(self) -> str | None:
        """Why nothing is published, or None while the fence is open."""
        if time.monotonic() >= self._look_at:
            self._look()
        return self._verdict

    @property
    def remedy(self) -> str:
        """What a person does about the reason."""
        return RESTART if self.outdated else CONFIRM

    @property
    def outdated(self) -> bool:
        """Whether this program is older than its database has become: it finishes what it does, and leaves."""
        return self.reason == UPGRADED

    def require_open(self) -> None:
        """Raise Conflict while it is closed: asked before anything is kept that only the network can finish."""
        if (reason := self.reason) is not None:
            raise Conflict(f"nothing is published: {reason}", self.remedy)

    def watch(self) -> str | None:
        """The same as ``reason``, for who publishes: while the fence is open, the file learns how far the database has come."""
        if time.monotonic() >= self._watch_at:
            mark, found = self._look()
            if self._verdict is None and (mark is None or found.seen > mark.seen):
                self._keep(found)
            self._watch_at = time.monotonic() + LOOK_SECONDS
        return self.reason

    def note(self) -> None:
        """Let the file learn at once how far the database has come: at the end of a piece of work."""
        self._watch_at = 0.0
        self.watch()

    def close(self, reason: str) -> None:
        """Let nothing be published from now on. Asks nothing of the database: a transaction may be under way."""
        with self._alone():
            self._write(replace(self._read() or Mark(), closed=reason))
        self.forget()

    def accept(self) -> None:
        """A person has confirmed: publish from here.

        A database at another address than the file knows is a copy and gets a name of its own, so that it is noticed when it is
        ever put back in the place of the first. Where more machines publish from one database, they share its name.
        """
        with self._alone():
            known = self._read()
            found = self._named(anew=known is not None and known.database not in ("", self._database))
            self._write(self._mark(found))
        self.forget()

    def forget(self) -> None:
        """Look again when asked next."""
        self._look_at = self._watch_at = 0.0

    def _look(self) -> tuple[Mark | None, Found]:
        mark, found = self._read(), self._ask()
        if mark is None and found.instance is not None:
            with self._alone():  # who names a database holds this until the file says so too
                mark = self._read()
        self._versions = self._versions or found.versions
        self._verdict = UPGRADED if found.versions != self._versions else self._judge(mark, found)
        self._look_at = time.monotonic() + LOOK_SECONDS
        return mark, found

    def _judge(self, mark: Mark | None, found: Found) -> str | None:
        if mark is None:
            return GONE if found.instance else None
        if mark.closed:
            return mark.closed
        if mark.place != self._place:
            return MOVED
        if mark.database != self._database:
            return ELSEWHERE
        if mark.instance != found.instance:
            return SWAPPED
        return OLDER if found.seen < mark.seen else None

    # --- the database -------------------------------------------------------------------------------------------------

    def _ask(self) -> Found:
        """One statement, whose parts are each found by a key."""
        with self._db.session() as session:
            instance, attempt, claim, *versions = session.execute(self._asked).one()
        return Found(instance, (attempt or 0) + (claim or 0), tuple(versions))

    @cached_property
    def _asked(self) -> Select[*tuple[Any, ...]]:
        versions = version_tables(self._db.engine)
        return select(
            select(Instance.name).limit(1).scalar_subquery(),
            select(func.max(Attempt.id)).scalar_subquery(),
            select(func.max(Claim.id)).scalar_subquery(),
            *(select(column("version_num")).select_from(table(each)).scalar_subquery() for each in versions),
        )

    def _named(self, *, anew: bool = False) -> Found:
        """What the database says, once it has a name."""
        with self._db.writing() as connection:
            insert_missing(connection, Instance, [{"id": 1, "name": new_id()}])
            if anew:
                connection.execute(update(Instance).values(name=new_id()))
        return self._ask()

    # --- the file -----------------------------------------------------------------------------------------------------

    def _mark(self, found: Found) -> Mark:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return Mark(found.instance or "", self._place, self._database, found.seen, at=at)

    def _keep(self, found: Found) -> None:
        """Other workers may do the same at this moment: the highest number stays, and so does what a person has closed."""
        with self._alone():
            known = self._read()
            if known is None:
                self._write(self._mark(self._named()))
            elif not known.closed and known.seen < found.seen:
                self._write(self._mark(found))

    def _read(self) -> Mark | None:
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
            return Mark(**found | {"seen": int(found["seen"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError):
            return Mark(closed=UNREADABLE)

    def _write(self, mark: Mark) -> None:
        replace_file(self.file, json.dumps(asdict(mark), indent=2).encode())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._lock.parent.mkdir(exist_ok=True)
        with self._lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _address(url: str) -> str:
    """Where a database stands, whoever signs in there."""
    parts = make_url(url)
    return f"{parts.get_backend_name()}://{parts.host}:{parts.port}/{parts.database}?{sorted(parts.query.items())}"


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
