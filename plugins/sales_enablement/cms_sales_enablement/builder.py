"""What the page of a deck shows: its slides and those that it could have, the fields with the missing ones first, its last link."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from cms_core import Services
from cms_sales_enablement import (
    deck_files,
    deck_view,
    filling,
    material,
    presentations,
    values,
    variants,
    views,
)
from cms_sales_enablement.deck_view import Shown
from cms_sales_enablement.material import Material
from cms_sales_enablement.models import Deck, Share, Slide, View
from cms_sales_enablement.pptx.findings import Finding
from cms_sales_enablement.pptx.slots import LOGO, Kind
from cms_sales_enablement.recommending import Recommendation, Situation, recommend
from cms_sales_enablement.rules import Rules

SOURCES = {"said": "", "rep": "from your account"}
SHOWN = 3
LIVE = timedelta(seconds=30)  # a page tells of itself every ten


@dataclass(frozen=True)
class FieldRow:
    """One field of the slides that were picked: its value, where that is from, and the positions of the slides that use it."""

    name: str
    label: str
    value: str
    source: str
    used_on: Sequence[int]
    missing: bool
    kind: str


@dataclass(frozen=True)
class LastLink:
    """The newest link to a deck that was looked at, else the newest.

    ``dwell`` is how long each slide was looked at, by slide id in milliseconds; ``now_on`` the one that somebody is on now.
    """

    share: Share
    state: str
    tally: views.Tally
    dwell: Mapping[str, int]
    now: View | None

    @property
    def now_on(self) -> str:
        """The slide that somebody has before their eyes at this moment, or ""."""
        return self.now.slide if self.now else ""

    @property
    def who(self) -> str:
        """Who that is, as far as it is known."""
        said = self.now.email if self.now else ""
        if said and self.now and not self.now.verified:
            return f"{said} (unverified)"
        return said or self.share.contact_email or "Somebody"

    @property
    def longest(self) -> str:
        """The slide that held them longest, or ""."""
        return max(self.dwell, key=lambda uid: self.dwell[uid], default="")


@dataclass(frozen=True)
class Builder:
    """The page of one deck; ``unknown`` are values for fields that no slide has."""

    deck: Deck
    kept: presentations.Kept
    leaving: Sequence[Slide]
    shown: Sequence[Shown]
    others: Sequence[Slide]
    rules: Rules
    languages: Sequence[str]
    behind: frozenset[str]
    fields: Sequence[FieldRow]
    unknown: Sequence[Finding]
    changed: frozenset[str]
    gone: int
    link: LastLink | None
    helps: Sequence[Recommendation]

    @property
    def missing(self) -> Sequence[FieldRow]:
        """The fields that show nothing yet."""
        return [each for each in self.fields if each.missing]


def of(svc: Services, deck: Deck) -> Builder:
    """Everything about a deck; raises NotFound when its presentation is no longer approved."""
    made_of = material.of_deck(svc, deck)
    kept, by_uid = made_of.kept, made_of.by_ref
    today = variants.of(svc, made_of)
    digests = {each.uid: each.digest for each in deck.slides}
    return Builder(
        deck=deck,
        kept=kept,
        leaving=[slide for slide in made_of.of(deck) if not today.barred(slide.uid)],
        shown=deck_view.slides_of(svc, made_of, deck, made_of.of(deck)),
        others=today.others(digests),
        rules=today.for_all,
        languages=today.languages,
        behind=today.behind & digests.keys(),
        fields=_fields(svc, made_of, deck),
        unknown=list(filling.unknown(made_of, deck)),
        changed=frozenset(
            uid for uid, digest in digests.items() if uid in by_uid and made_of.digest(uid) != digest
        ),
        gone=sum(uid not in by_uid for uid in digests),
        link=_last_link(svc, deck),
        helps=_helps(svc, deck),
    )


def _fields(svc: Services, made_of: Material, deck: Deck) -> list[FieldRow]:
    known, lacking = values.restored(deck.values), set(deck_files.look(svc, deck, made_of).copied.missing)
    there = made_of.of(deck)
    used: dict[str, list[int]] = {}
    for position, slide in enumerate(there, 1):
        for name in slide.fields:
            used.setdefault(name, []).append(position)
    kinds = {each["name"]: each["kind"] for slide in there for each in slide.slots}
    rows = [
        _field(name, _known(deck, name, kinds[name], known), positions, name in lacking, kinds[name])
        for name, positions in used.items()
        if name.rpartition(".")[2] != LOGO or kinds[name] != Kind.PICTURE  # logos have one input for all
    ]
    return sorted(rows, key=lambda row: not row.missing)


def _known(deck: Deck, name: str, kind: str, known: Mapping[str, values.Value]) -> values.Value | None:
    if kind != Kind.PICTURE:
        return known.get(name)
    return values.Value("one is kept", values.SAID) if deck.picture(name) else None


def _field(
    name: str, known: values.Value | None, used_on: Sequence[int], missing: bool, kind: str
) -> FieldRow:
    source = SOURCES.get(known.source, f"from the {known.source}") if known else ""
    value = str(known.value) if known else ""
    return FieldRow(name, values.label_of(name), value, source, used_on, missing, kind)


def _helps(svc: Services, deck: Deck) -> list[Recommendation]:
    """What helps at the stage of the deal that the deck is for; other presentations and pieces, not this one."""
    known = values.restored(deck.values)
    told = {
        name: str(known[name].value) if name in known else "" for name in ("deal.stage", "company.industry")
    }
    if not any(told.values()):
        return []
    situation = Situation(told["deal.stage"], told["company.industry"])
    found = recommend(svc, situation, SHOWN + 1)
    return [each for each in found if each.asset.id != deck.asset and len(each.reasons) > 1][:SHOWN]


def _last_link(svc: Services, deck: Deck) -> LastLink | None:
    mine = select(Share).where(Share.deck == deck.public_id).order_by(Share.id.desc()).limit(1)
    looked = select(View.id).where(View.share_id == Share.id, View.counted)
    with svc.session() as session:
        share = session.scalar(mine.where(looked.exists())) or session.scalar(mine)
    if share is None:
        return None
    looks = [view for view in views.of_share(svc, share) if view.counted]
    total: dict[str, int] = {}
    for told in views.dwells(svc, looks).values():
        for uid, milliseconds in told.items():
            total[uid] = total.get(uid, 0) + milliseconds
    tallies = views.tallies(svc, [share])
    state, tally = views.states(svc, [share], tallies)[share.id], tallies.get(share.id, views.Tally())
    return LastLink(share, state, tally, total, _now(looks, svc.now()))


def _now(looks: Sequence[View], now: datetime) -> View | None:
    """The newest look that goes on at this moment."""
    return next((view for view in looks if view.slide and view.seen_at and now - view.seen_at < LIVE), None)
