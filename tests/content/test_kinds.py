"""Every kind has fields of its own: checked, stored the same way every time, imported from front matter."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core.content.drafts import BadField, Draft, clean
from cms_core.kinds import KINDS

BY_NAME = {kind.name: kind for kind in KINDS}
DATA = os.environ.get("CMS_CONFORMANCE_DATA", "")
FULL: dict[str, dict[str, Any]] = {
    "article": {"author": "Ann"},
    "landing-page": {"action_label": "Book", "action_url": "/book-a-look", "goal": "Asked"},
    "email": {"subject": "Hello {{ contact.first_name }}", "preheader": "And more"},
    "social-post": {"link": "https://example.com/a", "hashtags": ["#close", "audit"]},
    "ad": {"headlines": ["One", "Two"], "descriptions": ["Three"], "final_url": "https://example.com"},
    "case-study": {
        "customer": "Northmoor",
        "industry": "Bakeries",
        "results": [{"label": "Days", "value": "11 → 4"}],
        "quote": "Now everybody sees it.",
        "quoted": "Tove Lind",
    },
    "product-guide": {"product": "Larkfield", "version": "4", "audience": "Controllers"},
    "faq": {"questions": [{"question": "What does it cost?", "answer": "90 EUR."}]},
    "one-pager": {"audience": "Controllers", "action_label": "Ask", "action_url": "mailto:a@b.example"},
    "video": {"url": "https://video.example/1", "duration": 90, "transcript": "Hello."},
}


def require_words(error: BadField) -> None:
    assert error.message


def test_every_kind_of_the_interface_is_there() -> None:
    assert set(BY_NAME) == set(FULL)


@pytest.mark.parametrize("kind", FULL)
def test_own_fields_are_kept_as_they_are_and_cleaning_twice_changes_nothing(kind: str) -> None:
    body = {"text": "Words.", **FULL[kind]}
    once = clean(BY_NAME, Draft(kind, "T", body=body))
    assert once.body == body
    assert clean(BY_NAME, once) == once


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("case-study", {"results": [{"label": "x" * 121, "value": "1"}]}, "results"),
        ("case-study", {"results": "eleven"}, "results"),
        ("faq", {"questions": [{"question": "Why?"}]}, "questions"),
        ("faq", {"questions": [{"question": "Why?", "answer": "So.", "extra": "x"}]}, "questions"),
        ("video", {"duration": "an hour"}, "duration"),
        ("video", {"duration": 0}, "duration"),
        ("video", {"url": "javascript:alert(1)"}, "url"),
        ("landing-page", {"action_url": "//evil.example"}, "action_url"),
        ("social-post", {"link": "data:text/html,x"}, "link"),
        ("email", {"subject": "a\nb"}, "subject"),
        ("article", {"author": 5}, "author"),
    ],
)
def test_what_cannot_be_used_names_its_field(kind: str, body: dict[str, Any], field: str) -> None:
    with pytest.raises(BadField) as caught:
        clean(BY_NAME, Draft(kind, "T", body=body))
    assert caught.value.field == field


def test_values_of_files_become_what_they_mean_and_empty_ones_nothing() -> None:
    draft = Draft("video", "T", body={"text": "", "duration": "90", "url": "", "transcript": None})
    assert clean(BY_NAME, draft).body == {"text": "", "duration": 90}
    several = Draft("article", "T", body={"author": [{"name": "Ann", "url": "x"}, "Bob"]})
    assert clean(BY_NAME, several).body == {"author": "Ann, Bob"}


@given(st.sampled_from(sorted(FULL)), st.text(max_size=40))
def test_whatever_is_typed_is_stored_or_refused_in_words(kind: str, text: str) -> None:
    for name in FULL[kind]:
        try:
            once = clean(BY_NAME, Draft(kind, "T", body={"text": "", name: text}))
        except BadField as error:
            require_words(error)
        else:
            assert clean(BY_NAME, once) == once


@pytest.mark.skipif(not DATA, reason="CMS_CONFORMANCE_DATA is not set")
@pytest.mark.parametrize("kind", FULL)
def test_naughty_strings_are_stored_or_refused_in_words(kind: str) -> None:
    (path,) = Path(DATA, "naughty-strings").rglob("blns.json")
    for text in json.loads(path.read_text("utf-8")):
        for name in FULL[kind]:
            try:
                clean(BY_NAME, Draft(kind, "T", body={"text": "", name: text}))
            except BadField as error:
                require_words(error)
