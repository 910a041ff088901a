"""Tokens name one delivery and cannot be made up."""

from hypothesis import given
from hypothesis import strategies as st

from cms_core.publishing.tokens import TOKEN_LENGTH, Tokens

TOKENS = Tokens(b"k" * 32)


@given(st.integers(0, 2**63 - 1))
def test_token_round_trips(delivery: int) -> None:
    token = TOKENS.make(delivery)
    assert len(token) == TOKEN_LENGTH
    assert TOKENS.read(token) == delivery


@given(st.integers(0, 2**63 - 1), st.integers(0, TOKEN_LENGTH - 1), st.sampled_from("ABCabc012-_"))
def test_altered_token_is_refused(delivery: int, place: int, letter: str) -> None:
    token = TOKENS.make(delivery)
    altered = token[:place] + letter + token[place + 1 :]
    assert TOKENS.read(altered) == (delivery if altered == token else None)


@given(st.text(max_size=40))
def test_nonsense_is_refused(text: str) -> None:
    assert TOKENS.read(text) is None


def test_other_key_is_refused() -> None:
    assert Tokens(b"x" * 32).read(TOKENS.make(5)) is None
