"""What people do with publications: hold, resume, cancel, retry, resolve, update, withdraw.

Every change of state is one UPDATE that names the states it may start from, so that it loses cleanly against a worker that was
faster. An edit, a hold and a cancel win until ``committing``.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from cms_core.auth import audit
from cms_core.campaigns.models import EntryState
from cms_core.content.models import FormerSlug
from cms_core.content.review import approved_revision
from cms_core.contract import AddressedChannel
from cms_core.db import lock, now
from cms_core.errors import Conflict, Invalid, NotFound
from cms_core.plugins import Plugins
from cms_core.publishing import attempts, done
from cms_core.publishing.attempts import Result
from cms_core.publishing.links import is_web_address
from cms_core.publishing.models import Arm, Delivery, DeliveryState, Publication
from cms_core.publishing.models import PublicationState as S

BEFORE_COMMIT = (S.SCHEDULED, S.PREPARING, S.RETRY_WAIT, S.HELD, S.MISSED)
CANCELLED = "cancelled"  # by a person, for good
RETRYABLE = (S.FAILED, S.MISSED, S.RETRY_WAIT, S.SCHEDULED)


def hold(session: Session, publication: Publication, reason: str) -> None:
    """Stop it until somebody resumes it; a running send is paused after what is in flight."""
    if publication.state == S.SENDING:
        change(session, publication, (S.SENDING,), "paused", paused_at=now(session), paused_reason=reason)
    else:
        change(session, publication, BEFORE_COMMIT, "held", state=S.HELD, reason=reason, retry_at=None)


def resume(session: Session, publication: Publication) -> None:
    """Undo a hold or a pause."""
    if publication.state == S.SENDING:
        values = {"paused_at": None, "paused_reason": "", "lease_until": None, "retry_at": None}
        change(session, publication, (S.SENDING,), "resumed", **values)
    else:
        change(session, publication, (S.HELD,), "resumed", state=S.SCHEDULED, reason="")


def cancel(session: Session, publication: Publication, reason: str = CANCELLED) -> None:
    """Never send it; of a running send, the rest. Its entry is planned again; one that reached anybody is done."""
    if publication.state == S.SENDING:
        session.execute(
            update(Delivery)
            .where(
                Delivery.publication_id == publication.id,
                Delivery.state.in_((DeliveryState.PENDING, DeliveryState.RETRY_WAIT)),
            )
            .values(state=DeliveryState.CANCELLED, reason="cancelled", settled_at=now(session))
        )
        change(
            session,
            publication,
            (S.SENDING,),
            "cancelled",
            state=S.CANCELLED,
            reason=f"{reason} for the rest",
        )
        attempts.close(session, publication.id, now(session), Result("cancelled", reason=reason))
    else:
        change(
            session,
            publication,
            (*BEFORE_COMMIT, S.FAILED),
            "cancelled",
            state=S.CANCELLED,
            reason=reason,
        )
    if publication.entry is not None and publication.entry.state == EntryState.ARMED:
        reached = has_reached(session, Delivery.publication_id == publication.id)
        publication.entry.state = EntryState.DONE if reached else EntryState.PLANNED


def has_reached(session: Session, which: ColumnElement[bool]) -> bool:
    """Whether anybody has got one of these deliveries, or may have."""
    there = Delivery.state.in_((DeliveryState.ACCEPTED, DeliveryState.UNKNOWN, DeliveryState.CLAIMED))
    return session.scalar(select(Delivery.id).where(which, there).limit(1)) is not None


def retry(session: Session, publication: Publication) -> None:
    """Make it due now, however late; refused while the outcome is unknown."""
    if publication.state == S.UNKNOWN:
        raise Conflict(
            f"publication {publication.public_id} may have gone out; a retry could send it twice",
            "look at the other side, then `cms publications resolve ID --published URL` or `--not-published`",
        )
    values: dict[str, Any] = {
        "state": S.SCHEDULED,
        "reason": "",
        "retry_at": None,
        "late_at": None,
        "awaits": "",
    }
    values |= {"due_at": min(publication.due_at, now(session)), "needs_person": False}
    values["tries"] = min(publication.tries, 1)
    if publication.audience_at is not None:
        failed = Delivery.publication_id == publication.id, Delivery.state == DeliveryState.FAILED
        session.execute(
            update(Delivery)
            .where(*failed)
            .values(state=DeliveryState.PENDING, reason="", tries=0, settled_at=None)
        )
    change(session, publication, RETRYABLE, "retried", **values)


def resolve(session: Session, publication: Publication, *, published_url: str | None) -> None:
    """A person says what became of an unknown one: published at this address, or not published (then failed)."""
    if published_url is not None:
        _require_web_address(published_url)
        receipt = {"external_id": "", "url": published_url, "data": {}}
        values = {
            "state": S.PUBLISHED,
            "external_url": published_url,
            "receipt": receipt,
            "published_at": now(session),
            "needs_person": False,
            "lease_until": None,
        }
        reason = "a person found it published"
    else:
        values = {"state": S.FAILED}
        reason = "a person found it not published"
    change(session, publication, (S.UNKNOWN,), "resolved", reason=reason, **values)
    outcome = "published" if published_url is not None else "failed"
    attempts.close(session, publication.id, now(session), Result(outcome, reason=reason))
    if published_url is not None:
        done.tell(session, [publication.id], now(session))


def _require_web_address(url: str) -> None:
    if not is_web_address(url):
        raise Invalid(
            f"{url[:80]!r} is no address where something is published",
            "paste the whole address, beginning with https://",
            field="published",
        )


def _renamed_since(session: Session, publication: Publication) -> bool:
    """Whether the asset has another slug now than when it was published: the same words belong at another address."""
    of_it = FormerSlug.asset_id == publication.asset_id, FormerSlug.created_at > publication.published_at
    return session.scalar(select(FormerSlug.id).where(*of_it).limit(1)) is not None


def update_content(session: Session, plugins: Plugins, publication: Publication) -> Publication:
    """Put the newest approved revision in the place of what is public; the new publication supersedes this one."""
    channel = plugins.channel(publication.channel)
    if isinstance(channel, AddressedChannel):
        raise Invalid(
            f"{channel.label} that has been sent cannot be updated", "send a correction as a new entry"
        )
    lock(session, publication)
    require_head(publication, "updated")
    if publication.state != S.PUBLISHED:
        raise Conflict(
            f"publication {publication.public_id} is {publication.state}, so there is nothing to update",
            "only what is published can be updated",
        )
    under_way = select(Publication.public_id).where(
        Publication.supersedes_id == publication.id, Publication.state.not_in((S.CANCELLED, S.WITHDRAWN))
    )
    if (other := session.scalar(under_way.limit(1))) is not None:
        raise Conflict(
            f"publication {publication.public_id} is being updated already by {other}",
            f"`cms publications show {other}` says how far it is; retry or cancel that one",
        )
    revision = approved_revision(session, publication.asset)
    same = revision is None or revision.content_hash == publication.content_hash
    if revision is None or (same and not _renamed_since(session, publication)):
        raise Invalid(
            f"asset {publication.asset.slug!r} has no newer approved revision", "edit and approve it first"
        )
    successor = Publication(
        entry_id=publication.entry_id,
        campaign_id=publication.campaign_id,
        asset_id=publication.asset_id,
        revision_id=revision.id,
        content_hash=revision.content_hash,
        channel=publication.channel,
        plugin=publication.plugin,
        connection_id=publication.connection_id,
        due_at=min(publication.due_at, now(session)),
        late_at=None,
        ends_at=publication.ends_at,
        supersedes_id=publication.id,
        created_at=now(session),
        arms=[Arm()],
    )
    session.add(successor)
    session.flush()
    return successor


def ask_withdrawal(session: Session, publication: Publication) -> None:
    """Mark what is public to be taken back by the worker; only the head of a chain is live."""
    require_head(publication, "withdrawn")
    again = {"needs_person": False, "retry_at": None}
    change(session, publication, (S.PUBLISHED,), "withdrawn", withdraw_asked_at=now(session), **again)


def require_head(publication: Publication, verb: str) -> None:
    """Raise Conflict for what was superseded: only the head of a chain is live."""
    if publication.superseded_by_id is not None:
        raise Conflict(
            f"publication {publication.public_id} was superseded and cannot be {verb}",
            "take the newest one of its chain",
        )


def find(session: Session, public_id: str) -> Publication:
    """The publication of this id."""
    found = session.scalar(select(Publication).where(Publication.public_id == public_id))
    if found is None:
        raise NotFound(f"there is no publication {public_id!r}", "`cms publications list` shows them")
    return found


def head(session: Session, publication: Publication) -> Publication:
    """The newest publication of the chain that this one began or belongs to: the only one that is live."""
    while publication.superseded_by_id is not None:
        publication = session.get_one(Publication, publication.superseded_by_id)
    return publication


def change(
    session: Session, publication: Publication, sources: Iterable[str], verb: str, **values: Any
) -> None:
    """One guarded UPDATE; raises Conflict when the publication is in none of the source states any more."""
    session.flush()
    changed = session.execute(
        update(Publication)
        .where(Publication.id == publication.id, Publication.state.in_(list(sources)))
        .values(row_version=Publication.row_version + 1, **values)
        .execution_options(synchronize_session=False)
    )
    session.refresh(publication)
    if getattr(changed, "rowcount", 0) != 1:
        raise Conflict(
            f"publication {publication.public_id} is {publication.state} and cannot be {verb}",
            f"`cms publications show {publication.public_id}` says what became of it",
        )
    if "actor" in session.info:
        audit.note(session, verb, "publication", publication.public_id, values)
