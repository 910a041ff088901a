"""What the lexicons say of posts: which records are valid, what their addresses and views look like."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cms_core.testing.network import Answer
from cms_social import tid
from cms_social.counting import graphemes

POSTS = "app.bsky.feed.post"
GRAPHEMES, BYTES, IMAGES, LANGUAGES = 300, 3000, 4, 3
MOST_IMAGE = 1_000_000
Key = tuple[str, str, str]  # did, collection, rkey


class Failure(Exception):
    """An answer that is an error."""

    def __init__(
        self, name: str, words: str, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(words)
        self.answer = Answer(status, {"error": name, "message": words}, headers=headers or {})


def uri(key: Key) -> str:
    """The address of a record."""
    return "at://" + "/".join(key)


def cid(data: bytes, codec: int = 0x71) -> str:
    """CIDv1: base32 of version, codec, and a SHA-256."""
    raw = bytes([1, codec, 0x12, 32]) + hashlib.sha256(data).digest()
    return "b" + base64.b32encode(raw).decode().lower().rstrip("=")


def next_tid(now: datetime) -> str:
    """A key for a record that was given none."""
    next_tid.last = max(getattr(next_tid, "last", 0) + 1, tid.micros_of(now))  # type: ignore[attr-defined]
    return tid.encode(next_tid.last)  # type: ignore[attr-defined]


def check(key: Key, record: Mapping[str, Any], blobs: Mapping[str, tuple[str, bytes]]) -> None:
    """Raise Failure where a post breaks a rule of its lexicon."""
    if key[1] != POSTS:
        return
    try:
        tid.decode(key[2])
    except ValueError:
        raise _invalid("rkey must be a TID") from None
    text, created = record.get("text"), record.get("createdAt")
    if not isinstance(text, str) or not isinstance(created, str):
        raise _invalid('Record must have the properties "text" and "createdAt"')
    try:
        aware = datetime.fromisoformat(created).tzinfo is not None
    except ValueError:
        aware = False
    if not aware:
        raise _invalid("Record/createdAt must be an valid atproto datetime")
    if len(text.encode()) > BYTES:
        raise _invalid(f"Record/text must not be longer than {BYTES} characters")
    if graphemes(text) > GRAPHEMES:
        raise _invalid(f"Record/text must not be longer than {GRAPHEMES} graphemes")
    if len(record.get("langs", ())) > LANGUAGES:
        raise _invalid(f"Record/langs must not have more than {LANGUAGES} elements")
    _check_facets(text, record)
    _check_embed(record.get("embed") or {}, blobs)


def _check_facets(text: str, record: Mapping[str, Any]) -> None:
    for facet in record.get("facets", ()):
        start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        if not 0 <= start < end <= len(text.encode()):
            raise _invalid("Record/facets/index must lie inside of the text")


def _check_embed(embed: Mapping[str, Any], blobs: Mapping[str, tuple[str, bytes]]) -> None:
    images = embed.get("images", ())
    if len(images) > IMAGES:
        raise _invalid(f"Record/embed/images must not have more than {IMAGES} elements")
    thumb = embed.get("external", {}).get("thumb")
    for blob in [*(each["image"] for each in images), *([thumb] if thumb else [])]:
        link = blob["ref"]["$link"]
        if link not in blobs:
            raise Failure("InvalidRequest", f"Could not find blob: {link}")
        if len(blobs[link][1]) > MOST_IMAGE:
            raise Failure(
                "BlobTooLarge",
                f"This file is too large. It is {len(blobs[link][1])} but the maximum size is 976.56KB.",
            )


def _invalid(words: str) -> Failure:
    return Failure("InvalidRequest", f"Invalid app.bsky.feed.post record: {words}")


def view(row: Mapping[str, Any], author: Mapping[str, Any], counts: Mapping[str, int]) -> dict[str, Any]:
    """A post as the app shows it."""
    return {
        "$type": "app.bsky.feed.defs#postView",
        "uri": row["uri"],
        "cid": row["cid"],
        "author": dict(author),
        "record": row["value"],
        "indexedAt": row["at"].isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "likeCount": counts["likes"],
        "repostCount": counts["reposts"],
        "replyCount": counts["replies"],
        "quoteCount": counts["quotes"],
        "labels": [],
    }
