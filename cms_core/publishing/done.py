"""What a publication that is public means for the others: its predecessor, its entry, the ledger."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from cms_core.campaigns.models import Campaign, Entry, EntryState
from cms_core.contract import AgentClass
from cms_core.dialect import among, insert_rows
from cms_core.events.models import Event
from cms_core.ids import new_id
from cms_core.publishing.models import Publication

P = Publication
TOLD = "published:"
_WHAT = (
    select(
        P.id,
        P.public_id,
        P.entry_id,
        P.asset_id,
        P.channel,
        P.external_url,
        P.supersedes_id,
        Campaign.key,
    )
    .outerjoin(Campaign)
    .where(
        P.stream.is_(None),
        ~exists().where(Event.source == "core", Event.source_id == TOLD + P.public_id),
    )
    .order_by(P.id)
)


def _supersede(session: Session, publication: Publication, predecessor_id: int) -> None:
    """Only the newest of a chain is live; what was paused is to stay so in its new words."""
    before = session.get_one(Publication, predecessor_id, populate_existing=True)
    pausing = before.switch_to or ("pause" if before.paused_at else None)
    reason = before.switch_reason if before.switch_to else before.paused_reason
    if pausing == "pause":
        publication.switch_to, publication.switch_reason, publication.tries = pausing, reason, 0
        session.flush()
    session.execute(
        update(Publication)
        .where(Publication.id == predecessor_id)
        .values(superseded_by_id=publication.id, switch_to=None)
        .execution_options(synchronize_session=False)
    )


def tell(session: Session, publication_ids: Sequence[int], real: datetime) -> None:
    """For each: supersede its predecessor, end its entry, and put it into the ledger.

    A mailing that a person sends on after its end comes here again: it was published once.
    """
    rows = session.execute(_WHAT.where(among(session, P.id, publication_ids))).all()
    for row in rows:
        if row.supersedes_id is not None:
            _supersede(session, session.get_one(P, row.id), row.supersedes_id)
    entries = [row.entry_id for row in rows if row.entry_id is not None]
    if entries:
        ended = update(Entry).where(among(session, Entry.id, entries)).values(state=EntryState.DONE)
        session.execute(ended.execution_options(synchronize_session=False))
        for each in list(session):  # who goes on with an entry sees it; a worker has none in hand
            if isinstance(each, Entry):
                session.expire(each, ["state"])
    events = [
        {
            "source_id": f"{TOLD}{row.public_id}",
            "public_id": new_id(),
            "campaign": row.key,
            "publication_id": row.id,
            "asset_id": row.asset_id,
            "channel": row.channel,
            "url": row.external_url or None,
        }
        for row in rows
    ]
    insert_rows(
        session,
        Event,
        events,
        source="core",
        kind="published",
        at=real,
        received_at=real,
        agent_class=AgentClass.INTERNAL,
        props={},
    )
