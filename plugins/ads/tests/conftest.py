"""A workspace with campaigns, accounts of vendors and flights, and reports to import."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner

from cms_ads import guard
from cms_ads.cli import command
from cms_ads.importing import Result, import_report
from cms_core.auth.models import User
from cms_core.auth.service import acting_user
from cms_core.campaigns.models import EntryKind
from cms_core.campaigns.money import parse_money
from cms_core.campaigns.service import Plan, create_campaign, find_campaign, plan
from cms_core.campaigns.when import Mode, When
from cms_core.cli.state import State
from cms_core.clock import FrozenClock
from cms_core.connections import service as connections
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.content.review import approve_newest
from cms_core.events import service as ledger
from cms_core.publishing import arming, listing, service
from cms_core.reports.campaign import report
from cms_core.services import Services
from cms_core.testing.client import FormClient
from cms_core.testing.pages import add_people, app_of, naughty_strings, signed_in
from cms_core.worker import Worker
from cms_core.workspace import Workspace

HEADER = "Campaign,Day,Currency code,Cost,Impr.,Clicks"


@dataclass
class Desk:
    """Where campaigns are planned, flights run and costs come in."""

    workspace: Workspace
    clock: FrozenClock
    people: dict[str, User]

    @property
    def services(self) -> Services:
        """The services in the name of a marketer."""
        return Services(self.workspace, "ads", (self.people["marketer"].id, "cli"))

    def campaign(self, name: str, budget: str = "") -> None:
        """Start a campaign in Paris."""
        with self.workspace.db.transaction() as session:
            create_campaign(session, name, date(2026, 5, 1), date(2026, 5, 31), "Europe/Paris", budget)

    def account(self, name: str, vendor: str = "google", currency: str = "EUR") -> None:
        """Connect an account."""
        work = self.workspace
        with work.db.transaction() as session:
            values = {"vendor": vendor, "currency": currency}
            connections.add(session, work.vault, work.plugins, "ads", name, values)

    def flight(self, title: str, campaign: str, account: str, budget: str = "", days: int = 10) -> str:
        """Arm a flight that begins now; gives its publication's id."""
        work, now = self.workspace, self.clock.now()
        with work.db.transaction() as session:
            editor = acting_user(session, None)
            draft = Draft(
                slug=title.lower().replace(" ", "-"), kind="ad", title=title, body={"text": "Come and see."}
            )
            asset = content.save(session, work.plugins, None, draft, editor).asset
            approve_newest(session, work, asset, acting_user(session, "approver@example.com"))
            wanted = Plan(
                When(Mode.ABSOLUTE, instant=now, tz="UTC"),
                title=title,
                kind=EntryKind.FLIGHT,
                asset=asset,
                channel="ads",
                connection=connections.find(session, "ads", account),
                campaign=find_campaign(session, campaign),
                ends_at=datetime(2026, 5, 4 + days, 7, tzinfo=UTC),
                budget=parse_money(budget) if budget else (None, ""),
            )
            return arming.arm(session, work, plan(session, wanted)).public_id

    def work(self) -> None:
        """Let the worker do what is due."""
        worker = Worker(self.workspace, self.clock)
        while worker.work_once():
            pass

    def take(self, text: str | bytes, vendor: str = "", **more: Any) -> Result:
        """Import a report."""
        content = text.encode() if isinstance(text, str) else text
        return import_report(self.services, content, vendor, name="report.csv", **more)

    def rows(self, *rows: str) -> Result:
        """Import rows of a Google Ads report."""
        return self.take("\n".join([HEADER, *rows]))

    def cost(self, campaign: str) -> tuple[Decimal, str, list[str]]:
        """What the report of a campaign says: cost, currency and notes."""
        with self.workspace.db.session() as session:
            found = report(session, find_campaign(session, campaign))
            return found.totals.cost, found.currency, list(found.notes)

    def shown(self, publication: str) -> dict[str, Any]:
        """A publication as a document."""
        with self.workspace.db.session() as session:
            return listing.publication(session, service.find(session, publication))

    def said(self) -> list[str]:
        """Let the guard look."""
        return guard.keep(self.services)


@pytest.fixture
def desk(workspace: Workspace, clock: FrozenClock) -> Desk:
    assert ledger
    return Desk(workspace, clock, add_people(workspace))


@pytest.fixture
def as_role(desk: Desk) -> Callable[[str], FormClient]:
    """Signs somebody in."""
    app = app_of(desk.workspace)
    return lambda role: signed_in(app, role)


@pytest.fixture
def ads(desk: Desk) -> Callable[..., tuple[int, Any]]:
    """Runs ``cms ads …`` and gives the exit code and the document."""

    def run(*arguments: str) -> tuple[int, Any]:
        state = State(None, None)
        state.__dict__["workspace"] = desk.workspace
        result = CliRunner().invoke(command, [*arguments, "--json"], obj=state, catch_exceptions=False)
        return result.exit_code, json.loads(result.stdout)

    return run


@pytest.fixture(scope="session")
def naughty() -> list[str]:
    return naughty_strings()
