"""What a deck is made of: slides of its presentation, slides of others of the same brand, and blocks; and one file with them all.

A slide of the presentation is named by its id, one of another by ``<presentation>:<id>``, a block by an id of its own.
"""

import hashlib
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

from cms_core import CmsError, Invalid, Services, merge
from cms_sales_enablement import blocks, presentations, shelf
from cms_sales_enablement.models import BLOCK, Deck, Slide
from cms_sales_enablement.pptx.block import Block
from cms_sales_enablement.pptx.composing import Foreign, compose
from cms_sales_enablement.pptx.findings import Finding
from cms_sales_enablement.pptx.template import DeckTemplate
from cms_sales_enablement.presentations import Kept

OPEN = 8  # files that are kept open, ready to be copied: presentations, and as many that were composed
COMPOSING = threading.Lock()
EMU_OF_INCH, SLACK = 914_400, 0.01
Specs = tuple[Any, ...]  # of the merge fields that are known


@dataclass(frozen=True)
class Part:
    """A slide that is wanted in a deck: what it is called there, and what was told if it is a block."""

    ref: str
    block: Mapping[str, Any] | None = None

    @property
    def asset(self) -> str:
        """The presentation that it is of, if it is of another one, else ""."""
        return "" if self.block else self.ref.rpartition(":")[0]

    @property
    def uid(self) -> str:
        """Its id in its own presentation."""
        return self.ref.rpartition(":")[2]

    @property
    def is_added(self) -> bool:
        """Whether the deck's presentation does not have it."""
        return self.block is not None or bool(self.asset)


@dataclass(frozen=True)
class Material:
    """The slides that a deck has or may have: those of its presentation, and those that were ``added`` to them for this deck.

    ``lacking`` tells for parts that are wanted and not there why that is so; ``others`` are the presentations of slides that were
    added, by their asset, ``told`` what the blocks say, by id, ``stripped`` what was taken out of slides that were added.
    """

    kept: Kept
    opener: Callable[[bool], DeckTemplate]
    added: Sequence[Slide] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, Kept] = field(default_factory=dict)
    told: Mapping[str, Block] = field(default_factory=dict)
    stripped: Sequence[Finding] = ()

    def template(self, *, bare: bool = False) -> DeckTemplate:
        """The file with all of them, ready to be copied; ``bare``: without notes and comments."""
        return self.opener(bare)

    @cached_property
    def by_ref(self) -> Mapping[str, Slide]:
        """All of its slides by what they are called."""
        return {slide.uid: slide for slide in (*self.kept.slides, *self.added)}

    @property
    def slides(self) -> Sequence[Slide]:
        """All of its slides: those of the presentation in its order, then the others."""
        return list(self.by_ref.values())

    def of(self, deck: Deck) -> list[Slide]:
        """The slides of a deck that are there, in its order."""
        return [self.by_ref[each.uid] for each in deck.slides if each.uid in self.by_ref]

    def digest(self, ref: str) -> str:
        """The same as long as a slide is, in the presentation that it is of."""
        found = self.source(ref)
        return (found[1] if found else self.by_ref[ref]).digest

    def source(self, ref: str) -> tuple[Kept, Slide] | None:
        """The presentation that a slide is of, and the slide as it is there; None for a block."""
        part = Part(ref)
        kept = self.others.get(part.asset) if part.asset else None if ref.startswith(BLOCK) else self.kept
        slide = next((each for each in kept.slides if each.uid == part.uid), None) if kept else None
        return (kept, slide) if kept and slide else None


def of_presentation(svc: Services, kept: Kept) -> Material:
    """A presentation as it is."""
    return Material(kept, partial(_opened, kept.file.path, _specs(svc)))


def of_deck(svc: Services, deck: Deck) -> Material:
    """What a deck is made of now; raises NotFound when its presentation is no longer approved."""
    return of_parts(svc, presentations.find(svc, deck.asset), parts_of(deck))


def parts_of(deck: Deck) -> list[Part]:
    """The parts of a deck."""
    return [Part(each.uid, each.block) for each in deck.slides]


def of_parts(svc: Services, kept: Kept, parts: Iterable[Part]) -> Material:
    """A presentation with what is wanted beside its own slides; what there is not, or does not fit, is told in ``lacking``."""
    added = [part for part in parts if part.is_added]
    if not added:
        return of_presentation(svc, kept)
    specs = _specs(svc)
    gathered = _gather(svc, kept, added, specs)

    def composed(bare: bool) -> _File:
        with COMPOSING:  # the pictures of one page are asked for at once
            return _composed(kept.file.path, tuple(gathered.found), specs, bare)

    file = composed(False)
    told = {each.ref: each.block for each in gathered.found if each.block is not None}
    return Material(
        kept,
        lambda bare: composed(bare).template,
        file.slides,
        gathered.lacking,
        gathered.others,
        told,
        file.stripped,
    )


def fitting(svc: Services, kept: Kept, other: Kept) -> set[str]:
    """The ids of the slides of another presentation that this one has a layout for."""
    specs = _specs(svc)
    base, template = _opened(kept.file.path, specs), _opened(other.file.path, specs)
    if not _same_shape(base, template):
        return set()
    return {slide.uid for slide in other.slides if base.has_layout(template.layout(slide.uid))}


