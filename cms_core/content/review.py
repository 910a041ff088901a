"""Review: draft → in review → approved or changes requested. An approval is bound to the hash of what was looked at."""

from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.auth import service as auth
from cms_core.auth.models import User
from cms_core.content import language
from cms_core.content.drafts import require_kind
from cms_core.content.models import Asset, Review, Revision, RevisionState
from cms_core.content.placements import to_contract
from cms_core.content.revisions import content_hash, head_of
from cms_core.db import lock, now
from cms_core.deadline import DECISION_SECONDS
from cms_core.errors import Conflict, Forbidden, Invalid
from cms_core.workspace import Workspace

BLOCKING = (c.Level.ERROR, c.Level.HOLD)


class ReviewState(StrEnum):
    """``withdrawn``: the words were changed before anybody decided."""

    OPEN = "open"
    APPROVED = "approved"
    CHANGES_REQUESTED = "changes_requested"
    WITHDRAWN = "withdrawn"


def approved_revision(session: Session, asset: Asset) -> Revision | None:
    """The revision of this asset that may be published now, if any."""
    query = select(Revision).where(Revision.asset_id == asset.id, Revision.state == RevisionState.APPROVED)
    return session.scalars(query.order_by(Revision.n.desc()).limit(1)).first()


def open_review(session: Session, revision: Revision) -> Review | None:
    """The request for approval of this revision that nobody has answered yet."""
    query = select(Review).where(Review.revision_id == revision.id, Review.state == ReviewState.OPEN)
    return session.scalars(query.limit(1)).first()


def request_review(session: Session, revision: Revision, by: User | None) -> Review:
    """Ask for approval of the newest revision; asking twice is asking once."""
    lock(session, revision.asset)
    _require_head(session, revision)
    opened = open_review(session, revision)
    if opened is not None:
        return opened
    if revision.state != RevisionState.DRAFT:
        raise Conflict(
            f"revision {revision.n} of {revision.asset.slug!r} is {revision.state.replace('_', ' ')}",
            "save a new revision, then ask for its review",
        )
    revision.state = RevisionState.IN_REVIEW
    review = Review(
        asset_id=revision.asset_id,
        revision_id=revision.id,
        content_hash=revision.content_hash,
        state=ReviewState.OPEN,
        requested_by_id=by.id if by else None,
        requested_at=now(session),
    )
    session.add(review)
    session.flush()
    return review


def approve(
    session: Session,
    workspace: Workspace,
    revision: Revision,
    by: User,
    expected_hash: str,
    comment: str = "",
    *,
    imported: bool = False,
) -> Review:
    """Approve what was looked at; the approved revision before it is superseded.

    Raises Forbidden (own work outside solo mode, or not an approver), Conflict (the words are not those of ``expected_hash``, or
    not the newest), Invalid (a check forbids it, or the merge language refuses the words; not where they are ``imported``).
    """
    require_kind(workspace.plugins, revision.asset)
    review = _decidable(session, workspace, revision, by)
    _require_own_allowed(session, revision, review, by)
    if not expected_hash == revision.content_hash == review.content_hash:
        raise Conflict(
            f"{revision.asset.slug!r} was changed after you looked at it",
            "look at the newest revision, then approve it",
        )
    if content_hash(revision.asset.kind, revision) != revision.content_hash:
        raise Conflict(
            f"the stored words of {revision.asset.slug!r} do not match their hash",
            "save it again, then ask for review",
        )
    _require_clean(session, workspace, revision)
    if not imported:
        _require_language(workspace, revision)
    earlier = approved_revision(session, revision.asset)
    if earlier is not None:
        earlier.state = RevisionState.SUPERSEDED
    revision.state = RevisionState.APPROVED
    return _decide(session, review, ReviewState.APPROVED, by, comment)


