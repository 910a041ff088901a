"""What is said about a page before it is published, and how its preview looks."""

from datetime import UTC, datetime
from typing import Any

import pytest
from marshmallow import ValidationError

from cms_core import Asset, FieldProvider, FieldSpec, Level, Media, Placement
from cms_seo.addresses import BadPath, path_of
from cms_seo.channel import SiteChannel
from cms_seo.content import Content, compose
from cms_seo.schemas import SiteSettings

CHANNEL = SiteChannel()
CONTACT = FieldProvider("contact", (FieldSpec("first_name"),), lambda contacts: {}, open=True)
LONG = "Calm words follow one another. " * 40
SHA = "ab" * 32
PICTURE = Media(
    "m1",
    SHA,
    "image/png",
    10,
    800,
    600,
    "A lake",
    "lake.png",
    "/x",
    f"http://127.0.0.1:8000/media/{SHA}/lake.png",
)


def placement(text: str = LONG, **more: Any) -> Placement:
    asset = Asset(
        id="a1",
        slug=more.pop("slug", "calm"),
        kind=more.pop("kind", "article"),
        title=more.pop("title", "On calm"),
        summary=more.pop("summary", "Why calm pays"),
        body={"text": text, **more.pop("body", {})},
        revision=1,
        content_hash="0" * 64,
        state="approved",
        **more,
    )
    settings = {"base_url": "https://www.acme.test", "title": "Acme Notes"}
    return Placement(
        "p1", "site", "www", asset, settings, datetime(2026, 5, 4, tzinfo=UTC), merge_fields=(CONTACT,)
    )


def said(**more: Any) -> set[tuple[str, str]]:
    return {(finding.level.value, finding.field) for finding in CHANNEL.check(placement(**more))}


def test_good_page_needs_no_remark() -> None:
    assert list(CHANNEL.check(placement())) == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"title": "x" * 61}, ("warning", "title")),
        ({"title": " "}, ("error", "title")),
        ({"summary": ""}, ("warning", "summary")),
        ({"summary": "x" * 161}, ("warning", "summary")),
        ({"body": {"meta_description": "x" * 161}}, ("warning", "meta_description")),
        ({"text": " \n"}, ("error", "text")),
        ({"text": "![](/media/none.png)"}, ("error", "text")),
        ({"text": "<!-- nothing -->"}, ("error", "text")),
        ({"text": "Few words."}, ("note", "text")),
        ({"text": f"Intro\n\n# Second title\n\n{LONG}"}, ("warning", "text")),
        ({"text": f"## One\n\n#### Three\n\n{LONG}"}, ("warning", "text")),
        ({"text": f"{LONG} [bad](ftp://files.test/x)"}, ("error", "text")),
        ({"text": f"{LONG} <a href='javascript:alert(1)'>bad</a>"}, ("error", "text")),
        ({"text": f"{LONG} [bad](http:///nowhere)"}, ("error", "text")),
        ({"text": f"{LONG} ![](/media/{SHA}/lake.png)"}, ("warning", "text")),
        ({"text": f"{LONG} ![A lake](https://other.test/lake.png)"}, ("warning", "text")),
        ({"text": f"{LONG} {{{{ contact.first_name }}}}"}, ("warning", "text")),
        ({"text": f"{LONG} {{{{ contact.__class__ }}}}"}, ("error", "text")),
        ({"text": f"{LONG} <a href='{{{{ contact.first_name }}}}:x'>x</a>"}, ("error", "text")),
        ({"body": {"path": "/app/x"}}, ("error", "path")),
        ({"body": {"path": "/../etc"}}, ("error", "path")),
    ],
)
def test_what_is_wrong_is_said_at_its_field(words: dict[str, Any], expected: tuple[str, str]) -> None:
    assert expected in said(**words)


def test_remarks_are_about_this_page_alone() -> None:
    text = f"# On calm\n\n## Part\n\n### Detail\n\n{LONG} ![A lake](/media/{SHA}/lake.png)"
    assert list(CHANNEL.check(placement(text, media=(PICTURE,)))) == []


