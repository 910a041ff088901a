"""The editor's form: an asset's words as inputs, and what was posted as a draft. What the form does not show is kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from cms_core import contract as c
from cms_core.content.drafts import Draft

SHARED = (("title", "Title"), ("summary", "Summary"), ("text", "Text"))
LABELS = {
    "title": "Title",
    "slug": "Slug",
    "kind": "Kind",
    "summary": "Summary",
    "text": "Text",
    "tags": "Tags",
    "funnel_stage": "Funnel stage",
    "persona": "Persona",
    "locale": "Language",
    "unpublish_at": "Expires",
}


@dataclass(frozen=True)
class Override:
    """One input of a channel's own words; empty means "as in the master text"."""

    id: str
    label: str
    value: str
    long: bool
    limit: int | None


@dataclass(frozen=True)
class Part:
    """The own words of a channel, or of one connection of it; ``takes``: it takes the kind, ``changed``: how many are filled."""

    channel: c.Channel
    connection: str
    overrides: tuple[Override, ...]
    takes: bool

    @property
    def key(self) -> str:
        """Under which these words stand in the variants: ``channel`` or ``channel:connection``."""
        return _key(self.channel.name, self.connection)

    @property
    def label(self) -> str:
        """The channel's label, with the connection's name."""
        return f"{self.channel.label} · {self.connection}" if self.connection else self.channel.label

    @property
    def changed(self) -> int:
        return sum(bool(each.value) for each in self.overrides)


def input_id(key: str, name: str) -> str:
    """The id and name of the input for the own words of a channel or of ``channel:connection``."""
    return f"for-{key}-{name}"


def values_of(draft: Draft, tz: str = "UTC") -> dict[str, str]:
    """The draft as the texts of its inputs, instants on the wall clock of a zone."""
    text = draft.body.get("text", "")
    expires = draft.unpublish_at.astimezone(ZoneInfo(tz)) if draft.unpublish_at else None
    return {
        **{name: getattr(draft, name) for name in LABELS if name not in ("text", "tags", "unpublish_at")},
        "unpublish_at": f"{expires:%Y-%m-%dT%H:%M}" if expires else "",
        "text": text if isinstance(text, str) else "",
        "tags": ", ".join(draft.tags),
    }


def parts_of(
    draft: Draft, channels: Iterable[c.Channel], connections: Sequence[tuple[str, str]] = ()
) -> list[Part]:
    """The fieldsets of all channels, each followed by its connections (channel, name); those that take the kind come first.

    A connection has a fieldset where its channel takes the kind, or where it has words of its own already.
    """
    parts = []
    for channel in channels:
        own = [name for key, name in connections if key == channel.name]
        made = [_part(draft, channel, name) for name in ["", *own]]
        parts += [part for part in made if part.takes or part.changed or not part.connection]
    return sorted(parts, key=lambda part: (not part.takes, part.channel.label))


def draft_of_form(
    form: Mapping[str, str],
    base: Draft | None,
    channels: Iterable[c.Channel],
    connections: Sequence[tuple[str, str]] = (),
) -> Draft:
    """What was typed, over what the form cannot show of ``base`` (words for groups, and for connections that are gone)."""
    variants: dict[str, Mapping[str, Any]] = dict(base.variants) if base else {}
    for channel in channels:
        for name in ["", *(name for key, name in connections if key == channel.name)]:
            key = _key(channel.name, name)
            after = _overridden(form, dict(variants.get(key, {})), channel, key)
            if after or key in variants:
                variants[key] = after
    return Draft(
        kind=form.get("kind", "") or (base.kind if base else ""),
        title=form.get("title", ""),
        summary=form.get("summary", ""),
        body={**(base.body if base else {}), "text": _plain_lines(form.get("text", ""))},
        variants=variants,
        slug=form.get("slug", "").strip() or (base.slug if base else ""),
        tags=[tag.strip() for tag in form.get("tags", "").split(",") if tag.strip()],
        funnel_stage=form.get("funnel_stage", ""),
        persona=form.get("persona", ""),
        locale=form.get("locale", ""),
        unpublish_at=base.unpublish_at if base else None,
    )


def differences(theirs: Draft, mine: Draft) -> list[tuple[str, str, str]]:
    """(Field, theirs, mine) for everything in which two drafts differ."""
    rows = [(LABELS[name], old, values_of(mine)[name]) for name, old in values_of(theirs).items()]
    for channel in sorted({*theirs.variants, *mine.variants}):
        old, new = theirs.variants.get(channel, {}), mine.variants.get(channel, {})
        rows += [
            (f"{name} for {channel}", str(old.get(name, "")), str(new.get(name, "")))
            for name in sorted({*old, *new})
        ]
    return [row for row in rows if row[1] != row[2]]


def _names(channel: c.Channel) -> dict[str, str]:
    return {**dict(SHARED), **dict(channel.override_fields)}


def _key(channel: str, connection: str) -> str:
    return f"{channel}:{connection}" if connection else channel


def _part(draft: Draft, channel: c.Channel, connection: str) -> Part:
    key = _key(channel.name, connection)
    own = draft.variants.get(key, {})
    inputs = []
    for name, label in _names(channel).items():
        value = own.get(name, "")
        if isinstance(value, str):
            long = name in ("text", "summary") or "\n" in value
            inputs.append(Override(input_id(key, name), label, value, long, channel.limits.get(name)))
    takes = not channel.asset_kinds or draft.kind in channel.asset_kinds
    return Part(channel, connection, tuple(inputs), takes)


def _overridden(
    form: Mapping[str, str], before: Mapping[str, Any], channel: c.Channel, key: str
) -> dict[str, Any]:
    after = dict(before)
    for name in _names(channel):
        typed = form.get(input_id(key, name))
        if typed is None or not isinstance(before.get(name, ""), str):
            continue
        text = _plain_lines(typed)
        if text.strip():
            after[name] = text
        else:
            after.pop(name, None)
    return after


def _plain_lines(text: str) -> str:
    """A browser sends line ends as CRLF; what is stored and hashed has plain ones."""
    return text.replace("\r\n", "\n")
