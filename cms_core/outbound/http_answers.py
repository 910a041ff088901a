"""What a status means: the table of ``cms_core.outbound.http`` in code."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from cms_core.contract import ChannelError, NotConnected, OutcomeUnknown, Refused, Retryable

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(hours=24)
SINCE_1970 = 1_000_000_000  # a larger number of seconds is an instant, not a wait
MOVED = (301, 307, 308)
NOT_ACTED_UPON = (408, 421, 425, 429)
NEVER = (501, 505)
BAD_TOKEN = ("invalid_token", "insufficient_scope", "token_expired", "expired_token", "token_revoked")


def judge(
    what: str, status: int, headers: Mapping[str, str], content: bytes, safe: bool, now: datetime
) -> ChannelError | None:
    """The error that a status stands for, None for 2xx; ``what`` names method and host."""
    said = f"{what}: {status}{_words(content)}"
    if 200 <= status < 300:
        return None
    if status == 401 or (status == 403 and _token_is_bad(headers, content)):
        return NotConnected(said)
    if status in NOT_ACTED_UPON or (status == 503 and "Retry-After" in headers):
        return Retryable(said, retry_after(headers.get("Retry-After"), now) or _until_reset(headers, now))
    if status in NEVER or 400 <= status < 500 or status in MOVED or (safe and status < 400):
        return Refused(said)
    return unreadable(said, safe)


def unreadable(reason: str, safe: bool) -> ChannelError:
    """For when the request left and what became of it cannot be told."""
    return Retryable(reason) if safe else OutcomeUnknown(reason)


def retry_after(text: str | None, now: datetime) -> timedelta | None:
    """How long a Retry-After asks to wait (seconds or a date), between 1 second and 24 hours; None when it says nothing."""
    if text is None:
        return None
    text = text.strip()
    try:
        if text.lstrip("+-").isdecimal():
            wait = timedelta(seconds=max(-1, min(int(text[:12]), 10**8)))
        else:
            at = parsedate_to_datetime(text)
            wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    except (ValueError, OverflowError):
        return None
    return min(max(wait, SHORTEST), LONGEST)


def _until_reset(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long until the window of a rate limit ends, where its headers say when: an instant, seconds since 1970, or from now."""
    text = (headers.get("RateLimit-Reset") or headers.get("X-RateLimit-Reset") or "").strip()
    try:
        if text.isdecimal():
            number = int(text[:12])
            wait = timedelta(seconds=number if number < SINCE_1970 else number - now.timestamp())
        else:
            at = datetime.fromisoformat(text)
            wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    except ValueError:
        return None
    return min(max(wait, SHORTEST), LONGEST)


def _token_is_bad(headers: Mapping[str, str], content: bytes) -> bool:
    if any(word in headers.get("WWW-Authenticate", "").lower() for word in BAD_TOKEN):
        return True
    return any(word in str(_error(content)).lower() for word in BAD_TOKEN)


def _words(content: bytes) -> str:
    """The remote's own words, if it has put a short text into its JSON; a message says more than the name of an error."""
    answer, error = _answer(content), _error(content)
    if isinstance(error, str):
        answer = {**answer, "code": error}
    elif isinstance(error, dict):
        answer = error
    error = answer.get("message") or answer.get("error_description") or answer.get("code")
    if not isinstance(error, str) or not error:
        return ""
    return " " + "".join(each if each.isprintable() else " " for each in error[:200])


def _error(content: bytes) -> object:
    answer = _answer(content)
    return answer.get("error") or answer.get("message") or answer.get("detail")


def _answer(content: bytes) -> dict[str, object]:
    try:
        answer = json.loads(content[:10_000])
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
