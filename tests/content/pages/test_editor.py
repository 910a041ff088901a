"""The editor: written, checked and saved without scripts, and nothing typed is lost."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from werkzeug.test import TestResponse

from cms_core.content.models import Revision
from cms_core.testing.client import FormClient
from cms_core.workspace import Workspace

from .editor import add_newer, head, inputs


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
    shown = [marketer.get(frame).text for frame in frames]
    assert (
        sum("Unsaved words" in each for each in shown) >= 2
    )  # a post on a network shows the title and a link
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


def test_an_expiry_that_is_no_instant_loses_no_word(marketer: FormClient) -> None:
    data = {"title": "Kept", "kind": "article", "text": "Many words", "unpublish_at": "some day"}
    answer = marketer.submit("/app/content/new", data)
    assert answer.status_code == 422
    shown = inputs(answer.text)
    assert (shown["title"], shown["text"].strip(), shown["unpublish_at"]) == (
        "Kept",
        "Many words",
        "some day",
    )
    assert "some day" in answer.text
