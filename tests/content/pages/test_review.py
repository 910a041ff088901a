"""The queue: one press approves what was looked at, and a comment sends back."""

from collections.abc import Callable

from cms_core.content.models import Revision
from cms_core.testing.client import FormClient
from cms_core.workspace import Workspace

from .editor import add_newer, head


def test_the_queue_approves_in_one_press_and_sends_back_with_a_comment(
    as_role: Callable[[str], FormClient], add: Callable[..., Revision], workspace: Workspace
) -> None:
    add("good", ask=True)
    add("bad", ask=True)
    approver, queue = as_role("approver"), "/app/content?state=in_review"
    page = approver.get(queue).text
    assert page.index("bad") < page.index("good")
    assert "asked by Marketer" in page

    seen = head(workspace, "good").content_hash
    answer = approver.submit("/app/content/good/approve", {"hash": seen, "next": queue}, queue)
    assert answer.headers["Location"] == queue
    assert head(workspace, "good").state == "approved"

    answer = approver.submit("/app/content/bad/changes", {"hash": seen, "comment": "x"}, queue)
    assert answer.status_code == 422
    data = {"hash": head(workspace, "bad").content_hash, "comment": " "}
    assert "the comment is empty" in approver.submit("/app/content/bad/changes", data, queue).text.lower()
    data["comment"] = "Say <b>why</b>"
    assert approver.submit("/app/content/bad/changes", data, queue).status_code == 303
    assert head(workspace, "bad").state == "changes_requested"
    assert "Say &lt;b&gt;why&lt;/b&gt;" in approver.get("/app/content/bad").text
    assert "Nothing waits for approval" in approver.get(queue).text


def test_what_was_not_looked_at_is_not_approved(
    as_role: Callable[[str], FormClient], add: Callable[..., Revision], workspace: Workspace
) -> None:
    old = add("launch", ask=True)
    add_newer(workspace, "launch", ask=True)
    answer = as_role("approver").submit(
        "/app/content/launch/approve", {"hash": old.content_hash}, "/app/content/launch"
    )
    assert answer.status_code == 409
    assert "changed after you looked at it" in answer.text
    assert head(workspace, "launch").state == "in_review"


def test_nobody_approves_their_own_work_or_without_the_right(
    as_role: Callable[[str], FormClient], add: Callable[..., Revision], workspace: Workspace
) -> None:
    revision = add("launch", ask=True)
    data = {"hash": revision.content_hash}
    for role in ("marketer", "viewer", "rep"):
        answer = as_role(role).submit("/app/content/launch/approve", data, "/app/me")
        assert answer.status_code == 403
    assert head(workspace, "launch").state == "in_review"
