"""Entries and their publications: arm, disarm, follow a moved entry.

Arming binds the approved revision and runs the channel's check, so that what cannot go out is refused while somebody looks.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cms_core.campaigns import placing
from cms_core.campaigns.models import Entry, EntryKind, EntryState
from cms_core.campaigns.when import Mode
from cms_core.connections.models import Connection
from cms_core.content.drafts import require_kind
from cms_core.content.models import Asset, Revision
from cms_core.content.placements import check_placement, make_placement
from cms_core.content.review import approved_revision
from cms_core.contract import AddressedChannel, Channel, Level
from cms_core.db import lock, now
from cms_core.errors import Conflict, Invalid
from cms_core.plugins import Plugins
from cms_core.publishing import experiment_plan, local_time
from cms_core.publishing.experiment_plan import ExperimentPlan
from cms_core.publishing.models import Delivery, Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.publishing.service import BEFORE_COMMIT, cancel, change, has_reached
from cms_core.workspace import Workspace

DISARMED = "disarmed"
SOUND = "sound"  # what a publication awaits of the entry that its own follows: only that it has not failed


def arm(
    session: Session, workspace: Workspace, entry: Entry, test: ExperimentPlan | None = None
) -> Publication:
    """Let an entry go out by itself at its time, perhaps with a test: binds the approved revision, makes the publication.

    Raises Invalid when something is missing (an approved revision, a connection, a segment for an addressed channel), when
    the channel's check, the same as in the editor and at the commit, finds an error in any arm, when the test cannot be done, or
    when a blackout refuses its time. One that defers puts it later.
    """
    lock(session, entry)  # two who arm it at once would send it twice
    existing = session.scalar(
        select(Publication).where(Publication.entry_id == entry.id, Publication.state != S.CANCELLED)
    )
    if existing is not None and test is not None:
        raise Conflict(f"entry {entry.title!r} is armed already", "disarm it, then arm it with its test")
    if existing is not None:
        return existing
    _require_nobody_reached(session, entry)
    if entry.state in (EntryState.DONE, EntryState.DROPPED):
        raise Conflict(f"entry {entry.title!r} is {entry.state}", "plan a new one")
    channel, connection, revision = _check_armable(session, workspace.plugins, entry)
    for moved in placing.release(session, entry, entry.instant)[1:]:
        follow(session, workspace.plugins, moved)
    if test is not None:
        experiment_plan.require_possible(test, channel, entry, revision)
    arms = experiment_plan.arms_of(test)
    for each in arms:
        require_sound(session, workspace, revision, connection, entry.instant, each.variant)
    publication = Publication(
        entry_id=entry.id,
        campaign_id=entry.campaign_id,
        asset_id=revision.asset_id,
        revision_id=revision.id,
        content_hash=revision.content_hash,
        channel=entry.channel,
        plugin=workspace.plugins.owner_of_channel(entry.channel),
        connection_id=connection.id,
        segment_id=entry.segment_id,
        due_at=local_time.starts_at(entry),
        late_at=local_time.late_at(entry, channel),
        ends_at=_ends_at(entry, channel),
        awaits=entry.condition or (SOUND if entry.after_id is not None else ""),
        created_at=now(session),
        arms=arms,
        experiment=experiment_plan.experiment_of(test) if test else None,
    )
    session.add(publication)
    entry.state = EntryState.ARMED
    session.flush()
    return publication


def disarm(session: Session, entry: Entry) -> None:
    """Back to planned: what has not gone out is cancelled; an entry that has reached somebody is done."""
    if entry.state in (EntryState.DONE, EntryState.DROPPED):
        raise Conflict(f"entry {entry.title!r} is {entry.state}", "plan a new one")
    for publication in of_entry(session, entry):
        if publication.state != S.CANCELLED:
            cancel(session, publication, DISARMED)
    if entry.state == EntryState.ARMED:
        entry.state = EntryState.PLANNED


def follow(session: Session, plugins: Plugins, entry: Entry) -> None:
    """Give the entry's publication the entry's time; raises Conflict when it has begun to go out."""
    for publication in of_entry(session, entry):
        if publication.state == S.CANCELLED:
            continue
        channel = plugins.channel(publication.channel)
        change(
            session,
            publication,
            BEFORE_COMMIT,
            "moved",
            state=S.HELD if publication.state == S.HELD else S.SCHEDULED,
            due_at=local_time.starts_at(entry),
            late_at=local_time.late_at(entry, channel),
            ends_at=_ends_at(entry, channel),
            retry_at=None,
            wake_at=None,
        )


def write_waiting(session: Session, publication_id: int, **values: Any) -> None:
    """Write to a publication that nobody has begun with; one that a worker or a person was faster with is left alone."""
    session.execute(
        update(Publication)
        .where(Publication.id == publication_id, Publication.state == S.SCHEDULED)
        .values(row_version=Publication.row_version + 1, **values)
        .execution_options(synchronize_session=False)
    )


def of_entry(session: Session, entry: Entry) -> list[Publication]:
    """The publications of an entry, oldest first."""
    return list(
        session.scalars(select(Publication).where(Publication.entry_id == entry.id).order_by(Publication.id))
    )


def _ends_at(entry: Entry, channel: Channel) -> datetime | None:
    """When what goes out is taken back: at the entry's end, else when its asset expires; mails cannot be taken back."""
    expires = entry.asset.unpublish_at if entry.asset else None
    if expires is not None and expires <= entry.instant:
        raise Invalid(
            f"entry {entry.title!r} goes out when its asset has expired ({expires:%Y-%m-%d %H:%M} UTC)",
            "plan it earlier, or give the asset a later end",
            field="asset",
        )
    return entry.ends_at or (None if isinstance(channel, AddressedChannel) else expires)


