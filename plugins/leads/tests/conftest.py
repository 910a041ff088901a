"""A workspace with people, things that they did, and the commands of this plugin."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import EntryPoint, entry_points
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from cms_core import AgentClass, Contact, Event, Services, cli
from cms_core.audience.models import Contact as Person
from cms_core.audience.models import ContactChange
from cms_core.clock import FrozenClock
from cms_core.events.models import Event as Happened
from cms_core.events.models import Reclassification
from cms_core.testing.client import FormClient
from cms_core.testing.pages import add_people, app_of, signed_in
from cms_core.workspace import Workspace

COMMANDS = ("companies", "deals", "leads")


@dataclass
class Desk:
    """People and what they do, by address."""

    workspace: Workspace
    clock: FrozenClock
    svc: Services
    ids: dict[str, str] = field(default_factory=dict)
    numbers: Any = field(default_factory=count)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def later(self, by: timedelta) -> None:
        """Let time pass."""
        self.clock.at += by

    def person(self, email: str, **more: Any) -> str:
        """The id of somebody, who is made when first named."""
        if email not in self.ids or more:
            (self.ids[email],) = self.svc.upsert_contacts([Contact("", email, **more)])
        return self.ids[email]

    def did(self, email: str, kind: str = "clicked", ago: timedelta = timedelta(0), **more: Any) -> str:
        """Record that somebody did something; its source id."""
        source_id = more.pop("source_id", None) or str(next(self.numbers))
        facts = {"agent_class": AgentClass.HUMAN, "contact": self.person(email) if email else None, **more}
        self.svc.record_events([Event(kind, self.now - ago, "test", source_id, **facts)])
        return source_id

    def found_out(self, source_id: str) -> None:
        """An event turns out to be a machine's."""
        with self.workspace.db.transaction() as session:
            row = session.scalars(select(Happened).where(Happened.source_id == source_id)).one()
            session.add(Reclassification(event_id=row.id, was=row.agent_class, at=self.now))
            row.agent_class = AgentClass.SCANNER

    def merge(self, old: str, heir: str) -> None:
        """Somebody turns out to be somebody else."""
        self._end(old, "merged", merged_into_id=self.row(heir))

    def _end(self, address: str, change: str, **values: Any) -> None:
        row = self.row(address)
        with self.workspace.db.transaction() as session:
            session.execute(update(Person).where(Person.id == row).values(**values))
            session.add(ContactChange(contact_id=row, change=change, fields=[], at=self.now))

    def row(self, email: str) -> int:
        """The row id of somebody."""
        with self.workspace.db.session() as session:
            return session.scalars(select(Person.id).where(Person.public_id == self.ids[email])).one()

    def ledger(self, *kinds: str) -> list[Happened]:
        """The events of these kinds."""
        with self.workspace.db.session() as session:
            return list(
                session.scalars(select(Happened).where(Happened.kind.in_(kinds)).order_by(Happened.id))
            )

    def settings(self, **values: Any) -> None:
        self.svc.save_settings(values)


@pytest.fixture
def desk(workspace: Workspace, clock: FrozenClock) -> Desk:
    return Desk(workspace, clock, Services(workspace, "leads"))


@pytest.fixture
def as_role(workspace: Workspace) -> Callable[[str], FormClient]:
    """Signs somebody in: ``as_role("rep")``."""
    add_people(workspace)
    app = app_of(workspace)
    return lambda role: signed_in(app, role)


@pytest.fixture
def play(cms: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a command in a new workspace: ``play("deals", "list", exit_code=0)`` gives its JSON."""

    def known(**wanted: str) -> Any:
        installed = {point.name: point for point in entry_points(group=cli.PLUGIN_COMMANDS)}
        for name in COMMANDS:  # as pyproject.toml says, also where an older version is installed
            installed.setdefault(name, EntryPoint(name, f"cms_leads.cli:{name}", cli.PLUGIN_COMMANDS))
        return [point for point in installed.values() if wanted.get("name", point.name) == point.name]

    monkeypatch.setattr(cli, "entry_points", known)
    made = cms(
        "init", str(tmp_path / "ws"), "--admin-email", "a@acme.test", "--admin-password", "correct horse"
    )
    assert made.exit_code == 0, made.output

    def run(*arguments: str, exit_code: int = 0) -> Any:
        result = cms(*arguments, "--json")
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    return run