@pytest.mark.parametrize(
    ("own", "path"),
    [
        (None, "/calm"), ("", "/calm"), ("offers/spring-2026", "/offers/spring-2026"), ("/a/b/", "/a/b"), ("/2026", "/2026"),
    ],
)  # fmt: skip
def test_path_is_the_slug_or_the_variants_own(own: str | None, path: str) -> None:
    assert path_of(placement(body={"path": own} if own is not None else {}).asset) == path


@pytest.mark.parametrize(
    "own",
    [
        "/", "//", "//evil.test", "/\\evil.test", "https://evil.test", "/a//b", "/a/../b", "/.well-known/x", "/robots.txt",
        "/a b", "/Ä", "/A", "/a?b", "/a#b", "/a%2fb", "/app", "/api/v1", "/t/x", "/static/x", "/media", "/x" * 200, "/a\n/b",
    ],
)  # fmt: skip
def test_paths_that_could_mislead_are_refused(own: str) -> None:
    with pytest.raises(BadPath):
        path_of(placement(body={"path": own}).asset)


def test_content_survives_its_storage() -> None:
    text = f"# Own heading\n\n![](/media/{SHA}/lake.png)\n\n{LONG}"
    content = compose(placement(text, media=(PICTURE,), kind="faq", tags=("a", "b"), author="ann@acme.test"))
    assert content.heading == ""
    assert content.author == ""
    assert content.picture is not None
    assert content.picture.path == f"/media/{SHA}/lake.png"
    assert f'src="/media/{SHA}/lake.png"' in content.html
    assert Content.of({**content.to_json(), "later": 1}) == content


def test_variant_names_its_author_picture_and_titles() -> None:
    second = Media("m2", "cd" * 32, "image/png", 10, 8, 6, "", "b.png", "/x", f"/media/{'cd' * 32}/b.png")
    body = {
        "author": "Grace",
        "image": second.url,
        "meta_title": "Short",
        "meta_description": "For search",
    }
    content = compose(placement(body=body, media=(PICTURE, second)))
    assert content.picture is not None
    assert (content.author, content.picture.path) == ("Grace", second.url)
    assert (content.head_title, content.title, content.description) == ("Short", "On calm", "For search")


def test_preview_is_the_page_and_what_search_shows() -> None:
    found = CHANNEL.preview(placement("Hello <script>x</script>", title="On <calm>"))
    assert dict(found.facts)["Address"] == "https://www.acme.test/calm"
    assert dict(found.facts)["Title in search results"] == "On <calm> · Acme Notes"
    assert "<h1>On &lt;calm&gt;</h1>" in found.html
    assert "<style>" in found.html
    assert '<link rel="stylesheet"' not in found.html
    assert "<script>" not in found.html


def test_checks_have_levels_of_the_contract() -> None:
    assert all(isinstance(finding.level, Level) for finding in CHANNEL.check(placement("x", title="y" * 90)))


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("https://www.Acme.test/", "https://www.acme.test"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://bücher.test", "https://bücher.test"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
    ],
)
def test_address_of_a_site_is_tidied(given: str, stored: str) -> None:
    assert SiteSettings().load({"base_url": given})["base_url"] == stored


@pytest.mark.parametrize(
    "values",
    [
        {}, {"base_url": ""}, {"base_url": "ftp://acme.test"}, {"base_url": "acme.test"}, {"base_url": "https://"},
        {"base_url": "https://a@acme.test"}, {"base_url": "https://acme.test/blog"}, {"base_url": "https://acme.test?x"},
        {"base_url": "https://acme.test:x"}, {"base_url": "https://a\n.test"}, {"base_url": "https://[bad"},
        {"base_url": "https://acme.test", "accent": "#ffff00"}, {"base_url": "https://acme.test", "accent": "red;}"},
        {"base_url": "https://acme.test", "language": "english please"}, {"base_url": "https://acme.test", "title": "a\nb"},
        {"base_url": "https://acme.test", "logo": "https://other.test/logo.png"},
    ],
)  # fmt: skip
def test_settings_that_no_site_can_have_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        SiteSettings().load(values)
