"""A rep's tracked link, ready to be posted."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cms_core.testing.client import FormClient
from cms_sales_enablement import social

URL = "https://cms.example.com/d/abc?x=1&y=2"


def test_an_approved_post_goes_out_in_its_words_with_the_reps_link(desk: Any) -> None:
    desk.write("launch", "**Calm** closes pay & win #1.", kind="social-post")
    asset = desk.services().asset("launch")
    found = {each.network: each.url for each in social.offers(asset, URL)}
    assert parse_qs(urlsplit(found["x"]).query) == {"text": ["Calm closes pay & win #1."], "url": [URL]}
    assert parse_qs(urlsplit(found["linkedin"]).query) == {"url": [URL]}
    assert parse_qs(urlsplit(found["bluesky"]).query) == {"text": [f"Calm closes pay & win #1. {URL}"]}
    assert parse_qs(urlsplit(found["email"]).query)["body"] == [f"Calm closes pay & win #1.\n\n{URL}"]
    assert all(url.startswith(("https://", "mailto:?")) for url in found.values())


def test_other_pieces_go_out_by_their_title_and_long_words_are_cut_between_words(desk: Any) -> None:
    desk.write("calm", "Long text.")
    assert social.words(desk.services().asset("calm")) == "On calm"
    desk.write("long", "word " * 100, kind="social-post")
    said = social.words(desk.services().asset("long"))
    assert len(said) <= social.LONGEST
    assert said.endswith("word…")


def test_the_page_offers_it_with_the_new_link(desk: Any, as_role: Callable[[str], FormClient]) -> None:
    desk.write("calm")
    at = "/app/p/sales_enablement/a/calm"
    page = as_role("rep").submit(f"{at}/share", {}, at).text
    assert "https://www.linkedin.com/sharing/share-offsite/?url=http" in page
    assert 'rel="noopener noreferrer"' in page
