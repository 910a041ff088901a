"""What a command gets as ``ctx.obj``: the workspace, opened when first used, and who acts."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from cms_core.auth.models import User
    from cms_core.clock import Clock
    from cms_core.services import Services
    from cms_core.workspace import Workspace


class State:
    """Opens the workspace at ``home`` on first use; ``as_email`` is the user who acts (default: the first admin)."""

    def __init__(self, home: str | None, as_email: str | None) -> None:
        self.home = home
        self.as_email = as_email

    @cached_property
    def workspace(self) -> "Workspace":
        """The workspace, with its database checked to be of the right version."""
        return self.open()

    def open(self, *, clock: "Clock | None" = None, check: bool = True) -> "Workspace":
        """Open the workspace with a clock or for publishing."""
        from cms_core.config import load_config
        from cms_core.migrations import require_current
        from cms_core.workspace import open_workspace

        workspace = open_workspace(load_config(self.home), clock=clock)
        close_at_end(workspace)
        if check:
            require_current(workspace.db.engine, workspace.plugins)
        return workspace

    @cached_property
    def publishing(self) -> "Workspace":
        """The workspace with a database whose commits survive power loss."""
        workspace = self.workspace.for_publishing()
        close_at_end(workspace)
        return workspace

    def require(self, permission: str) -> None:
        """Raise Forbidden unless the user who acts has the permission: for what opens sessions of its own."""
        from cms_core.auth import service as auth

        with self.workspace.db.session() as session:
            self._require(auth.acting_user(session, self.as_email), permission)

    @contextmanager
    def reading(self, permission: str | None) -> "Iterator[Session]":
        """A session for a command that only reads; a user named with --as must exist here too, and have the permission."""
        from cms_core.auth import service as auth

        with self.workspace.db.session() as session:
            if self.as_email is not None:
                self._require(auth.acting_user(session, self.as_email), permission)
            yield session

    @contextmanager
    def writing(self, permission: str | None) -> "Iterator[tuple[Session, User]]":
        """A session that commits at the end, and the user in whose name it is done.

        Raises Forbidden without the permission; with None whoever is called decides.
        """
        from cms_core.auth import service as auth

        with self.workspace.db.transaction() as session:
            user = auth.acting_user(session, self.as_email)
            self._require(user, permission)
            session.info["actor"] = (user.id, "cli")
            yield session, user

    def _require(self, user: "User", permission: str | None) -> None:
        from cms_core.auth import service as auth

        if permission is not None:
            auth.require(self.workspace.plugins, user, permission)

    def services(self, plugin: str, permission: str = "") -> "Services":
        """The services for a plugin's command, in the name of the user who acts; raises Forbidden without the permission."""
        from cms_core.auth import service as auth
        from cms_core.services import Services

        with self.workspace.db.session() as session:
            found = Services(self.workspace, plugin, (auth.acting_user(session, self.as_email).id, "cli"))
        if permission:
            found.require(permission)
        return found


def close_at_end(workspace: "Workspace") -> None:
    """Give the connections of the database back when the command has ended."""
    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(workspace.db.dispose)


pass_state = click.make_pass_decorator(State)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
log_json_option = click.option("--log-json", is_flag=True, help="Log in lines of JSON (default: CMS_LOG).")
