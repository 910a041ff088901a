"""New rules of time zones: what is to come keeps its wall clock, and what has begun to go out stays."""

import json
import os
import shutil
import subprocess
import sys
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.auth.service import create_user
from cms_core.campaigns import slots
from cms_core.campaigns.models import Entry
from cms_core.campaigns.service import Plan, plan
from cms_core.campaigns.when import parse_when, rules_version
from cms_core.clock import FrozenClock
from cms_core.connections import service as connections
from cms_core.publishing import arming
from cms_core.publishing.models import Publication, PublicationState
from cms_core.publishing.replanning import replan, wanted
from cms_core.workspace import Workspace
from tests.publishing.conftest import approve_words

PARIS = "Europe/Paris"
BEFORE = datetime.fromisoformat("2026-04-01T00:00:00+00:00")
NINE = datetime.fromisoformat(
    "2026-05-04T07:00:00+00:00"
)  # 09:00 in Paris, where the clocks are an hour ahead of winter
NEW_NINE = datetime.fromisoformat("2026-05-04T08:00:00+00:00")
Planned = Callable[..., Entry]


@pytest.fixture
def doctored(tmp_path: Path) -> Path:
    """Zone files in which Paris has given up summer time."""
    folder = tmp_path / "zones" / "Europe"
    folder.mkdir(parents=True)
    with (files("tzdata") / "zoneinfo" / "Africa" / "Lagos").open("rb") as source:
        (folder / "Paris").write_bytes(source.read())
    return folder.parent


@pytest.fixture
def new_rules(doctored: Path) -> Iterator[Callable[[], None]]:
    """Brings the new rules into this process."""

    def upgrade() -> None:
        zoneinfo.reset_tzpath([str(doctored)])
        zoneinfo.ZoneInfo.clear_cache()
        rules_version.cache_clear()

    yield upgrade
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()
    rules_version.cache_clear()


@pytest.fixture
def early(workspace: Workspace) -> Iterator[Session]:
    """A session on the first of April."""
    with workspace.db.transaction() as session:
        session.info["clock"] = FrozenClock(BEFORE)
        yield session


@pytest.fixture
def planned(early: Session, workspace: Workspace) -> Planned:
    def make(when: str, title: str, tz: str = PARIS, after: Entry | None = None) -> Entry:
        asset = approve_words(early, workspace, "toy", title)
        toy = connections.find(early, "toy", "main")
        return plan(
            early, Plan(parse_when(when, tz), asset=asset, channel="toy", connection=toy, after=after)
        )

    return make


def test_what_is_to_come_keeps_its_wall_clock_and_its_publication_follows(
    workspace: Workspace, early: Session, planned: Planned, new_rules: Callable[[], None]
) -> None:
    armed, planned_only = planned("2026-05-04 09:00", "Armed"), planned("2026-05-04 09:00", "Planned")
    other, fixed = planned("2026-05-04 09:00", "Tokyo", "Asia/Tokyo"), planned("2026-05-04T07:00Z", "Fixed")
    winter = planned("2026-12-04 09:00", "Winter")
    follower = planned(f"after:{armed.public_id}+1d", "Follower", after=armed)
    publication = arming.arm(early, workspace, armed)
    assert replan(early, workspace.plugins) == []
    new_rules()
    assert wanted(early) == 2
    found = replan(early, workspace.plugins)
    assert [(each.entry.title, each.old, each.new) for each in found] == [
        ("Armed", NINE, NEW_NINE),
        ("Follower", NINE + timedelta(days=1), NEW_NINE + timedelta(days=1)),
        ("Planned", NINE, NEW_NINE),
    ]
    early.expire_all()
    assert (armed.instant, planned_only.instant, publication.due_at) == (NEW_NINE, NEW_NINE, NEW_NINE)
    assert follower.instant == datetime.fromisoformat("2026-05-05T08:00:00+00:00")
    assert (fixed.instant, winter.instant.hour, other.instant.hour) == (NINE, 8, 0)
    assert wanted(early) == 0
    assert replan(early, workspace.plugins) == []


def test_what_has_begun_to_go_out_stays_and_says_so(
    workspace: Workspace, early: Session, planned: Planned, new_rules: Callable[[], None]
) -> None:
    entry = planned("2026-05-04 09:00", "Going")
    arming.arm(early, workspace, entry).state = PublicationState.COMMITTING
    early.flush()
    new_rules()
    (found,) = replan(early, workspace.plugins)
    assert "committing" in found.stays
    assert early.scalars(select(Publication.due_at)).one() == NINE
    assert entry.instant == NINE


def test_a_slot_keeps_its_place_in_the_queue(
    workspace: Workspace, early: Session, planned: Planned, new_rules: Callable[[], None]
) -> None:
    toy = connections.find(early, "toy", "main")
    slots.replace(early, toy, "mon 09:00", PARIS)
    first, second = planned("slot", "First"), planned("slot", "Second")
    new_rules()
    replan(early, workspace.plugins)
    assert [each.mode for each in (first, second)] == ["slot", "slot"]
    assert [each.instant.hour for each in (first, second)] == [8, 8]
    assert [each.slot_at for each in (first, second)] == [first.instant, second.instant]


def test_the_command_lists_and_moves(config_with_entry: Path, doctored: Path) -> None:
    def replanned(*arguments: str) -> list[dict[str, str]]:
        command = [
            sys.executable,
            "-m",
            "cms_core.cli",
            "--home",
            str(config_with_entry),
            "calendar",
            "replan",
        ]
        done = subprocess.run(
            [*command, "--json", *arguments],
            env={**os.environ, "PYTHONTZPATH": str(doctored)},
            capture_output=True,
            text=True,
            check=True,
        )
        found: list[dict[str, str]] = json.loads(done.stdout)
        return found

    wanted = ("2030-05-04T08:00:00+01:00", "2030-05-04T09:00:00+01:00")
    for arguments in (("--dry-run",), ()):
        (row,) = replanned(*arguments)
        assert (row["old"], row["new"]) == wanted
    assert replanned() == []


@pytest.fixture
def config_with_entry(workspace: Workspace, migrated_database: Path) -> Path:
    """A workspace with one entry in Paris."""
    if workspace.db.engine.dialect.name != "sqlite":
        pytest.skip("the command is the same on every database")
    home = workspace.config.home
    workspace.db.dispose()
    shutil.copyfile(migrated_database, home / "cms.db")
    with workspace.db.transaction() as session:
        create_user(session, "admin@example.com", "Ada", "admin", "correct horse battery")
        asset = approve_words(session, workspace, "toy", "Spring")
        plan(session, Plan(parse_when("2030-05-04 09:00", PARIS), asset=asset))
    return home
