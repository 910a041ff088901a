"""Pages of content as a browser without scripts meets them: list, queue, asset, editor, uploads, previews."""

import html
import io
import os
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image
from werkzeug.test import TestResponse

from cms_core import models
from cms_core.auth import service as auth
from cms_core.auth.models import User
from cms_core.campaigns import service as campaigns
from cms_core.campaigns.when import parse_when
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.content import review, service
from cms_core.content.drafts import Draft
from cms_core.content.library import PAGE
from cms_core.content.models import Revision
from cms_core.content.revisions import head_of
from cms_core.imports import unpack
from cms_core.testing.client import FormClient
from cms_core.testing.pages import add_people, app_of, harm_in, signed_in, statements
from cms_core.workspace import Workspace, open_workspace

NAUGHTY = "<script>alert('ä')</script>\"><img src=x onerror=alert(1)>{{7*7}}"
MOST_STATEMENTS = 12


@pytest.fixture
def workspace(config: Config, clock: FrozenClock) -> Iterator[Workspace]:
    """A workspace with the channels that ship."""
    opened = open_workspace(config, clock=clock)
    models.metadata.create_all(opened.db.engine)
    yield opened
    opened.db.dispose()


@pytest.fixture
def people(workspace: Workspace) -> dict[str, User]:
    return add_people(workspace)


@pytest.fixture
def as_role(workspace: Workspace, people: dict[str, User]) -> Callable[[str], FormClient]:
    """Signs somebody in: ``as_role("approver")``."""
    app = app_of(workspace)
    return lambda role: signed_in(app, role)


@pytest.fixture
def marketer(as_role: Callable[[str], FormClient]) -> FormClient:
    return as_role("marketer")


@pytest.fixture
def add(workspace: Workspace, people: dict[str, User]) -> Callable[..., Revision]:
    """Saves content by the marketer: ``add("launch", title="Launch", ask=True)``."""

    def make(slug: str, *, ask: bool = False, **fields: Any) -> Revision:
        wanted: dict[str, Any] = {
            "kind": "article",
            "title": slug,
            "body": {"text": "Some words."},
            "slug": slug,
            **fields,
        }
        with workspace.db.transaction() as session:
            revision = service.save(
                session,
                workspace.plugins,
                None,
                Draft(**wanted),
                people["marketer"],
            )
            if ask:
                review.request_review(session, revision, people["marketer"])
        return revision

    return make


def head(workspace: Workspace, slug: str) -> Revision:
    with workspace.db.session() as session:
        return head_of(session, service.find(session, slug))


def inputs(page: str) -> dict[str, str]:
    """What a browser would send of the editor as it is shown."""
    form = page[page.index('<form class="editor"') :]
    found = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"', form)
    }
    for name, value in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>\n?([^<]*)</textarea>', form):
        found[name] = html.unescape(value).replace("\n", "\r\n")
    chosen = re.search(r'<select[^>]* name="kind".*?<option value="([^"]+)" selected', form, re.DOTALL)
    return {**found, "kind": chosen[1] if chosen else "article"}


# --- the library ----------------------------------------------------------------------------------------------------------


def test_an_empty_library_says_how_to_fill_it(marketer: FormClient) -> None:
    page = marketer.get("/app/content").text
    assert "No content yet" in page
    assert "cms content import" in page
    assert 'href="/app/content/new"' in page


def test_the_library_is_narrowed_by_facets_and_words(
    marketer: FormClient, add: Callable[..., Revision]
) -> None:
    add("first", title="Close faster", funnel_stage="intent", tags=("year-end",), persona="CFO")
    add("second", title="Other", summary="how to close", kind="faq")
    add("third", title="Nothing", kind="faq", tags=("year-end",))

    def shown(query: str) -> list[str]:
        page = marketer.get(f"/app/content?{query}").text
        return re.findall(r'<a class="cover[^"]*" href="/app/content/([^"]+)"', page)

    assert shown("") == ["third", "second", "first"]
    assert shown("q=close") == ["second", "first"]
    assert shown("q=close+faq") == []
    assert shown("kind=faq") == ["third", "second"]
    assert shown("tag=year-end") == ["third", "first"]
    assert shown("persona=CFO") == shown("funnel_stage=intent") == ["first"]
    assert "Nothing fits" in marketer.get("/app/content?q=nowhere").text


