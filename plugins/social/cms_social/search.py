"""Searches an account's own statuses for the words of a publication, and claims nothing that could be another's."""

from collections.abc import Mapping, Sequence
from typing import Any

from cms_core import Link, Receipt
from cms_social import store
from cms_social.mastodon_api import MastodonApi

CHANNEL = "mastodon"


def find(link: Link, api: MastodonApi, prepared: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The statuses of a publication, in their order; none when they cannot be told for sure.

    Only statuses after the one that was the newest before are looked at, and not those of other publications. Another one with the
    same words whose status is not known could be meant as well: then nothing is found.
    """
    others = set(store.others_with(link, CHANNEL, prepared["publication"], prepared["digest"]))
    live = {each.publication: each for each in link.services.live(CHANNEL) if each.publication in others}
    if others - live.keys():
        return []
    taken = {each for receipt in live.values() for each in _ids_of(receipt)}
    found = api.after(prepared["account"], prepared["after"])
    return _chain(api, [each for each in found if str(each["id"]) not in taken], prepared["statuses"])


def _chain(
    api: MastodonApi, found: Sequence[dict[str, Any]], wanted: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """One status for each of those wanted, each the answer to the one before; [] unless there is exactly one way."""
    chain: list[dict[str, Any]] = []
    for status in wanted:
        before = str(chain[-1]["id"]) if chain else None
        fits = [each for each in found if each.get("in_reply_to_id") == before]
        same = [each for each in fits if api.source(str(each["id"])) == status["status"]]
        if len(same) != 1:
            return []
        chain.append(same[0])
    return chain


def _ids_of(receipt: Receipt) -> set[str]:
    return {receipt.external_id, *map(str, receipt.data.get("ids", ()))}
