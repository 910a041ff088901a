"""Files, former addresses and bulk actions in the app, and the editor's own fields and words per connection."""

import io
import re
from collections.abc import Callable

from PIL import Image
from sqlalchemy import select

from cms_core.connections import service as connections
from cms_core.content import media, service
from cms_core.content.models import Media, Revision
from cms_core.testing.client import FormClient
from cms_core.testing.pages import harm_in
from cms_core.workspace import Workspace
from tests.harm import NAUGHTY

from .editor import head, inputs


def picture(workspace: Workspace, alt: str = "") -> tuple[str, str]:
    """The public id and the path of a stored picture of 400 × 200."""
    out = io.BytesIO()
    Image.new("RGB", (400, 200), "red").save(out, "PNG")
    stored = media.take_in(workspace.config.media_dir, out.getvalue(), "red.png")
    with workspace.db.transaction() as session:
        row = media.record(session, stored, alt)
        return row.public_id, media.url_path(row)


def file(workspace: Workspace) -> Media:
    with workspace.db.session() as session:
        return session.scalars(select(Media)).one()


def test_alternative_text_and_focal_point_are_typed_or_clicked(
    marketer: FormClient, workspace: Workspace
) -> None:
    here = f"/app/content/media/{picture(workspace)[0]}"
    assert "no alternative text" in marketer.get("/app/content/media").text
    answer = marketer.submit(here, {"alt": NAUGHTY, "focal_x": "10", "focal_y": "90"})
    assert answer.status_code == 303
    assert (file(workspace).alt, file(workspace).focal_x, file(workspace).focal_y) == (NAUGHTY, 10, 90)
    for page in (here, "/app/content/media", "/app/content/media?only=bare", "/app/content/media?q=%25"):
        assert harm_in(marketer.get(page).text) == []
    marketer.submit(here, {"alt": "Red", "focal_x": "10", "focal_y": "90", "focus.x": "160", "focus.y": "40"})
    assert (file(workspace).focal_x, file(workspace).focal_y) == (50, 25)
    wrong = marketer.submit(here, {"alt": "Red", "focal_x": "101", "focal_y": "0"})
    assert (wrong.status_code, file(workspace).focal_x) == (422, 50)


def test_a_file_says_who_shows_it_and_stays_until_nobody_does(
    marketer: FormClient, workspace: Workspace, add: Callable[..., Revision]
) -> None:
    public_id, path = picture(workspace, "Red")
    add("launch", title="The launch", body={"text": f"![]({path})"})
    here = f"/app/content/media/{public_id}"
    assert "The launch" in marketer.get(here).text
    refused = marketer.submit(f"{here}/archive", {}, here)
    assert (refused.status_code, "is used: launch" in refused.text) == (409, True)
    with marketer.get(path) as shown:
        assert shown.status_code == 200
    assert f'src="{path.rsplit("/", 1)[0]}/c320x200-50-50/red.png"' in marketer.get("/app/content").text


def test_a_file_that_nobody_shows_is_put_away(marketer: FormClient, workspace: Workspace) -> None:
    public_id, path = picture(workspace)
    here = f"/app/content/media/{public_id}"
    assert marketer.submit(f"{here}/archive", {}, here).status_code == 303
    assert marketer.get(path).status_code == 404
    assert marketer.get(here).status_code == 404


def test_another_slug_is_offered_as_a_redirect(
    marketer: FormClient, workspace: Workspace, add: Callable[..., Revision]
) -> None:
    add("launch")
    data = {**inputs(marketer.get("/app/content/launch/edit").text), "slug": "spring", "do": "save"}
    assert marketer.submit("/app/content/launch/edit", data).headers["Location"] == "/app/content/spring"
    page = marketer.get("/app/content/spring").text
    assert "What is public stays at /launch until it is updated" in page
    assert "/app/content/redirects/launch/accept" in page
    marketer.submit("/app/content/redirects/launch/accept", {}, "/app/content/redirects")
    assert "redirects" in marketer.get("/app/content/redirects").text
    assert "it is called &#39;spring&#39; now" in marketer.get("/app/content/launch").text


