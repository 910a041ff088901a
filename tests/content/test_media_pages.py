"""Serving files: the right type, for ever, and never as a page that could run anything."""

import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from cms_core.content.media import path_of, record, take_in, url_path
from cms_core.content.media_pages import media
from cms_core.web.request import init_request
from cms_core.web.shell import init_web
from cms_core.workspace import Workspace

Store = Callable[[bytes, str], str]


@pytest.fixture
def client(workspace: Workspace) -> FlaskClient:
    app = Flask("cms_core", static_folder=None, template_folder=None)
    app.secret_key = "test"
    app.extensions["cms"] = workspace
    init_web(app)
    init_request(app)
    app.register_blueprint(media)
    return app.test_client()


@pytest.fixture
def store(workspace: Workspace) -> Store:
    def keep(data: bytes, name: str) -> str:
        stored = take_in(workspace.config.media_dir, data, name)
        with workspace.db.transaction() as session:
            return url_path(record(session, stored))

    return keep


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (3, 3), "blue").save(out, "PNG")
    return out.getvalue()


def test_a_picture_is_shown_and_kept_by_browsers_for_ever(client: FlaskClient, store: Store) -> None:
    answer = client.get(store(png(), "blue.png"), buffered=True)
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    assert answer.data.startswith(b"\x89PNG")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "attachment" not in answer.headers.get("Content-Disposition", "")
    cache = answer.cache_control
    assert (cache.public, cache.immutable, cache.max_age) == (True, True, 365 * 24 * 3600)
    etag = answer.headers["ETag"]
    assert client.get(answer.request.path, headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (b"<svg onload='alert(1)'><script>alert(1)</script></svg>", "image/svg+xml"),
        (b"%PDF-1.4", "application/pdf"),
    ],
)
def test_what_could_run_is_a_download_in_a_sandbox(
    client: FlaskClient, store: Store, data: bytes, mime: str
) -> None:
    answer = client.get(store(data, "x.png"), buffered=True)
    assert answer.mimetype == mime
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")


def test_a_film_can_be_read_in_parts(client: FlaskClient, store: Store) -> None:
    answer = client.get(
        store(b"\0\0\0\x18ftypmp42" + b"x" * 100, "a.mp4"), headers={"Range": "bytes=4-7"}, buffered=True
    )
    assert (answer.status_code, answer.data) == (206, b"ftyp")


@pytest.mark.parametrize(
    "path",
    [
        "/media/" + "0" * 64 + "/a.png",
        "/media/short/a.png",
        "/media/..%2f..%2f.env/x",
        "/media/%2e%2e/%2e%2e",
        "/media/" + "0" * 64 + "/..%2f..%2f.env",
        "/media/" + "A" * 64 + "/a.png",
        "/media/a%00b/c",
        "/media/../cms.db",
    ],
)
def test_nothing_else_is_served(client: FlaskClient, store: Store, path: str) -> None:
    store(png(), "blue.png")
    assert client.get(path).status_code == 404


def test_a_file_that_is_gone_from_the_disk_is_not_found(
    client: FlaskClient, store: Store, workspace: Workspace
) -> None:
    path = store(png(), "blue.png")
    path_of(workspace.config.media_dir, path.split("/")[2]).unlink()
    assert client.get(path).status_code == 404
