"""Tests of what is sent to people: who gets which arm, how the arms do, and which one the rest gets.

A stable hash of (publication, contact) divides the audience: the hold-out, those who take part, and the undecided, who have neither
an arm nor a time until the test is decided. Figures count people, by human events only.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from cms_core.auth import audit
from cms_core.contract import AgentClass
from cms_core.db import now
from cms_core.errors import Conflict, NotFound
from cms_core.events.models import Event
from cms_core.publishing.claims import UNTIL_CALLED
from cms_core.publishing.models import Arm, Delivery, DeliveryState, Experiment, Metric, Publication
from cms_core.publishing.models import PublicationState as S

HOLD_OUT = "hold-out"
POINTS = 10_000
ENOUGH = 100  # below this many sent, the figures of an arm say little
KIND_OF = {Metric.OPENED: "opened", Metric.CLICKED: "clicked", Metric.CONVERSIONS: "converted"}


class Place(NamedTuple):
    """Where the division puts somebody: an arm, the undecided (None), or held out."""

    arm_id: int | None
    held_out: bool = False


@dataclass(frozen=True)
class Division:
    """Divides an audience: ``hold_out`` percent of all, ``share`` percent of the others over the arms (id, percent)."""

    key: str
    arms: tuple[tuple[int, int], ...]
    share: int = 100
    hold_out: int = 0

    @property
    def plain(self) -> bool:
        """Whether everybody gets the one arm."""
        return len(self.arms) == 1 and not self.hold_out

    def of(self, contact: str) -> Place:
        """The place of the contact with this public id: always the same."""
        held = self.hold_out * POINTS // 100
        at, span = point(self.key, contact) - held, POINTS - held
        if at < 0:
            return Place(None, held_out=True)
        if at * 100 >= self.share * span:
            return Place(None)
        return Place(self._arm(at * POINTS // (self.share * span)))

    def _arm(self, percent: int) -> int:
        end = 0
        for arm_id, share in self.arms:
            end += share
            if percent < end:
                return arm_id
        return self.arms[-1][0]


def point(key: str, contact: str) -> int:
    """A number from 0 to 9,999 that depends on nothing but the two."""
    digest = hashlib.blake2b(f"{key}:{contact}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % POINTS


def division_of(publication: Publication) -> Division:
    """How the audience of a publication is divided."""
    test = publication.experiment
    arms = tuple((arm.id, arm.share) for arm in publication.arms)
    if test is None:
        return Division(publication.public_id, arms)
    return Division(publication.public_id, arms, test.share, test.hold_out)


# --- figures ----------------------------------------------------------------------------------------------------------


def document(session: Session, publication: Publication) -> dict[str, Any] | None:
    """The test of a publication with the figures of its arms; None where there is no test."""
    test = publication.experiment
    if test is None:
        return None
    arms = figures(session, publication, Metric(test.metric))
    winner = next((arm.name for arm in publication.arms if arm.id == test.winner_id), None)
    return {
        "metric": test.metric,
        "share": test.share,
        "hold_out": test.hold_out,
        "automatic": test.automatic,
        "decide_after": test.decide_after,
        "decide_at": test.decide_at,
        "decided_at": test.decided_at,
        "winner": winner,
        "undecided": _count(session, publication, Delivery.arm_id.is_(None), Delivery.state == "pending"),
        "held_out": _count(session, publication, Delivery.reason == HOLD_OUT),
        "enough": all(arm["sent"] >= ENOUGH for arm in arms),
        "arms": arms,
    }


def figures(session: Session, publication: Publication, metric: Metric) -> list[dict[str, Any]]:
    """For each arm its deliveries by figure, the people who acted, and the rate that decides (of those it was sent to)."""
    states = _deliveries(session, publication)
    people = {**_acted(session, publication), **_converted(session, publication)}
    rows = []
    for arm in publication.arms:
        row = {figure: states.get((arm.id, state), 0) for state, figure in SHOWN.items()}
        row |= {each.value: people.get((arm.id, KIND_OF[each]), 0) for each in Metric}
        rate = row[metric.value] / row["sent"] if row["sent"] else 0.0
        rows.append({"name": arm.name, "variant": arm.variant, "share": arm.share, **row, "rate": rate})
    return rows


SHOWN = {
    DeliveryState.ACCEPTED: "sent",
    DeliveryState.FAILED: "failed",
    DeliveryState.UNKNOWN: "unknown",
    DeliveryState.SKIPPED: "skipped",
    DeliveryState.PENDING: "pending",
}


def _deliveries(session: Session, publication: Publication) -> Mapping[tuple[int | None, str], int]:
    query = (
        select(Delivery.arm_id, Delivery.state, func.count())
        .where(Delivery.publication_id == publication.id, Delivery.arm_id.is_not(None))
        .group_by(Delivery.arm_id, Delivery.state)
    )
    return {(arm_id, state): count for arm_id, state, count in session.execute(query)}


def _acted(session: Session, publication: Publication) -> dict[tuple[int | None, str], int]:
    query = (
        select(Delivery.arm_id, Event.kind, func.count(Event.contact_id.distinct()))
        .join(Delivery, Delivery.id == Event.delivery_id)
        .where(
            Event.publication_id == publication.id,
            Event.kind.in_(("opened", "clicked")),
            Event.agent_class == AgentClass.HUMAN,
        )
        .group_by(Delivery.arm_id, Event.kind)
    )
    return {(arm_id, kind): count for arm_id, kind, count in session.execute(query)}


def _converted(session: Session, publication: Publication) -> dict[tuple[int | None, str], int]:
    """Those of the arm who converted for the campaign since the publication was due."""
    of_ours = Event.publication_id == publication.id
    if publication.campaign is not None:
        of_ours = or_(of_ours, Event.campaign == publication.campaign.key)
    query = (
        select(Delivery.arm_id, func.count(Event.contact_id.distinct()))
        .join(Delivery, Delivery.contact_id == Event.contact_id)
        .where(
            Delivery.publication_id == publication.id,
            Delivery.state == DeliveryState.ACCEPTED,
            Event.kind == "converted",
            Event.agent_class == AgentClass.HUMAN,
            Event.at >= publication.due_at,
            of_ours,
        )
        .group_by(Delivery.arm_id)
    )
    return {(arm_id, "converted"): count for arm_id, count in session.execute(query)}


def _count(session: Session, publication: Publication, *where: Any) -> int:
    query = select(func.count()).where(Delivery.publication_id == publication.id, *where)
    return session.scalar(query) or 0


# --- deciding ---------------------------------------------------------------------------------------------------------


def begin(session: Session, publication_id: int, due: datetime) -> None:
    """The run starts: from now on it is known when an automatic test ends."""
    test = session.get(Experiment, publication_id)
    if test is not None and test.decide_at is None and test.decide_after is not None:
        test.decide_at = datetime.fromtimestamp(due.timestamp() + test.decide_after, tz=due.tzinfo)


def wakes_at(session: Session, publication_id: int) -> datetime:
    """When a run with undecided people goes on: at the end of an automatic test, else when a person has picked."""
    test = session.get_one(Experiment, publication_id)
    return test.decide_at if test.automatic and test.decide_at is not None else UNTIL_CALLED


def decide_due(session: Session, publication_ids: Sequence[int], due: datetime) -> None:
    """Let the best arm win when the time of an automatic test has come; a tie goes to the first of them."""
    query = select(Experiment).where(
        Experiment.publication_id.in_(publication_ids),
        Experiment.winner_id.is_(None),
        Experiment.automatic,
        Experiment.share != 100,
        Experiment.decide_at <= due,
    )
    for test in session.scalars(query).all():
        publication = session.get_one(Publication, test.publication_id)
        found = figures(session, publication, Metric(test.metric))
        best = max(range(len(found)), key=lambda n: (found[n]["rate"], -n))
        with suppress(Conflict):  # a person has picked in the same moment
            _win(session, publication, publication.arms[best], found, by=None)


def pick(session: Session, publication: Publication, name: str, by: int | None) -> None:
    """A person picks the arm that the rest gets; raises Conflict when nothing is left to be decided."""
    test = publication.experiment
    arm = next((each for each in publication.arms if each.name == name), None)
    if test is None or arm is None:
        names = ", ".join(each.name for each in publication.arms if each.name) or "none"
        raise NotFound(f"there is no arm {name!r} in this publication", f"its arms: {names}")
    if publication.state != S.SENDING or publication.audience_at is None:
        raise Conflict(
            f"publication {publication.public_id} is {publication.state}; nobody waits for a decision",
            "pick while the test runs",
        )
    _win(session, publication, arm, figures(session, publication, Metric(test.metric)), by)
    audit.note(session, "pick", "publication", publication.public_id, {"arm": name})


def _win(
    session: Session, publication: Publication, arm: Arm, found: Sequence[dict[str, Any]], by: int | None
) -> None:
    decided = (
        update(Experiment)
        .where(Experiment.publication_id == publication.id, Experiment.winner_id.is_(None))
        .values(winner_id=arm.id, decided_at=now(session), decided_by_id=by, figures=list(found))
        .returning(Experiment.publication_id)
        .execution_options(synchronize_session=False)
    )
    if session.scalar(decided) is None:
        raise Conflict("the test is decided already", "its page shows which arm won")
    undecided = Delivery.publication_id == publication.id, Delivery.arm_id.is_(None)
    session.execute(
        update(Delivery)
        .where(*undecided, Delivery.state == DeliveryState.PENDING)
        .values(arm_id=arm.id)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Publication)
        .where(Publication.id == publication.id)
        .values(wake_at=None, retry_at=None, row_version=Publication.row_version + 1)
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
