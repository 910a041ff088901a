"""A workspace with one toy plugin."""

from collections.abc import Iterator

import pytest

from cms_core import models
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.connections import service
from cms_core.connections.models import Connection
from cms_core.workspace import Workspace, open_workspace

from .toys import ToyChannel, ToyPlugin

GOOD = {"host": "mail.example", "token": "canary-token-1"}


@pytest.fixture
def plugin() -> ToyPlugin:
    return ToyPlugin()


@pytest.fixture
def channel(plugin: ToyPlugin) -> ToyChannel:
    return plugin.channel


@pytest.fixture
def workspace(config: Config, clock: FrozenClock, plugin: ToyPlugin) -> Iterator[Workspace]:
    opened = open_workspace(config, clock=clock, plugins=(), extra_plugins=[("toy-box", plugin)])
    models.metadata.create_all(opened.db.engine)
    yield opened
    opened.db.dispose()


@pytest.fixture
def connection(workspace: Workspace) -> Connection:
    with workspace.db.transaction() as session:
        return service.add(session, workspace.vault, workspace.plugins, "toy", "main", GOOD)
