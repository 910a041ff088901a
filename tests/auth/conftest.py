"""A workspace with the core alone, an app around the rooms under test, and browsers that sign in."""

from collections.abc import Iterator

import pytest
from flask import Flask

from cms_core.auth import service
from cms_core.auth.models import Role, User
from cms_core.auth.pages import blueprint
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.testing.client import FormClient
from cms_core.web.auth import frame
from cms_core.web.request import init_request
from cms_core.web.session import init_auth
from cms_core.web.shell import init_web
from cms_core.workspace import Workspace, open_workspace

PASSWORD = "correct horse battery"


@pytest.fixture
def workspace(migrated_config: Config, clock: FrozenClock) -> Iterator[Workspace]:
    opened = open_workspace(migrated_config, clock=clock, plugins=())
    yield opened
    opened.db.dispose()


@pytest.fixture
def people(workspace: Workspace) -> dict[str, User]:
    """One user of every role, ``<role>@example.com``."""
    with workspace.db.transaction() as session:
        return {
            role: service.create_user(session, f"{role}@example.com", role.title(), role, PASSWORD)
            for role in Role
        }


@pytest.fixture
def app(workspace: Workspace, people: dict[str, User]) -> Flask:
    made = Flask("auth", static_folder=None)
    made.extensions["cms"] = workspace
    made.config.update(SECRET_KEY=workspace.vault.derive("session"), SESSION_COOKIE_NAME="cms_session")
    made.test_client_class = FormClient
    init_request(made)
    init_web(made, frame)
    init_auth(made)
    made.register_blueprint(blueprint)
    made.add_url_rule("/app/", "start", lambda: "the start page")
    made.add_url_rule("/outside", "outside", lambda: "outside", methods=["GET", "POST"])
    return made


@pytest.fixture
def browser(app: Flask) -> FormClient:
    made = app.test_client()
    assert isinstance(made, FormClient)
    return made


@pytest.fixture
def as_admin(browser: FormClient) -> FormClient:
    assert browser.sign_in("admin@example.com", PASSWORD).status_code == 303
    return browser


def row(workspace: Workspace, email: str) -> User:
    """The user with this address, as the database has it now."""
    with workspace.db.session() as session:
        return service.find_user(session, email)
