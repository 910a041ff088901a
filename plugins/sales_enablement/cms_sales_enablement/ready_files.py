"""Files that are kept open, ready to be copied: presentations, and such as were composed of several and of what was told."""

import hashlib
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from cms_core import Services, merge
from cms_sales_enablement import presentations
from cms_sales_enablement.models import Slide
from cms_sales_enablement.pptx.block import Block
from cms_sales_enablement.pptx.composing import Foreign, compose
from cms_sales_enablement.pptx.findings import Finding
from cms_sales_enablement.pptx.template import DeckTemplate

MOST = 8  # presentations, and as many that were composed
COMPOSING = threading.Lock()
Specs = tuple[Any, ...]  # of the merge fields that are known


@dataclass(frozen=True)
class Added:
    """A slide that is put in: what it is called, and of which file (or of what that was told) it is which slide."""

    ref: str
    uid: str
    content: str
    template: DeckTemplate | None = field(default=None, compare=False)
    block: Block | None = field(default=None, compare=False)

    @classmethod
    def told(cls, ref: str, block: Block) -> "Added":
        """One that was told."""
        return cls(ref, "", hashlib.sha256(repr(block).encode()).hexdigest(), block=block)


@dataclass(frozen=True)
class Composed:
    """A file that holds more than a presentation, the slides that were put in, and what was taken out of those."""

    template: DeckTemplate
    slides: tuple[Slide, ...]
    stripped: tuple[Finding, ...]


def specs_of(svc: Services) -> Specs:
    """The merge fields that are known, as a key."""
    return tuple(
        (provider.namespace, provider.open, tuple((each.name, each.type) for each in provider.fields))
        for provider in svc.merge_fields
    )


@lru_cache(maxsize=MOST)
def opened(path: str, specs: Specs, bare: bool = False) -> DeckTemplate:
    """A presentation; named by content, its file never changes. ``bare``: without notes and comments."""
    return DeckTemplate(Path(path), _fields(specs), bare=bare)


def composed(path: str, added: tuple[Added, ...], specs: Specs, bare: bool) -> Composed:
    """A presentation with these slides behind its own; made once, though the pictures of one page are asked for together."""
    with COMPOSING:
        return _composed(path, added, specs, bare)


@lru_cache(maxsize=MOST)
def _composed(path: str, added: tuple[Added, ...], specs: Specs, bare: bool) -> Composed:
    """It has no name once it is open."""
    with tempfile.TemporaryDirectory(prefix="cms-deck-") as folder, ExitStack() as stack:
        whole = Path(folder, "whole.pptx")
        made = compose(Path(path), list(_slides(path, added, specs, Path(folder), stack)), whole)
        template = DeckTemplate(whole, _fields(specs), made.named, bare=bare)
    slides = [presentations.row_of(each, template.looks(each.id)) for each in template.slides]
    told = tuple(replace(each, where=ref) for ref, found in made.stripped.items() for each in found)
    return Composed(template, tuple(each for each in slides if each.uid in {one.ref for one in added}), told)


def _slides(
    path: str, added: Sequence[Added], specs: Specs, folder: Path, stack: ExitStack
) -> Iterator[Foreign]:
    """The slides that are put in, in their order; blocks are made on a copy with the presentation's layouts."""
    from cms_sales_enablement.pptx.authoring import authored

    told = {each.ref: each.block for each in added if each.block is not None}
    made: dict[str, Foreign] = {}
    if told:
        base, stub = opened(path, specs), folder / "stub.pptx"
        base.write(stub, [base.slides[0].id])
        found = stack.enter_context(authored(stub, told, folder / "authored.pptx"))
        made = {each.id: each for each in found}
    for each in added:
        yield each.template.foreign(each.uid, each.ref) if each.template else made[each.ref]


def _fields(specs: Specs) -> merge.Fields:
    return merge.Fields(
        {
            namespace: merge.Namespace({name: merge.FieldType(kind) for name, kind in known}, open=is_open)
            for namespace, is_open, known in specs
        }
    )
