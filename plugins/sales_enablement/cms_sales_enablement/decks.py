"""A rep's decks: slides that were picked and are filled for somebody."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, object_session, selectinload
from sqlalchemy.orm.attributes import flag_modified

from cms_core import Conflict, Invalid, NotFound, Services
from cms_sales_enablement import (
    deck_files,
    images,
    material,
    presentations,
    training,
    values,
    variants,
)
from cms_sales_enablement.ladder import Ladder
from cms_sales_enablement.material import Material, Part
from cms_sales_enablement.models import Deck, DeckSlide, Slide
from cms_sales_enablement.presentations import MAKE, Kept
from cms_sales_enablement.values import DeckSubject

SEES_ALL = "sales.all"
LONGEST_NAME = 200


@dataclass(frozen=True)
class Wanted:
    """What a rep wants of a deck, for whom, and in which language.

    ``picks`` are slides in order (none: all); ``said`` values by field, ``pictures`` the bytes or the id of a picture by field, of
    which an empty one takes away what was there; ``blocks`` what is told in slides of the rep's own, by id: those that are not
    picked come last.
    """

    picks: Sequence[str] = ()
    said: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, bytes | str] = field(default_factory=dict)
    subject: str = ""
    name: str = ""
    locale: str = ""
    blocks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def touches_slides(self) -> bool:
        """Whether other slides are asked for, or some in other words."""
        return bool(self.picks or self.blocks or self.locale)

    @property
    def nothing(self) -> bool:
        """Whether nothing is asked for."""
        return self == Wanted()


def make(svc: Services, source: str, wanted: Wanted) -> Deck:
    """A new deck of an approved presentation, or of another deck with these changes; that one itself where nothing is asked for.

    Raises NotFound, and Invalid for slides, values or pictures that cannot be used; nothing is kept then.
    """
    user = svc.require(MAKE)
    before = find_or_none(svc, source)
    if before is not None and wanted.nothing:
        require_certified(svc, before)
        return before
    plan = _plan(svc, presentations.find(svc, before.asset if before else source), wanted, before)
    deck = Deck(asset=plan.kept.asset.id, user=user.id, user_name=user.name or user.email)
    deck.created_at, deck.name = svc.now(), ""
    with svc.transaction() as session:
        _put(svc, deck, plan, wanted, before)
        session.add(deck)
        session.flush()
    return deck


def change(svc: Services, public_id: str, wanted: Wanted, version: int | None = None) -> Deck:
    """Change a deck as it stands: what is not asked for stays; an empty value takes a field's value away.

    ``version`` is the one that the rep saw. Raises what ``make`` raises, and Conflict when it was changed
    meanwhile; nothing is kept then.
    """
    found = find(svc, public_id)
    if wanted.touches_slides:
        plan = _plan(svc, presentations.find(svc, found.asset), wanted, found)
        version = found.version if version is None else version  # they were planned by those that it had
    else:
        plan = _plan_of(svc, found)
    with svc.transaction() as session:
        deck = _row(session, public_id, lock=True)
        if deck is None or (version is not None and deck.version != version):
            raise Conflict("somebody else has changed this deck meanwhile", "look at it again")
        _put(svc, deck, plan, replace(wanted, said=_new(wanted.said, deck)), deck)
        flag_modified(deck, "changed_at")  # also within the same instant: every change counts up the version
        session.flush()
    return deck


def find(svc: Services, public_id: str) -> Deck:
    """One's own deck, or with the permission for it anybody's; raises NotFound."""
    svc.require(MAKE)
    found = find_or_none(svc, public_id)
    if found is None:
        raise NotFound(f"there is no deck {public_id[:60]!r}", "`cms sales decks list` shows what there is")
    return found


def find_to_give(svc: Services, public_id: str) -> Deck:
    """The same for who takes its file away; raises Forbidden without a valid certificate of what guards its presentation."""
    found = find(svc, public_id)
    require_certified(svc, found)
    return found


def require_certified(svc: Services, *several: Deck) -> None:
    """Raise Forbidden without a valid certificate of what guards the presentations that slides of these decks are of."""
    others = {part.asset for deck in several for part in material.parts_of(deck) if part.asset}
    training.require_certified(svc, {*others, *(deck.asset for deck in several)})


def listed(svc: Services, limit: int | None = None, before: int | None = None) -> Sequence[Deck]:
    """The decks that who asks may see, the newest first; ``before``: the row id to read on from."""
    user = svc.require(MAKE)
    query = select(Deck).options(selectinload(Deck.slides)).order_by(Deck.id.desc()).limit(limit)
    if not svc.can(SEES_ALL):
        query = query.where(Deck.user == user.id)
    if before is not None:
        query = query.where(Deck.id < before)
    with svc.session() as session:
        return session.scalars(query).all()


def require_paper(svc: Services, source: str, wanted: Wanted) -> None:
    """Raise Invalid where no PDF of a deck can be made here: asked before the deck itself is."""
    before = find_or_none(svc, source)
    if before is not None and wanted.nothing:
        plan = _plan_of(svc, before)
    else:
        plan = _plan(svc, presentations.find(svc, before.asset if before else source), wanted, before)
    Ladder(svc, plan.kept.asset.id).require(slide for slide in plan.slides if not slide.hidden)


# --- making -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Plan:
    """The slides that a deck will have (``takes``: other than before), what they are of, and what was told in blocks."""

    made_of: Material
    slides: Sequence[Slide]
    blocks: Mapping[str, Mapping[str, Any]]
    takes: bool = True

    @property
    def kept(self) -> Kept:
        return self.made_of.kept


def _plan(svc: Services, kept: Kept, wanted: Wanted, before: Deck | None) -> _Plan:
    """Raises Forbidden without the certificates that its presentations ask for, Invalid for slides that cannot be picked."""
    earlier = before.slides if before else []
    told = {**{each.uid: each.block for each in earlier if each.block}, **wanted.blocks}
    picks = material.refs(svc, kept, wanted.picks)
    asked = list(picks) or [each.uid for each in earlier]
    if wanted.blocks and not asked:
        asked = [slide.uid for slide in kept.slides]
    asked += [ref for ref in wanted.blocks if ref not in asked]
    made_of = material.of_parts(svc, kept, [Part(ref, told.get(ref)) for ref in asked])
    training.require_certified(svc, {kept.asset.id, *made_of.others})
    today = variants.of(svc, made_of)
    if asked and not picks and not (asked := today.carried(asked)):
        raise Invalid("none of its slides may be used any more", "make a new deck of the presentation")
    slides = today.arrange(asked, wanted.locale)
    return _Plan(made_of, slides, {ref: block for ref, block in told.items() if block})


def _plan_of(svc: Services, deck: Deck) -> _Plan:
    """The same of a deck whose slides stay what they are, whatever marketing asks of others by now."""
    require_certified(svc, deck)
    made_of = material.of_deck(svc, deck)
    return _Plan(made_of, made_of.of(deck), {}, takes=False)


def _put(svc: Services, deck: Deck, plan: _Plan, wanted: Wanted, before: Deck | None) -> None:
    """Give a deck all that is wanted of it; raises Invalid for what its slides cannot take."""
    subject = values.subject_or_new(svc, wanted.subject)
    if plan.takes:
        _take_slides(deck, plan)
    if subject is not None:
        deck.company = subject.company
        deck.deal = subject.deal
        deck.contact = subject.contact
    elif before is not None:
        deck.company, deck.deal, deck.contact = before.company, before.deal, before.contact
    deck.name = _name(wanted, plan.kept, subject, before, deck)
    deck.values = _values(svc, subject, wanted.said, before)
    deck.pictures = {**(before.pictures if before else {}), **_pictures(svc, wanted.pictures)}
    deck.pictures = {name: picture for name, picture in deck.pictures.items() if picture}
    deck.changed_at = svc.now()
    with tempfile.TemporaryDirectory(prefix="cms-deck-") as folder:
        picks = [slide.uid for slide in plan.made_of.of(deck)]
        deck_files.write_slides(svc, plan.made_of, picks, deck, Path(folder, "deck.pptx"))


def _take_slides(deck: Deck, plan: _Plan) -> None:
    if (session := object_session(deck)) is not None:
        deck.slides.clear()
        session.flush()
    deck.slides = [
        DeckSlide(
            position=at,
            uid=slide.uid,
            digest=plan.made_of.digest(slide.uid),
            block=plan.blocks.get(slide.uid),
        )
        for at, slide in enumerate(plan.slides)
    ]


def _name(wanted: Wanted, kept: Kept, subject: DeckSubject | None, before: Deck | None, deck: Deck) -> str:
    if name := " ".join(wanted.name.split()):
        return name[:LONGEST_NAME]
    if subject is not None and not deck.name:
        return f"{kept.asset.title} for {subject.title}"[:LONGEST_NAME]
    return before.name if before else kept.asset.title[:LONGEST_NAME]


def _values(
    svc: Services, subject: DeckSubject | None, said: Mapping[str, str], before: Deck | None
) -> dict[str, Any]:
    """What was said for an earlier deck holds; what was known of somebody else does not."""
    kept = values.restored(before.values) if before else {}
    if subject is not None:
        kept = {name: each for name, each in kept.items() if each.source == values.SAID}
    kept = {name: each for name, each in kept.items() if said.get(name) != ""}
    return values.stored({**values.gather(svc, subject), **kept, **values.check(said)})


def _new(said: Mapping[str, str], deck: Deck) -> dict[str, str]:
    """What a form says that was not so before: the rest stays known from where it was known."""
    known = {name: str(each.value) for name, each in values.restored(deck.values).items()}
    return {name: value for name, value in said.items() if value != known.get(name, "")}


def _pictures(svc: Services, given: Mapping[str, bytes | str]) -> dict[str, str]:
    """The ids of pictures; those that were sent are kept."""
    found = {}
    for name, picture in given.items():
        id_ = images.keep(svc, name, picture) if isinstance(picture, bytes) else picture
        if id_:
            images.bytes_of(svc, name, id_)
        found[name] = id_
    return found


def row_or_none(svc: Services, public_id: str) -> Deck | None:
    """A deck, whosever it is."""
    with svc.session() as session:
        return _row(session, public_id)


def find_or_none(svc: Services, public_id: str) -> Deck | None:
    """A deck of the one who asks, or any for whom sees all of them."""
    with svc.session() as session:
        found = _row(session, public_id)
    mine = found is not None and svc.user is not None and found.user == svc.user.id
    return found if mine or svc.can(SEES_ALL) else None


def _row(session: Session, public_id: str, *, lock: bool = False) -> Deck | None:
    if "\0" in public_id:
        return None
    query = select(Deck).where(Deck.public_id == public_id).options(selectinload(Deck.slides))
    return session.scalar(query.with_for_update() if lock else query)