def test_the_number_beside_a_facet_is_what_its_link_leads_to(
    marketer: FormClient, add: Callable[..., Revision]
) -> None:
    for n in range(6):
        tags = ("even",) if n % 2 == 0 else ("odd", "big")
        add(f"piece-{n}", kind=("article", "faq", "email")[n % 3], tags=tags, persona="CFO" if n > 3 else "")
    for start in ("/app/content", "/app/content?kind=faq", "/app/content?tag=even&amp;q=piece"):
        page = marketer.get(html.unescape(start)).text
        links = re.findall(r'<li><a href="([^"]+)">.*?class="muted">(\d+)<', page)
        assert links
        for address, count in links:
            assert f'<span class="muted">{count} ' in marketer.get(html.unescape(address)).text


def test_the_library_is_read_page_by_page(
    marketer: FormClient, add: Callable[..., Revision], clock: FrozenClock
) -> None:
    for n in range(PAGE + 3):
        add(f"piece-{n}")
    address, seen = "/app/content", []
    for _ in range(2):
        page = marketer.get(address).text
        seen += re.findall(r'<a class="cover[^"]*" href="/app/content/([^"]+)"', page)
        following = re.search(r'href="([^"]+before=[^"]+)"', page)
        address = html.unescape(following[1]) if following else ""
    assert seen == [f"piece-{n}" for n in reversed(range(PAGE + 3))]
    assert not address
    for nonsense in ("nonsense~x", "2026-05-04~1", f"2026-05-04T07:00:00Z~{10**30}", "~"):
        assert marketer.get(f"/app/content?before={nonsense}").status_code == 200


# --- review ---------------------------------------------------------------------------------------------------------------


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


def add_newer(workspace: Workspace, slug: str, ask: bool = False, text: str = "Newer words.") -> None:
    with workspace.db.transaction() as session:
        found = service.find(session, slug)
        author = auth.find_user(session, "admin@example.com")
        draft = service.draft_of(session, found)
        draft = Draft(**{**vars(draft), "body": {"text": text}})
        revision = service.save(session, workspace.plugins, found, draft, author)
        if ask:
            review.request_review(session, revision, author)


def test_nobody_approves_their_own_work_or_without_the_right(
    as_role: Callable[[str], FormClient], add: Callable[..., Revision], workspace: Workspace
) -> None:
    revision = add("launch", ask=True)
    data = {"hash": revision.content_hash}
    for role in ("marketer", "viewer", "rep"):
        answer = as_role(role).submit("/app/content/launch/approve", data, "/app/me")
        assert answer.status_code == 403
    assert head(workspace, "launch").state == "in_review"


# --- one asset ------------------------------------------------------------------------------------------------------------


def test_the_page_of_an_asset_tells_all_about_it(
    marketer: FormClient, add: Callable[..., Revision], workspace: Workspace
) -> None:
    add("launch", title="The launch", tags=("spring",), persona="CFO", variants={"email": {"subject": "S"}})
    with workspace.db.transaction() as session:
        asset = service.find(session, "launch")
        plan = campaigns.Plan(
            parse_when("2026-06-01 09:00", "Europe/Berlin"), "Send it", asset=asset, channel="email"
        )
        campaigns.plan(session, plan)
    page = marketer.get("/app/content/launch").text

    for words in ("The launch", "#spring", "CFO", "marketer@example.com", "Send it", "1 part of its own"):
        assert words in page
    assert "/app/calendar/new?asset=launch" in page
    assert "there is no summary" in page
    frames = re.findall(r'<iframe[^>]* src="([^"]+)"[^>]*>', page)
    assert len(frames) == 2
    shown = marketer.get(frames[0])
    assert "Some words." in shown.text
    assert shown.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert shown.headers["Cache-Control"] == "private, no-store"


