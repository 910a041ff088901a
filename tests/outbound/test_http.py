"""What becomes of a request: each remote fault, the error it stands for, and how many requests the remote has seen."""

import gzip
import json
import logging
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core.clock import FrozenClock
from cms_core.contract import ChannelError, Http, NotConnected, OutcomeUnknown, Refused, Retryable
from cms_core.outbound import Blocked, Guard, HttpClient
from cms_core.outbound.http_answers import retry_after

from .conftest import Certificates
from .servers import Peer, RawServer

NOW = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
OK = "200 OK"


@pytest.fixture
def client(guard: Guard) -> Iterator[HttpClient]:
    client = HttpClient(
        guard, timeout=0.3, deadline=0.6, max_bytes=100_000, attempts=1, clock=FrozenClock(NOW)
    )
    yield client
    client.close()


def plays(act: Callable[[Peer], None]) -> RawServer:
    def script(peer: Peer) -> None:
        peer.request()
        act(peer)

    return RawServer(script)


def answers(status: str, body: bytes = b"", *headers: str) -> RawServer:
    return plays(lambda peer: peer.answer(status, body, *headers))


def failure(client: HttpClient, method: str, url: str, **options: bool) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        client.request(method, url, json={"a": 1} if method == "POST" else None, **options)  # type: ignore[arg-type]
    return caught.value


def half_close(peer: Peer) -> None:
    peer.sock.shutdown(socket.SHUT_WR)
    peer.wait(1)
    raise ConnectionError


def drip_body(peer: Peer) -> None:
    peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not peer.server.over.wait(0.1):
        peer.say(b"x")


def drip_head(peer: Peer) -> None:
    peer.say(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not peer.server.over.wait(0.1):
        peer.say(b"x")


def cut(peer: Peer) -> None:
    peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 300)
    raise ConnectionError


def stall(peer: Peer) -> None:
    peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    peer.wait()


BROKEN = {
    "silence": Peer.wait,
    "half-closed": half_close,
    "reset": Peer.reset,
    "headers, then stall": stall,
    "body cut": cut,
    "body drips": drip_body,
    "headers drip": drip_head,
    "no HTTP": lambda peer: peer.say(b"220 mail.test ESMTP\r\n" * 5),
    "bad gzip": lambda peer: peer.answer(OK, b"no gzip", "Content-Encoding: gzip"),
    "too big": lambda peer: peer.answer(OK, b"x" * 200_000),
}


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize(("method", "idempotent"), [("POST", False), ("POST", True), ("GET", False)])
def test_what_breaks_after_the_request_left_is_unknown_unless_repeating_does_no_harm(
    client: HttpClient, fault: str, method: str, idempotent: bool
) -> None:
    began = time.monotonic()
    with plays(BROKEN[fault]) as server:
        error = failure(client, method, server.url, idempotent=idempotent)
        took = time.monotonic() - began
    safe = Refused if fault == "too big" else Retryable
    assert type(error) is (safe if idempotent or method == "GET" else OutcomeUnknown)
    assert (len(server.requests), took < 2.5) == (1, True)


def test_connection_refused_is_retryable(client: HttpClient) -> None:
    with answers(OK) as server:
        pass
    assert type(failure(client, "POST", server.url)) is Retryable


