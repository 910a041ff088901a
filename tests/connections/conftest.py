"""A workspace with one toy plugin."""

from collections.abc import Iterator

import pytest
from flask import Flask

from cms_core.api.wiring import init_api
from cms_core.auth import service as auth
from cms_core.auth.pages import blueprint as auth_pages
from cms_core.auth.token_pages import blueprint as token_pages
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.connections import service
from cms_core.connections.models import Connection
from cms_core.connections.pages import blueprint
from cms_core.testing.client import FormClient
from cms_core.web.auth import frame
from cms_core.web.request import init_request
from cms_core.web.session import init_auth
from cms_core.web.shell import init_web
from cms_core.webhooks.pages import blueprint as webhook_pages
from cms_core.workspace import Workspace, open_workspace

from .toys import ToyChannel, ToyPlugin

PASSWORD = "correct horse battery"
GOOD = {"host": "mail.example", "token": "canary-token-1"}


@pytest.fixture
def plugin() -> ToyPlugin:
    return ToyPlugin()


@pytest.fixture
def channel(plugin: ToyPlugin) -> ToyChannel:
    return plugin.channel


@pytest.fixture
def workspace(migrated_config: Config, clock: FrozenClock, plugin: ToyPlugin) -> Iterator[Workspace]:
    opened = open_workspace(migrated_config, clock=clock, plugins=(), extra_plugins=[("toy-box", plugin)])
    yield opened
    opened.db.dispose()


@pytest.fixture
def connection(workspace: Workspace) -> Connection:
    with workspace.db.transaction() as session:
        return service.add(session, workspace.vault, workspace.plugins, "toy", "main", GOOD)


@pytest.fixture
def app(workspace: Workspace) -> Flask:
    """An app with the pages under test, an admin and a marketer."""
    with workspace.db.transaction() as session:
        for role in ("admin", "marketer"):
            auth.create_user(session, f"{role}@example.com", "", role, PASSWORD)
    made = Flask("connections", static_folder=None)
    made.extensions["cms"] = workspace
    made.config.update(SECRET_KEY=workspace.vault.derive("session"))
    made.test_client_class = FormClient
    init_request(made)
    init_web(made, frame)
    init_auth(made)
    init_api(made)
    for each in (auth_pages, token_pages, webhook_pages, blueprint):
        made.register_blueprint(each)
    return made


@pytest.fixture
def admin(app: Flask) -> FormClient:
    client = app.test_client()
    assert isinstance(client, FormClient)
    client.sign_in("admin@example.com", PASSWORD)
    return client
