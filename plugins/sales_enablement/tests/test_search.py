"""The library: what is found, in which order, and that it is true at every moment."""

import re
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cms_core import Asset
from cms_core.clock import FrozenClock
from cms_sales_enablement import feedback, index, words
from cms_sales_enablement import search as library


def test_title_comes_before_summary_before_text(desk: Any) -> None:
    desk.write("body", "Audits, audits, audits and audits again. An audit is an audit.")
    desk.write("summary", summary="How an audit goes")
    desk.write("title", title="The audit")
    desk.write("other")
    assert desk.found("audit") == ["title", "summary", "body"]


def test_every_word_must_be_found_or_begin_one(desk: Any) -> None:
    desk.write("close", "Close your books faster", title="Five days")
    desk.write("books", "Keep books")
    assert desk.found("books fast") == ["close"]
    assert desk.found("ooks") == []
    assert desk.found("book") == ["books", "close"] or desk.found("book") == ["close", "books"]


def test_whole_word_counts_more_than_a_beginning(desk: Any) -> None:
    desk.write("auditorium", title="Auditorium")
    desk.write("audit", title="Audit")
    assert desk.found("audit") == ["audit", "auditorium"]


def test_case_accents_and_width_do_not_matter(desk: Any) -> None:
    desk.write("cafe", title="Le Café")
    for asked in ("CAFE", "café", "Ｃａｆé", "cafe\u0301"):
        assert desk.found(asked) == ["cafe"], asked


def test_scripts_without_spaces_are_searched_too(desk: Any) -> None:
    desk.write("tokyo", title="東京都の事例")
    for asked, fits in (("東京", True), ("京都", True), ("東都", False), ("東", True)):
        assert desk.found(asked) == (["tokyo"] if fits else []), asked


def test_only_what_is_approved_is_found_and_as_it_is_approved(desk: Any) -> None:
    desk.write("draft", title="Zebra", approve=False)
    assert desk.found("zebra") == []
    desk.write("draft", title="Zebra")
    assert desk.found("zebra") == ["draft"]
    desk.write("draft", title="Yak", approve=False)
    assert (desk.found("zebra"), desk.found("yak")) == (["draft"], [])
    desk.write("draft", title="Yak")
    assert (desk.found("zebra"), desk.found("yak")) == ([], ["draft"])
    desk.archive("draft")
    assert desk.found() == []


def test_what_did_not_change_is_not_read_again(desk: Any) -> None:
    desk.write("one")
    desk.write("two")
    svc = desk.services()
    assert [index.catch_up(svc), index.catch_up(svc)] == [2, 0]
    desk.write("two", tags=["new"])
    assert index.catch_up(svc) == 1


def test_facets_count_what_their_links_lead_to(desk: Any) -> None:
    desk.write("a", kind="case-study", persona="cfo", tags=["health"])
    desk.write("b", kind="case-study", persona="cto", tags=["health", "saas"])
    desk.write("c", kind="faq", persona="cfo", funnel_stage="intent")
    found = library.search(desk.services(), library.Wanted(kind="case-study"))
    assert found.total == 2
    assert dict(found.facets["kind"]) == {"case-study": 2, "faq": 1}
    assert dict(found.facets["persona"]) == {"cfo": 1, "cto": 1}
    assert dict(found.facets["tag"]) == {"health": 2, "saas": 1}
    for name, pairs in found.facets.items():
        for value, count in pairs:
            wanted = library.Wanted(**{"kind": "case-study", name: value})
            assert library.search(desk.services(), wanted).total == count


def test_expired_is_left_out_from_the_day_after(desk: Any, clock: FrozenClock) -> None:
    desk.write("old")
    asset = desk.services().asset("old").id
    feedback.set_until(desk.services("marketer"), asset, date(2026, 5, 4))
    assert desk.found() == ["old"]
    clock.at = clock.at.replace(day=5, hour=0)
    assert desk.found() == []
    feedback.set_until(desk.services("marketer"), asset, None)
    assert desk.found() == ["old"]


def test_excerpt_shows_where_it_was_found(desk: Any) -> None:
    desk.write("long", "Words before. " * 60 + "The zebra crossed. " + "Words after. " * 60)
    (hit,) = library.search(desk.services(), library.Wanted("zebra")).hits
    assert "zebra" in hit.excerpt
    assert len(hit.excerpt) < 200


def test_no_words_break_the_search(desk: Any, naughty: list[str]) -> None:
    desk.write("one")
    odd = ["", " ", "%", "_", "' or 1=1 --", "\\", "*", "-", "\udfff", "\0", "NEAR(", "a" * 5000, "x " * 5000]
    for text in [*odd, *naughty]:
        assert desk.found(text) in ([], ["one"]), text


def test_naughty_strings_are_found_as_they_were_written(desk: Any, naughty: list[str]) -> None:
    harmful = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]|\{[{%#]")  # what no approval lets through
    texts = [text for text in naughty if not harmful.search(text)]
    for n in range(0, len(texts), 100):
        desk.write(f"n{n}", "\n\n".join(f"```\n{text}\n```" for text in texts[n : n + 100]), title="Odd")
    for n, text in enumerate(texts):
        asked = " ".join(list(words.terms(text))[: library.MOST_WORDS])
        if asked:
            assert f"n{n - n % 100}" in desk.found(asked), text


@given(st.text(max_size=80), st.text(max_size=80))
def test_terms_of_a_text_are_those_of_its_parts(one: str, two: str) -> None:
    assert [*words.terms(one), *words.terms(two)] == list(words.terms(f"{one} {two}"))
    assert all(0 < len(term) <= words.LONGEST for term in words.terms(one))


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=200))
def test_a_place_above_always_outweighs_all_places_below(title: str, summary: str, text: str) -> None:
    asset = Asset("a", "a", "faq", title, summary, {"text": text}, 1, "", "approved")
    found = words.weights(asset)
    for term in words.terms(title):
        assert found[term] >= words.TITLE > words.SUMMARY + words.MOST_OF_BODY
    for term in words.terms(summary):
        assert found[term] >= words.SUMMARY > words.MOST_OF_BODY
