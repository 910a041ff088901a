"""The server through which the system itself sends mail: ``CMS_MAIL_URL`` and ``CMS_MAIL_FROM``, apart from all connections."""

from dataclasses import dataclass
from email.utils import parseaddr
from typing import Literal, cast
from urllib.parse import unquote, urlsplit

from cms_core.config import Config, mail_security
from cms_core.outbound import SmtpServer

PORTS = {"smtp": 587, "smtps": 465}
TIMEOUT = 30.0
NONE = "this workspace sends no mail of its own yet"
REMEDY = "set CMS_MAIL_URL and CMS_MAIL_FROM in the .env file of the workspace and start it again"


@dataclass(frozen=True)
class Transport:
    """Where the system's mail goes out, and who it comes from."""

    server: SmtpServer
    name: str
    address: str


def transport_of(config: Config) -> Transport | None:
    """The transport of a workspace, or None where none is configured."""
    if not config.mail_url:
        return None
    parts = urlsplit(config.mail_url)
    name, address = parseaddr(config.mail_from)
    server = SmtpServer(
        host=parts.hostname or "",
        port=parts.port or PORTS[parts.scheme],
        security=cast('Literal["none", "starttls", "tls"]', mail_security(config.mail_url)),
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        timeout=TIMEOUT,
    )
    return Transport(server, name, address)


def document(config: Config) -> dict[str, object]:
    """What may be shown of the transport: never the password."""
    found = transport_of(config)
    if found is None:
        return {
            "configured": False,
            "server": "",
            "security": "",
            "username": "",
            "from": "",
            "remedy": REMEDY,
        }
    server = found.server
    shown = {"server": str(server), "security": server.security, "username": server.username}
    return {"configured": True, **shown, "from": config.mail_from, "remedy": ""}
