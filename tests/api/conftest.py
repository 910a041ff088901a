"""For tests of the REST interface: clients that carry a token of a role."""

from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask

from cms_core.auth.models import User
from cms_core.testing.calls import V1, Caller, caller_of
from cms_core.testing.calls import token_of as make_token
from cms_core.testing.pages import app_of, naughty_strings
from cms_core.workspace import Workspace

__all__ = ["V1", "Caller", "Calls"]

Calls = Callable[..., Caller]


@pytest.fixture
def app(workspace: Workspace) -> Flask:
    made = app_of(workspace)
    made.testing = True  # what breaks is raised here, and what is begun is waited for
    return made


@pytest.fixture
def token_of(workspace: Workspace, people: dict[str, User]) -> Callable[..., str]:
    """A token of the user with this role, with scopes."""
    return partial(make_token, workspace)


@pytest.fixture
def calls(app: Flask, people: dict[str, User]) -> Calls:
    """``calls("marketer", "content:read")``: a caller whose token has this role and these scopes."""
    return partial(caller_of, app)


@pytest.fixture
def admin(calls: Calls) -> Caller:
    """A caller who may do everything."""
    return calls("admin")


@pytest.fixture
def approver(calls: Calls) -> Caller:
    """A caller who may approve what others wrote."""
    return calls("approver")


@pytest.fixture(scope="session")
def naughty() -> list[str]:
    return naughty_strings()
