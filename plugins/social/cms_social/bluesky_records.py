"""Records of posts (``app.bsky.feed.post``): text with its facets, languages, pictures or the card of a page, and replies."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from cms_social.facets import detect

MOST_LANGUAGES = 3
TITLE, DESCRIPTION = 300, 1000  # characters of a card; what is longer is cut


def record(
    text: str, created: datetime, language: str, did_of: Callable[[str], str | None]
) -> dict[str, Any]:
    """A post without anything attached. ``did_of`` tells whom a handle means; a mention of nobody stays plain text."""
    made: dict[str, Any] = {"$type": "app.bsky.feed.post", "text": text, "createdAt": instant(created)}
    if language:
        made["langs"] = [each.strip() for each in language.split(",") if each.strip()][:MOST_LANGUAGES]
    if facets := list(_facets(text, did_of)):
        made["facets"] = facets
    return made


def images(pictures: Sequence[tuple[Mapping[str, Any], str, tuple[int, int] | None]]) -> dict[str, Any]:
    """Pictures: (reference, alternative text, width and height)."""
    shown = []
    for blob, alt, size in pictures:
        ratio = {"aspectRatio": {"width": size[0], "height": size[1]}} if size else {}
        shown.append({"image": dict(blob), "alt": alt, **ratio})
    return {"$type": "app.bsky.embed.images", "images": shown}


def card(uri: str, title: str, description: str, thumb: Mapping[str, Any] | None) -> dict[str, Any]:
    """The card of a page; the network does not fetch one by itself."""
    external = {"uri": uri, "title": title[:TITLE], "description": description[:DESCRIPTION]}
    return {
        "$type": "app.bsky.embed.external",
        "external": {**external, **({"thumb": dict(thumb)} if thumb else {})},
    }


def reply(root: Mapping[str, str], parent: Mapping[str, str]) -> dict[str, Any]:
    """What makes a post the answer to another one; ``root`` is the first of the thread."""
    return {"reply": {"root": dict(root), "parent": dict(parent)}}


def instant(at: datetime) -> str:
    """An instant as the protocol writes it: milliseconds, Z."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _facets(text: str, did_of: Callable[[str], str | None]) -> Any:
    known: dict[str, str | None] = {}
    for each in detect(text):
        if each.kind == "mention":
            handle = each.value.lower()
            known[handle] = known[handle] if handle in known else did_of(handle)
            if known[handle] is None:
                continue
            feature = {"$type": "app.bsky.richtext.facet#mention", "did": known[handle]}
        elif each.kind == "link":
            feature = {"$type": "app.bsky.richtext.facet#link", "uri": each.value}
        else:
            feature = {"$type": "app.bsky.richtext.facet#tag", "tag": each.value}
        yield {"index": {"byteStart": each.start, "byteEnd": each.end}, "features": [feature]}
