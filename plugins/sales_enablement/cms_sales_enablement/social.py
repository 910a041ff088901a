"""Social selling: a rep's own tracked link, ready to be posted in the networks where the rep is at home.

The addresses are those that the networks document for sharing a page; the rep sees the post there and sends it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from cms_core import Asset, markdown_to_text

POST = "social-post"
LONGEST = 240  # characters of the words beside a link: what fits everywhere


@dataclass(frozen=True)
class Offer:
    """Where a link can be posted: the network's own page for it, with what is said already in it."""

    network: str
    label: str
    url: str


def words(asset: Asset) -> str:
    """What a rep would say: the words of an approved post, else the title."""
    text = markdown_to_text(str(asset.body.get("text") or "")) if asset.kind == POST else asset.title
    said = " ".join(text.split())
    return said if len(said) <= LONGEST else said[: LONGEST - 1].rsplit(" ", 1)[0] + "…"


def offers(asset: Asset, url: str) -> Sequence[Offer]:
    """For each network the address of its page for sharing."""
    said = words(asset)

    def at(base: str, **query: str) -> str:
        return f"{base}?{urlencode(query, quote_via=quote)}"

    return [
        Offer("linkedin", "LinkedIn", at("https://www.linkedin.com/sharing/share-offsite/", url=url)),
        Offer("bluesky", "Bluesky", at("https://bsky.app/intent/compose", text=f"{said} {url}")),
        Offer("x", "X", at("https://x.com/intent/post", text=said, url=url)),
        Offer("facebook", "Facebook", at("https://www.facebook.com/sharer/sharer.php", u=url)),
        Offer(
            "email",
            "E-mail",
            "mailto:?" + urlencode({"subject": asset.title, "body": f"{said}\n\n{url}"}, quote_via=quote),
        ),
    ]