def test_a_preview_belongs_to_who_made_it(
    as_role: Callable[[str], FormClient], marketer: FormClient, add: Callable[..., Revision]
) -> None:
    add("launch")
    frame = re.findall(r'<iframe[^>]* src="([^"]+)"', marketer.get("/app/content/launch").text)[0]
    assert marketer.get(frame).status_code == 200
    assert as_role("viewer").get(frame).status_code == 404
    assert marketer.get("/app/content/preview/..%2f..%2fcms.toml").status_code == 404


def test_a_slug_that_is_close_is_suggested(marketer: FormClient, add: Callable[..., Revision]) -> None:
    add("year-end")
    answer = marketer.get("/app/content/year-edn")
    assert answer.status_code == 404
    assert "did you mean year-end?" in answer.text


# --- writing --------------------------------------------------------------------------------------------------------------


def test_a_new_piece_is_written_and_asked_approval_for(marketer: FormClient, workspace: Workspace) -> None:
    data = {
        "title": "New  piece", "kind": "article", "text": "One\r\n\r\nTwo", "tags": "b, a, b", "locale": "de_AT",
        "for-email-subject": "Own subject", "for-site-path": "", "do": "ask",
    }  # fmt: skip
    answer = marketer.submit("/app/content/new", data)
    assert answer.headers["Location"] == "/app/content/new-piece"
    revision = head(workspace, "new-piece")
    assert (revision.title, revision.state, revision.locale) == ("New piece", "in_review", "de-AT")
    assert revision.body == {"text": "One\n\nTwo"}
    assert revision.variants == {"email": {"subject": "Own subject"}}


def test_saving_the_editor_as_it_is_shown_changes_nothing(
    marketer: FormClient, add: Callable[..., Revision], workspace: Workspace
) -> None:
    variants = {
        "email": {"subject": 'Say "hi" & <go>', "utm": ["kept"], "text": "Own\n\nwords"},
        "seo": {"meta_title": "of the group"},
        "site:main": {"path": "/own"},
    }
    before = add(
        "launch", variants=variants, body={"text": "\n\nA & B\n", "extra": 1}, summary="S", tags=("x",)
    )
    data = inputs(marketer.get("/app/content/launch/edit").text)
    assert data["for-email-subject"] == 'Say "hi" & <go>'
    assert marketer.submit("/app/content/launch/edit", {**data, "do": "save"}).status_code == 303
    assert head(workspace, "launch").n == 1

    data["text"] = "C"
    data["for-email-subject"] = ""
    assert marketer.submit("/app/content/launch/edit", {**data, "do": "save"}).status_code == 303
    after = head(workspace, "launch")
    assert before.n == 1
    assert after.body == {"text": "C", "extra": 1}
    assert after.variants == {**variants, "email": {"utm": ["kept"], "text": "Own\n\nwords"}}


def test_after_a_lost_race_both_versions_are_shown_and_nothing_is_lost(
    marketer: FormClient, add: Callable[..., Revision], workspace: Workspace
) -> None:
    add("launch", body={"text": "Old words."})
    data = {**inputs(marketer.get("/app/content/launch/edit").text), "text": "My words.", "do": "save"}
    add_newer(workspace, "launch", text="Their words.")

    answer = marketer.submit("/app/content/launch/edit", data)
    assert answer.status_code == 409
    assert "Both versions" in answer.text
    assert answer.text.count("Their words.") == 1
    assert answer.text.count("My words.") >= 2
    assert head(workspace, "launch").body["text"] == "Their words."

    again = {**inputs(answer.text), "do": "save"}
    assert again["text"] == "My words."
    assert marketer.submit("/app/content/launch/edit", again).status_code == 303
    assert head(workspace, "launch").body["text"] == "My words."


