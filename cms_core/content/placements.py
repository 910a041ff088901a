"""Content as plugins see it: frozen assets and placements, and what the checks say about them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.connections.models import Connection
from cms_core.content import media as files
from cms_core.content.models import Revision
from cms_core.content.revisions import effective, media_in
from cms_core.deadline import PAGE_SECONDS
from cms_core.plugins import PLUGIN_FAULTS, typed_list
from cms_core.workspace import Workspace


def to_contract(
    session: Session,
    workspace: Workspace,
    revision: Revision,
    channel: str = "",
    connection: str = "",
    variant: str = "",
) -> c.Asset:
    """The asset at this revision, with the overrides of a channel, connection and variant applied, and its files."""
    asset = revision.asset
    known = workspace.plugins.channels.get(channel)
    words = effective(revision, channel, known.group if known else "", connection, variant)
    author = revision.author
    return c.Asset(
        id=asset.public_id,
        slug=asset.slug,
        kind=asset.kind,
        title=words["title"],
        summary=words["summary"],
        body=words["body"],
        revision=revision.n,
        content_hash=revision.content_hash,
        state=revision.state,
        tags=tuple(tag.name for tag in asset.tags),
        funnel_stage=asset.funnel_stage,
        persona=asset.persona,
        locale=revision.locale,
        author=(author.name or author.email) if author else "",
        created_at=asset.created_at,
        updated_at=revision.created_at,
        media=_media(workspace, revision, media_in(words["summary"], words["body"])),
        overrides=words["overrides"],
    )


def make_placement(  # noqa: PLR0913 — the parts of a placement come from four rooms
    session: Session,
    workspace: Workspace,
    revision: Revision,
    channel: str,
    connection: Connection | None,
    *,
    due_at: datetime,
    publication_id: str = "",
    campaign: c.Campaign | None = None,
    ends_at: datetime | None = None,
    arm: str = "",
    variant: str = "",
) -> c.Placement:
    """The frozen picture of one revision on one channel, for checks, previews and publishing."""
    name = connection.name if connection else ""
    return c.Placement(
        publication=publication_id,
        channel=channel,
        connection=name,
        asset=to_contract(session, workspace, revision, channel, name, variant),
        settings=dict(connection.settings) if connection else {},
        due_at=due_at,
        campaign=campaign,
        ends_at=ends_at,
        arm=arm,
        merge_fields=tuple(workspace.plugins.merge_fields.values()),
    )


def check_placement(
    workspace: Workspace, placement: c.Placement, seconds: float = PAGE_SECONDS
) -> list[c.Finding]:
    """What the channel and the plugins remark on a placement; a check that fails is itself an error, never silence."""
    channel = workspace.plugins.channel(placement.channel)
    findings: list[c.Finding] = []
    if channel.asset_kinds and placement.asset.kind not in channel.asset_kinds:
        takes = ", ".join(channel.asset_kinds)
        findings.append(
            c.Finding(c.Level.ERROR, "kind", f"{channel.label} takes {takes}; this is {placement.asset.kind}")
        )
    try:
        findings += typed_list(channel.check(placement), c.Finding)
    except PLUGIN_FAULTS as error:
        workspace.plugins.report(
            workspace.plugins.owner_of_channel(channel.name), f"{channel.name}.check", error
        )
        findings.append(c.Finding(c.Level.ERROR, "", f"the check of {channel.label} failed: {error}"))
    return findings + workspace.plugins.review_content(placement.asset, [placement], seconds)


def _media(workspace: Workspace, revision: Revision, order: Sequence[str]) -> tuple[c.Media, ...]:
    """The files of a revision, those that this channel shows first."""
    position = {sha256: n for n, sha256 in enumerate(order)}
    rows = sorted(revision.media, key=lambda row: position.get(row.sha256, len(position)))
    return tuple(files.to_contract(row, workspace.config) for row in rows)
