"""The channel ``bluesky``: posts and threads on the AT Protocol."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from cms_core import (
    Absent,
    Channel,
    Finding,
    Idempotency,
    IdempotencyRule,
    Identity,
    Json,
    Link,
    Measurement,
    Media,
    Placement,
    Prepared,
    Preview,
    Receipt,
    Refused,
    merge,
)
from cms_social import bluesky_records as records
from cms_social import findings, pictures, preview, store, tid
from cms_social.bluesky_api import BlueskyApi
from cms_social.counting import graphemes
from cms_social.posts import KINDS, PAGES, Part, Words
from cms_social.schemas import BlueskySettings
from cms_social.threads import send_all

NAME = "bluesky"
GRAPHEMES, BYTES = 300, 3000
METRICS = {"likes": "likeCount", "reposts": "repostCount", "replies": "replyCount", "quotes": "quoteCount"}
RULES = findings.Rules(
    network="Bluesky",
    length=graphemes,
    media=4,
    pictures=("image/png", "image/jpeg", "image/gif", "image/webp"),
    most_bytes=BYTES,
)


class BlueskyChannel(Channel):
    """We choose the key of each record, so the same publication is the same post, however often it is sent."""

    name = NAME
    label = "Bluesky"
    group = "social"
    asset_kinds = KINDS
    connection_schema = BlueskySettings
    limits = {"text": GRAPHEMES}
    override_fields = (("language", "Language"), ("link", "Link"))
    grace = timedelta(hours=2)
    idempotency = IdempotencyRule(Idempotency.CLIENT_ID)
    refresh = "rotating"

    def test(self, link: Link) -> Identity:
        """Who the app password signs in as."""
        api = BlueskyApi(link)
        handle = str(api.who().get("handle") or api.session.handle)
        return Identity(
            f"@{handle}",
            f"https://bsky.app/profile/{handle}",
            (f"{GRAPHEMES} characters a post", "post", "delete"),
        )

    def check(self, placement: Placement) -> Iterable[Finding]:
        return findings.check(Words(placement, findings.some_page(placement)), _texts, RULES, GRAPHEMES)

    def preview(self, placement: Placement) -> Preview:
        words = Words(placement, findings.some_page(placement))
        handle = placement.settings.get("handle")
        account = f"@{handle}" if handle else placement.connection or "account"
        try:
            shown = preview.Shown(NAME, account, words, _texts(words), card=words.title)
        except merge.MergeError as error:
            return preview.fault(placement, error)
        return preview.preview(shown, tuple(graphemes(text) for text in shown.texts), GRAPHEMES)

    def prepare(self, link: Link, placement: Placement, progress: Json | None) -> Prepared:
        """Hand the pictures over, find out who is mentioned, and fix the key and the instant of each record."""
        api = BlueskyApi(link)
        words = Words(placement, link.services.address_of(placement.asset.id, PAGES))
        texts = _texts(words)
        kept = store.reserve(link, NAME, placement.publication, store.digest_of(texts), len(texts))
        posts = []
        for number, (text, part) in enumerate(zip(texts, words.parts, strict=True)):
            micros = kept.micros + number
            post = records.record(text, tid.instant_of(micros), words.language, api.did_of)
            if embed := _embed(api, words, part, first=number == 0):
                post["embed"] = embed
            posts.append({"rkey": tid.encode(micros, clock_of(api.session.did)), "record": post})
        return Prepared({"posts": posts, "handle": api.session.handle})

    def publish(self, link: Link, prepared: Prepared, key: str, previous: Receipt | None) -> Receipt:
        if previous is not None:
            raise Refused("Bluesky shows no edits: withdraw the post and publish a new one")
        api, posts = BlueskyApi(link), prepared.data["posts"]

        def send(number: int, sent: list[dict[str, str]]) -> dict[str, str]:
            post = posts[number]
            thread = records.reply(sent[0], sent[-1]) if sent else {}
            return api.put(post["rkey"], {**post["record"], **thread})

        sent = send_all(len(posts), send, lambda each: api.delete(_rkey(each["uri"])))
        return _receipt(prepared.data["handle"], sent)

    def reconcile(self, link: Link, prepared: Prepared, key: str) -> Receipt | Absent | None:
        """All records are there, or none; of a part of a thread nobody can say more than that it must be sent again."""
        api = BlueskyApi(link)
        found = [api.find(post["rkey"]) for post in prepared.data["posts"]]
        sent = [each for each in found if each is not None]
        if len(sent) == len(found):
            return _receipt(prepared.data["handle"], sent)
        return None if sent else Absent()

    def withdraw(self, link: Link, receipt: Receipt) -> None:
        api = BlueskyApi(link)
        for each in reversed(_rkeys(receipt)):
            api.delete(each)

    def measure(
        self, link: Link, receipts: Sequence[Receipt], since: datetime | None
    ) -> Iterator[Measurement]:
        """Numbers of all posts of a thread together; its own posts do not count as replies."""
        owners = {uri: receipt.publication for receipt in receipts for uri in _uris(receipt)}
        if not owners:
            return
        totals: dict[str, dict[str, int]] = {}
        for post in BlueskyApi(link).posts(sorted(owners)):
            counts = totals.setdefault(owners.get(str(post.get("uri")), ""), dict.fromkeys(METRICS, 0))
            for metric, name in METRICS.items():
                counts[metric] += int(post.get(name) or 0)
        own = {receipt.publication: len(_uris(receipt)) - 1 for receipt in receipts}
        for publication, counts in totals.items():
            counts["replies"] = max(counts["replies"] - own.get(publication, 0), 0)
            for metric, number in counts.items():
                yield Measurement(publication, metric, Decimal(number), link.now())


def clock_of(did: str) -> int:
    """The clock of our keys: the same for an account wherever it is connected, and another one than most other writers use."""
    return int.from_bytes(sha256(did.encode()).digest()[:2]) % tid.CLOCKS


def _texts(words: Words) -> tuple[str, ...]:
    """The texts as they are sent; a link is shown as a card, or ends the text where pictures take the place of the card."""
    texts = [part.text for part in words.parts]
    if texts and words.link and words.parts[0].media and words.link not in texts[0]:
        texts[0] = f"{texts[0]}\n\n{words.link}".strip()
    return tuple(texts)


def _embed(api: BlueskyApi, words: Words, part: Part, *, first: bool) -> dict[str, Any] | None:
    if part.media:
        return records.images([(*_uploaded(api, each), _size(each)) for each in part.media])
    if not first or not words.link:
        return None
    thumb = next((each for each in words.asset.media if each.mime in RULES.pictures), None)
    return records.card(words.link, words.title, words.summary, _uploaded(api, thumb)[0] if thumb else None)


def _uploaded(api: BlueskyApi, media: Media) -> tuple[dict[str, Any], str]:
    data, mime = pictures.fitting(media)
    return api.upload(media, data, mime), media.alt[: findings.LONGEST_ALT]


def _size(media: Media) -> tuple[int, int] | None:
    return (media.width, media.height) if media.width and media.height else None


def _receipt(handle: str, sent: Sequence[dict[str, str]]) -> Receipt:
    uri = sent[0]["uri"]
    return Receipt(uri, f"https://bsky.app/profile/{handle}/post/{_rkey(uri)}", {"posts": list(sent)})


def _uris(receipt: Receipt) -> list[str]:
    return [str(each["uri"]) for each in receipt.data.get("posts", ())]


def _rkeys(receipt: Receipt) -> list[str]:
    """The keys of a receipt's records; where a person gave the address only, its last part."""
    return [_rkey(each) for each in _uris(receipt) or [receipt.external_id or receipt.url.rstrip("/")]]


def _rkey(uri: str) -> str:
    key = uri.rpartition("/")[2]
    try:
        tid.decode(key)
    except ValueError:
        raise Refused("nobody knows which post this is; delete it on the network") from None
    return key
