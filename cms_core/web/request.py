"""What a page asks of its request: the workspace, one session, and the user.

A GET has a reading session, anything else a writing one that is committed when the answer is a success (below 400) and rolled back
otherwise, so that a form shown again with errors leaves nothing behind.
"""

from typing import cast

from flask import Flask, Response, abort, current_app, g, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from cms_core.workspace import Workspace

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
MOST = 2**63 - 1  # what a database calls an integer

Answer = str | AnyResponse | tuple[str | AnyResponse, int]  # what a view may return


def workspace() -> Workspace:
    """The workspace that this app serves."""
    return cast(Workspace, current_app.extensions["cms"])


def whole_number(text: str) -> int:
    """A number that a database can hold, as ``type=`` of a query or form field; raises ValueError for anything else."""
    number = int(text)
    if abs(number) > MOST:
        raise ValueError(f"{text[:40]} is too large")
    return number


def session() -> Session:
    """The session of this request, opened when first asked for; it knows the signed-in user as the actor.

    ``g.session_opened`` is called with a writing one when it is opened.
    """
    if "session" not in g:
        db = workspace().db
        reading = request.method in SAFE_METHODS
        g.session = (
            Session(db.engine, expire_on_commit=False, info=db.info()) if reading else db.open_transaction()
        )
        g.session.info.update(g.get("session_info", {}))
        if not reading and (opened := g.get("session_opened")):
            opened(g.session)
    return cast(Session, g.session)


def _refuse_nul() -> None:
    """No name and no word holds a NUL, and PostgreSQL compares with none."""
    if "\0" in request.path:
        abort(404)
    pairs = request.args.items(multi=True) if b"%00" in request.query_string else ()
    if any("\0" in text for pair in pairs for text in pair):
        abort(400)


def init_request(app: Flask) -> None:
    """Refuse what cannot be answered, and commit or roll back the session at the end of each request."""

    @app.before_request
    def bound() -> None:
        fault = request.routing_exception
        # With a Host header that is none not even the sign-in page has an address.
        if fault is not None and fault.code == 400:
            raise fault
        if request.path.startswith("/app/"):
            _refuse_nul()
        # Only parts of a multipart form are read bit by bit, and files among them go to disk.
        if request.mimetype != "multipart/form-data":
            request.max_content_length = current_app.config["MAX_FORM_MEMORY_SIZE"]

    @app.after_request
    def commit(response: Response) -> Response:
        if "session" in g and request.method not in SAFE_METHODS and response.status_code < 400:
            g.session.commit()
        return response

    @app.teardown_appcontext
    def close(_error: BaseException | None) -> None:
        opened = g.pop("session", None)
        if opened is not None:
            opened.close()
