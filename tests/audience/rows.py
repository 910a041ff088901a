"""People in the database of a workspace, and people in a page."""

import html
import re

from cms_core.audience import contacts
from cms_core.audience.imports import import_contacts
from cms_core.audience.models import Contact
from cms_core.workspace import Workspace


def load(
    workspace: Workspace, rows: str, header: str = "email,first_name,last_name,company,country,consent"
) -> None:
    """Import rows of a CSV file."""
    with workspace.db.transaction() as session:
        import_contacts(session, f"{header}\n{rows}".encode(), name="people.csv")


def person(workspace: Workspace, email: str) -> Contact:
    """The person with this address."""
    with workspace.db.session() as session:
        found = contacts.find_or_none(session, email)
        assert found is not None
        return found


def names(page: str) -> list[str]:
    """Whom a page of contacts lists, in its order."""
    return [
        html.unescape(each) for each in re.findall(r'<td><a href="/app/contacts/[^"]+"><b>([^<]*)</b>', page)
    ]
