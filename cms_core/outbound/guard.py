"""Which addresses may be reached: a name is looked up once, and connected to is only what was checked.

Refused is what the IANA special-purpose registries call not globally reachable (loopback, private, link-local with the
metadata services, shared, documentation, benchmark, multicast, reserved), in whatever notation, and what hides such an
address inside IPv6 (mapped, NAT64, 6to4, Teredo). ``CMS_OUTBOUND_ALLOW`` opens addresses or networks by name.
"""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from cms_core.config import networks
from cms_core.contract import Refused
from cms_core.errors import CmsError

Address = IPv4Address | IPv6Address
Target = tuple[int, Any]  # address family and the sockaddr that goes with it
Lookup = Callable[..., Sequence[tuple[Any, Any, Any, str, Any]]]

CONNECT_TIMEOUT = 10.0
REMEDY = "if this is a server of yours, name its address in CMS_OUTBOUND_ALLOW"
V4_CLOSED = [
    ip_network(text)
    for text in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
        "192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3 "
        "168.63.129.16/32"  # a public number, but the metadata service of a large cloud
    ).split()
]
V6_OPEN = IPv6Network("2000::/3")  # the only block that is handed out for use on the internet
V6_CLOSED = [ip_network(text) for text in "2001::/23 2001:db8::/32 2002::/16 3fff::/20".split()]
NAT64 = IPv6Network("64:ff9b::/96")


class Blocked(Refused, CmsError):
    """This address must not be reached from here; said before any connection is tried, whatever listens there."""

    def __init__(self, reason: str, remedy: str = REMEDY) -> None:
        super().__init__(reason)
        self.remedy = remedy


class Guard:
    """Looks up, checks and connects. ``allow``: addresses and networks, separated by commas, that are open nevertheless."""

    def __init__(self, allow: str = "", *, lookup: Lookup = socket.getaddrinfo) -> None:
        self._allowed = networks("CMS_OUTBOUND_ALLOW", allow)
        self._lookup = lookup

    def resolve(self, host: str, port: int, timeout: float = CONNECT_TIMEOUT) -> list[Target]:
        """The checked addresses of a host, in the system's order.

        Raises Blocked when there is none that may be reached, socket.gaierror when the name is not known and TimeoutError when
        the answer takes longer than ``timeout`` seconds.
        """
        name = host.strip("[]")
        found = self._numeric(name, port) or self._named(name, port, timeout)
        targets = [(family, sockaddr) for family, sockaddr in found if self.permits(str(sockaddr[0]))]
        if not targets:
            raise Blocked(f"{host[:100]} is not an address that may be reached from here")
        return targets

    def connect(self, host: str, port: int, timeout: float = CONNECT_TIMEOUT) -> socket.socket:
        """A connected socket to one of the checked addresses; ``timeout`` seconds for all of them together.

        Raises what ``resolve`` raises, and OSError when none of them answers.
        """
        deadline = time.monotonic() + timeout
        trouble: OSError = TimeoutError(f"no answer within {timeout:g} seconds")
        targets = self.resolve(host, port, timeout)
        for index, (family, sockaddr) in enumerate(targets):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            try:
                return _connected(family, sockaddr, left / (len(targets) - index))
            except OSError as error:
                trouble = error
        raise trouble

    def check_numeric(self, host: str) -> None:
        """Raise Blocked for an address in numbers that may not be reached, without any look-up; names pass."""
        found = self._numeric(host.strip("[]"), 0)
        if found and not any(self.permits(str(sockaddr[0])) for _, sockaddr in found):
            raise Blocked(f"{host[:100]} is not an address that may be reached from here")

    def permits(self, address: str) -> bool:
        """Whether this numeric address may be reached."""
        return self.trusts(address) or _is_public(_unmapped(address))

    def trusts(self, address: str) -> bool:
        """Whether the operator has named this numeric address (or its network) as open."""
        ip = _unmapped(address)
        return any(ip in network for network in self._allowed)

    def _numeric(self, name: str, port: int) -> list[Target]:
        # The C library also reads 127.1, 0x7f.1 and 2130706433: what it makes of them is what we check.
        try:
            infos = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except (OSError, UnicodeError):
            return []
        return [(info[0], info[4]) for info in infos]

    def _named(self, name: str, port: int, timeout: float) -> list[Target]:
        # getaddrinfo knows no time-out, so it waits in a thread that may be left behind.
        answer: list[Any] = []
        thread = threading.Thread(target=self._ask, args=(name, port, answer), name="lookup", daemon=True)
        thread.start()
        thread.join(timeout)
        if not answer:
            raise TimeoutError(f"looking up {name[:100]} takes longer than {timeout:g} seconds")
        if isinstance(answer[0], Exception):
            raise answer[0]
        return [(info[0], info[4]) for info in answer[0]]

    def _ask(self, name: str, port: int, answer: list[Any]) -> None:
        try:
            answer.append(self._lookup(name, port, type=socket.SOCK_STREAM))
        except OSError as error:
            answer.append(error)
        except (UnicodeError, ValueError):
            answer.append(socket.gaierror(socket.EAI_NONAME, "not a host name"))


def _connected(family: int, sockaddr: Any, timeout: float) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        sock.connect(sockaddr)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


def _unmapped(address: str) -> Address:
    ip = ip_address(address)
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip


def _is_public(ip: Address) -> bool:
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in V4_CLOSED)
    if ip in NAT64:
        return _is_public(IPv4Address(int(ip) & 0xFFFFFFFF))
    return ip in V6_OPEN and not any(ip in network for network in V6_CLOSED)