def test_checking_or_uploading_does_not_make_a_lost_race_unseen(
    marketer: FormClient, add: Callable[..., Revision], workspace: Workspace
) -> None:
    add("launch")
    data = {**inputs(marketer.get("/app/content/launch/edit").text), "text": "Mine.", "do": "check"}
    add_newer(workspace, "launch")
    shown = inputs(marketer.submit("/app/content/launch/edit", data).text)
    assert shown["row_version"] == data["row_version"]
    assert marketer.submit("/app/content/launch/edit", {**shown, "do": "save"}).status_code == 409
    del shown["row_version"]
    assert marketer.submit("/app/content/launch/edit", {**shown, "do": "save"}).status_code == 409


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"title": " "}, "the title is missing"),
        ({"slug": "Not A Slug"}, "may hold only"),
        ({"slug": "new"}, "reserved"),
        ({"kind": "poem"}, "there is no kind"),
        ({"locale": "!"}, "not a language tag"),
        ({"text": "a\x00b"}, "control character"),
        ({"slug": "taken"}, "is taken by"),
    ],
)
def test_what_cannot_be_saved_is_shown_again_with_the_reason(
    marketer: FormClient, add: Callable[..., Revision], wrong: dict[str, str], words: str
) -> None:
    add("taken")
    data = {"title": "Typed title", "kind": "article", "text": "Typed text", "do": "save", **wrong}
    answer = marketer.submit("/app/content/new", data)
    assert answer.status_code in (409, 422)
    assert words in answer.text
    assert "Typed t" in answer.text


def test_checks_and_previews_come_without_saving(
    marketer: FormClient, add: Callable[..., Revision], workspace: Workspace
) -> None:
    add("launch")
    data = {**inputs(marketer.get("/app/content/launch/edit").text), "text": "{{ contact.nope( }}"}
    for url in ("/app/content/preview", "/app/content/launch/edit"):
        answer = marketer.submit(url, {**data, "do": "check"}, "/app/content/launch/edit")
        assert answer.status_code == 200
        assert "to fix" in answer.text
        assert 'href="#text"' in answer.text
    data |= {"text": "Unsaved words", "for-email-subject": "x" * 80}
    answer = marketer.submit("/app/content/preview", data, "/app/content/launch/edit")
    assert 'href="#for-email-subject"' in answer.text
    frames = re.findall(r'<iframe[^>]* src="([^"]+)"', answer.text)
    assert all("Unsaved words" in marketer.get(frame).text for frame in frames)
    assert head(workspace, "launch").body["text"] == "Some words."


def test_an_unsaved_piece_is_shown_under_the_address_it_would_get(
    marketer: FormClient, workspace: Workspace
) -> None:
    data = {"title": "Year end", "kind": "article", "text": "Words", "do": "check"}
    page = marketer.submit("/app/content/new", data).text
    assert "/year-end" in page
    assert "nothing to fix" in page

    page = marketer.submit("/app/content/new", {**data, "for-site-path": "/app/x"}).text
    assert 'href="#for-site-path"' in page
    assert "belong to the app itself" in page
    page = marketer.submit("/app/content/new", {**data, "title": ""}).text
    assert "the title is missing" in page
    assert "<iframe" in page
    assert not workspace.plugins.faults


def test_a_picture_is_taken_in_and_shown_by_its_markdown(marketer: FormClient, workspace: Workspace) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(picture, "PNG")
    data = {
        "title": "With a picture",
        "kind": "article",
        "text": "Words",
        "alt": "A [teal] square",
        "do": "upload",
    }

    def sent(url: str, more: dict[str, Any]) -> TestResponse:
        token = marketer.token("/app/content/new")
        file = (io.BytesIO(picture.getvalue()), "square.png")
        return marketer.post(url, data={**data, "csrf_token": token, "file": file, **more})

    page = sent("/app/content/new", {}).text
    text = inputs(page)["text"].replace("\r\n", "\n")
    assert re.fullmatch(r"Words\n\n!\[A \\\[teal\\\] square\]\(/media/[0-9a-f]{64}/square\.png\)\n", text)
    answer = sent("/app/content/media", {})
    assert answer.get_json()["markdown"] in text
    refused = sent("/app/content/media", {"file": (io.BytesIO(b"<html>"), "x.png")})
    assert refused.status_code == 422
    assert "not a file of an accepted type" in refused.get_json()["error"]
    assert marketer.submit("/app/content/new", {**data, "text": text, "do": "save"}).status_code == 303
    assert "square.png" in marketer.get("/app/content/with-a-picture").text


