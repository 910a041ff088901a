"""For tests of pages: an app with one user of every role, markup that must not be there, statements that a page needs."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from cms_core.testing.client import FormClient

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.engine import Engine

    from cms_core.auth.models import User
    from cms_core.workspace import Workspace

PASSWORD = "correct horse battery"  # noqa: S105  # of made-up people


def add_people(workspace: "Workspace") -> "dict[str, User]":
    """One user of every role, ``<role>@example.com``, by role."""
    from cms_core.auth.models import Role
    from cms_core.auth.service import create_user

    with workspace.db.transaction() as session:
        return {
            role: create_user(session, f"{role}@example.com", role.title(), role, PASSWORD) for role in Role
        }


def app_of(workspace: "Workspace") -> "Flask":
    """The whole app, with clients that fill in forms."""
    from cms_core.app import create_app

    app = create_app(workspace=workspace)
    app.test_client_class = FormClient
    return app


def signed_in(app: "Flask", role: str) -> FormClient:
    """A client whose user has this role."""
    client = app.test_client()
    assert isinstance(client, FormClient)
    assert client.sign_in(f"{role}@example.com", PASSWORD).status_code == 303
    return client


def naughty_strings() -> list[str]:
    """The big list of naughty strings, where CMS_CONFORMANCE_DATA names its folder; else a handful."""
    file = Path(os.environ.get("CMS_CONFORMANCE_DATA") or "missing") / "naughty-strings" / "blns.json"
    few = ["<script>alert(1)</script>", "'; drop table x --", "{{ 7*7 }}", "田中さん", "=1+1", "\u202etest"]
    return [*few, *(json.loads(file.read_text("utf-8")) if file.exists() else [])]


def harm_in(page: str) -> list[str]:
    """Elements and attributes that no page of ours has: where there are some, what somebody typed has become markup."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            values = dict(attrs)
            found.extend(f"{tag} {name}" for name in values if name.startswith("on") or name == "style")
            if (tag == "script" and "src" not in values) or values.get("src") == "x":
                found.append(tag)

    Reader().feed(page)
    return found


@contextmanager
def statements(engine: "Engine") -> "Iterator[count[int]]":
    """Counts the SQL statements inside the block: ``next(counter)`` after it is their number."""
    from sqlalchemy import event

    counter = count()

    def counted(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith("BEGIN"):
            next(counter)

    event.listen(engine, "before_cursor_execute", counted)
    try:
        yield counter
    finally:
        event.remove(engine, "before_cursor_execute", counted)
