"""Reverse proxies: who may say on whose behalf a request comes."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from werkzeug.middleware.proxy_fix import ProxyFix

from cms_core.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def behind_proxies(app: "WSGIApplication", trusted: str) -> "WSGIApplication":
    """The app, believing X-Forwarded-For and X-Forwarded-Proto of these addresses and networks only; raises ConfigError."""
    networks = [_network(text) for text in trusted.replace(",", " ").split()]
    if not networks:
        return app
    behind = ProxyFix(app, x_for=1, x_proto=1)

    def choose(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        by_proxy = _is_in(networks, environ.get("REMOTE_ADDR", ""))
        return (behind if by_proxy else app)(environ, start_response)

    return choose


def _is_in(networks: list[Any], address: str) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:  # a Unix socket has none
        return False
    return any(ip in network for network in networks)


def _network(text: str) -> Any:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        remedy = "give addresses or networks, separated by commas, like 127.0.0.1,10.0.0.0/8"
        raise ConfigError(f"CMS_TRUSTED_PROXIES: {text!r} is not an address or network", remedy) from None