def approve_newest(
    session: Session, workspace: Workspace, asset: Asset, by: User, *, imported: bool = False
) -> Revision:
    """Approve the newest words of an asset, asking for the review in their author's name where nobody has asked yet."""
    revision = head_of(session, asset)
    if revision.state != RevisionState.APPROVED:
        if revision.state == RevisionState.DRAFT:
            request_review(
                session, revision, session.get(User, revision.author_id) if revision.author_id else None
            )
        approve(session, workspace, revision, by, revision.content_hash, imported=imported)
    return revision


def approve_or_ask(session: Session, workspace: Workspace, revision: Revision, by: User) -> None:
    """Approve a revision that was just saved where its author may do so alone; ask for its review otherwise.

    Raises Invalid where a check forbids it.
    """
    if revision.state != RevisionState.DRAFT:
        return
    request_review(session, revision, by)
    if auth.can(workspace.plugins, by, "content.approve") and auth.solo_mode(session):
        approve(session, workspace, revision, by, revision.content_hash)


def request_changes(
    session: Session, workspace: Workspace, revision: Revision, by: User, comment: str
) -> Review:
    """Send a revision back with words that say what to change."""
    if not comment.strip():
        raise Invalid("the comment is empty", "say what should change")
    review = _decidable(session, workspace, revision, by)
    revision.state = RevisionState.CHANGES_REQUESTED
    return _decide(session, review, ReviewState.CHANGES_REQUESTED, by, comment.strip())


def withdraw_requests(session: Session, asset: Asset) -> None:
    """Close open requests of an asset whose words are about to be replaced; their revisions are drafts again."""
    query = select(Review).where(Review.asset_id == asset.id, Review.state == ReviewState.OPEN)
    for review in session.scalars(query):
        review.state = ReviewState.WITHDRAWN
        review.decided_at = now(session)
        session.get_one(Revision, review.revision_id).state = RevisionState.DRAFT


def _decidable(session: Session, workspace: Workspace, revision: Revision, by: User) -> Review:
    auth.require(workspace.plugins, by, "content.approve")
    lock(session, revision.asset)
    _require_head(session, revision)
    review = open_review(session, revision)
    if review is None:
        state = revision.state.replace("_", " ")
        raise Conflict(
            f"revision {revision.n} of {revision.asset.slug!r} is {state}; nobody waits for an answer",
            "ask for its review first",
        )
    return review


def _require_head(session: Session, revision: Revision) -> None:
    if revision.asset.archived_at is not None:
        raise Conflict(f"asset {revision.asset.slug!r} was put away", "bring it back first")
    newest = head_of(session, revision.asset)
    if newest.id != revision.id:
        raise Conflict(
            f"revision {revision.n} of {revision.asset.slug!r} is not the newest; that is {newest.n}",
            "look at the newest revision",
        )


def _require_own_allowed(session: Session, revision: Revision, review: Review, by: User) -> None:
    if by.id in (revision.author_id, review.requested_by_id) and not auth.solo_mode(session):
        raise Forbidden(
            f"{by.email} wrote or submitted {revision.asset.slug!r} and cannot approve it too",
            "ask another approver or admin",
        )


def _require_clean(session: Session, workspace: Workspace, revision: Revision) -> None:
    asset = to_contract(session, workspace, revision)
    for finding in workspace.plugins.review_content(asset, [], DECISION_SECONDS):
        if finding.level in BLOCKING:
            where = f"{revision.asset.slug}, {finding.field}" if finding.field else revision.asset.slug
            raise Invalid(f"{where}: {finding.message}", "mend it and save, then approve")


def _require_language(workspace: Workspace, revision: Revision) -> None:
    for fault in language.faults(workspace.plugins, revision):
        raise Invalid(
            f"{revision.asset.slug}, {fault.field}: {fault.message}", "mend it and save, then approve"
        )


def _decide(session: Session, review: Review, state: ReviewState, by: User, comment: str) -> Review:
    review.state = state
    review.decided_by_id = by.id
    review.decided_at = now(session)
    review.comment = comment
    session.flush()
    return review
