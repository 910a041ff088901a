"""What somebody wants an asset to be, and the rules it must keep before it becomes a revision."""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from marshmallow import Schema, ValidationError

from cms_core import contract as c
from cms_core.content.models import Asset
from cms_core.content.slugs import slug_fault
from cms_core.errors import Conflict, Invalid
from cms_core.plugins import Plugins

MAX_TEXT_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 20
MAX_TAGS = 50
EMPTY: tuple[Any, ...] = (None, "", [])  # what a field of a kind holds when nothing was said
_LIMITS = {"title": 500, "summary": 5000, "funnel_stage": 40, "persona": 80}
_LOCALE = re.compile(r"[a-zA-Z]{2,3}(?:[-_][a-zA-Z0-9]{2,8}){0,3}")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class BadField(Invalid):
    """One field of a draft cannot be used; ``field`` names it, so that a form or file can point there."""

    def __init__(self, field: str, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy, field=field)


@dataclass(frozen=True)
class Draft:
    """What an asset is to be after a save. ``body`` holds the fields of the kind; an empty slug is made from the title.

    ``unpublish_at``: when what is public of it is taken back.
    """

    kind: str
    title: str
    summary: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    slug: str = ""
    tags: Sequence[str] = ()
    funnel_stage: str = ""
    persona: str = ""
    locale: str = ""
    unpublish_at: datetime | None = None


def require_kind(plugins: Plugins, asset: Asset) -> None:
    """Raise Conflict when the plugin that brings an asset's kind is missing: then nobody knows what its fields mean."""
    if asset.kind not in plugins.asset_kinds:
        raise Conflict(
            f"{asset.slug!r} is read-only: the plugin that brings the kind {asset.kind!r} is missing",
            "install the plugin again",
        )


def clean(kinds: Mapping[str, c.AssetKind], draft: Draft) -> Draft:
    """The draft with its spaces tidied; raises BadField for the first field that breaks a rule."""
    kind = kinds.get(draft.kind)
    if kind is None:
        known = ", ".join(sorted(kinds))
        raise BadField("kind", f"there is no kind {draft.kind[:80]!r}", f"kinds: {known}")
    lines = {name: _line(draft, name) for name in _LIMITS}
    if not lines["title"]:
        raise BadField("title", "the title is missing", "give it one")
    if draft.slug and (fault := slug_fault(draft.slug)):
        raise BadField("slug", fault, "choose another slug")
    _check_variants(draft.variants)
    _check_size(draft)
    return replace(
        draft,
        body=_own_fields(kind, draft.body),
        title=lines["title"],
        summary=lines["summary"],
        funnel_stage=lines["funnel_stage"],
        persona=lines["persona"],
        tags=_tags(draft.tags),
        locale=_locale(draft.locale),
    )


def _line(draft: Draft, name: str) -> str:
    text: str = " ".join(getattr(draft, name).split())
    if len(text) > _LIMITS[name]:
        raise BadField(name, f"{name} has {len(text)} characters; at most {_LIMITS[name]} fit", "shorten it")
    return text


def _locale(text: str) -> str:
    locale = text.strip().replace("_", "-")
    if locale and not _LOCALE.fullmatch(locale):
        raise BadField(
            "locale", f"locale {text[:40]!r} is not a language tag", "write it like en, de-AT or pt-BR"
        )
    return locale


def _tags(tags: Sequence[str]) -> tuple[str, ...]:
    tidy = {" ".join(unicodedata.normalize("NFC", tag).split()) for tag in tags} - {""}
    first_of = {tag.casefold(): tag for tag in sorted(tidy, reverse=True)}
    if len(first_of) > MAX_TAGS:
        raise BadField("tags", f"{len(first_of)} tags are too many; at most {MAX_TAGS} fit", "leave some out")
    long = [tag for tag in first_of.values() if len(tag) > 80]
    if long:
        raise BadField("tags", f"tag {long[0][:80]!r}… is longer than 80 characters", "shorten it")
    return tuple(sorted(first_of.values()))


def _check_variants(variants: Mapping[str, Any]) -> None:
    for key, overrides in variants.items():
        if not key or len(key) > 150:
            raise BadField(
                "channels", f"{key[:80]!r} is not a channel", "name a channel, a group or channel:connection"
            )
        if not isinstance(overrides, Mapping):
            raise BadField(
                "channels", f"the overrides for {key!r} are not fields", f"write them like {key}: {{text: …}}"
            )
        bad = [name for name in ("title", "summary") if not isinstance(overrides.get(name, ""), str)]
        if bad:
            raise BadField("channels", f"{bad[0]} for {key!r} is not text", "write it in quotes")


def _check_size(draft: Draft) -> None:
    """Refuse what the database or a hash could not hold: too much, too deep, control characters, half characters."""
    document = {
        "title": draft.title,
        "summary": draft.summary,
        "body": draft.body,
        "variants": draft.variants,
    }
    try:
        _check_tree(document, 0)
        size = len(json.dumps(document, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise BadField(
            "text", f"the text cannot be stored: {error}", "take out what is not plain text"
        ) from None
    if size > MAX_TEXT_BYTES:
        raise BadField("text", f"the text has {size:,} bytes; at most {MAX_TEXT_BYTES:,} fit", "split it up")


def _check_tree(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
    if isinstance(value, str) and (found := CONTROL.search(value)):
        raise ValueError(f"it holds the control character {found.group()!r}")
    if isinstance(value, Mapping):
        for key, each in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the field name {key!r} is not text")
            _check_tree(each, depth + 1)
    elif isinstance(value, list | tuple):
        for each in value:
            _check_tree(each, depth + 1)


def _own_fields(kind: c.AssetKind, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the fields of its kind as their schema writes them, so that the same value is always the same words."""
    for name in kind.text_fields:
        if not isinstance(body.get(name, ""), str):
            raise BadField(name, f"{name} is not text", "write it as text")
    if kind.schema is None:
        return dict(body)
    schema: Schema = kind.schema()
    tidy = {name: _stripped(value) if name in schema.fields else value for name, value in body.items()}
    kept = {name: value for name, value in tidy.items() if name not in schema.fields or value not in EMPTY}
    own = {
        name: value for name, value in kept.items() if name in schema.fields or name not in kind.text_fields
    }
    try:
        return {**kept, **schema.dump(schema.load(own))}
    except ValidationError as error:
        name, reason = _first_fault(error.messages)
        raise BadField(name, f"{name}: {reason}", f"see the fields of kind {kind.name}") from None


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _first_fault(messages: Any) -> tuple[str, str]:
    """The field and the words of the first of marshmallow's nested messages."""
    name, reason = next(iter(messages.items())) if isinstance(messages, dict) else ("text", messages)
    while isinstance(reason, dict | list) and reason:
        reason = next(iter(reason.values())) if isinstance(reason, dict) else reason[0]
    return str(name), str(reason)
