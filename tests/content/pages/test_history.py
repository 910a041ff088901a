"""Comparing and restoring in the app: what differs is shown as text, and only writers bring it back."""

from collections.abc import Callable

import pytest

from cms_core.content.models import Revision
from cms_core.testing.client import FormClient
from cms_core.testing.pages import harm_in
from cms_core.workspace import Workspace
from tests.harm import NAUGHTY

from .editor import add_newer, head


@pytest.mark.parametrize("view", ["inline", "beside", "nonsense"])
def test_what_differs_is_marked_and_stays_text(
    marketer: FormClient, add: Callable[..., Revision], workspace: Workspace, view: str
) -> None:
    add("launch", title=NAUGHTY, body={"text": f"Old {NAUGHTY}"}, variants={NAUGHTY: {NAUGHTY: NAUGHTY}})
    add_newer(workspace, "launch", text=f"New {NAUGHTY}")
    page = marketer.get(f"/app/content/launch/compare?a=1&b=2&view={view}").text
    assert harm_in(page) == []
    assert '<del><span class="vh">removed: </span>Old</del>' in page
    assert '<ins><span class="vh">added: </span>New</ins>' in page
    assert "Compare" in marketer.get("/app/content/launch").text


def test_revisions_that_are_not_there_are_named(marketer: FormClient, add: Callable[..., Revision]) -> None:
    add("launch")
    assert "say the same" in marketer.get("/app/content/launch/compare").text
    answer = marketer.get("/app/content/launch/compare?a=1&b=7")
    assert answer.status_code == 404
    assert "it has revisions 1 to 1" in answer.text


def test_an_older_revision_is_restored_as_a_draft(
    marketer: FormClient, add: Callable[..., Revision], workspace: Workspace
) -> None:
    add("launch")
    add_newer(workspace, "launch")
    here = "/app/content/launch/compare?a=1&b=2"
    answer = marketer.submit("/app/content/launch/restore", {"n": "1", "row_version": "2"}, here)
    assert answer.status_code == 303
    restored = head(workspace, "launch")
    assert (restored.n, restored.state, restored.body) == (3, "draft", {"text": "Some words."})
    late = marketer.submit("/app/content/launch/restore", {"n": "2", "row_version": "2"}, here)
    assert late.status_code == 409
    assert "after you opened it" in late.text
    assert head(workspace, "launch").n == 3
