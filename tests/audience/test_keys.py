"""The key of a campaign's name is stable, short and never empty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core.events.keys import MAX_KEY_LENGTH, campaign_key


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Launch", "launch"),
        ("  Spring Launch 2026! ", "spring-launch-2026"),
        ("Été — Straße", "ete-strasse"),
        ("春节", "春节"),
        ("a_b", "a-b"),
    ],
)
def test_keys(name: str, key: str) -> None:
    assert campaign_key(name) == key


@given(st.text())
def test_key_of_a_key_is_itself(name: str) -> None:
    key = campaign_key(name)
    assert 0 < len(key) <= MAX_KEY_LENGTH
    assert campaign_key(key) == key


def test_names_without_letters_do_not_meet() -> None:
    assert campaign_key("!!!") != campaign_key("???")


def test_long_names_do_not_meet() -> None:
    assert campaign_key("x" * 200 + "a") != campaign_key("x" * 200 + "b")
