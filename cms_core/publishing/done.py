"""What a publication that is public means for the others: its predecessor, its entry, the ledger."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cms_core.campaigns.models import Entry, EntryState
from cms_core.contract import AgentClass
from cms_core.events.models import Event
from cms_core.ids import new_id
from cms_core.publishing.models import Publication


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


def tell(session: Session, publication: Publication, real: datetime) -> None:
    """Supersede the predecessor, end the entry, and put it into the ledger.

    A mailing that a person sends on after its end comes here again: it was published once.
    """
    source_id = f"published:{publication.public_id}"
    told = select(Event.id).where(Event.source == "core", Event.source_id == source_id)
    if session.scalar(told) is not None:
        return
    if publication.supersedes_id is not None:
        _supersede(session, publication, publication.supersedes_id)
    if publication.entry_id is not None:
        session.execute(update(Entry).where(Entry.id == publication.entry_id).values(state=EntryState.DONE))
    session.add(
        Event(
            source="core",
            source_id=source_id,
            public_id=new_id(),
            kind="published",
            at=real,
            received_at=real,
            agent_class=AgentClass.INTERNAL,
            campaign=publication.campaign.key if publication.campaign else None,
            publication_id=publication.id,
            asset_id=publication.asset_id,
            channel=publication.channel,
            url=publication.external_url or None,
            props={},
        )
    )
