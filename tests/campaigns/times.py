"""Times as tests write them, and the id of an entry to count from."""

from datetime import UTC, datetime

PUBLIC_ID = "0192f0c1-9d3e-7abc-8def-01234567890d"


def utc(text: str) -> datetime:
    """An instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wall(text: str) -> datetime:
    """What a clock on a wall shows, wherever it hangs."""
    return datetime.fromisoformat(text)
