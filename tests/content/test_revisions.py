"""The hash of words, and which words a channel sees."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core.content.drafts import Draft
from cms_core.content.revisions import content_hash, effective, media_in
from cms_core.content.slugs import slug_fault, slug_or_digest, slugify

SHA = "ab" * 32
NAMES = st.sampled_from(["title", "summary", "text", "subject", "preheader"])
OVERRIDES = st.dictionaries(NAMES, st.text(max_size=8), max_size=4)
VARIANTS = st.dictionaries(
    st.sampled_from(["mail", "email", "email:news", "email:other", "social"]), OVERRIDES
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def shuffled(value: Any) -> Any:
    """The same JSON with the keys of every object in reverse."""
    if isinstance(value, dict):
        return {key: shuffled(each) for key, each in reversed(value.items())}
    return [shuffled(each) for each in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), VARIANTS)
def test_hash_does_not_depend_on_order_or_storage(body: dict[str, Any], variants: dict[str, Any]) -> None:
    draft = Draft("article", "T", body=body, variants=variants)
    stored = json.loads(json.dumps({"body": body, "variants": variants}))
    for same in ({"body": shuffled(body), "variants": shuffled(variants)}, stored):
        assert content_hash("article", draft) == content_hash("article", replace(draft, **same))


@pytest.mark.parametrize(
    "change",
    [
        {"title": "U"}, {"summary": "S"}, {"body": {"text": "b"}}, {"variants": {"email": {"subject": "x"}}}, {"locale": "de"},
        {"body": {"text": "a "}}, {"body": {"text": "a", "more": None}},
    ],
)  # fmt: skip
def test_every_word_counts_in_the_hash(change: dict[str, Any]) -> None:
    draft = Draft("article", "T", body={"text": "a"})
    assert content_hash("article", draft) != content_hash("article", replace(draft, **change))


def test_kind_counts_in_the_hash_and_what_is_said_about_it_does_not() -> None:
    draft = Draft("article", "T")
    assert content_hash("article", draft) != content_hash("email", draft)
    about = replace(draft, tags=("x",), persona="p", funnel_stage="s", slug="other")
    assert content_hash("article", draft) == content_hash("article", about)


@given(VARIANTS)
def test_the_narrowest_override_wins(variants: dict[str, dict[str, str]]) -> None:
    draft = Draft("email", "T", "S", {"text": "B"}, variants)
    shown = effective(draft, "email", "mail", "news")
    flat = {"title": shown["title"], "summary": shown["summary"], **shown["body"]}
    expected = {"title": "T", "summary": "S", "text": "B"}
    for key in ("mail", "email", "email:news"):
        expected |= variants.get(key, {})
    assert flat == expected
    assert set(shown["overrides"]) == {
        name for key in ("mail", "email", "email:news") for name in variants.get(key, {})
    }
    assert effective(draft) == {"title": "T", "summary": "S", "body": {"text": "B"}, "overrides": ()}
    assert draft.body == {"text": "B"}, "the words themselves stay as they are"


def test_files_are_found_wherever_text_stands_once_and_in_order() -> None:
    other = "cd" * 32
    body = {
        "text": f"![a](/media/{SHA}/a.png)",
        "gallery": [{"src": f"/media/{other}/b.png"}, f"/media/{SHA}/a.png"],
    }
    assert media_in(body, {"email": {"text": f"https://x.example/media/{other}/b.png"}}) == [SHA, other]
    assert media_in("/media/short/a.png") == []


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Straße & Łódź, Ærø", "strasse-lodz-aero"),
        ("Чай в Києві", "chai-v-kiievi"),
        ("Ελλάδα", "ellada"),
        ("It’s Ann's day", "its-anns-day"),
        ("../../etc/passwd", "etc-passwd"),
        ("ＦＵＬＬ ﬁt ²", "full-fit-2"),
        ("東京", ""),
    ],
)
def test_slugs_read_like_the_title(text: str, slug: str) -> None:
    assert slugify(text) == slug


@given(st.text(max_size=300))
def test_every_text_has_a_slug_that_is_an_address(text: str) -> None:
    slug = slug_or_digest(text)
    assert slug == slug_or_digest(text)
    assert "reserved" in slug_fault(slug) or not slug_fault(slug)
