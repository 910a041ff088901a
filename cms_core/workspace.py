"""One opened workspace: its configuration, database, keys and plugins, shared by the web app, the worker and the commands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from cms_core.auth import audit
from cms_core.clock import Clock
from cms_core.config import Config
from cms_core.db import Database
from cms_core.fence import Fence
from cms_core.outbound import Guard
from cms_core.plugins import CALLING, Plugins
from cms_core.secrets import Vault


@dataclass(frozen=True)
class Workspace:
    """Everything that the edges (pages, commands, jobs) need to call services."""

    config: Config
    db: Database
    vault: Vault
    plugins: Plugins
    guard: Guard

    @cached_property
    def fence(self) -> Fence:
        """Whether this workspace may publish."""
        return Fence(self.config, self.db)

    def hidden(self) -> list[str]:
        """The secrets that are known here: whatever is written for others to read never repeats them."""
        urls = [url for url in (self.config.database_url, self.config.mail_url) if url]
        passwords = [each for url in urls for each in (make_url(url).password, urlsplit(url).password)]
        return [
            *self.config.secret_key.split(","),
            *(str(each) for each in passwords if each),
            *self.vault.opened,
        ]

    def for_publishing(self) -> "Workspace":
        """The same workspace with a database whose commits survive power loss: where claims are made."""
        key = self.vault.derive("address")
        return replace(self, db=Database(self.config.database_url, self.db.clock, key=key, durable=True))


def open_workspace(
    config: Config,
    *,
    clock: Clock | None = None,
    plugins: Iterable[str] | None = None,
    extra_plugins: Sequence[tuple[str, Any]] = (),
) -> Workspace:
    """Open a workspace; ``plugins`` names those to load (default: all installed)."""
    audit.watch()
    vault = Vault(config.secret_key, config.inherited_keys)
    loaded = Plugins(
        only=plugins,
        extra=extra_plugins,
        folder=config.home / "plugins",
        disabled=config.disabled_plugins,
        strict=config.strict_plugins,
    )
    db = Database(config.database_url, clock, key=vault.derive("address"))
    opened = Workspace(config, db, vault, loaded, Guard(config.outbound_allow))
    loaded.host = opened
    return opened


def calling_workspace() -> Workspace:
    """The workspace whose plugins are being called on this thread; raises RuntimeError outside of a hook."""
    found = CALLING.get()
    if not isinstance(found, Workspace):
        raise RuntimeError(
            "services.current() belongs into a page or a hook; a job gets its services with its context"
        )
    return found
