"""All pages of content: nothing typed becomes markup, nothing asks much, nobody is offered what they may not do."""

import re
from collections.abc import Callable

import pytest

from cms_core.content.models import Revision
from cms_core.testing.client import FormClient
from cms_core.testing.pages import harm_in, statements
from cms_core.workspace import Workspace
from tests.harm import MOST_STATEMENTS, NAUGHTY

PAGES = [
    "/app/content",
    "/app/content?view=table",
    "/app/content?state=in_review",
    "/app/content/naughty",
    "/app/content/naughty/edit",
    "/app/content/new",
]


@pytest.fixture
def naughty(add: Callable[..., Revision], workspace: Workspace) -> None:
    add(
        "naughty",
        ask=True,
        title=NAUGHTY,
        summary=NAUGHTY,
        tags=(NAUGHTY[:60],),
        persona=NAUGHTY[:60],
        funnel_stage=NAUGHTY[:30],
        body={"text": NAUGHTY},
        variants={"email": {"subject": NAUGHTY}},
    )


@pytest.mark.parametrize("url", PAGES)
def test_pages_escape_everything_and_ask_little_of_the_database(
    as_role: Callable[[str], FormClient], naughty: None, workspace: Workspace, url: str
) -> None:
    admin = as_role("admin")
    page = admin.get(url).text
    assert harm_in(page) == []
    with statements(workspace.db.engine) as counter:
        admin.get(url)
    assert next(counter) <= MOST_STATEMENTS


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("viewer", {"/app/content", "/app/content/naughty"}), ("rep", {"/app/content", "/app/content/naughty"})],
)
def test_who_may_only_read_is_offered_nothing_else(
    as_role: Callable[[str], FormClient], naughty: None, role: str, allowed: set[str]
) -> None:
    client = as_role(role)
    for url in ("/app/content", "/app/content/naughty", "/app/content/naughty/edit", "/app/content/new"):
        answer = client.get(url)
        assert answer.status_code == (200 if url in allowed else 403)
        assert "Approve</button>" not in answer.text
        assert not re.search(r'href="[^"]*(/edit|/new)', answer.text)
    for url in ("/app/content/new", "/app/content/preview", "/app/content/media", "/app/content/naughty/ask"):
        assert client.submit(url, {}, "/app/me").status_code == 403
