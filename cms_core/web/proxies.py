"""Reverse proxies: who may say on whose behalf a request comes."""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

from cms_core.config import Network, networks

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def behind_proxies(app: "WSGIApplication", trusted: str) -> "WSGIApplication":
    """The app, believing X-Forwarded-For and X-Forwarded-Proto of these addresses and networks only; raises ConfigError."""
    proxies = networks("CMS_TRUSTED_PROXIES", trusted)
    if not proxies:
        return app
    behind = ProxyFix(app, x_for=1, x_proto=1)

    def choose(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        by_proxy = is_in(proxies, environ.get("REMOTE_ADDR", ""))
        return (behind if by_proxy else app)(environ, start_response)

    return choose


def is_in(among: list[Network], address: str) -> bool:
    """Whether an address is, or is within, one of these."""
    try:
        ip = ip_address(address)
    except ValueError:  # a Unix socket has none
        return False
    return any(ip in network for network in among)
