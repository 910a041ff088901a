"""Signatures as Standard Webhooks has them: HMAC-SHA256 over id, timestamp and body, and how a receiver checks one."""

import base64
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

PREFIX = "whsec_"
TOLERANCE = timedelta(minutes=5)


def new_secret() -> str:
    """A secret of 256 random bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """What stands in ``webhook-signature``; ``timestamp`` is in seconds of Unix time."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def headers_of(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of a message."""
    timestamp = int(at.timestamp())
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message_id, timestamp, body),
    }


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes, at: datetime) -> bool:
    """What a receiver asks: whether the message is ours, unchanged, and not older than five minutes."""
    message_id, told = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if (
        not (told.isascii() and told.isdigit())
        or abs(at.timestamp() - int(told[:12])) > TOLERANCE.total_seconds()
    ):
        return False
    wanted = signature(secret, message_id, int(told), body)
    return any(
        hmac.compare_digest(each.encode(), wanted.encode())
        for each in headers.get("webhook-signature", "").split()
    )
