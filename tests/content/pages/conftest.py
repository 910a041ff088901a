"""A workspace with the channels that ship, and content that the marketer writes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cms_core.auth.models import User
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.content import review, service
from cms_core.content.drafts import Draft
from cms_core.content.models import Revision
from cms_core.workspace import Workspace, open_workspace


@pytest.fixture
def workspace(migrated_config: Config, clock: FrozenClock) -> Iterator[Workspace]:
    """A workspace with the channels that ship."""
    opened = open_workspace(migrated_config, clock=clock)
    yield opened
    opened.db.dispose()


@pytest.fixture
def add(workspace: Workspace, people: dict[str, User]) -> Callable[..., Revision]:
    """Saves content by the marketer: ``add("launch", title="Launch", ask=True)``."""

    def make(slug: str, *, ask: bool = False, **fields: Any) -> Revision:
        wanted: dict[str, Any] = {
            "kind": "article",
            "title": slug,
            "body": {"text": "Some words."},
            "slug": slug,
            **fields,
        }
        with workspace.db.transaction() as session:
            revision = service.save(
                session,
                workspace.plugins,
                None,
                Draft(**wanted),
                people["marketer"],
            )
            if ask:
                review.request_review(session, revision, people["marketer"])
        return revision

    return make
