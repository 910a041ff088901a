"""Where a request may be led, how much of an answer is read, and what is never told to anybody."""

import gzip
import logging
import socket
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from cms_core.contract import Http, NotConnected, Refused, Retryable
from cms_core.outbound import Blocked, Guard, HttpClient

from .conftest import Certificates
from .servers import Peer, RawServer, answers, failure

OK = "200 OK"


# --- redirects -------------------------------------------------------------------------------------------------------


def redirecting(to: Callable[[str], str | None]) -> RawServer:
    def script(peer: Peer) -> None:
        path = peer.request().split(b" ")[1].decode()
        target = to(path)
        if target is None:
            peer.answer(OK, path.encode())
        else:
            peer.answer("302 Found", b"", f"Location: {target}")

    return RawServer(script)


def test_three_redirects_are_followed_and_no_more(client: HttpClient) -> None:
    def down(path: str) -> str | None:
        left = int(path[1:])
        return f"/{left - 1}" if left else None

    with redirecting(down) as server:
        response = client.request("GET", server.url + "/3")
        assert (response.text, response.url) == ("/0", server.url + "/0")
        assert type(failure(client, "GET", server.url + "/6")) is Refused
        assert len(server.requests) == 8


def test_secret_headers_do_not_follow_to_another_origin(client: HttpClient) -> None:
    with answers(OK) as other, redirecting(lambda path: None if path == "/b" else "/b") as same:
        headers = {"Authorization": "Bearer s3cret", "X-Api-Key": "s3cret", "Accept": "text/plain"}
        client.request("GET", same.url + "/a", headers=headers)
        with redirecting(lambda _: other.url) as away:
            client.request("GET", away.url, headers=headers)
    assert all(b"s3cret" in request for request in same.requests)
    assert len(other.requests) == 1
    assert b"s3cret" not in other.requests[0]
    assert b"text/plain" in other.requests[0]


def test_https_is_not_left_for_http(guard: Guard, certificates: Certificates) -> None:
    with answers(OK) as plain:

        def script(peer: Peer) -> None:
            peer.request()
            peer.answer("302 Found", b"", f"Location: {plain.url}")

        with RawServer(script, certificates.good) as server:
            client = HttpClient(guard, attempts=1, ca_file=certificates.ca_file)
            assert type(failure(client, "GET", server.url)) is Refused
    assert plain.connections == 0


def test_cookies_are_not_kept(client: HttpClient) -> None:
    with answers(OK, b"", "Set-Cookie: a=b; Path=/") as server:
        client.request("GET", server.url)
        client.request("GET", server.url)
    assert not any(b"ookie" in request for request in server.requests)


def test_neither_a_proxy_nor_passwords_of_the_machine_are_used(
    client: HttpClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password s3cret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with answers(OK) as server, answers(OK) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        client.request("GET", server.url)
    assert (len(server.requests), proxy.connections) == (1, 0)
    assert b"Authorization" not in server.requests[0]


# --- TLS -------------------------------------------------------------------------------------------------------------


def https(certificates: Certificates, good: bool = True) -> RawServer:
    def script(peer: Peer) -> None:
        peer.request()
        peer.answer(OK, b"hello")

    return RawServer(script, certificates.good if good else certificates.other)


def test_https_checks_the_certificate_against_the_name_and_connects_to_the_checked_address(
    certificates: Certificates,
) -> None:
    def lookup(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    guard = Guard("127.0.0.1", lookup=lookup)  # type: ignore[arg-type]
    client = HttpClient(guard, attempts=1, ca_file=certificates.ca_file)
    with https(certificates) as server:
        assert client.request("GET", f"https://localhost:{server.port}/").text == "hello"
        assert f"Host: localhost:{server.port}".encode() in server.requests[0]
        assert type(failure(client, "POST", f"https://elsewhere.test:{server.port}/")) is NotConnected
        assert len(server.requests) == 1


@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_certificate_ends_before_anything_is_sent(
    guard: Guard, certificates: Certificates, known: bool
) -> None:
    client = HttpClient(guard, attempts=1, ca_file=certificates.ca_file if known else None)
    with https(certificates, good=not known) as server:
        error = failure(client, "POST", server.url)
    assert type(error) is NotConnected
    assert "certificate" in error.reason
    assert server.requests == []


# --- bounds and secrets ----------------------------------------------------------------------------------------------


def test_a_gzip_bomb_is_not_unpacked(client: HttpClient) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 100_000
    with answers(OK, bomb, "Content-Encoding: gzip") as server:
        tracemalloc.start()
        error = failure(client, "GET", server.url)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert type(error) is Refused
    assert peak < 10_000_000


def test_a_big_error_page_is_still_its_status(client: HttpClient) -> None:
    with answers("404 Not Found", b"x" * 200_000) as server:
        assert type(failure(client, "POST", server.url)) is Refused


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "ü\r\n"])
def test_headers_cannot_be_smuggled_in(client: HttpClient, value: str) -> None:
    with answers(OK) as server, pytest.raises(Refused) as caught:
        client.request("POST", server.url, headers={"X-Name": value})
    assert value not in str(caught.value)
    assert server.requests == []


def test_no_secret_is_in_reasons_logs_or_repr(guard: Guard, caplog: pytest.LogCaptureFixture) -> None:
    secret = "s3cr3t-t0ken"
    client = HttpClient(guard, attempts=2, timeout=0.3)
    caplog.set_level(logging.DEBUG)
    with answers("500 Oops") as server, pytest.raises(Retryable) as caught:
        client.request("GET", f"{server.url}/hook/{secret}?key={secret}", headers={"Authorization": secret})
    with answers(OK, secret.encode()) as server:
        response = client.request("GET", f"{server.url}/{secret}")
    assert "stamina" in caplog.text  # the retry was logged
    assert secret not in repr(client) + str(caught.value) + repr(response) + caplog.text


def test_the_client_is_the_contracts(client: HttpClient) -> None:
    http: Http = client
    assert http is client


def test_odd_addresses_are_refused(client: HttpClient) -> None:
    for url in (
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://",
        "http://a b/",
        "http://[::1",
        "//x",
        "",
    ):
        with pytest.raises(Blocked):
            client.request("GET", url)
