"""For tests of the REST interface: clients that carry a token of a role."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cms_core.auth import tokens
from cms_core.auth.models import User
from cms_core.testing.pages import app_of
from cms_core.workspace import Workspace

V1 = "/api/v1"


class Caller:
    """Calls the REST interface with one token."""

    def __init__(self, client: FlaskClient, token: str) -> None:
        self.client = client
        self.token = token

    def __call__(self, method: str, path: str, body: Any = None, **kwargs: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}", **kwargs.pop("headers", {})}
        if body is not None:
            kwargs["json"] = body
        return self.client.open(V1 + path, method=method, headers=headers, buffered=True, **kwargs)


Calls = Callable[..., Caller]


@pytest.fixture
def app(workspace: Workspace) -> Flask:
    made = app_of(workspace)
    made.testing = True  # what breaks is raised here, and what is begun is waited for
    return made


@pytest.fixture
def token_of(workspace: Workspace, people: dict[str, User]) -> Callable[..., str]:
    """A token of the user with this role, with scopes."""

    def make(role: str, *scopes: str, expires: str = "") -> str:
        with workspace.db.transaction() as session:
            owner = session.get_one(User, people[role].id)
            _, text = tokens.add(session, workspace.plugins, owner, owner, scopes=scopes, expires=expires)
            return text

    return make


@pytest.fixture
def calls(app: Flask, token_of: Callable[..., str]) -> Calls:
    """``calls("marketer", "content:read")``: a caller whose token has this role and these scopes."""
    return lambda role, *scopes: Caller(app.test_client(), token_of(role, *scopes))


@pytest.fixture
def admin(calls: Calls) -> Caller:
    """A caller who may do everything."""
    return calls("admin")


@pytest.fixture
def approver(calls: Calls) -> Caller:
    """A caller who may approve what others wrote."""
    return calls("approver")
