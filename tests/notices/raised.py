"""Things that go wrong, made for tests: publications in a state, connections that broke, reviews that wait."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from cms_core.auth import service as auth
from cms_core.connections import service as connections
from cms_core.connections.models import Connection
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.content.review import request_review
from cms_core.content.revisions import head_of
from cms_core.publishing.models import Publication
from cms_core.workspace import Workspace

MAIL = {"host": "127.0.0.1", "port": "25", "from_address": "a@example.com", "postal_address": "1 Main St"}


def connection(workspace: Workspace, name: str = "news") -> int:
    """The row id of an e-mail connection."""
    with workspace.db.transaction() as session:
        found = session.query(Connection).filter_by(name=name).first()
        if found is None:
            found = connections.add(session, workspace.vault, workspace.plugins, "email", name, MAIL)
        return found.id


def publication(workspace: Workspace, title: str = "Spring letter", **values: Any) -> str:
    """The id of a publication in some state (default: failed)."""
    connection_id = connection(workspace)
    with workspace.db.transaction() as session:
        user = auth.acting_user(session, None)
        draft = Draft(kind="email", title=title, slug=None, body={"text": "Hello"})
        revision = content.save(session, workspace.plugins, None, draft, user)
        at = workspace.db.clock.now()
        row = Publication(
            asset_id=revision.asset_id,
            revision_id=revision.id,
            content_hash=revision.content_hash,
            connection_id=connection_id,
            due_at=at,
            created_at=at,
            **{"channel": "email", "state": "failed", "reason": "550 no such host", **values},
        )
        session.add(row)
        session.flush()
        return row.public_id


def set_state(workspace: Workspace, public_id: str, **values: Any) -> None:
    with workspace.db.transaction() as session:
        session.execute(update(Publication).where(Publication.public_id == public_id).values(**values))


def review(workspace: Workspace, by: str = "marketer@example.com", title: str = "Launch") -> str:
    """Ask for a review; the slug of the asset."""
    with workspace.db.transaction() as session:
        user = auth.find_user(session, by)
        draft = Draft(kind="article", title=title, slug=None, body={"text": "Hello"})
        revision = content.save(session, workspace.plugins, None, draft, user)
        request_review(session, head_of(session, revision.asset), user)
        return revision.asset.slug


def later(workspace: Workspace, **passed: float) -> None:
    workspace.db.clock.at += timedelta(**passed)  # type: ignore[attr-defined]
