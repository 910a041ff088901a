"""Forwarded addresses are believed of named proxies only, in the app and behind the server that ``cms run`` starts."""

import http.client
import threading
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask, request
from waitress import wasyncore
from waitress.server import create_server

from cms_core.app import create_app
from cms_core.cli.serving import SERVER
from cms_core.errors import ConfigError
from cms_core.web.proxies import behind_proxies
from cms_core.workspace import Workspace

FORWARDED = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}


def asked(trusted: str, remote: str, headers: dict[str, str] | None = None) -> str:
    """What a request from this address looks like to the app."""
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: f"{request.remote_addr} {request.scheme}")
    app.wsgi_app = behind_proxies(app.wsgi_app, trusted)  # type: ignore[assignment,method-assign]
    return app.test_client().get("/", headers=headers or FORWARDED, environ_base={"REMOTE_ADDR": remote}).text


@pytest.mark.parametrize(
    ("trusted", "remote", "seen"),
    [
        ("", "127.0.0.1", "127.0.0.1 http"),
        ("127.0.0.1", "127.0.0.1", "198.51.100.7 https"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9 http"),
        ("10.0.0.0/8, 2001:db8::/32", "10.9.8.7", "198.51.100.7 https"),
        ("10.0.0.0/8, 2001:db8::/32", "2001:db8::1", "198.51.100.7 https"),
        ("10.0.0.0/8", "", " http"),
    ],
)
def test_only_a_named_proxy_speaks_for_others(trusted: str, remote: str, seen: str) -> None:
    assert asked(trusted, remote) == seen


def test_what_a_stranger_wrote_before_the_proxy_does_not_count() -> None:
    assert (
        asked("127.0.0.1", "127.0.0.1", {"X-Forwarded-For": "192.0.2.1, 198.51.100.7"}) == "198.51.100.7 http"
    )


def test_a_proxy_that_is_no_address_is_told_at_the_start(workspace: Workspace) -> None:
    wrong = replace(workspace, config=replace(workspace.config, trusted_proxies="proxy.example"))
    with pytest.raises(ConfigError, match=r"CMS_TRUSTED_PROXIES: 'proxy\.example'"):
        create_app(workspace=wrong)


def test_the_server_hands_the_headers_on_to_the_app() -> None:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: str(request.remote_addr))
    app.wsgi_app = behind_proxies(app.wsgi_app, "127.0.0.1")  # type: ignore[assignment,method-assign]
    channels: dict[int, Any] = {}
    server = create_server(app, host="127.0.0.1", port=0, map=channels, **SERVER)
    thread = threading.Thread(target=wasyncore.loop, kwargs={"timeout": 0.1, "map": channels, "count": 20})
    thread.start()
    wire = http.client.HTTPConnection("127.0.0.1", server.effective_port, timeout=10)
    wire.request("GET", "/", headers=FORWARDED)
    assert wire.getresponse().read() == b"198.51.100.7"
    wire.close()
    thread.join()
    server.task_dispatcher.shutdown()
    wasyncore.close_all(channels)
