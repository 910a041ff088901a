"""A calendar to try things on: a connection without a network, content, and what puts entries there."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from cms_core.auth.service import create_user
from cms_core.campaigns import service
from cms_core.campaigns.models import Campaign, Entry, EntryKind
from cms_core.campaigns.service import Plan
from cms_core.campaigns.when import parse_when
from cms_core.connections import service as connections
from cms_core.connections.models import Connection
from cms_core.workspace import Workspace

SITE = {"base_url": "https://www.example.com"}
Put = Callable[..., Entry]


@pytest.fixture
def campaign(session: Session) -> Campaign:
    return service.create_campaign(session, "Spring", date(2026, 5, 4), date(2026, 5, 29), "Europe/Paris")


@pytest.fixture
def site(session: Session, workspace: Workspace) -> Connection:
    create_user(session, "ada@example.com", "Ada", "admin", "correct horse battery")
    return connections.add(session, workspace.vault, workspace.plugins, "site", "www", SITE)


@pytest.fixture
def put(session: Session) -> Put:
    """Plan something that goes out, at a time in Paris."""

    def planned(when: str, title: str = "Post", tz: str = "Europe/Paris", **more: Any) -> Entry:
        more.setdefault("kind", EntryKind.PUBLISH)
        connection = more.get("connection")
        channel = connection.channel if connection else ""
        return service.plan(session, Plan(parse_when(when, tz), title, channel=channel, **more))

    return planned
