"""What is logged of a request: an id on every line that is written while it is answered, and how it ended."""

import logging
import re
import time

from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from cms_core.ids import new_id

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

log = logging.getLogger(__name__)


def init_request_log(app: Flask) -> None:
    """Name every request before anything else is done with it; the answer tells the name in X-Request-ID."""
    app.before_request(_begin)
    app.after_request(_end)
    # A thread answers many requests, and does other work between them.
    app.teardown_request(lambda _fault: clear_contextvars())


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    by_proxy = "werkzeug.proxy_fix.orig" in request.environ  # one that is trusted
    g.request_id = given if by_proxy and REQUEST_ID.fullmatch(given) else new_id()
    g.request_began = time.monotonic()
    bind_contextvars(request=g.request_id)


def _end(response: Response) -> Response:
    if "request_id" in g:
        response.headers["X-Request-ID"] = g.request_id
        if log.isEnabledFor(logging.INFO):
            # The rule of the address, never the address itself: tokens stand in there.
            rule = request.url_rule.rule if request.url_rule else "(no such address)"
            spent = (time.monotonic() - g.request_began) * 1000
            log.info("%s %s %d in %.0f ms", request.method, rule, response.status_code, spent)
    return response
