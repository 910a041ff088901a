"""Saves what was read: each document in a savepoint of its own, so that one with a fault is left out whole."""

from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.addresses import spelling
from cms_core.auth.models import User
from cms_core.campaigns.service import plan_from_content
from cms_core.content import service
from cms_core.content.drafts import Draft
from cms_core.content.media import record
from cms_core.content.models import Asset, Revision, RevisionState
from cms_core.content.review import approve_newest
from cms_core.content.revisions import head_of
from cms_core.errors import CmsError, Forbidden, NotFound
from cms_core.imports.documents import Document, Folder, Problem
from cms_core.workspace import Workspace


@dataclass
class Outcome:
    """What became of a folder. ``scheduled`` counts entries, ``by_kind`` the documents that are in the workspace now.

    ``redirects`` are the old addresses of what had one elsewhere and stands under another now: path → path.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    scheduled: int = 0
    errors: list[Problem] = field(default_factory=list)
    by_kind: dict[str, int] = field(default_factory=dict)
    notes: list[Problem] = field(default_factory=list)
    redirects: list[dict[str, str]] = field(default_factory=list)

    @property
    def good(self) -> int:
        """How many files were without a fault."""
        return self.created + self.updated + self.unchanged


def save_folder(
    session: Session, workspace: Workspace, folder: Folder, author: User, approver: User | None = None
) -> Outcome:
    """Save all documents under their slugs, plan what has a time, and approve drafts in the name of ``approver``.

    Raises Forbidden, and nothing may be kept, when the author may not write or the approver may not approve.
    """
    outcome = Outcome(errors=list(folder.errors), notes=list(folder.notes))
    slugs = {document.draft.slug for document in folder.documents}
    for document in folder.documents:
        try:
            with session.begin_nested():
                asset, change = _save(session, workspace, document, author)
                if approver and document.finished and head_of(session, asset).state == RevisionState.DRAFT:
                    approve_newest(session, workspace, asset, approver, imported=True)
                scheduled = _plan(session, asset, document)
        except Forbidden:
            raise
        except CmsError as error:
            reason = f"{error.message}; {error.remedy}" if error.remedy else error.message
            line = document.line_of(getattr(error, "field", ""))
            outcome.errors.append(Problem(document.file, line, reason))
            continue
        if change == "created":
            outcome.notes += _possible_rename(session, asset, document, slugs)
        setattr(outcome, change, getattr(outcome, change) + 1)
        outcome.scheduled += scheduled
        kind = document.draft.kind
        outcome.by_kind[kind] = outcome.by_kind.get(kind, 0) + 1
        outcome.redirects += _redirect(asset)
    outcome.errors.sort(key=lambda problem: (problem.file, problem.line))
    return outcome


class _NotPlanned(CmsError):
    """The time or the place of a document cannot be used; ``field`` is the key of the front matter."""

    def __init__(self, field: str, error: CmsError) -> None:
        super().__init__(f"{field}: {error.message}", error.remedy)
        self.field = field


def _save(session: Session, workspace: Workspace, document: Document, author: User) -> tuple[Asset, str]:
    for stored, alt in document.files:
        record(session, stored, alt)
    asset = _same(session, document)
    before = asset.row_version if asset else None
    draft = _known_better(asset, document.draft) if asset and document.source else document.draft
    saved = service.save(session, workspace.plugins, asset, draft, author).asset
    if document.source:
        _tell_source(session, saved, document, new=before is None)
    if before is None:
        return saved, "created"
    return saved, "unchanged" if saved.row_version == before else "updated"


def _possible_rename(session: Session, asset: Asset, document: Document, slugs: set[str]) -> list[Problem]:
    """A note where the words were here already under a slug that the folder does not hold: a file's slug may have changed."""
    same = (
        select(Asset.slug)
        .join(Revision, Revision.asset_id == Asset.id)
        .where(
            Revision.content_hash == head_of(session, asset).content_hash,
            Asset.id != asset.id,
            Asset.slug.not_in(slugs),
            Asset.archived_at.is_(None),
        )
    )
    before = session.scalar(same.order_by(Asset.id).limit(1))
    if before is None:
        return []
    says = (
        f"the same words are here as {before!r}; if the slug was changed, take this one away and run "
        f"`cms content rename {before} {asset.slug}`: that offers the old address as a redirect"
    )
    return [Problem(document.file, document.line_of("slug"), says)]


def _same(session: Session, document: Document) -> Asset | None:
    """The asset that this document was imported as before: by what it is known by there, else by its slug."""
    if not document.source:
        return service.find_or_none(session, document.draft.slug)
    return session.scalars(select(Asset).where(Asset.source == document.source)).first()


def _known_better(asset: Asset, draft: Draft) -> Draft:
    """What another system has no word for stays as it was said here, and so does the slug."""
    return replace(
        draft,
        slug=asset.slug,
        funnel_stage=asset.funnel_stage,
        persona=asset.persona,
        unpublish_at=asset.unpublish_at,
    )


def _tell_source(session: Session, asset: Asset, document: Document, *, new: bool) -> None:
    """Where it comes from; what an author wrote there who is a user here too, belongs to them."""
    asset.source, asset.source_url = document.source, document.source_url
    if new and document.owner:
        owner = session.scalars(select(User).where(User.email == spelling(document.owner))).first()
        asset.owner_id = owner.id if owner else asset.owner_id
    session.flush()


def _redirect(asset: Asset) -> list[dict[str, str]]:
    try:
        parts = urlsplit(asset.source_url)
    except ValueError:
        return []
    old = parts.path.rstrip("/") + (f"?{parts.query}" if parts.query else "")
    return [{"from": old, "to": f"/{asset.slug}"}] if old and old != f"/{asset.slug}" else []


def _plan(session: Session, asset: Asset, document: Document) -> int:
    """Put the times of a document on the calendar as planned entries; gives how many are new."""
    if not document.publish_at:
        return 0
    targets = list(document.publish_to)
    try:
        return plan_from_content(session, asset, document.publish_at, targets, source=f"content:{asset.slug}")
    except CmsError as error:
        raise _NotPlanned(
            "publish_to" if isinstance(error, NotFound) and targets else "publish_at", error
        ) from None
