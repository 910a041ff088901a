"""S1: no address inside is reached, in whatever notation, by whatever way, and nobody learns what listens there."""

import contextlib
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core.contract import NotConnected, Refused
from cms_core.errors import CmsError, ConfigError
from cms_core.outbound import Blocked, Guard, HttpClient, SmtpServer, check_smtp
from cms_core.outbound.guard import Target

from .servers import Peer, RawServer

LOOPBACK = [
    *"127.0.0.1 localhost LOCALHOST 0.0.0.0 127.1 127.0.1 2130706433 0x7f.1 0x7f000001 017700000001 0177.0.0.1".split(),
    *"127.255.255.254 [::1] [::] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1]".split(),
    *"[64:ff9b::7f00:1] [64:ff9b:1::7f00:1] [2002:7f00:1::] [2001:0:7f00:1::] 127。0。0。1 ①②⑦.⓪.⓪.①".split(),
]
METADATA = (
    "169.254.169.254 [fd00:ec2::254] 100.100.100.200 168.63.129.16 [::ffff:a9fe:a9fe] 2852039166".split()
)
RANGES = [
    *"10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 100.127.255.255 198.18.0.1".split(),
    *"198.19.255.255 192.0.0.1 192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1 224.0.0.1 239.255.255.255".split(),
    *"240.0.0.1 255.255.255.255 169.254.0.1 0.1.2.3 [fc00::1] [fd12::1] [fe80::1] [fec0::1] [ff02::1] [ff0e::1]".split(),
    *"[2001:db8::1] [3fff::1] [100::1] [5f00::1] [64:ff9b::10.0.0.1] [::ffff:192.168.0.1]".split(),
]
INSIDE = [*LOOPBACK, *METADATA, *RANGES]
ODD = [
    *"file:///etc/passwd gopher://127.0.0.1/ ftp://127.0.0.1/ dict://127.0.0.1:11211/ data:text/html,x".split(),
    *"jar:http://127.0.0.1!/ javascript:alert(1) //127.0.0.1/ http:///x http://a@127.0.0.1/ http://a:b@ok.test/".split(),
    "http://ok.test\\@127.0.0.1/",
    "http://127.0.0.1\\.ok.test/",
    "http://127.0.0.1\t/",
    "http://127.0.0.1\r\nHost: ok.test",
    " http://127.0.0.1/",
    "http://[fe80::1%25eth0",
    "http://127.0.0.1:99999/",
]
ODD_BUT_LOOPBACK = [
    "http://127.0.0.1#@ok.test",
    "http://127.0.0.1?@ok.test",
    "http://127.0.0.1%2f/",
    "http://[fe80::1%25lo]/",
]


class Canary:
    """A listener on loopback that counts who connected: the system completes a connect without any help of ours."""

    def __init__(self) -> None:
        self.seen = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port: int = self.socket.getsockname()[1]

    @property
    def connects(self) -> int:
        with contextlib.suppress(BlockingIOError):
            while True:
                self.socket.accept()[0].close()
                self.seen += 1
        return self.seen


@pytest.fixture
def canary() -> Iterator[Canary]:
    canary = Canary()
    yield canary
    canary.socket.close()


def test_the_canary_sings(canary: Canary) -> None:
    with Guard("127.0.0.0/8").connect("127.0.0.1", canary.port, 1):
        pass
    assert canary.connects == 1


def test_no_address_inside_is_connected_to(canary: Canary) -> None:
    guard = Guard()
    for host in INSIDE:
        with pytest.raises((Blocked, socket.gaierror)):
            guard.connect(host, canary.port, 1)
    assert canary.connects == 0


@pytest.mark.parametrize("host", [each for each in INSIDE if each.isascii()])
def test_an_open_port_and_a_closed_one_give_the_same_answer(canary: Canary, host: str) -> None:
    said = set()
    for port in (canary.port, 1, 22, 25, 6379):
        with pytest.raises(Blocked) as caught:
            Guard().connect(host, port, 1)
        said.add((caught.value.message, caught.value.remedy))
    assert len(said) == 1
    assert canary.connects == 0


@pytest.mark.parametrize("host", INSIDE)
def test_http_does_not_go_inside(canary: Canary, host: str) -> None:
    client = HttpClient(Guard(), attempts=1, timeout=1)
    for method in ("GET", "POST"):
        with pytest.raises(Refused) as caught:
            client.request(method, f"http://{host}:{canary.port}/")
        assert isinstance(caught.value, CmsError) or not host.isascii()
    assert canary.connects == 0


