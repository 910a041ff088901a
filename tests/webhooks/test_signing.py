"""Signatures: the vector of the Standard Webhooks specification, and what a receiver refuses."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core.webhooks.signing import headers_of, is_genuine, new_secret, signature

AT = datetime(2026, 5, 4, 7, tzinfo=UTC)


def test_it_signs_as_the_specification_does() -> None:
    """The example of the reference libraries of Standard Webhooks."""
    made = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(max_size=200), st.text("abc-123", min_size=1, max_size=36))
def test_what_was_signed_is_genuine_and_nothing_else(body: bytes, message_id: str) -> None:
    secret = new_secret()
    headers = headers_of(secret, message_id, AT, body)
    assert is_genuine(secret, headers, body, AT)
    assert is_genuine(secret, headers, body, AT + timedelta(minutes=5))
    assert not is_genuine(secret, headers, body + b" ", AT)
    assert not is_genuine(new_secret(), headers, body, AT)
    assert not is_genuine(secret, {**headers, "webhook-id": message_id + "x"}, body, AT)
    assert not is_genuine(secret, headers, body, AT + timedelta(minutes=6)), "a replay"


@pytest.mark.parametrize("told", ["", "x", "-1", "١٢٣", "9" * 400])
def test_a_timestamp_that_is_none_is_refused(told: str) -> None:
    secret = new_secret()
    headers = {**headers_of(secret, "id", AT, b""), "webhook-timestamp": told}
    assert not is_genuine(secret, headers, b"", AT)
