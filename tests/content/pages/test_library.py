"""The library: found by facets and words, page by page."""

import html
import re
from collections.abc import Callable

from cms_core.clock import FrozenClock
from cms_core.content.library import PAGE
from cms_core.content.models import Revision
from cms_core.testing.client import FormClient


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
