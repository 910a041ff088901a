"""What content does in sales: how often it is shared, made into decks and looked at, how deals ended, and what is hot but stale."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from cms_core import Asset, Services
from cms_sales_enablement import feedback, index, presentations
from cms_sales_enablement.models import Deck, DeckSlide, Document, Dwell, Share, View
from cms_sales_enablement.recommending import Record, interval, win_records
from cms_sales_enablement.shares import IS_LINK

SEES = "sales.all"
HOT = timedelta(days=30)  # used within
STALE = timedelta(days=180)  # not approved anew for


@dataclass
class Use:
    """How one asset is used. ``looks`` are those that count; ``seconds`` they had it in sight."""

    asset: Asset
    shares: int = 0
    decks: int = 0
    looks: int = 0
    seconds: int = 0
    last_at: datetime | None = None
    record: Record = field(default_factory=Record)
    outdated: bool = False
    stale: bool = False

    @property
    def interval(self) -> tuple[float, float]:
        """Between which two values the share of won deals may be held to lie (95 %)."""
        return interval(self.record.won, self.record.all)


@dataclass(frozen=True)
class SlideUse:
    """How one slide is used: in how many decks it stands, how many looks saw it, and for how long in all."""

    uid: str
    number: int
    title: str
    decks: int
    looks: int
    seconds: int


@dataclass(frozen=True)
class RepUse:
    """What one person made and shared, and the looks that count."""

    name: str
    shares: int
    decks: int
    looks: int


def of_assets(svc: Services) -> list[Use]:
    """All approved assets that were shared or made into decks, the most looked at first."""
    svc.require(SEES)
    index.catch_up(svc)
    with svc.session() as session:
        ids = session.scalars(select(Document.asset)).all()
        shares = session.execute(_by_asset(Share.asset, Share.created_at)).all()
        decks = session.execute(_by_asset(Deck.asset, Deck.created_at)).all()
        looks = _by_asset(Share.asset, View.at, func.sum(View.milliseconds))
        seen = session.execute(looks.join(View, View.share_id == Share.id).where(View.counted)).all()
    known = {asset.id: Use(asset) for asset in svc.assets(ids)}
    for rows, name in ((shares, "shares"), (decks, "decks"), (seen, "looks")):
        for asset, count, at, *more in rows:
            if use := known.get(asset):
                setattr(use, name, count)
                use.last_at = max(at, use.last_at or at)
                use.seconds += sum(int(ms) // 1000 for ms in more)
    _judge(svc, known)
    used = [use for use in known.values() if use.last_at is not None]
    return sorted(used, key=lambda use: (-use.looks, -use.shares - use.decks, use.asset.title.casefold()))


def hot_but_stale(uses: Sequence[Use], now: datetime) -> list[Use]:
    """What was used within a month and has not been approved anew for half a year, or is called outdated."""
    return [use for use in uses if use.stale and use.last_at is not None and now - use.last_at < HOT]


def of_slides(svc: Services, kept: presentations.Kept) -> list[SlideUse]:
    """The slides of a presentation in its order."""
    svc.require(presentations.READ)
    asset = kept.asset.id
    with svc.session() as session:
        decks = select(DeckSlide.uid, func.count()).join(Deck).where(_is_of(asset, Deck.asset, DeckSlide.uid))
        standing = Counter[str]()
        for ref, count in session.execute(decks.group_by(DeckSlide.uid)):
            standing[ref.removeprefix(f"{asset}:")] += count
        seen = (
            select(Dwell.slide, func.count(), func.sum(Dwell.milliseconds))
            .join(View, View.id == Dwell.view_id)
            .join(Share, Share.id == View.share_id)
            .where(_is_of(asset, Share.asset, Dwell.slide), View.counted)
            .group_by(Dwell.slide)
        )
        looks, seconds = Counter[str](), Counter[str]()
        for ref, count, ms in session.execute(seen):
            looks[ref.removeprefix(f"{asset}:")] += count
            seconds[ref.removeprefix(f"{asset}:")] += int(ms) // 1000
    return [
        SlideUse(
            slide.uid, slide.number, slide.title, standing[slide.uid], looks[slide.uid], seconds[slide.uid]
        )
        for slide in kept.slides
    ]


def _is_of(asset: str, presentation: Any, slide: Any) -> ColumnElement[bool]:
    """Whether a slide of a deck is one of this presentation, which may be another one than the deck's."""
    elsewhere = slide.startswith(f"{asset}:")
    return or_(and_(presentation == asset, ~slide.contains(":")), elsewhere)


def of_reps(svc: Services) -> list[RepUse]:
    """Who makes and shares, the most looked at first."""
    svc.require(SEES)
    with svc.session() as session:
        links = select(Share.user_name, func.count()).where(IS_LINK).group_by(Share.user_name)
        shares = Counter(dict(session.execute(links).all()))
        decks = Counter(
            dict(session.execute(select(Deck.user_name, func.count()).group_by(Deck.user_name)).all())
        )
        looks = (
            select(Share.user_name, func.count()).join(View, View.share_id == Share.id).where(View.counted)
        ).where(IS_LINK)
        seen = Counter(dict(session.execute(looks.group_by(Share.user_name)).all()))
    rows = [RepUse(name, shares[name], decks[name], seen[name]) for name in shares | decks]
    return sorted(rows, key=lambda row: (-row.looks, -row.shares, row.name.casefold()))


def _by_asset(asset: Any, at: Any, *more: Any) -> Select[*tuple[Any, ...]]:
    """By asset how many there are, and when the last one was."""
    return select(asset, func.count(), func.max(at), *more).group_by(asset)


def _judge(svc: Services, known: Mapping[str, Use]) -> None:
    records, outdated = win_records(svc), feedback.outdated_assets(svc)
    for asset, use in known.items():
        use.record = records.get(asset, use.record)
        use.outdated = asset in outdated
        approved = use.asset.updated_at or svc.now()
        use.stale = use.outdated or svc.now() - approved > STALE
