"""Taking the pictures of a batch. Of each piece a row of columns is read; what pieces share is read, and made, once."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Row, and_, func, null, or_, select, update
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from cms_core import contract as c
from cms_core.campaigns.models import Campaign
from cms_core.connections.links import make_link
from cms_core.connections.models import Connection
from cms_core.content.models import Asset, Revision, RevisionState
from cms_core.content.placements import check_placement, make_placement
from cms_core.deadline import DECISION_SECONDS
from cms_core.dialect import among
from cms_core.frozen import varied
from cms_core.publishing import local_time, planned
from cms_core.publishing.claims import Held, Task, missing, write
from cms_core.publishing.experiments import division_of
from cms_core.publishing.links import PublicationLinks, stored_links, utm_of
from cms_core.publishing.models import Arm, Attempt, Phase, Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.publishing.receipts import receipt_of
from cms_core.publishing.snapshot import NOBODY, ArmPicture, Audience, NotNow, Snapshot
from cms_core.workspace import Workspace

P = Publication
Piece = Row[*tuple[Any, ...]]  # of _ROWS: a publication and one of its arms
STOPPING = (c.Level.ERROR, c.Level.HOLD)
Approved = aliased(Revision)
_ROWS = (
    select(
        P.id,
        P.public_id,
        P.channel,
        P.plugin,
        P.connection_id,
        P.campaign_id,
        P.revision_id,
        P.content_hash,
        P.due_at,
        P.ends_at,
        P.supersedes_id,
        P.receipt.is_not(null()).label("is_public"),
        Arm.id.label("arm_id"),
        Arm.name.label("arm"),
        Arm.variant,
        Arm.prepared,
        Arm.progress,
        Arm.prepared_hash,
    )
    .join(Arm)
    .order_by(P.id, Arm.id)
)
_OF_ASSET = joinedload(Revision.asset).selectinload(Asset.tags)
_REVISIONS = select(Revision).options(_OF_ASSET, joinedload(Revision.author), selectinload(Revision.media))


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
            among(session, Publication.id, of_batch),
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


class Pictures:
    """The pictures of one batch."""

    def __init__(self, session: Session, workspace: Workspace, batch: Sequence[Held]) -> None:
        self._session = session
        self._workspace = workspace
        ids = [held.publication_id for held in batch]
        rows = session.execute(_ROWS.where(among(session, P.id, ids))).all()
        self._rows = {key: list(arms) for key, arms in groupby(rows, key=lambda row: row.id)}
        query = _REVISIONS.where(among(session, Revision.id, {row.revision_id for row in rows}))
        self._revisions = {each.id: each for each in session.scalars(query)}
        self._connections = self._all(Connection, {row.connection_id for row in rows})
        self._campaigns = self._all(Campaign, {row.campaign_id for row in rows} - {None})
        self._links = stored_links(session, ids)
        self._placements: dict[tuple[Any, ...], c.Placement] = {}
        self._handles: dict[int, c.Link] = {}

    def _all(self, model: Any, ids: Iterable[int]) -> dict[int, Any]:
        query = select(model).where(among(self._session, model.id, ids))
        return {each.id: each for each in self._session.scalars(query)}

    def take(self, held: Held) -> Snapshot:
        """The picture of one; raises NotNow when the plugin is missing, the approval is gone or a check stops it."""
        rows = self._rows.get(held.publication_id)
        if rows is None:
            raise NotNow("it has no words to publish (any more)")
        row, plugins = rows[0], self._workspace.plugins
        channel = plugins.channels.get(row.channel)
        if channel is None:
            raise NotNow(missing(row.plugin))
        if held.task not in (Task.WITHDRAW, Task.SWITCH):  # what lost its approval is the first to be stopped
            _require_approval(self._revisions[row.revision_id], row.content_hash)
        arms = tuple(map(self._arm, rows))
        if held.task is Task.PUBLISH:
            for arm in arms:
                self._require_clean(arm.placement)
        links = self._links_of(row)
        return Snapshot(
            publication_id=row.id,
            connection_id=row.connection_id,
            key=row.public_id,
            channel=channel,
            plugin=plugins.owner_of_channel(row.channel),
            plugin_version=plugins.version_of_channel(row.channel),
            link=varied(self._handle(row.connection_id), links=links),
            arms=arms,
            links=links,
            audience=self._audience(row.id, channel) if isinstance(channel, c.AddressedChannel) else NOBODY,
            previous=self._receipt(row.supersedes_id),
            receipt=self._receipt(row.id) if row.is_public else None,
            first_commit_at=self._first_commit(row.id) if held.task is Task.RECONCILE else None,
        )

    def _arm(self, row: Piece) -> ArmPicture:
        current = row.prepared is not None and row.prepared_hash == row.content_hash
        prepared = c.Prepared(row.prepared) if current else None
        return ArmPicture(row.arm_id, self._placement(row), prepared, row.progress)

    def _placement(self, row: Piece) -> c.Placement:
        """Each piece has words and settings of its own: a plugin that writes into them spoils no other."""
        alike = row.revision_id, row.channel, row.connection_id, row.campaign_id, row.arm, row.variant
        known = self._placements.get(alike)
        if known is None:
            known = self._placements[alike] = self._make_placement(row)
        return varied(
            known,
            publication=row.public_id,
            asset=varied(known.asset, body=dict(known.asset.body)),
            settings=dict(known.settings),
            due_at=row.due_at,
            ends_at=row.ends_at,
        )

    def _make_placement(self, row: Piece) -> c.Placement:
        revision, campaign = self._revisions[row.revision_id], self._campaigns.get(row.campaign_id)
        if row.variant and row.variant not in revision.variants:
            raise NotNow(f"revision {revision.n} of {revision.asset.slug!r} has no variant {row.variant!r}")
        return make_placement(
            self._session,
            self._workspace,
            revision,
            row.channel,
            self._connections[row.connection_id],
            due_at=row.due_at,
            campaign=planned.campaign(campaign) if campaign else None,
            arm=row.arm,
            variant=row.variant,
        )

    def _require_clean(self, placement: c.Placement) -> None:
        for finding in check_placement(self._workspace, placement, DECISION_SECONDS):
            if finding.level in STOPPING:
                raise NotNow(f"{finding.field}: {finding.message}" if finding.field else finding.message)

    def _links_of(self, row: Piece) -> PublicationLinks:
        campaign = self._campaigns.get(row.campaign_id)
        names = (
            self._connections[row.connection_id].name,
            row.channel,
            self._revisions[row.revision_id].asset.slug,
        )
        utm = utm_of(campaign, *names) if campaign else {}
        return PublicationLinks(self._workspace.config.base_url, utm, self._links.get(row.id, {}))

    def _handle(self, connection_id: int) -> c.Link:
        if connection_id not in self._handles:
            self._handles[connection_id] = make_link(self._workspace, self._connections[connection_id])
        return self._handles[connection_id]

    def _audience(self, publication_id: int, channel: c.Channel) -> Audience:
        publication = self._session.get_one(Publication, publication_id)
        placed = publication.entry or publication.campaign
        return Audience(
            division=division_of(publication),
            segment_id=publication.segment_id,
            topic=publication.topic,
            stream=publication.stream,
            local=local_time.of_entry(publication.entry, channel),
            tz=placed.tz if placed else "UTC",
        )

    def _receipt(self, publication_id: int | None) -> c.Receipt | None:
        found = self._session.get(Publication, publication_id) if publication_id is not None else None
        return receipt_of(found) if found is not None else None

    def _first_commit(self, publication_id: int) -> datetime | None:
        commits = Attempt.publication_id == publication_id, Attempt.phase == Phase.COMMIT
        return self._session.scalar(select(func.min(Attempt.started_at)).where(*commits))


def _require_approval(revision: Revision, content_hash: str) -> None:
    approved = revision.state in (RevisionState.APPROVED, RevisionState.SUPERSEDED)
    if not approved or revision.content_hash != content_hash:
        raise NotNow(f"revision {revision.n} of {revision.asset.slug!r} is not approved (any more)")
