"""What a deck is made of: slides of its presentation, slides of others of the same brand, and blocks; and one file with them all.

A slide of the presentation is named by its id, one of another by ``<presentation>:<id>``, a block by an id of its own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from cms_core import CmsError, Invalid, Services
from cms_sales_enablement import blocks, presentations, shelf
from cms_sales_enablement import ready_files as files
from cms_sales_enablement.models import BLOCK, Deck, Slide
from cms_sales_enablement.pptx.block import Block
from cms_sales_enablement.pptx.findings import Finding
from cms_sales_enablement.pptx.template import DeckTemplate
from cms_sales_enablement.presentations import Kept
from cms_sales_enablement.ready_files import Added, Specs

EMU_OF_INCH, SLACK = 914_400, 0.01


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
        slide = kept.find_slide_or_none(part.uid) if kept else None
        return (kept, slide) if kept and slide else None


def of_presentation(svc: Services, kept: Kept) -> Material:
    """A presentation as it is."""
    return Material(kept, partial(files.opened, kept.file.path, files.specs_of(svc)))


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
    specs = files.specs_of(svc)
    gathered = _gather(svc, kept, added, specs)

    composed = partial(files.composed, kept.file.path, tuple(gathered.found), specs)
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
    specs = files.specs_of(svc)
    base, template = files.opened(kept.file.path, specs), files.opened(other.file.path, specs)
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


@dataclass
class _Gathered:
    found: list[Added] = field(default_factory=list)
    lacking: dict[str, str] = field(default_factory=dict)
    others: dict[str, Kept] = field(default_factory=dict)


def _gather(svc: Services, kept: Kept, parts: Sequence[Part], specs: Specs) -> _Gathered:
    gathered, base = _Gathered(), files.opened(kept.file.path, specs)
    for part in parts:
        try:
            if part.block is not None:
                block = blocks.content(svc, part.block)
                gathered.found.append(Added.told(part.ref, block))
            else:
                gathered.found.append(_foreign(svc, base, part, specs, gathered.others))
        except CmsError as error:
            gathered.lacking[part.ref] = error.message
    return gathered


def _foreign(svc: Services, base: DeckTemplate, part: Part, specs: Specs, others: dict[str, Kept]) -> Added:
    other = others.get(part.asset) or presentations.find(svc, part.asset)
    if shelf.over(svc, [other.asset.id]):
        raise Invalid(f"{other.asset.slug!r} may be used no longer", "pick other slides", field="pick")
    others[part.asset] = other
    template = files.opened(other.file.path, specs)
    _require_shape(base, template, other)
    layout = template.layout(part.uid)
    if not base.has_layout(layout):
        raise Invalid(
            f"slide {part.uid} of {other.asset.slug!r} stands on a layout {layout[:80]!r}, which this presentation does not have",
            "pick slides of the same brand",
            field="pick",
        )
    return Added(part.ref, part.uid, other.file.sha256, template)


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
