"""Signing in and staying signed in: the session cookie, the guard before every page of the app, CSRF and limits of tries.

The cookie is signed, is sent to ``/app`` only, ends after twelve idle hours, and holds the user's session epoch: raising that ends
every session of the user, also the ones whose cookie somebody has copied.
"""

from datetime import timedelta
from typing import Any

from flask import Flask, abort, g, redirect, request, session, url_for
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, login_user, logout_user
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import select
from werkzeug.wrappers import Response

from cms_core.auth.models import User
from cms_core.web.auth import SignedIn, signed_in
from cms_core.web.faults import wants_json
from cms_core.web.request import SAFE_METHODS, workspace
from cms_core.web.security import in_app
from cms_core.web.shell import local_path

IDLE = timedelta(hours=12)
START = "/app/"
OPEN_ENDPOINTS = frozenset(
    {"auth.login", "auth.sign_in", "cms.static"}
    | {f"entrance.{name}" for name in ("forgot", "ask", "reset", "set_password", "join", "accept")}
)

logins = LoginManager()
csrf = CSRFProtect()
limiter = Limiter(get_remote_address, storage_uri="memory://", strategy="moving-window")


def init_auth(app: Flask) -> None:
    """Let nobody but signed-in users into ``/app``, and nothing be changed there without a CSRF token."""
    app.config.update(
        PERMANENT_SESSION_LIFETIME=IDLE,
        SESSION_COOKIE_PATH="/app",
        WTF_CSRF_CHECK_DEFAULT=False,  # the guard checks it, after the sign-in and under /app only
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as its session
    )
    logins.init_app(app)
    csrf.init_app(app)
    app.before_request(guard)
    limiter.init_app(app)


def guard() -> Response | None:
    """Before every request: under ``/app`` a signed-in user and, for changes, a CSRF token."""
    if not in_app(request.path):
        return None
    found = signed_in()
    if found is not None:
        g.session_info = {"actor": (found.id, "web")}
    elif request.endpoint not in OPEN_ENDPOINTS:
        return ask_to_sign_in()
    csrf.protect()
    return None


def ask_to_sign_in() -> Response:
    """Lead a person to the sign-in page and back; a script or program gets 401."""
    if wants_json() or "X-Requested-With" in request.headers or "HX-Request" in request.headers:
        abort(401, "You are not signed in, or no longer.")
    here = request.full_path.rstrip("?") if request.method in SAFE_METHODS else None
    return redirect(url_for("auth.login", next=here), 303)


def start_session(user: User) -> None:
    """Sign a user in with a session that has nothing in common with the one before."""
    session.clear()
    session.permanent = True
    login_user(SignedIn(user))
    g.session_info = {"actor": (user.id, "web")}


def end_session() -> None:
    """Forget who is signed in here, and everything else that the session held."""
    logout_user()
    session.clear()


def safe_next(target: str | None) -> str:
    """Where to go after signing in: a page of this app, else its start page (no open redirect)."""
    path = local_path(target, START)
    return path if in_app(path.partition("?")[0]) else START


@logins.user_loader  # type: ignore[untyped-decorator]
def load(text: str) -> SignedIn | None:
    """The active user of a session, read apart from the page's own session, if the session's epoch still stands."""
    epoch, _, public_id = text.partition(":")
    with workspace().db.session() as reading:
        found = reading.scalar(select(User).where(User.public_id == public_id, User.disabled_at.is_(None)))
        return SignedIn(found) if found is not None and str(found.session_epoch) == epoch else None


def refused(response: Any) -> bool:
    """Only tries that failed count against the limits."""
    return bool(response.status_code == 401)


def refused_feed(response: Any) -> bool:
    """Only addresses that lead nowhere count against the limit of a feed."""
    return bool(response.status_code == 404)


def account() -> str:
    """The account that somebody tries to get into, as a key of the limits."""
    return f"account:{request.form.get('email', '').strip().lower()[:320]}"


def refused_link(response: Any) -> bool:
    """Only links that lead nowhere count against the limit of links."""
    return bool(response.status_code == 410)


limit_asking = limiter.limit("20/hour")
limit_asking_for = limiter.limit("5/hour", key_func=account)
limit_links = limiter.limit("30/minute;200/hour", deduct_when=refused_link)
limit_address = limiter.limit("20/minute;200/hour", deduct_when=refused)
limit_account = limiter.limit("5/minute;50/hour", key_func=account, deduct_when=refused)
