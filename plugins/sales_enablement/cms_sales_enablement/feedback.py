"""What reps say of an asset, and until when they may use it. Both stand on the asset's page, where its review is."""

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import delete, func, select

from cms_core import Asset, Finding, Invalid, Level, Services
from cms_sales_enablement.models import Document, Feedback, Shelf
from cms_sales_enablement.shares import MAY_SHARE

KINDS = {
    "used": "Used it",
    "won": "Won with it",
    "outdated": "It is outdated",
    "wish": "Something is missing",
}
OPEN = ("outdated", "wish")  # wait for a newer revision
SAYS = {"outdated": "is outdated", "wish": "lacks something"}
LONGEST = 500
SHOWN = 5


def give(svc: Services, slug: str, kind: str, words: str = "") -> None:
    """Say something of the approved revision of an asset; saying the same again is saying it once. Raises Invalid."""
    user = svc.require(MAY_SHARE)
    words = " ".join(words.replace("\0", "").split())
    asset = svc.asset(slug)
    if asset is None:
        raise Invalid(f"there is no approved content {slug[:120]!r}", "look for it in the library")
    if kind not in KINDS or len(words) > LONGEST:
        raise Invalid(f"say {' or '.join(KINDS)}, in at most {LONGEST} characters", "choose one of them")
    said = {"asset": asset.id, "revision": asset.revision, "kind": kind, "words": words, "user": user.id}
    same = select(Feedback.id).filter_by(**said).limit(1)
    with svc.transaction() as session:
        if kind not in OPEN or session.scalar(same) is None:
            session.add(Feedback(**said, user_name=user.name or user.email, at=svc.now()))


def set_until(svc: Services, asset: str, until: date | None) -> None:
    """Say through which day reps may use an asset; None: for as long as it is approved."""
    svc.require("content.edit")
    with svc.transaction() as session:
        if until is None:
            session.execute(delete(Shelf).where(Shelf.asset == asset))
        else:
            session.merge(Shelf(asset=asset, until=until))


def until(svc: Services, asset: str) -> date | None:
    """The last day on which reps may use an asset, if there is one."""
    with svc.session() as session:
        return session.scalar(select(Shelf.until).where(Shelf.asset == asset))


def counts(svc: Services, asset: str) -> Mapping[str, int]:
    """How often each kind was said of any revision of an asset."""
    query = select(Feedback.kind, func.count()).where(Feedback.asset == asset).group_by(Feedback.kind)
    with svc.session() as session:
        return dict(session.execute(query).all())


def open_words(svc: Services, asset: str) -> Sequence[Feedback]:
    """What is asked of the approved revision of an asset, the newest first; a newer revision answers it."""
    query = (
        select(Feedback)
        .join(Document, (Document.asset == Feedback.asset) & (Document.revision == Feedback.revision))
        .where(Feedback.asset == asset, Feedback.kind.in_(OPEN))
    )
    with svc.session() as session:
        return session.scalars(query.order_by(Feedback.id.desc()).limit(SHOWN)).all()


def outdated_assets(svc: Services) -> set[str]:
    """The assets of whose approved revision somebody says that it is outdated."""
    same = (Document.asset == Feedback.asset) & (Document.revision == Feedback.revision)
    query = select(Feedback.asset).join(Document, same).where(Feedback.kind == "outdated")
    with svc.session() as session:
        return set(session.scalars(query))


def won_with(svc: Services) -> Mapping[str, int]:
    """By asset how many different people say that they won with it."""
    query = select(Feedback.asset, func.count(Feedback.user.distinct())).where(Feedback.kind == "won")
    with svc.session() as session:
        return dict(session.execute(query.group_by(Feedback.asset)).all())


def remarks(svc: Services, asset: Asset) -> list[Finding]:
    """The same as notes for whoever reviews the next revision."""
    return [
        Finding(
            Level.NOTE,
            "",
            f"{each.user_name} says that revision {each.revision} {SAYS[each.kind]}"
            + (f": {each.words}" if each.words else ""),
        )
        for each in open_words(svc, asset.id)
    ]
