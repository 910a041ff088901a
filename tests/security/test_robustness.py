"""Robustness: odd hosts and headers, two people at once, slow callers, plugins that break, answers that tell nothing."""

import socket
from collections.abc import Iterator

import pytest
from flask import Blueprint
from werkzeug.test import EnvironBuilder, run_wsgi_app

from cms_core.app import create_app
from cms_core.config import load_config
from cms_core.testing.client import FormClient
from cms_core.workspace import open_workspace
from tests import serving

from .house import CANARY, PASSWORD, House

HOSTS = (
    "evil.test",
    "www.acme.test:99999",
    "[::1",
    "a b",
    "x" * 300,
    "www.acme.test@evil.test",
    "",
    "..",
    "%00",
    "evil.test#",
    "münchen.test",
    "-",
    "1.2.3.4:x",
    "<script>",
)


def test_a_host_header_is_never_a_fault_and_never_an_address_of_ours(house: House) -> None:
    for host in HOSTS:
        for path in (
            "/",
            "/calm",
            "/sitemap.xml",
            "/feed.xml",
            "/robots.txt",
            "/app/login",
            "/app/",
            "/nothing",
            "/healthz",
        ):
            builder = EnvironBuilder(path)
            environ = builder.get_environ()
            environ["HTTP_HOST"] = host.encode().decode("latin-1")
            body, status, headers = run_wsgi_app(house.app, environ, buffered=True)
            assert status < "500", (host, path)
            if host == "evil.test":
                assert b"evil.test" not in b"".join(body), path
                assert "evil.test" not in headers.get("Location", ""), path


def test_a_question_with_a_nul_is_refused_in_words_everywhere(house: House) -> None:
    admin = house.signed_in("admin")
    for address in ("/app/content?q=a%00", "/app/content?a%00=1", "/app/leads?q=1&q=%00"):
        answer = admin.get(address)
        assert answer.status_code == 400, address
        assert "could not be understood" in answer.text, address


def test_forwarding_headers_of_strangers_are_not_believed(house: House) -> None:
    made_up = {
        "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.9",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "for=198.51.100.9;host=evil.test;proto=https", "X-Original-URL": "/app/users", "X-Rewrite-URL": "/app/users",
        "X-Forwarded-Port": "99", "X-Forwarded-Server": "evil.test", "X-Real-IP": "198.51.100.9",
    }  # fmt: skip
    for path in ("/", "/calm", "/sitemap.xml", "/feed.xml", "/app/", "/app/login"):
        plain, forwarded = house.client().get(path), house.client().get(path, headers=made_up)
        assert forwarded.status_code == plain.status_code, path
        assert "evil" not in forwarded.text, path
        assert forwarded.headers.get("Location") == plain.headers.get("Location"), path
        assert "Secure" not in "".join(forwarded.headers.getlist("Set-Cookie")), path


def test_two_people_who_save_at_once_lose_no_word(house: House) -> None:
    first, second = house.signed_in("marketer"), house.signed_in("admin")
    first.submit("/app/content/new", {"kind": "article", "title": "Shared", "text": "one", "slug": "shared"})
    words = {"title": "Shared", "row_version": "1"}
    assert (
        first.submit("/app/content/shared/edit", {**words, "text": "the words of the first"}).status_code
        == 303
    )
    late = second.submit("/app/content/shared/edit", {**words, "text": "the words of the second"})
    assert late.status_code == 409
    assert "the words of the first" in late.text
    assert "the words of the second" in late.text
    assert "the words of the first" in second.get("/app/content/shared/edit").text
    stale = second.submit(
        "/app/content/shared/edit", {**words, "row_version": "0", "text": "no version at all"}
    )
    assert stale.status_code == 409
    segment = f"/app/segments/{house.ids['segment']}"
    assert first.submit(segment, {"rule": 'country = "FR"', "row_version": "1"}).status_code == 303
    lost = second.submit(segment, {"rule": 'country = "DE"', "row_version": "1"})
    assert lost.status_code == 409
    assert "FR" in lost.text
    assert "DE" in lost.text


HALF = "Host: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000"


# --- slow and broken callers --------------------------------------------------------------------------------------------


@pytest.fixture
def port(house: House) -> Iterator[int]:
    with serving.served(house.app) as address:
        yield int(address.rpartition(":")[2])


def test_callers_who_say_half_of_it_hold_up_nobody_and_lock_nothing(house: House, port: int) -> None:
    """Ten posts whose bodies never come: others read and write meanwhile."""
    halves = []
    token = house.tokens()["ann@people.test"]
    for path in (f"/t/{token}/u", "/app/login") * 5:
        half = socket.create_connection(("127.0.0.1", port))
        half.sendall(f"POST {path} HTTP/1.1\r\n{HALF}\r\n\r\nemail=".encode())
        halves.append(half)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as other:
        other.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"200" in other.recv(100)
    assert house.client().get(f"/t/{token}.gif").status_code == 200  # writes an event
    assert house.as_role("viewer").get("/app/content").status_code == 200
    for half in halves:
        half.close()


# --- plugins that break -------------------------------------------------------------------------------------------------

SECRET = "canary-in-an-exception"


class Breaking:
    """A plugin whose pages raise."""

    def register_blueprints(self) -> list[Blueprint]:
        from cms_core import permission

        made = Blueprint("breaking", __name__, url_prefix="/app/p/breaking")

        @made.get("/")
        @permission("content.read")
        def page() -> str:
            raise RuntimeError(f"{SECRET} {CANARY['password']} /home/somebody/secret.py")

        return [made]


def test_a_page_of_a_plugin_that_raises_is_a_page_of_ours_that_tells_nothing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    from cms_core.hookspecs import hookimpl

    plugin = Breaking()
    Breaking.register_blueprints = hookimpl(Breaking.register_blueprints)  # type: ignore[method-assign]
    config = load_config(house.workspace.config.home, {})
    opened = open_workspace(config, clock=house.workspace.db.clock, extra_plugins=[("breaking", plugin)])
    app = create_app(workspace=opened)
    app.test_client_class = FormClient
    client = app.test_client()
    assert isinstance(client, FormClient)
    client.sign_in("admin@acme.test", PASSWORD)
    for headers in ({}, {"Accept": "application/json"}, {"X-Requested-With": "fetch"}):
        answer = client.get("/app/p/breaking/", headers=headers)
        assert answer.status_code == 500
        for told in (SECRET, CANARY["password"], "RuntimeError", "Traceback", "/home/", "breaking.py"):
            assert told not in answer.text
    assert "The fault is in the log" in client.get("/app/p/breaking/").text
    assert "RuntimeError" in caplog.text  # whoever runs it finds it
    assert client.get("/app/content").status_code == 200
    opened.db.dispose()


def test_errors_repeat_nothing_that_could_run(house: House) -> None:
    admin, nasty = house.signed_in("admin"), "<script>alert(1)</script>"
    for path in (
        "/app/{0}",
        "/app/content/{0}",
        "/app/publications?state={0}",
        "/app/calendar?month={0}",
        "/{0}",
        "/app/plugins/{0}",
        "/app/connections/new/{0}",
    ):
        for headers in ({}, {"Accept": "application/json"}):
            answer = admin.get(path.format(nasty), headers=headers)
            assert 400 <= answer.status_code < 500, path
            assert answer.mimetype == "application/json" or nasty not in answer.text, path
