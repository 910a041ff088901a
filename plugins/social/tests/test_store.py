"""Keys of records only grow, no two workers get the same one, and a publication keeps its own."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cms_core import Link
from cms_social import store, tid

NOW = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)


def test_publication_keeps_its_key_until_it_has_more_posts(bluesky_link: Link) -> None:
    first = store.reserve(bluesky_link, "bluesky", "p-1", "words", 2)
    again = store.reserve(bluesky_link, "bluesky", "p-1", "other words", 2)
    assert (again.micros, again.digest) == (first.micros, "other words")
    assert store.reserve(bluesky_link, "bluesky", "p-1", "words", 3).micros > first.micros + 1
    assert store.others_with(bluesky_link, "bluesky", "p-2", "words") == ["p-1"]
    assert store.others_with(bluesky_link, "bluesky", "p-1", "words") == []
    elsewhere = replace(bluesky_link, connection="other")
    assert store.others_with(elsewhere, "bluesky", "p-2", "words") == []


def test_workers_that_meet_get_keys_of_their_own(bluesky_link: Link) -> None:
    standing = replace(bluesky_link, now=lambda: NOW)
    with ThreadPoolExecutor(6) as pool:
        posts = list(pool.map(lambda n: store.reserve(standing, "bluesky", f"p-{n}", "x", 3), range(24)))
        same = list(pool.map(lambda _: store.reserve(standing, "bluesky", "one", "x", 3), range(12)))
    taken = [post.micros + number for post in posts for number in range(3)]
    assert len(set(taken)) == 72
    assert len({post.micros for post in same}) == 1
    assert {post.micros for post in same}.isdisjoint(taken)


@given(st.lists(st.tuples(st.integers(-(10**7), 10**7), st.integers(1, 5)), max_size=8))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_keys_grow_whatever_the_clock_does(bluesky_link: Link, steps: list[tuple[int, int]]) -> None:
    keys: list[str] = []
    for moved, parts in steps:
        link = replace(bluesky_link, now=lambda moved=moved: NOW + timedelta(microseconds=moved))
        post = store.reserve(link, "bluesky", f"{len(keys)}-{moved}-{id(steps)}", "x", parts)
        keys += [tid.encode(post.micros + number) for number in range(parts)]
    assert keys == sorted(set(keys))
