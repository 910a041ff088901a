"""Errors as a page or as JSON: what happened, what was not done, what to press."""

import logging

from flask import Flask, Response, g, jsonify, make_response, render_template, request
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response as BaseResponse

from cms_core.db import in_words, weather
from cms_core.errors import CmsError
from cms_core.logs import tell_fault
from cms_core.web.security import in_app

log = logging.getLogger(__name__)

TITLES = {
    400: "That did not work",
    401: "Please sign in",
    403: "You may not do this",
    404: "Nothing is here",
    405: "That did not work",
    409: "Somebody was faster",
    413: "That is too large",
    422: "That cannot be used",
    429: "Too many tries",
    500: "Something broke on our side",
    502: "Another system said no",
    503: "Not possible right now",
}
WORDS = {
    400: ("The request could not be understood.", "Go back, reload the page and try again."),
    403: ("Your role does not allow this.", "Ask an admin of this workspace."),
    404: ("There is no page under this address.", "Check the address, or start from the calendar."),
    405: ("This address does not take that kind of request.", "Go back and use the page's own buttons."),
    413: ("What you sent is larger than this workspace accepts.", "Make the file smaller and send it again."),
    429: ("There were too many tries in a short time.", "Wait a minute, then try again."),
    500: (
        "The fault is in the log of the server.",
        "Try again; if it stays, show an admin the time of this page.",
    ),
}


API_WORDS = {
    400: ("The request could not be understood.", "Send what /api/v1/openapi.json describes."),
    404: ("There is nothing under this address.", "/api/v1/openapi.json lists what there is."),
    405: ("This address does not take that method.", "The header Allow names those that it takes."),
    413: (
        "The body is larger than this workspace accepts.",
        "Send files as multipart/form-data, or split them.",
    ),
}


def wants_json() -> bool:
    """Whether the caller is a program: the API, or an Accept header that prefers JSON to HTML."""
    if request.path.startswith("/api/"):
        return True
    accept = request.accept_mimetypes
    return accept.best_match(["text/html", "application/json"]) == "application/json"


def _page(status: int, message: str, remedy: str) -> str:
    context = {
        "status": status,
        "title": TITLES.get(status, TITLES[400 if status < 500 else 500]),
        "message": message,
        "remedy": remedy,
        "nothing_done": request.method not in ("GET", "HEAD"),
    }
    # A page of the app keeps its navigation, unless making that navigation may be what broke.
    framed = status < 500 and in_app(request.path)
    if framed:
        try:
            return render_template("cms/error.html", layout="cms/page.html", **context)
        except Exception:
            log.exception("the error page could not be drawn with the navigation")
    g.cms_bare = True
    return render_template("cms/error.html", layout="cms/bare.html", **context)


def fault_response(status: int, message: str, remedy: str, **more: object) -> Response:
    """The answer to a request that failed, in the form its caller can read; ``more`` is for programs."""
    if wants_json():
        response = jsonify(error={"message": message, "remedy": remedy, **more})
    else:
        response = make_response(_page(status, message, remedy))
    response.status_code = status
    return response


def on_cms_error(error: CmsError) -> Response:
    """An error meant for people keeps its own words; programs are told by field what is wrong, where it says so."""
    told = {"field": error.field, "errors": getattr(error, "errors", None)}
    more = {name: value for name, value in told.items() if value}
    response = fault_response(error.status, error.message, error.remedy, **more)
    response.headers.update(getattr(error, "headers", {}))
    return response


def on_http_error(error: HTTPException) -> BaseResponse:
    """A refusal of the framework; ready-made responses (redirects, abort(response)) and headers such as Allow stay."""
    status = error.code
    if error.response is not None or status is None or status < 400:
        return error.get_response(request.environ)
    # With a Host header that is none no address can be made, so no page either.
    if status == 400 and error is request.routing_exception:
        return error.get_response(request.environ)
    default = type(error).description
    own = error.description if error.description and error.description != default else ""
    words = API_WORDS if request.path.startswith("/api/") else WORDS
    message, remedy = words.get(status) or WORDS.get(status, (own or error.name, ""))
    response = fault_response(status, own or message, remedy)
    for name, value in error.get_headers(request.environ):
        if name.lower() != "content-type":
            response.headers[name] = value
    return response


def on_refusal(error: DBAPIError) -> Response:
    """The database would not: told in words where two were at it at once, or it is away; otherwise a crash."""
    if passing := weather(error):
        tell_fault(log, f"{request.method} {request.path} was answered with 503", error)
    known = in_words(error) or passing
    if known is None:
        raise error
    return on_cms_error(known)


def on_crash(error: InternalServerError) -> Response:
    """An unforeseen exception: Flask has logged it; nothing of it is shown."""
    return fault_response(500, *WORDS[500])


def register_faults(app: Flask) -> None:
    """Make every error of this app readable."""
    app.register_error_handler(CmsError, on_cms_error)
    app.register_error_handler(DBAPIError, on_refusal)
    app.register_error_handler(HTTPException, on_http_error)
    app.register_error_handler(InternalServerError, on_crash)
