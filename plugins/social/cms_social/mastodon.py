"""The channel ``mastodon``: posts and threads on a Mastodon server."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from cms_core import (
    Channel,
    Finding,
    Idempotency,
    IdempotencyRule,
    Identity,
    Json,
    Link,
    Measurement,
    Placement,
    Prepared,
    Preview,
    Receipt,
    Refused,
    Wait,
    merge,
)
from cms_social import findings, preview, search, store
from cms_social.counting import graphemes, mastodon_length
from cms_social.mastodon_api import BATCH, Limits, MastodonApi
from cms_social.posts import KINDS, PAGES, Words
from cms_social.schemas import DEFAULT_CHARACTERS, VISIBILITIES, MastodonSettings
from cms_social.threads import send_all

NAME = "mastodon"
KEY_LIFE = timedelta(hours=1)  # for which a server remembers an Idempotency-Key
LONGEST_THREAD = timedelta(
    minutes=10
)  # that sending one may take: what is begun must end within the life of its keys
PROCESSING = timedelta(seconds=2)
METRICS = {
    "likes": "favourites_count",
    "reposts": "reblogs_count",
    "replies": "replies_count",
    "quotes": "quotes_count",
}


class MastodonChannel(Channel):
    """A status has a key that the server honours for an hour; after that its own words are searched for."""

    name = NAME
    label = "Mastodon"
    group = "social"
    asset_kinds = KINDS
    connection_schema = MastodonSettings
    limits = {"text": DEFAULT_CHARACTERS}
    override_fields = (
        ("content_warning", "Content warning"),
        ("visibility", "Visibility"),
        ("language", "Language"),
        ("link", "Link"),
    )
    grace = timedelta(hours=2)
    idempotency = IdempotencyRule(Idempotency.KEYED, KEY_LIFE - LONGEST_THREAD)
    refresh = "static"

    def test(self, link: Link) -> Identity:
        """Who the token is, and what the server takes."""
        api = MastodonApi(link)
        account, limits = api.me(), api.limits()
        wanted = _longest(link.settings)
        if wanted > limits.characters:
            raise Refused(
                f"the server takes {limits.characters} characters a post; set max_characters to that, not {wanted}"
            )
        rights = (f"{limits.characters} characters a post", f"{limits.media} files a post")
        return Identity(f"@{account.get('acct', '')}", str(account.get("url") or ""), rights)

    def check(self, placement: Placement) -> Iterable[Finding]:
        words = Words(placement, findings.some_page(placement))
        yield from findings.check(words, _texts, RULES, _longest(placement.settings), _warning)
        if (visibility := _raw(placement, "visibility")) and visibility not in VISIBILITIES:
            yield findings.error(
                "visibility", f"there is no visibility {visibility[:40]!r}; choose {', '.join(VISIBILITIES)}"
            )

    def preview(self, placement: Placement) -> Preview:
        words = Words(placement, findings.some_page(placement))
        try:
            warning = words.word("content_warning")
            shown = preview.Shown(NAME, _account(placement), words, _texts(words), warning)
        except merge.MergeError as error:
            return preview.fault(placement, error)
        longest = _longest(placement.settings)
        return preview.preview(
            shown, tuple(mastodon_length(text) + graphemes(warning) for text in shown.texts), longest
        )

    def prepare(self, link: Link, placement: Placement, progress: Json | None) -> Prepared | Wait:
        """Hand the files over and wait until the server has looked at them; remember which status was the newest."""
        api, done = MastodonApi(link), dict(progress or {})
        if "account" not in done:
            words = Words(placement, link.services.address_of(placement.asset.id, PAGES))
            done |= {"statuses": _statuses(words, link, api.limits()), "account": str(api.me()["id"])}
            done["files"] = [[api.upload(media) for media in part.media] for part in words.parts]
        if not all(api.is_ready(each) for files in done["files"] for each in files):
            return Wait(PROCESSING, done)
        statuses = [
            {**status, "media_ids": files}
            for status, files in zip(done["statuses"], done["files"], strict=True)
        ]
        digest = store.digest_of(each["status"] for each in statuses)
        store.reserve(link, NAME, placement.publication, digest, len(statuses))
        return Prepared(
            {
                "statuses": statuses,
                "account": done["account"],
                "after": api.newest(done["account"]),
                "publication": placement.publication,
                "digest": digest,
            }
        )

    def publish(self, link: Link, prepared: Prepared, key: str, previous: Receipt | None) -> Receipt:
        api, statuses = MastodonApi(link), prepared.data["statuses"]
        key = f"{key}/{prepared.data['digest'][:16]}"  # other words are another post: the key of one that is gone answers 404
        before = _ids(previous) if previous is not None else []

        def send(number: int, sent: list[dict[str, Any]]) -> dict[str, Any]:
            if number < len(before):
                return api.edit(before[number], _editable(statuses[number]))
            reply = {"in_reply_to_id": str(sent[-1]["id"])} if sent else {}
            return api.post({**statuses[number], **reply}, key if number == 0 else f"{key}/{number + 1}")

        sent = send_all(len(statuses), send, lambda each: _take_back(api, str(each["id"]), before))
        for surplus in before[len(statuses) :]:
            api.delete(surplus)
        return receipt_of(sent)

    def reconcile(self, link: Link, prepared: Prepared, key: str) -> Receipt | None:
        """Search our own statuses for these words; what cannot be told from another publication's is not claimed."""
        sent = search.find(link, MastodonApi(link), prepared.data)
        return receipt_of(sent) if sent else None

    def withdraw(self, link: Link, receipt: Receipt) -> None:
        api = MastodonApi(link)
        for each in reversed(_ids(receipt)):
            api.delete(each)

    def measure(
        self, link: Link, receipts: Sequence[Receipt], since: datetime | None
    ) -> Iterator[Measurement]:
        """Numbers of all posts of a thread together; its own posts do not count as replies."""
        api, at = MastodonApi(link), link.now()
        owners = {each: receipt.publication for receipt in receipts for each in _known_ids(receipt)}
        found: dict[str, list[dict[str, Any]]] = {}
        ids = sorted(owners)
        for first in range(0, len(ids), BATCH):
            for status in api.statuses(ids[first : first + BATCH]):
                found.setdefault(owners[str(status["id"])], []).append(status)
        for publication, statuses in found.items():
            for metric, count in METRICS.items():
                total = sum(int(status.get(count) or 0) for status in statuses)
                own = len(statuses) - 1 if metric == "replies" else 0
                yield Measurement(publication, metric, Decimal(max(total - own, 0)), at)


