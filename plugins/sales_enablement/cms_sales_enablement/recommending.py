"""What helps at this point of a deal: facets that fit, what was won with it, how fresh it is; each with its reason and its points.

A piece was used in a deal when it was shared with one of its people, or a deck of it was made for the deal, before it ended. How
often that was won is judged by the lower end of the Wilson interval (95 %), so that one win of one does not outrank nine of ten.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select

from cms_core import Asset, Event, Services
from cms_sales_enablement import feedback, index, ratings, slide_search, values
from cms_sales_enablement.models import Deck, Document, Share, Shelf
from cms_sales_enablement.ratings import NONE, Stars
from cms_sales_enablement.room_models import Room

ENOUGH = 10  # outcomes from which on a share of wins is worth a word
STAGE, INDUSTRY, PERSONA, WINS, SAID, FRESH, OUTDATED = 30, 20, 20, 40, 5, 5, -25
SLIDE = 10  # for a facet that only some of its slides fit
STARS = 12  # for five stars by everybody; for one star the same is taken off
MOST_SAID = 15
RECENT = timedelta(days=180)
Z = 1.96
WON, LOST, REOPENED = "deal_won", "deal_lost", "deal_reopened"


@dataclass(frozen=True)
class Situation:
    """Where a deal stands; empty parts ask for nothing."""

    stage: str = ""
    industry: str = ""
    persona: str = ""

    @property
    def facets(self) -> dict[str, str]:
        """What is asked for, by the names of facets."""
        asked = {"funnel_stage": self.stage, "industry": self.industry, "persona": self.persona}
        return {name: value for name, value in asked.items() if value}


@dataclass(frozen=True)
class Reason:
    """Why a piece is recommended (or not), and what that counts."""

    words: str
    points: int


@dataclass
class Record:
    """How the deals ended in which a piece was used."""

    won: int = 0
    lost: int = 0

    @property
    def all(self) -> int:
        """Those that ended."""
        return self.won + self.lost


@dataclass(frozen=True)
class Recommendation:
    """A piece, what speaks for it and against it, and the sum of that."""

    asset: Asset
    reasons: Sequence[Reason]
    record: Record = field(default_factory=Record)
    stars: Stars = NONE

    @property
    def score(self) -> int:
        """The sum of the points."""
        return sum(each.points for each in self.reasons)


def situation_of(svc: Services, named: str, given: Situation) -> Situation:
    """What is known of a company or deal, below what was said."""
    subject = values.subject(svc, named)
    known = values.gather(svc, subject)

    def told(name: str) -> str:
        return str(known[name].value) if name in known else ""

    return Situation(
        given.stage or told("deal.stage"),
        given.industry or told("company.industry"),
        given.persona or told("contact.persona"),
    )


def recommend(svc: Services, situation: Situation, limit: int = 10) -> list[Recommendation]:
    """The pieces that help, the best first; those with nothing for them are left out."""
    index.catch_up(svc)
    ids = _usable(svc)
    records, said, outdated = win_records(svc), feedback.won_with(svc), feedback.outdated_assets(svc)
    with svc.session() as session:
        slides = slide_search.about(session, situation.facets, svc.now().date())
        stars = ratings.means(session)
    found = []
    for asset in svc.assets(ids):
        reasons = _reasons(
            svc, asset, situation, records.get(asset.id), said.get(asset.id, 0), asset.id in outdated
        )
        reasons += _of_slides(situation, slides.get(asset.id, {}), _fits(asset, situation))
        reasons += _rated(stars.get(asset.id, NONE))
        found.append(
            Recommendation(asset, reasons, records.get(asset.id, Record()), stars.get(asset.id, NONE))
        )
    good = [each for each in found if each.score > 0]
    return sorted(good, key=lambda each: (-each.score, each.asset.title.casefold()))[:limit]


def _usable(svc: Services) -> list[str]:
    query = select(Document.asset).outerjoin(Shelf, Shelf.asset == Document.asset)
    with svc.session() as session:
        return list(session.scalars(query.where(Shelf.until.is_(None) | (Shelf.until >= svc.now().date()))))


def _reasons(
    svc: Services, asset: Asset, situation: Situation, record: Record | None, said: int, outdated: bool
) -> list[Reason]:
    fits, found = _fits(asset, situation), []
    if "funnel_stage" in fits:
        found.append(Reason(f"For the stage {asset.funnel_stage}", STAGE))
    if "industry" in fits:
        found.append(Reason(f"For {situation.industry}", INDUSTRY))
    if "persona" in fits:
        found.append(Reason(f"For the {asset.persona}", PERSONA))
    if record is not None and record.all:
        found.append(_won(record))
    if said:
        people = "rep says" if said == 1 else "reps say"
        found.append(Reason(f"{said} {people} that they won with it", min(MOST_SAID, SAID * said)))
    if asset.updated_at and svc.now() - asset.updated_at < RECENT:
        found.append(Reason("Approved within half a year", FRESH))
    if outdated:
        found.append(Reason("A rep says that it is outdated", OUTDATED))
    return found


def _fits(asset: Asset, situation: Situation) -> set[str]:
    """The facets of the situation that a piece fits as a whole."""
    industries = {each.casefold() for each in (*asset.tags, str(asset.body.get("industry") or ""))}
    own = {"funnel_stage": {asset.funnel_stage.casefold()}, "persona": {asset.persona.casefold()}}
    own["industry"] = industries
    return {name for name, value in situation.facets.items() if value.casefold() in own[name]}


def _of_slides(
    situation: Situation, slides: Mapping[str, Sequence[int]], fits: Collection[str]
) -> list[Reason]:
    """What only some of its slides fit."""
    found = []
    for name, numbers in slides.items():
        if name not in fits:
            which = f"Slide {numbers[0]} is" if len(numbers) == 1 else f"Slides {_listed(numbers)} are"
            what = "the stage " if name == "funnel_stage" else ""
            found.append(Reason(f"{which} for {what}{situation.facets[name]}", SLIDE))
    return found


def _listed(numbers: Sequence[int]) -> str:
    return f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def _rated(stars: Stars) -> list[Reason]:
    """Stars by the mean that is weighed: a few say little."""
    if not stars.count:
        return []
    reps = "rep" if stars.count == 1 else "reps"
    middle = (ratings.MOST - ratings.LEAST) / 2
    points = round(STARS * (stars.weighed - ratings.MIDDLE) / middle)
    return [Reason(f"{stars.mean} of {ratings.MOST} stars by {stars.count} {reps}", points)]


def _won(record: Record) -> Reason:
    words = f"Won {record.won} of {record.all} deals in which it was used"
    if record.all < ENOUGH:
        words += ": too few to say much"
    return Reason(words, round(WINS * interval(record.won, record.all)[0]))


def interval(won: int, of: int) -> tuple[float, float]:
    """The Wilson interval (95 %) of a share: between which two values it may be held to lie."""
    if not of:
        return 0.0, 1.0
    share, z2 = won / of, Z * Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    reach = Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return max(0.0, middle - reach), min(1.0, middle + reach)


# --- what was won with what ---------------------------------------------------------------------------------------------


def win_records(svc: Services) -> Mapping[str, Record]:
    """By asset how the deals ended in which it was used."""
    ended = _outcomes(svc)
    found: dict[str, Record] = {}
    for asset, deal in set(_uses(svc, ended)):
        record = found.setdefault(asset, Record())
        if ended[deal].kind == WON:
            record.won += 1
        else:
            record.lost += 1
    return found


def _outcomes(svc: Services) -> dict[str, Event]:
    """The newest word of the ledger on each deal that has ended, by deal."""
    found: dict[str, Event] = {}
    for _, event in svc.history(None, (WON, LOST, REOPENED), svc.now()):
        deal = str(event.props.get("deal", ""))
        if deal and (deal not in found or _later(event, found[deal])):
            found[deal] = event
    return {deal: event for deal, event in found.items() if event.kind != REOPENED}


def _later(event: Event, other: Event) -> bool:
    return _number(event) > _number(other)


def _number(event: Event) -> tuple[int, datetime]:
    """Of the events of a deal the one that was told later: their ids end with how many there were. Instants may be set back."""
    last = event.source_id.rpartition(":")[2]
    return int(last) if last.isdigit() else 0, event.at


def _uses(svc: Services, ended: Mapping[str, Event]) -> Iterable[tuple[str, str]]:
    """(asset, deal) for each use before the deal ended."""
    of_contact: dict[str, list[str]] = {}
    for deal, event in ended.items():
        if event.contact:
            of_contact.setdefault(event.contact, []).append(deal)
    with svc.session() as session:
        links = select(Share.asset, Share.contact, Share.created_at).where(Share.asset != "")
        shares = session.execute(links.where(Share.contact.in_(of_contact)))
        for asset, contact, at in shares:
            deals = of_contact.get(contact or "", ())
            yield from ((asset, deal) for deal in deals if at <= ended[deal].at)
        decks = session.execute(select(Deck.asset, Deck.deal, Deck.created_at).where(Deck.deal.in_(ended)))
        pieces = select(Share.asset, Room.deal, Share.created_at).join(Room, Room.public_id == Share.room)
        in_rooms = session.execute(pieces.where(Room.deal.in_(ended), Share.asset != ""))
        for asset, deal, at in (*decks, *in_rooms):
            if deal and at <= ended[deal].at:
                yield asset, deal
