"""Slides that a rep puts into a deck beside those of its presentation: blocks, and slides of other presentations of the brand."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cms_core import Invalid, NotFound, Services
from cms_sales_enablement import blocks, decks, material, presentations, variants
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.models import BLOCK, Deck, Slide
from cms_sales_enablement.presentations import Kept

MOST = 200  # slides that are added at once


@dataclass(frozen=True)
class Offer:
    """The slides of another presentation: those that fit into a deck, and how many there are beside them that do not."""

    kept: Kept
    slides: Sequence[Slide]
    unfit: int


def add_block(
    svc: Services, deck: str, kind: str, told: Mapping[str, Any], after: str = "", version: int | None = None
) -> tuple[Deck, str]:
    """Put a slide of one's own into a deck, behind the slide ``after`` (else last), and give its id; raises as ``decks.change``."""
    found = decks.find(svc, deck)
    ref = f"{BLOCK}{secrets.token_hex(4)}"
    wanted = Wanted(_behind(_there(svc, found), after, [ref]), blocks={ref: blocks.checked(svc, kind, told)})
    return decks.change(svc, deck, wanted, found.version if version is None else version), ref


def change_block(
    svc: Services, deck: str, ref: str, told: Mapping[str, Any], version: int | None = None
) -> Deck:
    """Tell a slide of one's own anew; what is not told stays. Raises NotFound, else as ``decks.change``."""
    kept = block(decks.find(svc, deck), ref)
    data = {**kept["data"], **told}
    return decks.change(svc, deck, Wanted(blocks={ref: blocks.checked(svc, kept["type"], data)}), version)


def block(deck: Deck, ref: str) -> Mapping[str, Any]:
    """What is told in a slide of a deck; raises NotFound."""
    found = next((each.block for each in deck.slides if each.uid == ref), None)
    if found is None:
        raise NotFound(
            f"the deck has no slide {ref[:40]!r} that was told", "`cms sales decks show` lists its slides"
        )
    return found


def add_slides(
    svc: Services, deck: str, picks: Sequence[str], after: str = "", version: int | None = None
) -> Deck:
    """Put slides of other presentations (``slug:id``) into a deck, behind the slide ``after`` (else last); others stay."""
    found = decks.find(svc, deck)
    there, kept = _there(svc, found), presentations.find(svc, found.asset)
    new = [ref for ref in dict.fromkeys(material.refs(svc, kept, picks)) if ref not in there]
    if not new or len(new) > MOST:
        raise Invalid(
            "no slide was picked that is not in the deck" if not new else f"{len(new)} slides are too many",
            f"pick 1 to {MOST}",
            field="pick",
        )
    wanted = Wanted(_behind(there, after, new))
    return decks.change(svc, deck, wanted, found.version if version is None else version)


def offer(svc: Services, deck: Deck, named: str) -> Offer:
    """What another presentation has for a deck; raises NotFound for one that is not approved."""
    kept = presentations.find(svc, named)
    there = {each.uid for each in deck.slides}
    fitting = material.fitting(svc, presentations.find(svc, deck.asset), kept)
    barred = variants.of_presentation(svc, kept)
    free = [
        slide
        for slide in kept.slides
        if slide.uid in fitting
        and f"{kept.asset.id}:{slide.uid}" not in there
        and not barred.barred(slide.uid)
    ]
    return Offer(kept, free, sum(slide.uid not in fitting for slide in kept.slides))


def _there(svc: Services, deck: Deck) -> list[str]:
    """The slides that it has or must have, without those that may not be used any more."""
    return variants.of(svc, material.of_deck(svc, deck)).carried([each.uid for each in deck.slides])


def _behind(refs: Sequence[str], after: str, new: Sequence[str]) -> list[str]:
    if after and after not in refs:
        raise Invalid(f"the deck has no slide {after[:80]!r}", "name one of its slides", field="after")
    at = refs.index(after) + 1 if after else len(refs)
    return [*refs[:at], *new, *refs[at:]]