RULES = findings.Rules(
    network="Mastodon",
    length=mastodon_length,
    media=4,
    pictures=("image/png", "image/jpeg", "image/gif", "image/webp"),
    films=("video/mp4",),
)


def receipt_of(sent: Sequence[Mapping[str, Any]]) -> Receipt:
    """The proof of what was sent: the first status stands for all."""
    first = sent[0]
    return Receipt(str(first["id"]), str(first.get("url") or ""), {"ids": [str(each["id"]) for each in sent]})


def _statuses(words: Words, link: Link, limits: Limits) -> list[dict[str, Any]]:
    placement, warning = words.placement, words.word("content_warning")
    longest = min(limits.characters, _longest(link.settings))
    for text in _texts(words):
        if (length := mastodon_length(text) + graphemes(warning)) > longest:
            raise Refused(f"a post has {length} characters; this server takes {longest}")
    if any(len(part.media) > limits.media for part in words.parts):
        raise Refused(f"a post has more files than this server takes ({limits.media})")
    shared = {
        "visibility": _raw(placement, "visibility") or link.settings.get("visibility") or VISIBILITIES[0],
        "spoiler_text": warning,
        "sensitive": bool(warning),
        "language": words.language.partition("-")[0].lower() or None,
    }
    return [{"status": text, **shared} for text in _texts(words)]


def _texts(words: Words) -> tuple[str, ...]:
    """The texts as they are sent: the link ends the first one, unless the text has an address already."""
    texts = [part.text for part in words.parts]
    if texts and words.link and "://" not in "".join(texts):
        texts[0] = f"{texts[0]}\n\n{words.link}".strip()
    return tuple(texts)


def _editable(status: Mapping[str, Any]) -> dict[str, Any]:
    """What an edit may say: who can see a status is decided once."""
    return {key: value for key, value in status.items() if key != "visibility"}


def _take_back(api: MastodonApi, status_id: str, before: Sequence[str]) -> None:
    """What an update only changed stays: its former words are gone already."""
    if status_id not in before:
        api.delete(status_id)


def _ids(receipt: Receipt) -> list[str]:
    """The statuses of a receipt; where a person gave the address only, its last part."""
    if ids := _known_ids(receipt):
        return ids
    raise Refused("nobody knows which status this is; delete or edit it on the network")


def _known_ids(receipt: Receipt) -> list[str]:
    ids = receipt.data.get("ids") or [receipt.external_id or receipt.url.rstrip("/").rpartition("/")[2]]
    return [str(each) for each in ids if str(each).isalnum()]


def _longest(settings: Json) -> int:
    return int(settings.get("max_characters") or DEFAULT_CHARACTERS)


def _raw(placement: Placement, name: str) -> str:
    value = placement.asset.body.get(name)
    return value.strip() if isinstance(value, str) else ""


def _warning(words: Words) -> int:
    return graphemes(words.word("content_warning"))


def _account(placement: Placement) -> str:
    host = str(placement.settings.get("base_url") or "").partition("://")[2]
    return (placement.connection or "account") + (f" on {host}" if host else "")
