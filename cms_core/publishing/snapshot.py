"""The frozen picture that a worker takes of a claimed publication before any network call."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from cms_core import contract as c
from cms_core.connections.links import make_link
from cms_core.content.models import Asset, Revision, RevisionState
from cms_core.content.placements import check_placement, make_placement
from cms_core.deadline import DECISION_SECONDS
from cms_core.publishing import local_time
from cms_core.publishing.claims import Held, Task, missing, write
from cms_core.publishing.experiments import Division, division_of
from cms_core.publishing.links import PublicationLinks, links_of
from cms_core.publishing.models import Arm, Attempt, Phase, Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.publishing.receipts import receipt_of
from cms_core.workspace import Workspace

STOPPING = (c.Level.ERROR, c.Level.HOLD)
Approved = aliased(Revision)
WHOLE = (
    joinedload(Publication.connection),
    joinedload(Publication.campaign),
    joinedload(Publication.entry),
    joinedload(Publication.experiment),
    joinedload(Publication.asset).selectinload(Asset.tags),
    joinedload(Publication.revision).options(joinedload(Revision.author), selectinload(Revision.media)),
    selectinload(Publication.arms),
    selectinload(Publication.links),
)


class NotNow(Exception):
    """Something forbids publishing; the publication is held with this reason."""


@dataclass(frozen=True)
class ArmPicture:
    """One arm as the channel sees it, and what is prepared of it."""

    id: int
    placement: c.Placement
    prepared: c.Prepared | None
    progress: c.Json | None


@dataclass(frozen=True)
class Snapshot:
    """Everything that preparing and publishing need, without a session."""

    publication_id: int
    connection_id: int
    key: str
    channel: c.Channel
    plugin: str
    plugin_version: str
    link: c.Link
    arms: tuple[ArmPicture, ...]
    links: PublicationLinks
    division: Division
    previous: c.Receipt | None
    receipt: c.Receipt | None
    first_commit_at: datetime | None
    campaign_key: str | None
    topic: str
    stream: str | None
    segment_id: int | None
    local: local_time.LocalTime | None
    tz: str

    @property
    def arm(self) -> ArmPicture:
        """The first arm: the only one of what is not sent to people."""
        return self.arms[0]

    def link_with(self, wire: c.Wire) -> c.Link:
        """The link, with the journal that the door has to tell."""
        return replace(self.link, wire=wire)


def follow_approvals(session: Session, batch: Sequence[Held]) -> None:
    """Before anything may have gone out, a publication follows its asset's newest approved revision."""
    of_batch = {held.publication_id: held for held in batch if held.task is Task.PUBLISH}
    if not of_batch:
        return
    newest = (
        select(func.max(Approved.n))
        .where(Approved.asset_id == Publication.asset_id, Approved.state == RevisionState.APPROVED)
        .scalar_subquery()
    )
    maybe_out = select(Attempt.id).where(
        Attempt.publication_id == Publication.id,
        Attempt.phase == Phase.COMMIT,
        or_(Attempt.outcome.is_(None), Attempt.outcome == "unknown"),
    )
    query = (
        select(Publication.id, Revision.id, Revision.content_hash)
        .join(Revision, and_(Revision.asset_id == Publication.asset_id, Revision.n == newest))
        .where(
            Publication.id.in_(list(of_batch)),
            Publication.revision_id != Revision.id,
            Publication.audience_at.is_(None),
            ~maybe_out.exists(),
        )
    )
    for publication_id, revision_id, content_hash in session.execute(query).all():
        values = {"revision_id": revision_id, "content_hash": content_hash}
        if write(session, of_batch[publication_id], (S.PREPARING,), **values):
            forget = update(Arm).where(Arm.publication_id == publication_id)
            session.execute(forget.values(prepared=None, progress=None, prepared_hash=""))


def load(session: Session, batch: Sequence[Held]) -> dict[int, Publication]:
    """What the pictures of a batch are made of, read at once."""
    query = select(Publication).where(Publication.id.in_([held.publication_id for held in batch]))
    return {row.id: row for row in session.scalars(query.options(*WHOLE))}


