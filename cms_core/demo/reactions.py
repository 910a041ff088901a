"""What people did with the campaigns of the past: drawn with fixed seeds, so that every demo tells the same story."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.contract import AgentClass
from cms_core.events.service import NewEvent
from cms_core.publishing.models import Delivery, DeliveryState, Publication, TrackedLink

SOURCE = "history"
DAY = timedelta(days=1)
# How many people load a campaign's page on each day after it appeared, and any other page on every day.
FADING = (26, 19, 14, 11, 8, 7, 6, 5, 5, 4, 4, 3, 3, 3, 2, 2, 2, 2, 1, 1)
EVERGREEN = 3
YEAR = 365


@dataclass(frozen=True)
class Out:
    """A publication of the past, as far as events need to know it."""

    id: int
    slug: str
    channel: str
    campaign: str | None
    asset_id: int
    url: str
    at: datetime

    @classmethod
    def of(cls, publication: Publication) -> "Out":
        """From its row."""
        return cls(
            publication.id,
            publication.asset.slug,
            publication.channel,
            publication.campaign.key if publication.campaign else None,
            publication.asset_id,
            publication.external_url,
            publication.published_at or publication.due_at,
        )

    def event(
        self, kind: str, at: datetime, name: str, agent: str = AgentClass.HUMAN, **more: Any
    ) -> NewEvent:
        """Something that happened to this publication; ``name`` tells it apart from all others."""
        facts: dict[str, Any] = {
            "kind": kind,
            "at": at,
            "source": SOURCE,
            "source_id": f"{self.id}:{name}",
            "agent_class": agent,
            "campaign": self.campaign,
            "publication_id": self.id,
            "asset_id": self.asset_id,
            "channel": self.channel,
        }
        return NewEvent(**{**facts, **more})


def of_mail(session: Session, mail: Out, pages: dict[str, Out]) -> Iterator[NewEvent]:
    """Opens, clicks and what followed on the site for every delivery that the server accepted."""
    links = {
        row.url.partition("?")[0]: row.url
        for row in session.scalars(select(TrackedLink).where(TrackedLink.publication_id == mail.id))
    }
    targets = [(page, links[page.url]) for page in pages.values() if page.url in links]
    accepted = session.scalars(
        select(Delivery)
        .where(Delivery.publication_id == mail.id, Delivery.state == DeliveryState.ACCEPTED)
        .order_by(Delivery.id)
    ).all()
    for n, delivery in enumerate(accepted):
        yield from _of_reader(mail, delivery, targets, pages, Random(f"{mail.slug}:{n}"), n)  # noqa: S311


def _of_reader(
    mail: Out,
    delivery: Delivery,
    targets: Sequence[tuple[Out, str]],
    pages: dict[str, Out],
    dice: Random,
    n: int,
) -> Iterator[NewEvent]:
    who: dict[str, Any] = {"contact_id": delivery.contact_id, "delivery_id": delivery.id}
    if n % 16 == 5:  # a security gateway: it opens and follows everything within seconds
        yield mail.event("opened", mail.at + timedelta(seconds=20), f"{n}:gate", AgentClass.SCANNER, **who)
        for k, (_, url) in enumerate(targets):
            at = mail.at + timedelta(seconds=21 + k)
            yield mail.event("clicked", at, f"{n}:gate:{k}", AgentClass.SCANNER, url=url, **who)
    if n % 40 == 11:
        yield mail.event("bounced", mail.at + timedelta(minutes=4), f"{n}:bounce", AgentClass.INTERNAL, **who)
        return
    if dice.random() > 0.47:
        return
    at = mail.at + timedelta(minutes=min(dice.lognormvariate(5.2, 1.3), 12 * 24 * 60))
    if n % 9 == 2:  # a mail service fetches pictures for its reader
        yield mail.event("opened", at - timedelta(seconds=30), f"{n}:proxy", AgentClass.PROXY, **who)
    yield mail.event("opened", at, f"{n}:open", **who)
    if dice.random() < 0.25:
        yield mail.event("opened", at + timedelta(hours=dice.uniform(1, 40)), f"{n}:again", **who)
    if targets and dice.random() < 0.34:
        yield from _of_click(mail, targets[0 if dice.random() < 0.7 else -1], pages, at, n, who, dice)


def _of_click(
    mail: Out,
    target: tuple[Out, str],
    pages: dict[str, Out],
    at: datetime,
    n: int,
    who: dict[str, Any],
    dice: Random,
) -> Iterator[NewEvent]:
    page, url = target
    visitor, at = f"{mail.slug}-{n}", at + timedelta(seconds=dice.randint(8, 90))
    yield mail.event("clicked", at, f"{n}:click", url=url, **who)
    yield _visit(page, at + timedelta(seconds=1), f"from:{mail.id}:{n}", visitor, mail.campaign)
    asked = pages.get("book-a-look")
    if asked is not None and dice.random() < 0.22:
        at += timedelta(minutes=dice.randint(1, 9))
        yield _visit(asked, at, f"from:{mail.id}:{n}", visitor, mail.campaign)
        yield _conversion(asked, at, f"goal:{mail.id}:{n}", visitor, mail.campaign)


def of_page(page: Out, until: datetime) -> Iterator[NewEvent]:
    """Visits day by day: those of a campaign's page fade, what has no campaign is found all the time."""
    dice = Random(page.slug)  # noqa: S311
    for day in range(len(FADING) if page.campaign else YEAR):
        base = FADING[day] if page.campaign else EVERGREEN
        busy = 1.0 if (day + 1) % 7 < 5 else 0.3
        for n in range(round(base * busy * dice.uniform(0.7, 1.3))):
            at = page.at + day * DAY + timedelta(minutes=dice.uniform(1, 700))
            if at >= until:
                return
            yield _visit(page, at, f"{day}:{n}", f"{page.slug}-{day}-{n}", page.campaign)
        if day % 5 == 2 and page.at + day * DAY < until - DAY:
            at = page.at + day * DAY + timedelta(hours=5)
            yield _visit(page, at, f"{day}:bot", f"bot-{page.slug}-{day}", page.campaign, AgentClass.BOT)


def _visit(
    page: Out, at: datetime, name: str, visitor: str, campaign: str | None, agent: str = AgentClass.HUMAN
) -> NewEvent:
    return page.event("visited", at, f"visit:{name}", agent, visitor=visitor, url=page.url, campaign=campaign)


def _conversion(page: Out, at: datetime, name: str, visitor: str, campaign: str | None) -> NewEvent:
    props = {"goal": "Asked for a look"}
    return page.event("converted", at, name, visitor=visitor, url=page.url, campaign=campaign, props=props)
