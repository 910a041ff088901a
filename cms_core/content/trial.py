"""What channels and plugins say about words, saved or not: findings and previews, as if they were saved now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.auth.models import User
from cms_core.connections import service as connections
from cms_core.connections.models import Connection
from cms_core.content import language
from cms_core.content import media as files
from cms_core.content.drafts import BadField, Draft, clean
from cms_core.content.models import Asset, Media, Revision, RevisionState
from cms_core.content.placements import check_placement, make_placement
from cms_core.content.revisions import content_hash, effective, head_of, media_in
from cms_core.content.service import find
from cms_core.content.slugs import slug_or_digest
from cms_core.db import now
from cms_core.plugins import PLUGIN_FAULTS
from cms_core.workspace import Workspace

UNTITLED = "Untitled"


@dataclass(frozen=True)
class Trial:
    """One channel, with a connection if it has any, and what it makes of the words."""

    channel: c.Channel
    connection: str
    findings: list[c.Finding]
    preview: c.Preview | None


def try_out(
    session: Session,
    workspace: Workspace,
    draft: Draft,
    author: User,
    asset: Asset | None = None,
    head: Revision | None = None,
) -> tuple[list[c.Finding], list[Trial]]:
    """What is wrong with the draft itself, and what each channel that takes its kind says; no network, nothing is written."""
    faults = []
    try:
        draft = clean(workspace.plugins.asset_kinds, draft)
    except BadField as error:
        faults.append(c.Finding(c.Level.ERROR, error.field, f"{error.message}; {error.remedy}"))
        if draft.title.strip():
            return faults, []
        try:  # somebody who has not thought of a title yet still wants to see the text
            draft = clean(workspace.plugins.asset_kinds, replace(draft, title=UNTITLED))
        except BadField:
            return faults, []
    trials = list(_trials(session, workspace, draft, author, asset, head))
    said = {finding.message for trial in trials for finding in trial.findings}
    return [
        *faults,
        *(each for each in language.faults(workspace.plugins, draft) if each.message not in said),
    ], trials


def findings_for(
    session: Session, workspace: Workspace, slug: str, channel: str, connection: str = ""
) -> list[c.Finding]:
    """What a channel (or one connection of it) and the plugins remark on an asset's newest words; raises NotFound."""
    workspace.plugins.channel(channel)
    head = head_of(session, find(session, slug))
    account = connections.find(session, channel, connection) if connection else None
    placement = make_placement(session, workspace, head, channel, account, due_at=now(session))
    return check_placement(workspace, placement)


def _trials(
    session: Session,
    workspace: Workspace,
    draft: Draft,
    author: User,
    asset: Asset | None,
    head: Revision | None,
) -> Iterator[Trial]:
    picture = _picture(session, draft, author, asset, head)
    media = _media(session, workspace, draft)
    accounts = list(session.scalars(select(Connection).order_by(Connection.name)))
    for channel in workspace.plugins.channels.values():
        if channel.asset_kinds and draft.kind not in channel.asset_kinds:
            continue
        for connection in _tried_with(draft, channel, accounts):
            name = connection.name if connection else ""
            words = effective(draft, channel.name, channel.group, name)
            placement = c.Placement(
                publication="",
                channel=channel.name,
                connection=name,
                asset=replace(picture, **words, media=_in_order(media, words)),
                settings=dict(connection.settings) if connection else {},
                due_at=now(session),
                merge_fields=tuple(workspace.plugins.merge_fields.values()),
            )
            findings = check_placement(workspace, placement)
            yield Trial(channel, name, findings, _preview(workspace, channel, placement))


def _tried_with(draft: Draft, channel: c.Channel, accounts: list[Connection]) -> Sequence[Connection | None]:
    """The first connection of a channel, those that have words of their own, or None where there is no connection."""
    own = [each for each in accounts if each.channel == channel.name]
    special = [each for each in own[1:] if draft.variants.get(f"{channel.name}:{each.name}")]
    return [*own[:1], *special] or [None]


def _preview(workspace: Workspace, channel: c.Channel, placement: c.Placement) -> c.Preview | None:
    try:
        answer: object = channel.preview(placement)
        if not isinstance(answer, c.Preview):
            raise TypeError(f"preview must return a Preview, not {answer!r:.80}")
        return answer
    except PLUGIN_FAULTS as error:
        plugin = workspace.plugins.owner_of_channel(channel.name)
        workspace.plugins.report(plugin, f"{channel.name}.preview", error)
        return None


def _picture(
    session: Session, draft: Draft, author: User, asset: Asset | None, head: Revision | None
) -> c.Asset:
    """The asset as it would be after a save: the same words stay the same revision."""
    digest = content_hash(draft.kind, draft)
    same = head is not None and head.content_hash == digest
    if head is not None and same and head.author_id:
        author = session.get(User, head.author_id) or author
    return c.Asset(
        id=asset.public_id if asset else "",
        slug=draft.slug or (asset.slug if asset else slug_or_digest(draft.title)),
        kind=draft.kind,
        title=draft.title,
        summary=draft.summary,
        body=draft.body,
        revision=head.n + (not same) if head else 1,
        content_hash=digest,
        state=head.state if head and same else RevisionState.DRAFT,
        tags=tuple(draft.tags),
        funnel_stage=draft.funnel_stage,
        persona=draft.persona,
        locale=draft.locale,
        author=author.name or author.email,
        created_at=asset.created_at if asset else now(session),
        updated_at=head.created_at if head and same else now(session),
    )


def _media(session: Session, workspace: Workspace, draft: Draft) -> dict[str, c.Media]:
    wanted = media_in(draft.summary, draft.body, draft.variants)
    if not wanted:
        return {}
    rows = session.scalars(select(Media).where(Media.sha256.in_(wanted)).order_by(Media.id))
    return {row.sha256: files.to_contract(row, workspace.config) for row in rows}


def _in_order(media: dict[str, c.Media], words: dict[str, object]) -> tuple[c.Media, ...]:
    """The files that this channel's words show first, then the others of the asset."""
    shown = [sha256 for sha256 in media_in(words["summary"], words["body"]) if sha256 in media]
    return tuple(media[sha256] for sha256 in dict.fromkeys([*shown, *media]))
