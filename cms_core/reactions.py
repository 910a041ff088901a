"""Reactions: what happened is handed to plugins in batches, each plugin with a cursor of its own per hook.

At least once: the cursor moves after the plugin has taken a batch, so one that fails, or dies half-way, is given it again, and the
others go on. A plugin that is new here starts at the present end of the ledger. No transaction is open while a plugin works.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.audience.models import Contact, ContactChange
from cms_core.campaigns.money import from_micros
from cms_core.content.models import Asset
from cms_core.db import Database
from cms_core.events import ledger
from cms_core.events.ledger import Place, Reader
from cms_core.events.models import Event, Measurement
from cms_core.plugins import Plugins
from cms_core.publishing.models import Publication
from cms_core.publishing.receipts import WITH_RECEIPT, told
from cms_core.workspace import Workspace

BATCH = 500
LEDGERS = (Event, Measurement, ContactChange)
NOT_ENGAGED = {"published", "bounced", "complained", "unsubscribed"}

Rows = Sequence[Row[*tuple[Any, ...]]]
Query = Select[*tuple[Any, ...]]


class Batch(NamedTuple):
    """What a plugin is given, and where its cursor stood and will stand then."""

    items: Sequence[Any]
    start: Place
    end: Place


@dataclass(frozen=True)
class Reaction:
    """A hook with the name of its argument, the ledger it is fed from, and how a batch is read from there."""

    hook: str
    argument: str
    ledger: type[Event] | type[Measurement] | type[ContactChange]
    query: Callable[[Plugins], Query]
    convert: Callable[[Session, Rows], list[Any]]


def deliver_reactions(workspace: Workspace) -> int:
    """Hand every plugin what is new for it, until nothing is left or it fails; returns how many items were taken.

    To be called again and again by the worker; once before its first work, so that a new plugin misses nothing of that.
    """
    plugins = workspace.plugins
    return sum(
        _deliver(workspace.db, plugins, reaction, plugin)
        for reaction in REACTIONS
        for plugin in plugins.reacting(reaction.hook)
    )


def _deliver(db: Database, plugins: Plugins, reaction: Reaction, plugin: str) -> int:
    reader = Reader(f"{reaction.hook}:{plugin}", reaction.ledger)
    taken = 0
    while batch := _next_batch(db, plugins, reaction, reader):
        if batch.items and not plugins.react(plugin, reaction.hook, reaction.argument, batch.items):
            break
        with db.transaction() as session:
            # The cursor stays where another worker has moved it meanwhile.
            ledger.advance(session, reader, batch.start, batch.end)
        taken += len(batch.items)
    return taken


def _next_batch(db: Database, plugins: Plugins, reaction: Reaction, reader: Reader) -> Batch | None:
    """The next batch, perhaps without items where nothing in the ledger concerns this hook; None at the end."""
    with db.session() as session:
        start = ledger.find_position(session, reader)
        end = ledger.end(session, reaction.ledger)
        if start is not None and end > start:
            order = ledger.order(session, reaction.ledger)
            query = reaction.query(plugins).where(
                ledger.after(session, reaction.ledger, start), ledger.up_to(session, reaction.ledger, end)
            )
            rows = session.execute(query.order_by(*order).limit(BATCH)).all()
            last = Place(rows[-1][0].xid, rows[-1][0].id) if len(rows) == BATCH else end
            return Batch(reaction.convert(session, rows), start, last)
    if start is None:
        with db.transaction() as session:
            ledger.begin_at(session, reader, end)
    return None


# --- what each hook is given ------------------------------------------------------------------------------------------


def _published(_: Plugins) -> Query:
    joined = Publication.id == Event.publication_id
    query = select(Event, Publication).join(Publication, joined).where(Event.kind == "published")
    return query.options(*WITH_RECEIPT)


def _receipts(_: Session, rows: Rows) -> list[Any]:
    return [told(publication) for _, publication in rows]


def _measured(_: Plugins) -> Query:
    joined = Publication.id == Measurement.publication_id
    return select(Measurement, Publication.public_id).join(Publication, joined)


def _measurements(_: Session, rows: Rows) -> list[Any]:
    return [
        c.Measurement(publication, row.metric, from_micros(row.value_micros), row.at, row.currency)
        for row, publication in rows
    ]


def _engaged(plugins: Plugins) -> Query:
    """By humans only: what a person did, of the kinds of the core and of plugins."""
    kinds = sorted(set(plugins.event_types) - NOT_ENGAGED)
    return (
        select(Event, Contact.public_id, Publication.public_id, Asset.public_id)
        .outerjoin(Contact, Contact.id == Event.contact_id)
        .outerjoin(Publication, Publication.id == Event.publication_id)
        .outerjoin(Asset, Asset.id == Event.asset_id)
        .where(Event.kind.in_(kinds), Event.agent_class == c.AgentClass.HUMAN)
    )


def _events(_: Session, rows: Rows) -> list[Any]:
    return [
        c.Event(
            kind=row.kind,
            at=row.at,
            source=row.source,
            source_id=row.source_id,
            agent_class=c.AgentClass(row.agent_class),
            contact=contact,
            visitor=row.visitor,
            campaign=row.campaign,
            publication=publication,
            asset=asset,
            url=row.url,
            value=None if row.value_micros is None else from_micros(row.value_micros),
            currency=row.currency or "",
            props=row.props,
        )
        for row, contact, publication, asset in rows
    ]


def _changed(_: Plugins) -> Query:
    return select(ContactChange, Contact.public_id).join(Contact, Contact.id == ContactChange.contact_id)


def _changes(_: Session, rows: Rows) -> list[Any]:
    return [c.ContactChange(contact, row.change, row.at, tuple(row.fields)) for row, contact in rows]


REACTIONS = (
    Reaction("published", "receipts", Event, _published, _receipts),
    Reaction("measured", "measurements", Measurement, _measured, _measurements),
    Reaction("engaged", "events", Event, _engaged, _events),
    Reaction("contacts_changed", "changes", ContactChange, _changed, _changes),
)
