"""A workspace that holds the demo's past, made once for all tests that only look at it."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cms_core.demo import story
from cms_core.demo.home import Home, make_home
from cms_core.demo.mailbox import open_mailbox
from cms_core.demo.networks import open_networks
from cms_core.reports import rollups
from cms_core.workspace import Workspace

BASE_URL = "http://127.0.0.1:8000"


@dataclass
class Past:
    """What the history left behind."""

    place: Home
    workspace: Workspace
    today: datetime
    said: list[str]


def tell(stack: ExitStack, folder: Path, today: datetime) -> Past:
    """Tell the past as of a day, into a folder."""
    mailbox = stack.enter_context(open_mailbox())
    networks = stack.enter_context(open_networks())
    place = stack.enter_context(make_home(folder, BASE_URL, mailbox, networks))
    said: list[str] = []
    story.tell_past(place, today, said.append)
    workspace = stack.enter_context(place.opened())
    rollups.keep_up(workspace.db)
    return Past(place, workspace, today, said)


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    with ExitStack() as stack:
        yield tell(stack, tmp_path_factory.mktemp("demo") / "home", datetime.now(UTC))