# --- all pages ------------------------------------------------------------------------------------------------------------

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


# --- import ---------------------------------------------------------------------------------------------------------------


def archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return out.getvalue()


def send(client: FormClient, do: str, *files: tuple[str, bytes]) -> TestResponse:
    sent = [(io.BytesIO(data), name) for name, data in files]
    data = {"csrf_token": client.token("/app/content/import"), "files": sent, "do": do}
    return client.post("/app/content/import", data=data)


def test_files_and_archives_are_looked_at_and_then_imported(
    marketer: FormClient, workspace: Workspace
) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(picture, "PNG")
    packed = archive(
        **{
            "site/one.md": b"# One\n\n![teal](img/a.png)\n",
            "site/img/a.png": picture.getvalue(),
            "site/bad.md": b"---\nkind: poem\n---\nx",
        }
    )
    files = [("site.zip", packed), ("two.md", b"# Two\n\nWords")]
    page = send(marketer, "check", *files).text
    assert "nothing is saved" in page
    assert "2 new" in page
    assert "site/bad.md" in page
    assert "No content yet" in marketer.get("/app/content").text

    assert "2 created" in send(marketer, "save", *files).text
    assert "/media/" in head(workspace, "one").body["text"]
    answer = send(marketer, "save", files[1])
    assert answer.status_code == 303
    assert head(workspace, "two").n == 1


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.zip", archive(**{"../../evil.md": b"# Evil"}), "outside itself"),
        ("a.zip", archive(**{"/etc/evil.md": b"# Evil"}), "outside itself"),
        ("a.zip", archive(**{"c:\\evil.md": b"# Evil"}), "outside itself"),
        ("a.zip", b"PK\x03\x04broken", "cannot be unpacked"),
        ("a.zip", archive(**{"a.txt": b"x"}), "no Markdown"),
        ("a.png", b"\x89PNG", "no Markdown"),
        ("a.zip", archive(**{f"{'x' * 300}.md": b"x"}), "cannot be unpacked"),
    ],
)
def test_an_archive_that_is_broken_or_hostile_is_refused_whole(
    marketer: FormClient, name: str, data: bytes, words: str
) -> None:
    answer = send(marketer, "save", (name, data))
    assert answer.status_code == 422
    assert words in answer.text
    assert "No content yet" in marketer.get("/app/content").text


def test_an_archive_is_not_unpacked_beyond_its_limit(
    marketer: FormClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "MAX_BYTES", 10_000)
    answer = send(marketer, "save", ("a.zip", archive(**{"a.md": b"0" * 10_001})))
    assert "larger than 10,000 bytes" in answer.text


def test_previews_go_after_an_hour(
    marketer: FormClient, add: Callable[..., Revision], workspace: Workspace
) -> None:
    add("launch")
    add("other")
    frame = re.findall(r'<iframe[^>]* src="([^"]+)"', marketer.get("/app/content/launch").text)[0]
    kept = next(workspace.config.run_dir.glob(f"scratch/*/{frame.rsplit('/', 1)[1]}"))
    assert kept.stat().st_mode & 0o077 == 0
    os.utime(kept, (0, time.time() - 3601))
    marketer.get("/app/content/other")
    assert marketer.get(frame).status_code == 404
    marketer.get("/app/content/launch")
    assert marketer.get(frame).status_code == 200
