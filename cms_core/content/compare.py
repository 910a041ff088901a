"""What differs between two revisions: field by field, and within a field word by word."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.content.models import Asset, Media, Reference, Revision
from cms_core.errors import NotFound

# Above this many comparisons of one piece with another, the whole stretch counts as replaced: nobody reads such a difference.
MOST_PAIRS = 1_000_000
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")

SAME, GONE, NEW = "same", "gone", "new"


@dataclass(frozen=True)
class Run:
    """Some text that is in both revisions (``same``), in the older only (``gone``) or in the newer only (``new``)."""

    op: str
    text: str


@dataclass(frozen=True)
class Change:
    """One field that differs, as runs in reading order; ``field`` is like ``body.text`` or ``variants.email.subject``."""

    field: str
    runs: tuple[Run, ...]

    @property
    def before(self) -> str:
        """The field's text in the older revision."""
        return "".join(run.text for run in self.runs if run.op != NEW)

    @property
    def after(self) -> str:
        """The field's text in the newer revision."""
        return "".join(run.text for run in self.runs if run.op != GONE)

    def side(self, op: str) -> list[Run]:
        """The runs of one side: without those of ``op``."""
        return [run for run in self.runs if run.op != op]


def find_revision(session: Session, asset: Asset, n: int) -> Revision:
    """Revision ``n`` of an asset; raises NotFound naming those that there are."""
    query = select(Revision).where(Revision.asset_id == asset.id, Revision.n == n)
    found = session.scalars(query).first()
    if found is None:
        newest = session.scalar(
            select(Revision.n).where(Revision.asset_id == asset.id).order_by(Revision.n.desc()).limit(1)
        )
        raise NotFound(f"{asset.slug!r} has no revision {n}", f"it has revisions 1 to {newest}")
    return found


def compare(session: Session, before: Revision, after: Revision) -> list[Change]:
    """The fields in which two revisions differ, those of the words first, then overrides, then files."""
    old, new = _flat(session, before), _flat(session, after)
    return [
        Change(name, tuple(runs_of(old.get(name, ""), new.get(name, ""))))
        for name in dict.fromkeys([*old, *new])
        if old.get(name, "") != new.get(name, "")
    ]


def runs_of(before: str, after: str) -> Iterator[Run]:
    """Two texts as runs: lines are matched first, then words within the lines that differ. Joined, the runs give both texts."""
    yield from _joined(_by_lines(before, after))


def _by_lines(before: str, after: str) -> Iterator[Run]:
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for op, lost, won in _blocks(old, new):
        if op == SAME:
            yield Run(SAME, "".join(lost))
        else:
            yield from _by_words("".join(lost), "".join(won))


def _by_words(before: str, after: str) -> Iterator[Run]:
    for op, lost, won in _blocks(_WORDS.findall(before), _WORDS.findall(after)):
        if op == SAME:
            yield Run(SAME, "".join(lost))
        else:
            yield Run(GONE, "".join(lost))
            yield Run(NEW, "".join(won))


def _blocks(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    """(op, pieces of the old, pieces of the new) in order; what both begin and end with is not searched."""
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    yield SAME, old[:start], new[:start]
    yield from _matched(old[start : len(old) - end], new[start : len(new) - end])
    yield SAME, old[len(old) - end :], new[len(new) - end :]


def _matched(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    if len(old) * len(new) > MOST_PAIRS:
        yield GONE, old, new
        return
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new).get_opcodes():
        yield SAME if tag == "equal" else GONE, old[a:b], new[c:d]


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """How many pieces two sequences begin with alike."""
    for n, (one, other) in enumerate(zip(old, new, strict=False)):
        if one != other:
            return n
    return min(len(old), len(new))


def _joined(runs: Iterator[Run]) -> Iterator[Run]:
    """Neighbours of the same kind as one, empty ones left out."""
    held: Run | None = None
    for run in runs:
        if held is not None and run.op == held.op:
            held = Run(held.op, held.text + run.text)
        elif run.text:
            if held is not None:
                yield held
            held = run
    if held is not None:
        yield held


def _flat(session: Session, revision: Revision) -> dict[str, str]:
    """Every field of a revision as text."""
    fields = {"title": revision.title, "summary": revision.summary, "locale": revision.locale}
    fields |= {f"body.{name}": _text(value) for name, value in revision.body.items()}
    for key, overrides in sorted(revision.variants.items()):
        fields |= {f"variants.{key}.{name}": _text(value) for name, value in overrides.items()}
    return fields | {"media": "\n".join(_files(session, revision))}


def _files(session: Session, revision: Revision) -> Iterator[str]:
    query = select(Media.filename, Media.sha256).join(Reference)
    rows = session.execute(query.where(Reference.revision_id == revision.id).order_by(Media.id))
    yield from (f"{row.filename} ({row.sha256[:12]})" for row in rows)


def _text(value: Any) -> str:
    """A value as people read it: lists one item a line, what is nested as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return "\n".join(map(_text, value))
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {_text(each)}" for name, each in value.items())
    return json.dumps(value, ensure_ascii=False)
