"""A small plugin, there in the demo only: a page to read what was sent. It shows how a plugin adds pages and a link to them."""

import re
from collections.abc import Iterable

from flask import Blueprint, Response, abort, render_template

from cms_core.contract import NavItem
from cms_core.demo.mailbox import Mail, Mailbox
from cms_core.hookspecs import hookimpl
from cms_core.web.auth import permission
from cms_core.web.security import preview_response

PATH = "/app/demo/mails"
PAGE = 100
PERMISSION = "audience.read"
HEADERS = ("From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post")
_WEB = re.compile(r"https?://[^\s<>\"]+")


class MailPlugin:
    """The plugin: one navigation item and the pages behind it."""

    api = "1"

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    @hookimpl
    def register_actions(self) -> Iterable[NavItem]:
        """A link in the side navigation."""
        return [NavItem("Demo mails", "demo_mails.mails", "mail", "Audience", PERMISSION)]

    @hookimpl
    def register_blueprints(self) -> Iterable[Blueprint]:
        """The list, one mail, and its HTML for the frame."""
        blueprint = Blueprint("demo_mails", __name__, url_prefix=PATH, template_folder="templates")
        blueprint.add_url_rule("", "mails", self.list_mails)
        blueprint.add_url_rule("/<int:number>", "mail", self.show_mail)
        blueprint.add_url_rule("/<int:number>/html", "html", self.show_html)
        return [blueprint]

    @permission(PERMISSION)
    def list_mails(self) -> str:
        """The newest mails first."""
        found = self._mailbox.since()
        return render_template("demo/mails.html", mails=found[: -PAGE - 1 : -1], total=len(found))

    @permission(PERMISSION)
    def show_mail(self, number: int) -> str:
        """One mail: headers, links, plain text and HTML."""
        mail = self._mail(number)
        headers = [(name, mail.header(name)) for name in HEADERS]
        text = mail.part("plain")
        links = list(dict.fromkeys(_WEB.findall(text)))
        return render_template("demo/mail.html", mail=mail, headers=headers, text=text, links=links)

    @permission(PERMISSION)
    def show_html(self, number: int) -> Response:
        """The HTML part, for a sandboxed frame."""
        return preview_response(self._mail(number).part("html"))

    def _mail(self, number: int) -> Mail:
        return self._mailbox.get(number) or abort(404)
