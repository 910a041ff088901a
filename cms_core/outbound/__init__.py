"""The one door out: every connection that the core or a plugin opens to another machine starts here.

``Guard`` decides which addresses may be reached; ``HttpClient`` speaks HTTP and ``SmtpDoor`` mail, both through a guard only, and
both answer in the errors of the contract. The two clients are loaded when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cms_core.outbound.guard import Blocked, Guard

if TYPE_CHECKING:
    from cms_core.outbound.http import HttpClient, HttpResponse
    from cms_core.outbound.smtp import SmtpDoor, check_smtp
    from cms_core.outbound.smtp_message import SmtpMessage, SmtpOutcome
    from cms_core.outbound.smtp_session import SmtpServer

__all__ = [
    "Blocked",
    "Guard",
    "HttpClient",
    "HttpResponse",
    "SmtpDoor",
    "SmtpMessage",
    "SmtpOutcome",
    "SmtpServer",
    "check_smtp",
]

_LAZY = {
    "HttpClient": "http",
    "HttpResponse": "http",
    "SmtpDoor": "smtp",
    "check_smtp": "smtp",
    "SmtpMessage": "smtp_message",
    "SmtpOutcome": "smtp_message",
    "SmtpServer": "smtp_session",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"cms_core.outbound.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'cms_core.outbound' has no attribute {name!r}")