def refs(svc: Services, kept: Kept, picks: Iterable[str]) -> list[str]:
    """Picks as a deck keeps them: a presentation may be named by its slug. Raises NotFound for one that is not approved."""
    found, known = [], {"": "", kept.asset.id: "", kept.asset.slug: ""}
    for pick in picks:
        named, _, uid = pick.rpartition(":")
        if named not in known:
            known[named] = presentations.find(svc, named).asset.id
        found.append(f"{known[named]}:{uid}" if known[named] else uid)
    return found


# --- what is put in -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Added:
    """A slide that is put in: ``key`` is the same for the same content, by which a file that was made of it is found again."""

    ref: str
    key: str
    template: DeckTemplate | None = field(default=None, compare=False)
    block: Block | None = field(default=None, compare=False)


@dataclass
class _Gathered:
    found: list[_Added] = field(default_factory=list)
    lacking: dict[str, str] = field(default_factory=dict)
    others: dict[str, Kept] = field(default_factory=dict)


def _gather(svc: Services, kept: Kept, parts: Sequence[Part], specs: Specs) -> _Gathered:
    gathered, base = _Gathered(), _opened(kept.file.path, specs)
    for part in parts:
        try:
            if part.block is not None:
                block = blocks.content(svc, part.block)
                gathered.found.append(_Added(part.ref, _key(block), block=block))
            else:
                gathered.found.append(_foreign(svc, base, part, specs, gathered.others))
        except CmsError as error:
            gathered.lacking[part.ref] = error.message
    return gathered


def _foreign(svc: Services, base: DeckTemplate, part: Part, specs: Specs, others: dict[str, Kept]) -> _Added:
    other = others.get(part.asset) or presentations.find(svc, part.asset)
    if shelf.over(svc, [other.asset.id]):
        raise Invalid(f"{other.asset.slug!r} may be used no longer", "pick other slides", field="pick")
    others[part.asset] = other
    template = _opened(other.file.path, specs)
    _require_shape(base, template, other)
    layout = template.layout(part.uid)
    if not base.has_layout(layout):
        raise Invalid(
            f"slide {part.uid} of {other.asset.slug!r} stands on a layout {layout[:80]!r}, which this presentation does not have",
            "pick slides of the same brand",
            field="pick",
        )
    return _Added(part.ref, f"{other.file.sha256} {part.uid}", template)


def _require_shape(base: DeckTemplate, template: DeckTemplate, other: Kept) -> None:
    """What stands on a slide keeps its place, so it has to be as large."""
    if not _same_shape(base, template):
        wide, high = (round(each / EMU_OF_INCH, 2) for each in template.size)
        raise Invalid(
            f"the slides of {other.asset.slug!r} are {wide:g} by {high:g} inches, those of this presentation are not",
            "pick slides of the same size, or change the size of the presentation",
            field="pick",
        )


def _same_shape(one: DeckTemplate, other: DeckTemplate) -> bool:
    return all(abs(a - b) <= SLACK * a for a, b in zip(one.size, other.size, strict=True))


def _key(block: Block) -> str:
    return hashlib.sha256(repr(block).encode()).hexdigest()


def _specs(svc: Services) -> Specs:
    return tuple(
        (provider.namespace, provider.open, tuple((each.name, each.type) for each in provider.fields))
        for provider in svc.merge_fields
    )


# --- files, ready to be copied ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _File:
    template: DeckTemplate
    slides: tuple[Slide, ...]
    stripped: tuple[Finding, ...]


@lru_cache(maxsize=OPEN)
def _opened(path: str, specs: Specs, bare: bool = False) -> DeckTemplate:
    """Named by content, a file never changes; the fields are part of what was compiled."""
    return DeckTemplate(Path(path), _fields(specs), bare=bare)


@lru_cache(maxsize=OPEN)
def _composed(path: str, added: tuple[_Added, ...], specs: Specs, bare: bool = False) -> _File:
    """A file that holds more than the presentation; it has no name once it is open."""
    with tempfile.TemporaryDirectory(prefix="cms-deck-") as folder, ExitStack() as stack:
        whole = Path(folder, "whole.pptx")
        composed = compose(Path(path), list(_slides(path, added, specs, Path(folder), stack)), whole)
        template = DeckTemplate(whole, _fields(specs), composed.named, bare=bare)
    slides = [presentations.row_of(each, template.looks(each.id)) for each in template.slides]
    told = tuple(replace(each, where=ref) for ref, found in composed.stripped.items() for each in found)
    return _File(template, tuple(each for each in slides if each.uid in {one.ref for one in added}), told)


def _slides(
    path: str, added: Sequence[_Added], specs: Specs, folder: Path, stack: ExitStack
) -> Iterator[Foreign]:
    """The slides that are put in, in their order; blocks are made on a copy with the presentation's layouts."""
    from cms_sales_enablement.pptx.authoring import authored

    told = {each.ref: each.block for each in added if each.block is not None}
    made: dict[str, Foreign] = {}
    if told:
        base, stub = _opened(path, specs), folder / "stub.pptx"
        base.write(stub, [base.slides[0].id])
        found = stack.enter_context(authored(stub, told, folder / "authored.pptx"))
        made = {each.id: each for each in found}
    for each in added:
        yield each.template.foreign(Part(each.ref).uid, each.ref) if each.template else made[each.ref]


def _fields(specs: Specs) -> merge.Fields:
    return merge.Fields(
        {
            namespace: merge.Namespace({name: merge.FieldType(kind) for name, kind in known}, open=is_open)
            for namespace, is_open, known in specs
        }
    )
