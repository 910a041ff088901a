"""A small app around the shell: what the look and its rules are tested on, without a workspace."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask, redirect, render_template
from flask.testing import FlaskClient
from flask_wtf.csrf import CSRFProtect
from werkzeug.wrappers import Response

from cms_core.contract import NavItem
from cms_core.errors import Invalid
from cms_core.web.gallery import blueprint as gallery
from cms_core.web.shell import Frame, Viewer, init_web, toast
from tests import serving

ITEMS = (
    ("seo", NavItem("Keywords", "gallery.ui", "search", "Measure")),
    ("ghost", NavItem("Ghost", "ghost.nowhere", "search", "Measure")),
)


def refuse() -> str:
    raise Invalid("Row 17 of <plan.csv> is wrong.", "Mend the row and import again.")


def crash() -> str:
    raise RuntimeError("the secret is hunter2")


def announce() -> Response:
    toast("Moved to <Friday>", undo_url="/app/undo", undo={"day": "2026-11-24"})
    return redirect("/app/dev/ui")


def build(frame: Callable[[], Frame]) -> Flask:
    app = Flask("shell", static_folder=None)
    app.secret_key = "test"
    CSRFProtect(app)
    init_web(app, frame)
    app.register_blueprint(gallery)
    for prefix in ("/app", "/api/v1", "/site"):
        app.add_url_rule(f"{prefix}/refuse", f"{prefix}refuse", refuse, methods=["GET", "POST"])
    app.add_url_rule("/app/crash", "crash", crash)
    app.add_url_rule("/app/announce", "announce", announce)
    app.add_url_rule("/app/login", "login", lambda: render_template("cms/login.html", error="That is wrong."))
    app.add_url_rule("/plain", "plain", lambda: "plain")
    return app


def marketer() -> Frame:
    viewer = Viewer("Inès Marchetti", "Marketer", "America/New_York")
    return Frame(
        viewer,
        lambda permission: permission != "system.admin",
        ITEMS,
        {"Campaigns": 6},
        "Europe/Paris",
    )


@pytest.fixture
def build_app() -> Callable[[Callable[[], Frame]], Flask]:
    """Makes the app around another frame."""
    return build


@pytest.fixture
def client() -> FlaskClient:
    return build(marketer).test_client()


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The address of the app on a loopback port, for a real browser."""
    with serving.served(build(marketer)) as address:
        yield address