def test_an_unknown_name_is_retryable() -> None:
    def lookup(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    client = HttpClient(Guard(lookup=lookup), attempts=1)  # type: ignore[arg-type]
    assert type(failure(client, "POST", "https://nowhere.test/")) is Retryable


def test_a_lookup_that_hangs_is_retryable_in_time() -> None:
    over = threading.Event()

    def lookup(*_: object, **__: object) -> list[object]:
        over.wait(10)
        return []

    client = HttpClient(Guard(lookup=lookup), timeout=0.2, attempts=1)  # type: ignore[arg-type]
    began = time.monotonic()
    assert type(failure(client, "POST", "https://nowhere.test/")) is Retryable
    assert time.monotonic() - began < 2
    over.set()


@pytest.mark.parametrize(
    ("status", "headers", "post", "get"),
    [
        ("400 Bad Request", [], Refused, Refused),
        ("401 Unauthorized", [], NotConnected, NotConnected),
        ("403 Forbidden", [], Refused, Refused),
        ("403 Forbidden", ['WWW-Authenticate: Bearer error="invalid_token"'], NotConnected, NotConnected),
        ("404 Not Found", [], Refused, Refused),
        ("408 Request Timeout", [], Retryable, Retryable),
        ("413 Too Large", [], Refused, Refused),
        ("422 No", [], Refused, Refused),
        ("429 Slow down", [], Retryable, Retryable),
        ("500 Oops", [], OutcomeUnknown, Retryable),
        ("501 What", [], Refused, Refused),
        ("502 Bad", [], OutcomeUnknown, Retryable),
        ("503 Later", [], OutcomeUnknown, Retryable),
        ("503 Later", ["Retry-After: 7"], Retryable, Retryable),
        ("504 Late", [], OutcomeUnknown, Retryable),
        ("301 Moved", ["Location: /other"], Refused, None),
        ("302 Found", ["Location: /other"], OutcomeUnknown, None),
        ("303 See", ["Location: /other"], OutcomeUnknown, None),
        ("307 Moved", ["Location: /other"], Refused, None),
        ("308 Moved", ["Location: /other"], Refused, None),
        ("304 Not Modified", [], OutcomeUnknown, Refused),
    ],
)
def test_a_status_stands_for_an_error(
    client: HttpClient,
    status: str,
    headers: list[str],
    post: type[ChannelError],
    get: type[ChannelError] | None,
) -> None:
    with answers(status, b"", *headers) as server:
        assert type(failure(client, "POST", server.url)) is post
        assert len(server.requests) == 1
        if get is not None:
            assert type(failure(client, "GET", server.url)) is get


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 None"])
def test_2xx_is_an_answer(client: HttpClient, status: str) -> None:
    with answers(status, b"" if status[:3] == "204" else b'{"id": 7}') as server:
        response = client.request("POST", server.url + "/x?y=1", data={"a": "b c"})
    assert response.status == int(status[:3])
    assert server.requests[0].startswith(b"POST /x?y=1 HTTP/1.1\r\n")
    assert server.requests[0].endswith(b"\r\n\r\na=b+c")
    assert f"Host: 127.0.0.1:{server.port}".encode() in server.requests[0]


def test_an_expected_status_is_an_answer(client: HttpClient) -> None:
    with answers("409 Conflict", b'{"id": 7}') as server:
        response = client.request("POST", server.url, json={}, expect=(409,))
    assert (response.status, response.json()) == (409, {"id": 7})


@pytest.mark.parametrize("body", [b"<html>error</html>", b"{", b"", b"[" * 50_000, b"\xff"])
def test_an_answer_that_is_no_json_says_nothing(client: HttpClient, body: bytes) -> None:
    with answers(OK, body) as server:
        posted = client.request("POST", server.url)
        got = client.request("GET", server.url)
    with pytest.raises(OutcomeUnknown):
        posted.json()
    with pytest.raises(Retryable):
        got.json()


def test_the_remotes_words_are_in_the_reason(client: HttpClient) -> None:
    with answers("422 No", json.dumps({"error": {"message": "text is\ntoo long"}}).encode()) as server:
        assert failure(client, "POST", server.url).reason == "POST 127.0.0.1: 422 text is too long"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        (" 120 ", 120),
        ("0", 1),
        ("-5", 1),
        ("315360000", 86400),
        ("9" * 5000, 86400),
        ("Mon, 04 May 2026 07:01:30 GMT", 90),
        ("Mon, 04 May 2026 06:00:00 GMT", 1),
        ("Fri, 01 Jan 9999 00:00:00 GMT", 86400),
        ("soon", None),
        ("", None),
        ("²", None),
    ],
)
def test_retry_after_is_read_and_bounded(client: HttpClient, text: str, seconds: int | None) -> None:
    after = retry_after(text, NOW)
    assert after == (None if seconds is None else timedelta(seconds=seconds))
    if text.isascii():
        with answers("429 Slow down", b"", f"Retry-After: {text}") as server:
            error = failure(client, "POST", server.url)
        assert isinstance(error, Retryable)
        assert error.after == after


@given(st.text())
def test_retry_after_takes_any_text(text: str) -> None:
    after = retry_after(text, NOW)
    assert after is None or timedelta(seconds=1) <= after <= timedelta(hours=24)


def test_safe_requests_are_tried_again_and_others_are_not(guard: Guard) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.answer("500 Oops" if len(peer.server.requests) % 3 else OK)

    client = HttpClient(guard, attempts=3)
    with RawServer(script) as server:
        assert client.request("GET", server.url).status == 200
        assert len(server.requests) == 3
        with pytest.raises(OutcomeUnknown):
            client.request("POST", server.url)
        with pytest.raises(Retryable):
            client.request("PUT", server.url, idempotent=True)
        assert len(server.requests) == 5


def test_a_short_retry_after_is_waited_for_and_a_long_one_is_left_to_the_caller(guard: Guard) -> None:
    waits = iter(["Retry-After: 1", "Retry-After: 60"])
    seen: list[float] = []

    def script(peer: Peer) -> None:
        peer.request()
        seen.append(time.monotonic())
        peer.answer("429 Slow down", b"", next(waits))

    with RawServer(script) as server:
        error = failure(HttpClient(guard, attempts=3), "GET", server.url)
    assert isinstance(error, Retryable)
    assert error.after == timedelta(seconds=60)
    assert len(seen) == 2
    assert seen[1] - seen[0] >= 1.0


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
