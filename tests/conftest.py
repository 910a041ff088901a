"""For tests of pages in every room: one user of every role, and browsers in which they are signed in."""

from collections.abc import Callable

import pytest

from cms_core.auth.models import User
from cms_core.testing.client import FormClient
from cms_core.testing.pages import add_people, app_of, signed_in
from cms_core.workspace import Workspace


@pytest.fixture
def people(workspace: Workspace) -> dict[str, User]:
    """One user of every role, ``<role>@example.com``."""
    return add_people(workspace)


@pytest.fixture
def as_role(workspace: Workspace, people: dict[str, User]) -> Callable[[str], FormClient]:
    """Signs somebody in: ``as_role("approver")``."""
    app = app_of(workspace)
    return lambda role: signed_in(app, role)


@pytest.fixture
def marketer(as_role: Callable[[str], FormClient]) -> FormClient:
    """A browser in which a marketer is signed in."""
    return as_role("marketer")