def take(
    session: Session,
    workspace: Workspace,
    held: Held,
    publication: Publication,
    handles: dict[int, c.Link],
) -> Snapshot:
    """The picture of a publication; raises NotNow when the plugin is missing, the approval is gone or a check stops it.

    ``handles`` are those of connections, which one batch shares.
    """
    plugins = workspace.plugins
    channel = plugins.channels.get(publication.channel)
    if channel is None:
        raise NotNow(missing(publication.plugin))
    if held.task not in (Task.WITHDRAW, Task.SWITCH):  # what lost its approval is the first to be stopped
        _require_approval(publication)
    arms = tuple(_picture(session, workspace, publication, arm) for arm in publication.arms)
    if held.task is Task.PUBLISH:
        for arm in arms:
            _require_clean(workspace, arm.placement)
    links = links_of(publication, workspace.config.base_url)
    handle = handles.get(publication.connection_id) or make_link(workspace, publication.connection)
    handles[publication.connection_id] = handle
    predecessor = session.get(Publication, publication.supersedes_id) if publication.supersedes_id else None
    return Snapshot(
        publication_id=publication.id,
        connection_id=publication.connection_id,
        key=publication.public_id,
        channel=channel,
        plugin=plugins.owner_of_channel(publication.channel),
        plugin_version=plugins.version_of_channel(publication.channel),
        link=replace(handle, links=links),
        arms=arms,
        links=links,
        division=division_of(publication),
        previous=receipt_of(predecessor) if predecessor is not None else None,
        receipt=receipt_of(publication),
        first_commit_at=_first_commit(session, publication) if held.task is Task.RECONCILE else None,
        campaign_key=publication.campaign.key if publication.campaign else None,
        topic=publication.topic,
        stream=publication.stream,
        segment_id=publication.segment_id,
        local=local_time.of_entry(publication.entry, channel),
        tz=_zone_of(publication),
    )


def _zone_of(publication: Publication) -> str:
    """The zone in which a publication is meant, and with it people whose own zone is not known."""
    placed = publication.entry or publication.campaign
    return placed.tz if placed else "UTC"


def _picture(session: Session, workspace: Workspace, publication: Publication, arm: Arm) -> ArmPicture:
    known = publication.revision.variants
    if arm.variant and arm.variant not in known:
        raise NotNow(
            f"revision {publication.revision.n} of {publication.asset.slug!r} has no variant {arm.variant!r}"
        )
    current = arm.prepared is not None and arm.prepared_hash == publication.content_hash
    prepared = c.Prepared(arm.prepared) if current and arm.prepared is not None else None
    return ArmPicture(arm.id, placement_of(session, workspace, publication, arm), prepared, arm.progress)


def _require_approval(publication: Publication) -> None:
    revision = publication.revision
    approved = revision.state in (RevisionState.APPROVED, RevisionState.SUPERSEDED)
    if not approved or revision.content_hash != publication.content_hash:
        raise NotNow(f"revision {revision.n} of {publication.asset.slug!r} is not approved (any more)")


def _require_clean(workspace: Workspace, placement: c.Placement) -> None:
    for finding in check_placement(workspace, placement, DECISION_SECONDS):
        if finding.level in STOPPING:
            raise NotNow(f"{finding.field}: {finding.message}" if finding.field else finding.message)


def placement_of(session: Session, workspace: Workspace, publication: Publication, arm: Arm) -> c.Placement:
    """The placement of one arm of a publication, with the words of its channel, connection and variant."""
    return make_placement(
        session,
        workspace,
        publication.revision,
        publication.channel,
        publication.connection,
        due_at=publication.due_at,
        publication_id=publication.public_id,
        campaign=_campaign(publication),
        ends_at=publication.ends_at,
        arm=arm.name,
        variant=arm.variant,
    )


def _campaign(publication: Publication) -> c.Campaign | None:
    row = publication.campaign
    return c.Campaign(row.public_id, row.name, row.key, row.tz, row.utm) if row else None


def _first_commit(session: Session, publication: Publication) -> datetime | None:
    return session.scalar(
        select(func.min(Attempt.started_at)).where(
            Attempt.publication_id == publication.id, Attempt.phase == Phase.COMMIT
        )
    )
