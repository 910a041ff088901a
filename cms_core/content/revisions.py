"""What makes two revisions the same words: their canonical form and its hash; and which words a channel sees."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.content.models import Asset, Revision, RevisionState

MEDIA_REF = re.compile(r"/media/([0-9a-f]{64})/")


class Words(Protocol):
    """The part of a draft or revision that readers see."""

    @property
    def title(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def body(self) -> Mapping[str, Any]: ...
    @property
    def variants(self) -> Mapping[str, Any]: ...
    @property
    def locale(self) -> str: ...


def content_hash(kind: str, words: Words) -> str:
    """SHA-256 (hex) of kind, locale, title, summary, body, variants and the files they refer to, as canonical JSON."""
    document = {
        "kind": kind,
        "locale": words.locale,
        "title": words.title,
        "summary": words.summary,
        "body": words.body,
        "variants": words.variants,
        "media": sorted(media_in(words.summary, words.body, words.variants)),
    }
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def media_in(*values: Any) -> list[str]:
    """The hashes of the stored files that these values refer to, in order of first appearance."""
    return list(
        dict.fromkeys(
            sha for value in values for text in strings_in(value) for sha in MEDIA_REF.findall(text)
        )
    )


def effective(
    words: Words, channel: str = "", group: str = "", connection: str = "", variant: str = ""
) -> dict[str, Any]:
    """Title, summary and body as this channel shows them: overrides of the group, the channel, the connection, then the variant.

    ``overrides`` names the fields that were replaced or added.
    """
    merged: dict[str, Any] = {"title": words.title, "summary": words.summary, "body": dict(words.body)}
    overrides: dict[str, None] = {}
    for key in (group, channel, f"{channel}:{connection}" if connection else "", variant):
        for name, value in words.variants.get(key, {}).items() if key else ():
            target = merged if name in ("title", "summary") else merged["body"]
            target[name] = value
            overrides[name] = None
    return {**merged, "overrides": tuple(overrides)}


def head_of(session: Session, asset: Asset) -> Revision:
    """The newest revision of an asset."""
    query = select(Revision).where(Revision.asset_id == asset.id).order_by(Revision.n.desc()).limit(1)
    return session.scalars(query).one()


def was_approved(session: Session, asset: Asset) -> bool:
    """Whether any revision of this asset has ever been approved."""
    states = (RevisionState.APPROVED, RevisionState.SUPERSEDED)
    query = select(Revision.id).where(Revision.asset_id == asset.id, Revision.state.in_(states)).limit(1)
    return session.scalar(query) is not None


def strings_in(value: Any) -> Iterator[str]:
    """All texts of a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from strings_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings_in(each)
