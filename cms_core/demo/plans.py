"""The plans of the demo as CSV, imported as everybody's plan is, with every publishable row armed."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime

from cms_core.auth import service as auth
from cms_core.campaigns import service as campaigns
from cms_core.demo.home import MARKETER, NEWS, SEARCH, SITE, SKY, TOOTS, ZONE
from cms_core.errors import CmsError
from cms_core.imports.plan import import_plan
from cms_core.imports.plan_rows import COLUMNS
from cms_core.publishing import arming
from cms_core.workspace import Workspace

Row = dict[str, str]


def page(when: str, asset: str, campaign: str = "") -> Row:
    """A row that publishes an asset on the site."""
    return {"when": when, "asset": asset, "campaign": campaign, "channel": "site", "connection": SITE}


def mail(when: str, asset: str, campaign: str, segment: str) -> Row:
    """A row that sends an asset to a segment."""
    row = {"when": when, "asset": asset, "campaign": campaign, "channel": "email", "connection": NEWS}
    return row | {"segment": segment}


def posts(when: str, asset: str, campaign: str) -> list[Row]:
    """Rows that put an asset on both social networks."""
    row = {"when": when, "asset": asset, "campaign": campaign}
    return [
        row | {"channel": "mastodon", "connection": TOOTS},
        row | {"channel": "bluesky", "connection": SKY},
    ]


def flight(when: str, end: str, asset: str, title: str, campaign: str, budget: str) -> Row:
    """A row that runs an ad from one instant to another, for at most so much."""
    row = {"when": when, "end": end, "asset": asset, "title": title, "campaign": campaign, "budget": budget}
    return row | {"kind": "flight", "channel": "ads", "connection": SEARCH}


def note(when: str, title: str, kind: str, campaign: str = "", **more: str) -> Row:
    """A row that stays planned: a task, a milestone, a flight, an idea."""
    return {"when": when, "title": title, "kind": kind, "campaign": campaign, **more}


def start_campaign(
    workspace: Workspace, name: str, start: datetime, end: datetime, budget: str, goal: str
) -> None:
    """A campaign of the marketer's, with the days of these instants."""
    with workspace.db.transaction() as session:
        session.info["actor"] = (auth.acting_user(session, MARKETER.email).id, "demo")
        campaigns.create_campaign(session, name, start.date(), end.date(), ZONE, budget, goal)


def put_on_calendar(workspace: Workspace, name: str, rows: Sequence[Row], *, arm: bool = True) -> None:
    """Import rows as a plan; a fault of our own rows is raised."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows({"tz": ZONE, **row} for row in rows)
    with workspace.db.transaction() as session:
        user = auth.acting_user(session, MARKETER.email)
        session.info["actor"] = (user.id, "demo")
        armed = (lambda entry: arming.arm(session, workspace, entry)) if arm else None
        source = text.getvalue().encode()
        result, _ = import_plan(session, workspace.plugins, source, name=name, tz=ZONE, arm=armed)
        if result.faulty:
            raise CmsError(
                f"{name}, row {result.faulty[0].row}: {result.faulty[0].column}: {result.faulty[0].reason}"
            )