@pytest.mark.parametrize("url", ODD + ODD_BUT_LOOPBACK)
def test_odd_addresses_do_not_get_around(canary: Canary, url: str) -> None:
    client = HttpClient(Guard(), attempts=1, timeout=1)
    for text in (url, url.replace("127.0.0.1", f"127.0.0.1:{canary.port}")):
        with pytest.raises(Refused):
            client.request("GET", text)
    assert canary.connects == 0


class DoorToStart(Guard):
    """Everything is checked but ``start.test``, which is the server that redirects."""

    def resolve(self, host: str, port: int, timeout: float = 1.0) -> list[Target]:
        if host == "start.test":
            return [(socket.AF_INET, ("127.0.0.1", port))]
        return super().resolve(host, port, timeout)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_leads_inside(canary: Canary, status: int) -> None:
    targets = [f"http://{host}:{canary.port}/" for host in INSIDE if host.isascii()] + ODD[:6]
    places = iter(targets)

    def script(peer: Peer) -> None:
        peer.request()
        peer.answer(f"{status} Elsewhere", b"", f"Location: {next(places)}")

    with RawServer(script) as server:
        client = HttpClient(DoorToStart(), attempts=1, timeout=1)
        for _ in targets:
            with pytest.raises(Refused):
                client.request("GET", f"http://start.test:{server.port}/")
        client.close()
    assert (len(server.requests), canary.connects) == (len(targets), 0)


def test_mail_does_not_go_inside(canary: Canary) -> None:
    for host in ("127.0.0.1", "localhost", "10.0.0.1", "2130706433"):
        with pytest.raises(NotConnected, match="CMS_OUTBOUND_ALLOW"):
            check_smtp(SmtpServer(host, canary.port, "none"), Guard())
    assert canary.connects == 0


def test_a_name_that_changes_its_address_is_looked_up_once(canary: Canary) -> None:
    answers = iter(["93.184.215.14", "127.0.0.1", "127.0.0.1"])

    def lookup(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    guard = Guard(lookup=lookup)  # type: ignore[arg-type]
    assert guard.resolve("rebind.test", canary.port) == [(socket.AF_INET, ("93.184.215.14", canary.port))]
    with pytest.raises(Blocked):  # the second look-up is checked as the first was
        guard.connect("rebind.test", canary.port, 1)
    assert next(answers) == "127.0.0.1"  # one look-up per connection
    assert canary.connects == 0


def test_of_several_addresses_only_the_open_ones_are_used() -> None:
    def lookup(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        addresses = ("10.0.0.1", "93.184.215.14", "169.254.169.254")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    targets = Guard(lookup=lookup).resolve("mixed.test", 80)  # type: ignore[arg-type]
    assert [sockaddr[0] for _, sockaddr in targets] == ["93.184.215.14"]


def test_the_next_address_is_tried_when_one_does_not_answer(canary: Canary) -> None:
    def lookup(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        closed = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 1))
        return [closed, (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    Guard("127.0.0.0/8", lookup=lookup).connect("two.test", canary.port, 1).close()  # type: ignore[arg-type]
    assert canary.connects == 1


def test_what_is_allowed_is_allowed_by_address_and_no_further() -> None:
    guard = Guard("127.0.0.1, 10.1.0.0/16 fd00::/8")
    for address in ("127.0.0.1", "::ffff:127.0.0.1", "10.1.2.3", "fd00::1", "93.184.215.14", "2606:4700::1"):
        assert guard.permits(address), address
    for address in ("127.0.0.2", "10.2.0.1", "::1", "64:ff9b::7f00:1", "64:ff9b::a01:203", "2002:7f00:1::"):
        assert not guard.permits(address), address
    assert (guard.trusts("10.1.2.3"), guard.trusts("93.184.215.14")) == (True, False)


@pytest.mark.parametrize("text", ["localhost", "10.0.0.0/99", "127.0.0.1;10.0.0.1", "*"])
def test_what_is_no_address_is_not_allowed_silently(text: str) -> None:
    with pytest.raises(ConfigError, match="CMS_OUTBOUND_ALLOW"):
        Guard(text)


@given(st.ip_addresses(v=4))
def test_what_python_calls_inside_is_inside(address: IPv4Address) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert not Guard().permits(str(address))
    assert Guard().permits(str(address)) == Guard().permits(f"::ffff:{address}")
    assert Guard().permits(str(address)) == Guard().permits(f"64:ff9b::{address}")


@given(st.ip_addresses(v=6))
def test_what_python_calls_inside_is_inside_in_version_6(address: IPv6Address) -> None:
    inside = not address.is_global or address.is_multicast or address.is_reserved or address.is_site_local
    if inside and address not in ip_network("64:ff9b::/96") and address.ipv4_mapped is None:
        assert not Guard().permits(str(address))
