"""The app as ``cms run`` serves it, and beside the pixel the same route without a write: ``python hit_server.py HOME PORT``."""

import logging
import sys
from pathlib import Path

import place
from flask import Blueprint, Response, request
from waitress import serve

from cms_core.app import create_app
from cms_core.cli.serving import SERVER
from cms_core.events import agents
from cms_core.publishing import tracking
from cms_core.web.request import workspace

blueprint = Blueprint("bench", __name__, url_prefix="/bench")
blueprint.after_request(tracking.harden)


@blueprint.get("/<token>.gif")
def unwritten(token: str) -> Response:
    """All that the pixel does (token, look-up, class of the agent), but nothing is recorded."""
    agents.classify(request.method, request.headers)
    with workspace().db.session() as session:
        tracking.place_of(session.connection(), tracking.delivery_of(token))
    return Response(tracking.GIF, mimetype="image/gif")


def main(home: str, port: str) -> None:
    """Serve until killed."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns of every request that has to wait
    app = create_app(workspace=place.open_home(Path(home)))
    app.register_blueprint(blueprint)
    serve(app, host="127.0.0.1", port=int(port), **SERVER)


if __name__ == "__main__":
    main(*sys.argv[1:])
