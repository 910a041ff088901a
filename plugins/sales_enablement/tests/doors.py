"""How readers pass the doors of a link, for tests: what they are asked for, and what is told of them."""

from dataclasses import replace
from typing import Any

from cms_core.workspace import Workspace
from cms_sales_enablement import documents, shares

WORDS = "The secret words."
TITLES = {"Who is reading?": "address", "Look into your mail": "code", "This page has a password": "password"}
PASSWORD = "open sesame"


def mailing(workspace: Workspace) -> Workspace:
    """The same with a server for its own mail, which nobody asks here: mails stay in the outbox."""
    config = replace(workspace.config, mail_url="smtp://mail.example.com", mail_from="cms@example.com")
    return replace(workspace, config=config)


def door(answer: Any) -> str:
    """What an answer asks for, "open" where it shows the words, "gone" where nothing is."""
    text = answer.text
    if WORDS in text:
        return "open"
    if answer.status_code == 404:
        return "gone"
    if "This link is not for" in text:
        return "refused"
    return next(name for title, name in TITLES.items() if title in text)


def looks(desk: Any, made: shares.Made) -> list[dict[str, Any]]:
    svc = desk.services()
    found: list[dict[str, Any]] = documents.link_with_views(svc, shares.find(svc, made.id))["views"]
    return found


def verify(desk: Any, reader: Any, url: str, address: str) -> Any:
    """Pass the gate by the newest code; gives the last answer."""
    reader.post(url, email=address)
    return reader.post(url, code=desk.codes(address)[-1])
