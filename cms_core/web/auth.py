"""Who looks at this page, and what they may do: for the views of all rooms.

Every view under ``/app`` needs a signed-in user (the guard of ``web/session.py`` sees to that before any view runs); a view that
needs more says so by ``@permission("content.edit")``.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar

from flask import abort
from flask_login import UserMixin, current_user

from cms_core.auth import service
from cms_core.auth.models import User
from cms_core.contract import NavItem
from cms_core.notices import inbox
from cms_core.web.request import workspace
from cms_core.web.shell import Frame, Viewer

View = TypeVar("View", bound=Callable[..., Any])


class SignedIn(UserMixin):  # type: ignore[misc]
    """The user of this request as Flask-Login wants it; the epoch in its id ends sessions when it is raised."""

    def __init__(self, row: User) -> None:
        self.row = row

    def get_id(self) -> str:
        return f"{self.row.session_epoch}:{self.row.public_id}"


def signed_in() -> User | None:
    """The signed-in user, detached from any session, or None."""
    return current_user.row if current_user.is_authenticated else None


def user() -> User:
    """The signed-in user, detached from any session; ends the request with 401 when there is none."""
    return signed_in() or abort(401)


def can(permission: str) -> bool:
    """Whether the signed-in user has this permission."""
    found = signed_in()
    return found is not None and service.can(workspace().plugins, found, permission)


def permission(name: str) -> Callable[[View], View]:
    """Let only users with this permission see the view; raises Forbidden (a page of status 403) for others."""

    def wrap(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            service.require(workspace().plugins, user(), name)
            return view(*args, **kwargs)

        guarded.cms_permission = name  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return wrap


def frame() -> Frame:
    """What stands around every page for whoever looks at it."""
    found = signed_in()
    if found is None:
        return Frame()
    plugins, fence = workspace().plugins, workspace().fence
    items = [(plugin, item) for plugin, item in plugins.actions if isinstance(item, NavItem)]
    viewer = Viewer(found.name or found.email, found.role.capitalize(), found.timezone)
    return Frame(
        viewer,
        partial(service.can, plugins, found),
        items,
        {"Notices": _unread(found)},
        closed=fence.reason or "",
        remedy=fence.remedy[0].upper() + fence.remedy[1:],
        zone=found.timezone,
    )


def _unread(found: User) -> int:
    """Counted in a session of its own: that of the page may have failed."""
    opened = workspace()
    with opened.db.session() as reading:
        return inbox.unread(reading, opened.plugins, found)
