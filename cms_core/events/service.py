"""The ledger: recording what happened, once; storing the numbers that channels report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from cms_core.contract import AgentClass
from cms_core.db import now
from cms_core.dialect import insert_for
from cms_core.events.models import Event, Measurement
from cms_core.ids import new_id


@dataclass(frozen=True)
class NewEvent:
    """An event to be recorded, by the row ids of what it concerns; ``campaign`` is the campaign's key."""

    kind: str
    at: datetime
    source: str
    source_id: str
    agent_class: str = AgentClass.UNKNOWN
    contact_id: int | None = None
    visitor: str | None = None
    client: str | None = None
    campaign: str | None = None
    publication_id: int | None = None
    delivery_id: int | None = None
    asset_id: int | None = None
    channel: str | None = None
    url: str | None = None
    value_micros: int | None = None
    currency: str | None = None
    props: Mapping[str, Any] = field(default_factory=dict)


def record(session: Session, events: Sequence[NewEvent]) -> int:
    """Add events to the ledger; one whose (source, source_id) is there already is left out. Returns how many were new."""
    if not events:
        return 0
    received = now(session)
    rows = [
        {**asdict(event), "props": dict(event.props), "public_id": new_id(), "received_at": received}
        for event in events
    ]
    insert: Any = insert_for(session, Event).on_conflict_do_nothing(index_elements=["source", "source_id"])
    added = session.execute(insert.returning(Event.id), rows)
    return len(added.all())


@dataclass(frozen=True)
class NewMeasurement:
    """A number that a channel reports, in micros; cumulative at its instant. Without a publication (0): of a campaign's key."""

    publication_id: int
    metric: str
    value_micros: int
    at: datetime
    currency: str = ""
    campaign: str = ""
    channel: str = ""


def store_measurements(session: Session, measurements: Sequence[NewMeasurement]) -> int:
    """Keep numbers; the same metric of the same thing at the same instant is kept once. Returns how many were new."""
    if not measurements:
        return 0
    rows = [{**asdict(each), "received_at": now(session)} for each in measurements]
    insert: Any = insert_for(session, Measurement).on_conflict_do_nothing()
    return len(session.execute(insert.returning(Measurement.id), rows).all())
