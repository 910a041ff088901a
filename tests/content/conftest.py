from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.orm import Session

from cms_core.auth.models import User
from cms_core.auth.service import create_user
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.workspace import Workspace, open_workspace


@pytest.fixture
def workspace(migrated_config: Config, clock: FrozenClock) -> Iterator[Workspace]:
    """A workspace of the core alone: what holds for content holds without any plugin."""
    opened = open_workspace(migrated_config, clock=clock, plugins=())
    yield opened
    opened.db.dispose()


@pytest.fixture
def person(session: Session) -> Callable[..., User]:
    """Makes a user with a role: ``person("approver")``."""

    def make(role: str) -> User:
        return create_user(session, f"{role}@example.com", role.title(), role, "a long password")

    return make


@pytest.fixture
def ann(person: Callable[..., User]) -> User:
    """The only user of the workspace: an admin."""
    return person("admin")
