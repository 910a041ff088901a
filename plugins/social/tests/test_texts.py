"""What the networks count and what they make clickable, against their own test data where it is there."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mastodon import Mastodon, utility

from cms_social import tid
from cms_social.counting import graphemes, mastodon_length, tidy_url, urls
from cms_social.facets import Facet, detect, is_handle


def data(name: str) -> str:
    path = Path(os.environ.get("CMS_CONFORMANCE_DATA", "missing")) / "atproto" / name
    if not path.parent.parent.exists():
        pytest.skip(f"data not present: CMS_CONFORMANCE_DATA names no folder with atproto/{name}")
    return path.read_text(encoding="utf-8")


def entries(name: str) -> list[str]:
    lines = data(f"syntax/{name}").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def as_data(facet: Facet) -> dict[str, Any]:
    named = {"mention": "did", "link": "uri", "tag": "tag"}[facet.kind]
    value = f"did:fake:{facet.value}" if facet.kind == "mention" else facet.value
    return {"type": facet.kind, named: value, "byteStart": facet.start, "byteEnd": facet.end}


@pytest.mark.parametrize("table", ["mentions_and_links", "tags", "cashtags"])
def test_facets_are_those_of_the_protocol(table: str) -> None:
    cases = json.loads(data("facets.json"))[table]
    wrong = {
        case["text"]: found
        for case in cases
        if (found := [as_data(each) for each in detect(case["text"])]) != case["facets"]
    }
    assert len(cases) >= 18
    assert not wrong


def test_lengths_are_those_of_the_protocol() -> None:
    for case in json.loads(data("facets.json"))["lengths"]:
        assert (len(case["text"].encode()), graphemes(case["text"])) == (
            case["byteLength"],
            case["graphemeLength"],
        )


@given(st.text())
def test_facets_lie_inside_the_text_and_apart(text: str) -> None:
    found = detect(text)
    size = len(text.encode("utf-8", "surrogatepass")) if text.isprintable() else None
    ends = [0, *(each.end for each in found)]
    assert all(each.start >= end for each, end in zip(found, ends, strict=False))
    assert size is None or ends[-1] <= size


@given(st.text(st.characters(codec="utf-8")))
def test_bytes_of_a_facet_are_whole_characters(text: str) -> None:
    for each in detect(f"{text} @ann.test #tag"):
        f"{text} @ann.test #tag".encode()[each.start : each.end].decode()


def test_handles_are_those_of_the_protocol() -> None:
    assert [each for each in entries("handle_syntax_valid.txt") if not is_handle(each)] == []
    assert [each for each in entries("handle_syntax_invalid.txt") if is_handle(each)] == []


def test_tids_are_those_of_the_protocol() -> None:
    for valid in entries("tid_syntax_valid.txt"):
        assert tid.encode(*tid.decode(valid)) == valid
    for invalid in entries("tid_syntax_invalid.txt"):
        with pytest.raises(ValueError, match="not a TID"):
            tid.decode(invalid)


MICROS, CLOCK = st.integers(0, tid.MOST_MICROS), st.integers(0, tid.CLOCKS - 1)


@given(MICROS, CLOCK, MICROS, CLOCK)
def test_tids_sort_as_their_instants_do(micros: int, clock: int, other: int, another: int) -> None:
    first, second = tid.encode(micros, clock), tid.encode(other, another)
    assert (first < second) == ((micros, clock) < (other, another))
    assert tid.decode(first) == (micros, clock)


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)))  # noqa: DTZ001 - the zone comes below
def test_instants_survive(naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC)
    assert tid.instant_of(tid.micros_of(at)) == at


def test_no_tid_outside_of_its_range() -> None:
    for micros, clock in ((-1, 0), (tid.MOST_MICROS + 1, 0), (0, tid.CLOCKS), (0, -1)):
        with pytest.raises(ValueError, match="no TID"):
            tid.encode(micros, clock)
    assert tid.micros_of(tid.EPOCH + timedelta(seconds=1)) == 1_000_000


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("Hello", 5),
        ("👩‍👩‍👧 e\u0301", 3),
        ("Read https://acme.test/a/very/long/path?with=a&query=too now", 5 + 23 + 4),
        ("https://acme.test", 23),
        ("Look (https://acme.test/x).", 6 + 23 + 2),
        ("Ask @ann@mastodon.example about it", 4 + 4 + 9),
        ("Ask @ann about it", 17),
        ("mail ann@acme.test", 18),
        ("https://a.test/x and https://a.test/x", 23 + 5 + 23),
        ("acme.test is not counted as an address", 38),
        ("http://localhost is none either", 31),
    ],
)
def test_mastodon_counts_addresses_and_mentions_in_its_own_way(text: str, length: int) -> None:
    assert mastodon_length(text) == length


SENTENCE = st.lists(
    st.sampled_from(
        [
            "Hello",
            "👩‍👩‍👧",
            "https://example.com/a/long/path?x=1",
            "@ann@example.com",
            "@bob",
            "ünï",
            "#tag",
            "1,5",
        ]
    ),
    max_size=12,
).map(" ".join)


@given(SENTENCE, SENTENCE)
@settings(deadline=None)
def test_mastodon_is_counted_as_its_client_library_counts(text: str, warning: str) -> None:
    """Mastodon.py counts by the same rules; only the graphemes are counted by us, as the library for them is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utility, "IMPL_HAS_GRAPHEME", True)
        patch.setattr(utility, "grapheme", SimpleNamespace(length=graphemes), raising=False)
        expected = Mastodon.get_status_length(text, warning)
    assert mastodon_length(text) + graphemes(warning) == expected


@pytest.mark.parametrize("end", [".", "...", "!", "?)", "”", ")"])
def test_punctuation_after_an_address_is_not_part_of_it(end: str) -> None:
    assert urls(f"See (https://acme.test/a_(b){end}") == ["https://acme.test/a_(b)"]
    assert tidy_url("https://acme.test/a_(b)") == "https://acme.test/a_(b)"