def _require_nobody_reached(session: Session, entry: Entry) -> None:
    """What went out in part and was cancelled must not begin anew with everybody."""
    of_it = select(Publication.id).where(Publication.entry_id == entry.id)
    if has_reached(session, Delivery.publication_id.in_(of_it)):
        raise Conflict(
            f"entry {entry.title!r} has gone out in part already",
            "plan a new entry, to those who have not got it",
        )


def _check_armable(session: Session, plugins: Plugins, entry: Entry) -> tuple[Channel, Connection, Revision]:
    where = f"entry {entry.title!r}"
    if entry.kind not in (EntryKind.PUBLISH, EntryKind.FLIGHT):
        raise Invalid(
            f"{where} is a {entry.kind}; only entries of kind publish go out, and flights",
            "leave it planned",
            field="kind",
        )
    if entry.asset is None:
        raise Invalid(f"{where} has no asset", "name the asset that shall go out", field="asset")
    require_kind(plugins, entry.asset)
    session.refresh(entry.asset, ["archived_at"])  # somebody may have put it away while this waited
    if entry.asset.archived_at is not None:
        raise Invalid(f"asset {entry.asset.slug!r} was put away", "bring it back first", field="asset")
    if entry.connection is None:
        raise Invalid(
            f"{where} has no connection",
            f"name a connection of the channel {entry.channel or '(none yet)'}",
            field="connection",
        )
    channel = plugins.channel(entry.channel)
    require_taken(where, channel, entry.asset)
    if entry.mode == Mode.RECIPIENT_LOCAL and not isinstance(channel, AddressedChannel):
        raise Invalid(
            f"{where} goes out at each recipient's own time, but {channel.label} has no recipients",
            "write the time without local",
            field="when",
        )
    if isinstance(channel, AddressedChannel) and entry.segment_id is None:
        raise Invalid(
            f"{where} has no segment", f"{channel.label} goes to people: name the segment", field="segment"
        )
    revision = approved_revision(session, entry.asset)
    if revision is None:
        raise Invalid(
            f"asset {entry.asset.slug!r} is not approved",
            f"run `cms content approve {entry.asset.slug}`",
            field="asset",
        )
    return channel, entry.connection, revision


def require_taken(where: str, channel: Channel, asset: Asset) -> None:
    """Raise Invalid when the channel does not take assets of this kind."""
    if asset.kind not in channel.asset_kinds:
        raise Invalid(
            f"{where}: {channel.label} does not take assets of kind {asset.kind}",
            f"it takes {', '.join(channel.asset_kinds)}",
            field="asset",
        )


def require_sound(
    session: Session,
    workspace: Workspace,
    revision: Revision,
    connection: Connection,
    due_at: datetime,
    variant: str = "",
) -> None:
    """Raise Invalid when the channel's check finds an error in these words, with those of the variant over them."""
    channel = connection.channel
    placement = make_placement(
        session, workspace, revision, channel, connection, due_at=due_at, variant=variant
    )
    for finding in check_placement(workspace, placement):
        if finding.level is Level.ERROR:
            where = f"{finding.field}: " if finding.field else ""
            remedy = f"`cms content check {placement.asset.slug} --channel {channel}` tells all"
            which = f" with variant {variant!r}" if variant else ""
            raise Invalid(
                f"asset {placement.asset.slug!r}{which} cannot go out: {where}{finding.message}",
                remedy,
                field="asset",
            )
