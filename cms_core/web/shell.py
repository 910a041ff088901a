"""Wires the shell into the app: templates, components, headers, errors, navigation, theme."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, flash, g, redirect, request, url_for
from werkzeug.wrappers import Response

from cms_core.contract import NavItem
from cms_core.deadline import UNANSWERED
from cms_core.web import assets, charts, formats
from cms_core.web.faults import register_faults
from cms_core.web.nav import build_nav
from cms_core.web.security import secure
from cms_core.web.states import state_of

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "cms_theme"
YEAR_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True)
class Viewer:
    """The signed-in person as the shell shows them."""

    name: str
    role: str
    zone: str = "UTC"

    @property
    def initials(self) -> str:
        words = self.name.replace("@", " ").split()
        return "".join(word[0] for word in words[:2]).upper() or "?"


@dataclass(frozen=True)
class Frame:
    """What stands around every page: who looks, what they may do, what plugins add, numbers beside items.

    ``closed``: why nothing is published from this workspace, or ""; ``remedy``: what an admin does about it.
    """

    viewer: Viewer | None = None
    can: Callable[[str], bool] = lambda permission: False
    plugin_items: Sequence[tuple[str, NavItem]] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    closed: str = ""
    remedy: str = ""
    zone: str = "UTC"
    sign_out_url: str = "/app/logout"
    me_url: str = "/app/me"


def toast(message: str, level: str = "ok", undo_url: str = "", undo: Mapping[str, str] | None = None) -> None:
    """Show a message on the next page; with ``undo_url`` it has an Undo button that posts the fields ``undo``."""
    flash({"text": message, "undo_url": undo_url, "undo": dict(undo or {})}, level)  # type: ignore[arg-type]


def local_path(target: str | None, fallback: str) -> str:
    """The target if it stays on this host, else the fallback (no open redirect)."""
    if not target or "\\" in target or any(ord(char) < 32 for char in target):
        return fallback
    parts = urlsplit(target)
    local = not parts.scheme and not parts.netloc and target.startswith("/") and not target.startswith("//")
    return target if local else fallback


def set_theme() -> Response:
    """Remember light, dark or the system's choice in a cookie, so that the server renders it without a flash."""
    theme = request.form.get("theme", "auto")
    response = redirect(local_path(request.form.get("next"), "/app/"), 303)
    response.set_cookie(
        THEME_COOKIE,
        theme if theme in THEMES else "auto",
        max_age=YEAR_SECONDS,
        path="/",
        samesite="Lax",
        secure=request.is_secure,
    )
    return response


def current_theme() -> str:
    """The theme chosen in this browser: auto, light or dark."""
    theme = request.cookies.get(THEME_COOKIE, "auto")
    return theme if theme in THEMES else "auto"


def _blueprint() -> Blueprint:
    blueprint = Blueprint(
        "cms", __name__, static_folder="static", static_url_path="/app/static", template_folder="templates"
    )
    blueprint.add_url_rule("/app/theme", "theme", set_theme, methods=["POST"])
    return blueprint


def _context(frame: Callable[[], Frame]) -> dict[str, Any]:
    """What every template sees; a page drawn because something broke does not ask the app again."""
    around = Frame() if g.get("cms_bare") else frame()
    signed_in = around.viewer is not None
    return {
        "frame": around,
        "viewer": around.viewer,
        "can": around.can,
        "zone": around.zone,
        "theme": current_theme(),
        "unanswered": UNANSWERED.get() or (),
        "nav": build_nav(around.can, request.path, around.plugin_items, around.counts) if signed_in else [],
    }


def init_web(app: Flask, frame: Callable[[], Frame] = Frame) -> None:
    """Give the app its shell; ``frame`` is asked once per request that renders a template."""
    app.register_blueprint(_blueprint())

    def once() -> Frame:
        if "cms_frame" not in g:
            g.cms_frame = frame()
        found: Frame = g.cms_frame
        return found

    @app.before_request
    def listen() -> None:
        UNANSWERED.set([])

    def page_zone() -> str:
        return Frame.zone if g.get("cms_bare") else once().zone

    def clock(instant: datetime | None, tz: str, style: str = "medium") -> str:
        return (formats.wall_clock if tz == page_zone() else formats.when)(instant, tz, style)

    app.context_processor(lambda: _context(once))
    app.jinja_env.globals.update(
        icon=assets.icon,
        has_icons=assets.has_icons,
        asset_url=assets.asset_url,
        asset_version=assets.version,
        vendor_script=assets.vendor_script,
        state_of=state_of,
        charts=charts,
        iso=formats.iso,
        wall_clock=formats.wall_clock,
        page_zone=page_zone,
        theme_url=lambda: url_for("cms.theme"),
    )
    app.jinja_env.filters.update(
        when=formats.when,
        clock=clock,
        wall=formats.wall,
        day=formats.day,
        number=formats.number,
        percent=formats.percent,
        money=formats.money,
    )
    app.after_request(assets.cache_static)
    app.after_request(secure)
    register_faults(app)
