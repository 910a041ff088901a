"""Who calls the REST interface: a bearer token, nothing else. No cookie is looked at, so no other site can ride on one."""

import logging
from typing import cast

from flask import Flask, abort, g, request
from limits import parse
from sqlalchemy.exc import OperationalError

from cms_core.auth import service, tokens
from cms_core.auth.tokens import Bearer
from cms_core.errors import CmsError, Forbidden
from cms_core.web.request import workspace
from cms_core.web.session import limiter

PREFIX = "/api/"
OPEN_ENDPOINTS = frozenset({"rest.openapi"})
# Wrong tokens from one address; who has a good one is never kept waiting for what others do.
FAILURES = parse("60/minute")
BEARER = {"WWW-Authenticate": 'Bearer realm="cms-core"'}

log = logging.getLogger(__name__)


class NotSignedIn(CmsError):
    """There is no token, or none that may be used."""

    status = 401
    headers = BEARER


class TooMany(CmsError):
    """Too many wrong tokens from one address."""

    status = 429
    headers = {"Retry-After": "60"}


def in_api(path: str) -> bool:
    """Whether this path belongs to the REST interface."""
    return path == "/api" or path.startswith(PREFIX)


def init_access(app: Flask) -> None:
    """Let nobody without a good token into ``/api``."""
    app.before_request(guard)


def guard() -> None:
    """Before every request: under ``/api`` a token, whose user becomes the actor of what is changed."""
    if not in_api(request.path) or request.endpoint in OPEN_ENDPOINTS:
        return
    _refuse_unstorable()
    g.bearer = found = authenticate(request.headers.get("Authorization", ""))
    g.session_info = {"actor": (found.user.id, f"rest {found.prefix[4:]}")}


def authenticate(header: str) -> Bearer:
    """Who calls with this Authorization header; raises NotSignedIn, or TooMany for an address with too many wrong ones."""
    found = _bearer_of_header(header)
    if found is None:
        _count_failure()
        raise NotSignedIn(
            "a token is missing, or is none that may be used",
            "send the header `Authorization: Bearer TOKEN`; `cms tokens add` or your profile page makes one",
        )
    _note_use(found)
    return found


def bearer() -> Bearer:
    """Who calls; ends the request with 401 where there is no token."""
    return cast(Bearer, g.get("bearer") or abort(401))


def require(permission: str) -> None:
    """Raise Forbidden, saying whether the role or the token is what stands in the way."""
    require_of(bearer(), permission)


def require_of(caller: Bearer, permission: str) -> None:
    """The same for somebody who calls from elsewhere."""
    plugins = workspace().plugins
    service.require(plugins, caller.user, permission)
    if not tokens.covers(caller.scopes, permission):
        raise Forbidden(
            f"this token ({', '.join(caller.scopes)}) does not reach {permission}",
            "use a token with another scope",
        )


def _bearer_of_header(header: str) -> Bearer | None:
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "bearer":
        return None
    with workspace().db.session() as session:
        return tokens.authenticate(session, text.strip())


def _count_failure() -> None:
    if not limiter.limiter.hit(FAILURES, "api", request.remote_addr or ""):
        raise TooMany("too many wrong tokens from this address", "wait a minute, then use a good one")


def _note_use(found: Bearer) -> None:
    try:
        tokens.note_use(workspace().db, found.token_id)
    except OperationalError:
        log.warning("when token %s was last used could not be kept", found.prefix)


def _refuse_unstorable() -> None:
    """No database takes a NUL, so nothing that is looked for has one."""
    texts = [request.path, *request.args, *(each for _, each in request.args.items(multi=True))]
    if any("\0" in text or (not text.isascii() and _is_broken(text)) for text in texts):
        abort(400, "the address holds a character that no text has")


def _is_broken(text: str) -> bool:
    return any("\ud800" <= each <= "\udfff" for each in text)
