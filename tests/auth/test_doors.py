"""Every address of the app against every role: a route that nobody thought about fails here."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from cms_core.app import create_app
from cms_core.auth.models import Role, User
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.testing.client import FormClient
from cms_core.web.session import OPEN_ENDPOINTS
from cms_core.workspace import Workspace, open_workspace

from .conftest import PASSWORD

SIGNED_IN = {
    "auth.change_me",
    "auth.change_password",
    "auth.logout",
    "auth.me",
    "campaigns.home",
    "cms.theme",
    "gallery.live",
    "gallery.preview",
    "gallery.ui",
    "notices.choose",
    "notices.index",
    "notices.read",
    "notices.read_all",
    "rest_docs.index",
    "tokens.add",
    "tokens.index",
    "tokens.revoke",
    "leads.static",  # a style sheet
}
ARGUMENTS = {"channel": "nothing", "filename": "nothing", "name": "nothing", "n": "1", "what": "nothing"}


@pytest.fixture
def workspace(migrated_config: Config, clock: FrozenClock) -> Iterator[Workspace]:
    """With all installed plugins: their doors are tried too."""
    opened = open_workspace(migrated_config, clock=clock)
    yield opened
    opened.db.dispose()


@pytest.fixture
def whole(workspace: Workspace, people: dict[str, User]) -> Flask:
    made = create_app(workspace=workspace)
    made.test_client_class = FormClient
    return made


def doors(app: Flask) -> list[tuple[str, str, str, str]]:
    """(method, address, endpoint, permission) of every route under /app."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.rule == "/app" or rule.rule.startswith("/app/"):
            address = re.sub(r"<(?:any\(([^,)]+)[^)]*\):)?(?:\w+:)?(\w+)>", _argument, rule.rule)
            wanted = getattr(app.view_functions[rule.endpoint], "cms_permission", "")
            found.extend(
                (method, address, rule.endpoint, wanted)
                for method in (rule.methods or set()) & {"GET", "POST"}
            )
    return found


def _argument(found: re.Match[str]) -> str:
    return found[1] or ARGUMENTS.get(found[2], "0" * 8)


def test_every_route_of_the_app_states_who_may_use_it(whole: Flask, workspace: Workspace) -> None:
    stated = {endpoint: permission for _, _, endpoint, permission in doors(whole)}
    assert {name for name, permission in stated.items() if not permission} <= SIGNED_IN | OPEN_ENDPOINTS
    assert {permission for permission in stated.values() if permission} <= set(workspace.plugins.permissions)


def test_strangers_get_no_further_than_the_sign_in(whole: Flask) -> None:
    client = whole.test_client()
    for method, address, endpoint, _ in doors(whole):
        if endpoint not in OPEN_ENDPOINTS:
            answer = client.open(address, method=method)
            assert answer.status_code == 303, f"{method} {address}"
            assert answer.headers["Location"].startswith("/app/login"), f"{method} {address}"


@pytest.mark.parametrize("role", list(Role))
def test_each_role_passes_the_doors_that_are_its_own_and_no_other(
    whole: Flask, workspace: Workspace, role: Role
) -> None:
    client = whole.test_client()
    assert isinstance(client, FormClient)
    client.sign_in(f"{role}@example.com", PASSWORD)
    token = client.token("/app/me")
    for method, address, endpoint, permission in doors(whole):
        if endpoint in OPEN_ENDPOINTS | {"auth.logout"}:
            continue
        allowed = not permission or role in workspace.plugins.permissions[permission].roles
        with client.open(address, method=method, data={"csrf_token": token}) as answer:
            assert (answer.status_code != 403) is allowed, (
                f"{method} {address} as {role}: {answer.status_code}"
            )
            assert answer.status_code < 500, f"{method} {address} as {role}"


def test_nothing_is_changed_without_a_token_at_any_door(whole: Flask) -> None:
    client = whole.test_client()
    assert isinstance(client, FormClient)
    client.sign_in("admin@example.com", PASSWORD)
    for method, address, endpoint, _ in doors(whole):
        if method == "POST" and endpoint != "auth.sign_in":
            assert client.post(address).status_code == 400, address