def test_own_fields_are_edited_with_errors_beside(
    marketer: FormClient, workspace: Workspace, add: Callable[..., Revision]
) -> None:
    rows = [{"label": "Days", "value": "11 → 4"}]
    add(
        "case",
        kind="case-study",
        body={"text": "Words.", "customer": "Northmoor", "results": rows, "more": [1]},
    )
    data = inputs(marketer.get("/app/content/case/edit").text)
    assert (data["own-customer"], data["own-results.0.value"]) == ("Northmoor", "11 → 4")
    assert marketer.submit("/app/content/case/edit", {**data, "do": "save"}).status_code == 303
    assert head(workspace, "case").n == 1, "saving what is shown changes nothing"

    data |= {"own-customer": "", "own-results.1.label": NAUGHTY, "own-results.1.value": "2", "do": "save"}
    assert marketer.submit("/app/content/case/edit", data).status_code == 303
    body = head(workspace, "case").body
    assert body == {"text": "Words.", "results": [*rows, {"label": NAUGHTY, "value": "2"}], "more": [1]}
    assert harm_in(marketer.get("/app/content/case").text) == []

    data = inputs(marketer.get("/app/content/case/edit").text)
    wrong = marketer.submit(
        "/app/content/case/edit", {**data, "own-results.1.label": "x" * 121, "do": "save"}
    )
    assert wrong.status_code == 422
    assert re.search(r'id="own-results.1.label-error">Longer than maximum length 120', wrong.text)


def test_a_connection_has_words_of_its_own(
    marketer: FormClient, workspace: Workspace, add: Callable[..., Revision]
) -> None:
    with workspace.db.transaction() as session:
        for name in ("blog", "www"):
            values = {"base_url": f"https://{name}.example.com"}
            connections.add(session, workspace.vault, workspace.plugins, "site", name, values)
    add("launch")
    data = inputs(marketer.get("/app/content/launch/edit").text)
    data |= {"for-site:www-title": "For the web", "do": "save"}
    marketer.submit("/app/content/launch/edit", data)
    assert head(workspace, "launch").variants == {"site:www": {"title": "For the web"}}
    page = marketer.get("/app/content/launch").text
    assert "1 part of its own for Website · www" in page
    frames = [marketer.get(url).text for url in re.findall(r'<iframe[^>]* src="([^"]+)"', page)]
    assert sum("<h1>For the web</h1>" in frame for frame in frames) == 1
    assert sum("<h1>launch</h1>" in frame for frame in frames) >= 1


def test_a_fault_of_the_merge_language_is_told_at_save(
    marketer: FormClient, workspace: Workspace, add: Callable[..., Revision]
) -> None:
    add("launch")
    data = {**inputs(marketer.get("/app/content/launch/edit").text), "text": "One\nTwo {{ x", "do": "save"}
    assert marketer.submit("/app/content/launch/edit", data).status_code == 303
    assert "text: line 2, column" in marketer.get("/app/content/launch").text


def test_several_are_tagged_or_none(
    marketer: FormClient, workspace: Workspace, add: Callable[..., Revision]
) -> None:
    add("one")
    add("two")
    here = "/app/content?view=table"
    assert 'name="slug" value="two"' in marketer.get(here).text

    def tags(slug: str) -> list[str]:
        with workspace.db.session() as session:
            return [tag.name for tag in service.find(session, slug).tags]

    marketer.submit("/app/content/bulk/tag", {"slug": ["one", "nope"], "tag": "spring"}, here)
    assert tags("one") == []
    marketer.submit("/app/content/bulk/tag", {"slug": ["one", "two"], "tag": "spring"}, here)
    assert tags("one") == tags("two") == ["spring"]
    marketer.submit("/app/content/bulk/untag", {"slug": ["one"], "tag": "Spring"}, here)
    assert (tags("one"), tags("two")) == ([], ["spring"])
    marketer.submit("/app/content/bulk/tag", {"tag": "x"}, here)
    assert "nothing is chosen" in marketer.get(here).text


def test_several_are_approved_as_they_were_seen(
    as_role: Callable[[str], FormClient], workspace: Workspace, add: Callable[..., Revision]
) -> None:
    approver = as_role("approver")
    add("one", ask=True)
    add("two", ask=True)
    here = "/app/content?view=table"
    approver.submit("/app/content/bulk/approve", {"slug": ["one", "two"], "n-one": "1", "n-two": "9"}, here)
    assert head(workspace, "one").state == "in_review"
    approver.submit("/app/content/bulk/approve", {"slug": ["one", "two"], "n-one": "1", "n-two": "1"}, here)
    assert {head(workspace, slug).state for slug in ("one", "two")} == {"approved"}
