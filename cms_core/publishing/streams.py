"""Streams: standing publications off the calendar, for what sends to single contacts (drip steps, triggers).

One for each revision, connection and source, made when something is first sent by it. It takes more until a newer revision is
approved and used, or until its source is closed; what it has taken by then still goes out. A contact gets one message for each key
of a source, whatever revision it was. Consent, suppression and caps are looked at in the claim, as with any other delivery.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.audience.addresses import address_hash
from cms_core.audience.contacts import PICTURE, alive
from cms_core.audience.models import Company, Contact
from cms_core.campaigns.models import Campaign
from cms_core.connections.models import Connection
from cms_core.content.models import Asset, Revision
from cms_core.content.review import approved_revision
from cms_core.db import now
from cms_core.dialect import among, insert_rows
from cms_core.errors import Conflict, Invalid
from cms_core.publishing.arming import require_sound, require_taken
from cms_core.publishing.models import Arm, Delivery, DeliveryState, Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.workspace import Workspace

MAX_KEY, MAX_SOURCE = 120, 100
BATCH = 2_000
OVER = (S.CANCELLED, S.FAILED)


@dataclass(frozen=True)
class Standing:
    """What a stream sends, by which connection, and in whose name."""

    asset: Asset
    connection: Connection
    source: str
    topic: str = ""
    campaign: Campaign | None = None


def send(
    session: Session, workspace: Workspace, standing: Standing, contacts: Sequence[str], key: str
) -> Publication:
    """Queue one message for each of these contacts (public ids); sent again with the same key, nothing is added.

    Raises Invalid for what cannot be sent (nothing approved, a channel without addresses), Conflict when the stream was ended.
    """
    _require_text("key", key, MAX_KEY)
    _require_text("source", standing.source, MAX_SOURCE)
    # One at a time for each asset, so that two revisions never send the same key.
    session.execute(
        select(Asset.id).where(Asset.id == standing.asset.id).with_for_update(key_share=True)
    ).all()
    channel, stream = _stream(session, workspace, standing)
    for start in range(0, len(contacts), BATCH):
        rows = list(_rows(session, channel, stream, contacts[start : start + BATCH], key))
        insert_rows(session, Delivery, rows, leave_existing=True, publication_id=stream.id, dedupe_key=key)
    _wake(session, Publication.id == stream.id)
    return stream


def close(session: Session, source: str) -> int:
    """Take nothing more for this source; returns how many of its streams were open."""
    opened = Publication.stream == source, Publication.closed_at.is_(None)
    return _wake(session, *opened, closed_at=now(session))


def _wake(session: Session, *where: Any, **values: Any) -> int:
    backing_off = case((Publication.state == S.RETRY_WAIT, Publication.retry_at), else_=None)
    changed = session.execute(
        update(Publication)
        .where(*where)
        .values(wake_at=None, retry_at=backing_off, row_version=Publication.row_version + 1, **values)
        .execution_options(synchronize_session=False)
    )
    return int(getattr(changed, "rowcount", 0))


def _stream(
    session: Session, workspace: Workspace, standing: Standing
) -> tuple[c.AddressedChannel, Publication]:
    channel = workspace.plugins.channel(standing.connection.channel)
    if not isinstance(channel, c.AddressedChannel):
        raise Invalid(f"{channel.label} is not sent to people", "name a connection of a channel that is")
    revision = approved_revision(session, standing.asset)
    if revision is None:
        slug = standing.asset.slug
        raise Invalid(f"asset {slug!r} is not approved", f"run `cms content approve {slug}`")
    unique = f"stream:{standing.connection.id}:{revision.id}:{standing.source}"
    found = session.scalar(select(Publication).where(Publication.dedupe_key == unique))
    if found is None:
        found = _open(session, workspace, standing, revision, channel, unique)
    elif found.state in OVER or found.closed_at is not None:
        raise Conflict(
            f"the stream {standing.source!r} of {standing.asset.slug!r} was ended ({found.reason or found.state})",
            f"`cms publications show {found.public_id}` says what became of it",
        )
    return channel, found


def _open(
    session: Session,
    workspace: Workspace,
    standing: Standing,
    revision: Revision,
    channel: c.Channel,
    unique: str,
) -> Publication:
    present, connection = now(session), standing.connection
    where = f"asset {standing.asset.slug!r}"
    require_taken(where, channel, standing.asset)
    require_sound(session, workspace, revision, connection, present)
    _wake(
        session,
        Publication.stream == standing.source,
        Publication.asset_id == standing.asset.id,
        Publication.connection_id == connection.id,
        Publication.closed_at.is_(None),
        closed_at=present,
    )
    stream = Publication(
        campaign_id=standing.campaign.id if standing.campaign else None,
        asset_id=standing.asset.id,
        revision_id=revision.id,
        content_hash=revision.content_hash,
        channel=channel.name,
        plugin=workspace.plugins.owner_of_channel(channel.name),
        connection_id=connection.id,
        topic=standing.topic,
        due_at=present,
        audience_at=present,
        created_at=present,
        dedupe_key=unique,
        stream=standing.source,
        arms=[Arm()],
    )
    session.add(stream)
    session.flush()
    return stream


def _rows(
    session: Session, channel: c.AddressedChannel, stream: Publication, contacts: Sequence[str], key: str
) -> Iterator[dict[str, Any]]:
    """Those who live and have not got this key of the source yet."""
    got = (
        select(Delivery.contact_id)
        .join(Publication, Publication.id == Delivery.publication_id)
        .where(
            Delivery.contact_id == Contact.id,
            Delivery.dedupe_key == key,
            Publication.stream == stream.stream,
            Publication.asset_id == stream.asset_id,
        )
    )
    query = (
        select(Contact.id, *PICTURE)
        .outerjoin(Company)
        .where(alive(), among(session, Contact.public_id, contacts), ~got.exists())
        .order_by(Contact.id)
    )
    for contact_id, *picture in session.connection().execute(query).all():
        person = c.Contact(*picture)
        address = channel.address(person)
        yield {
            "contact_id": contact_id,
            "arm_id": stream.arms[0].id,
            "address": address or f"#{contact_id}",
            "address_hash": address_hash(session, address) if address else "",
            "tz": person.timezone,
            "state": DeliveryState.PENDING if address else DeliveryState.SKIPPED,
            "reason": "" if address else "no address",
            "tries": 0,
        }


def settle(
    session: Session, channels: Sequence[str], provider_id: str, status: c.OutcomeStatus, detail: str
) -> bool:
    """A late outcome of one delivery by the provider's id: settles an unknown one; False when there is none to settle.

    What comes after ``accepted`` (bounced, delivered) is an event, and changes no delivery.
    """
    if status not in (c.OutcomeStatus.ACCEPTED, c.OutcomeStatus.FAILED):
        raise Invalid(f"a late outcome is accepted or failed, not {status}", "say what surely happened")
    ours = select(Publication.id).where(Publication.channel.in_(list(channels)))
    changed = session.execute(
        update(Delivery)
        .where(
            Delivery.provider_id == provider_id,
            Delivery.state == DeliveryState.UNKNOWN,
            Delivery.publication_id.in_(ours),
        )
        .values(state=status.value, reason=detail, settled_at=now(session))
        .execution_options(synchronize_session=False)
    )
    return bool(getattr(changed, "rowcount", 0))


def _require_text(what: str, text: str, most: int) -> None:
    if not text or len(text) > most or "\0" in text:
        raise Invalid(f"a stream's {what} has 1 to {most} characters", f"give another {what}")
