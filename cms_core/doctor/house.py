"""What belongs to the workspace: its keys, its fence, its plugins, its files."""

import hashlib
from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core.connections import overview
from cms_core.connections.models import Connection, PluginSettings
from cms_core.content.media import path_of
from cms_core.content.models import Media
from cms_core.doctor.findings import Finding, error, ok, warning
from cms_core.errors import ConfigError
from cms_core.webhooks.models import Webhook
from cms_core.workspace import Workspace

FILES_LOOKED_AT = 50
OTHERS = 0o077


def secrets(workspace: Workspace) -> Iterator[Finding]:
    """That what is encrypted can be read with the keys of this workspace, and that these are for their owner alone."""
    env = workspace.config.home / ".env"
    if env.is_file() and env.stat().st_mode & OTHERS:
        mode = env.stat().st_mode & 0o777
        yield error(f"others may read {env} (mode {mode:o}), which holds the keys", f"chmod 600 {env}")
    if unreadable := unreadable_secrets(workspace):
        remedy = "put the key that they were stored with into CMS_SECRET_KEY, behind the new one, or enter them again"
        yield error(f"the keys of this workspace do not fit: {', '.join(unreadable)}", remedy)
    else:
        yield ok("all stored secrets can be read")


def unreadable_secrets(workspace: Workspace) -> list[str]:
    """What is encrypted with a key that this workspace does not have, by what it belongs to."""
    with workspace.db.session() as session:
        return [name for name, text in _stored(session) if not _can_read(workspace, text)]


def _stored(session: Session) -> Iterator[tuple[str, str]]:
    """What is encrypted, by what it belongs to."""
    for channel, name, text in session.execute(
        select(Connection.channel, Connection.name, Connection.secrets)
    ):
        yield f"{channel}:{name}", text
    for plugin, text in session.execute(select(PluginSettings.plugin, PluginSettings.secrets)):
        yield f"settings of {plugin}", text
    for public_id, text in session.execute(select(Webhook.public_id, Webhook.secret)):
        yield f"webhook {public_id}", text


def _can_read(workspace: Workspace, text: str) -> bool:
    try:
        workspace.vault.decrypt(text)
    except ConfigError:
        return False
    return True


def fence(workspace: Workspace) -> Iterator[Finding]:
    """Whether anything is published from here."""
    if (reason := workspace.fence.reason) is None:
        yield ok("open: what is due is published")
    else:
        yield error(f"closed, nothing is published: {reason}", workspace.fence.remedy)


def plugins(workspace: Workspace) -> Iterator[Finding]:
    """Plugins that could not be loaded, or are set aside because they did not answer in time."""
    views = overview.plugin_views(workspace.plugins)
    for view in views:
        if view.state == "error":
            yield error(f"{view.name}: {view.error}", f"`cms plugins check {view.name}` shows where")
        elif view.aside:
            yield warning(
                f"{view.name} is set aside for {view.aside:.0f} s: it did not answer in time", "wait"
            )
    if not any(view.state == "error" for view in views):
        yield ok(f"{sum(view.state == 'on' for view in views)} plugins run")


def media(workspace: Workspace) -> Iterator[Finding]:
    """That files are there and are what their names say: a sample, taken anew each time."""
    with workspace.db.session() as session:
        sample = session.scalars(select(Media.sha256).order_by(func.random()).limit(FILES_LOOKED_AT)).all()
    wrong = [sha256 for sha256 in sample if not _is_sound(workspace, sha256)]
    if wrong:
        names = ", ".join(each[:12] for each in wrong[:5])
        yield error(
            f"{len(wrong)} of {len(sample)} files are missing or are not what was stored: {names}",
            "bring the folder `media` back from a backup",
        )
    else:
        yield ok(f"{len(sample)} files looked at are what was stored")


def _is_sound(workspace: Workspace, sha256: str) -> bool:
    path = path_of(workspace.config.media_dir, sha256)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
