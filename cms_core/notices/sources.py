"""What in the core needs somebody: each source selects what is wrong now, and puts single ones into words.

Nothing has to tell when it fails, and nothing is told twice: what is selected and has no open notice gets one, and a notice whose
thing is not selected any more is closed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from cms_core.audience.models import Contact, Erasure
from cms_core.auth.models import ApiToken, AuditEntry, User
from cms_core.connections.models import Connection, ConnectionState
from cms_core.content.models import Asset, Review, Revision
from cms_core.content.review import ReviewState
from cms_core.notices.raising import Raised
from cms_core.publishing.claims import SELF_RESOLVING
from cms_core.publishing.models import Delivery, DeliveryState, Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.webhooks.models import Webhook
from cms_core.workspace import Workspace

TRIES_UNTIL_TOLD = 3  # look-ups of an unknown outcome by the channel itself, before people are troubled
LOOKED_BACK = timedelta(days=30)
TOKEN_ENDS_WITHIN = timedelta(days=7)
CREDENTIALS_END_WITHIN = timedelta(days=14)
ERASURE_WAITS = timedelta(hours=1)

Keys = Select[str]


@dataclass(frozen=True)
class Source:
    """``keys`` selects the keys of what is wrong now; ``describe`` gives notices for some of them."""

    name: str
    keys: Callable[[Workspace, datetime], Keys]
    describe: Callable[[Session, Sequence[str]], list[Raised]]


# --- publications -----------------------------------------------------------------------------------------------------


def _publications(
    name: str, kind: str, where: Callable[[Workspace, datetime], ColumnElement[bool]], words: str = ""
) -> Source:
    def keys(workspace: Workspace, at: datetime) -> Keys:
        return select(Publication.public_id).where(where(workspace, at))

    def describe(session: Session, wanted: Sequence[str]) -> list[Raised]:
        query = select(Publication).where(Publication.public_id.in_(wanted))
        query = query.options(joinedload(Publication.revision), joinedload(Publication.connection))
        holders = _held_by(session, wanted) if name == "held" else {}
        return [_publication(name, kind, row, words, holders) for row in session.scalars(query)]

    return Source(name, keys, describe)


def _publication(
    name: str, kind: str, row: Publication, words: str, holders: dict[str, int | None]
) -> Raised:
    title = f"{row.revision.title} on {row.channel}:{row.connection.name}"
    path = f"/app/publications/{row.public_id}"
    reason = words or row.paused_reason if row.paused_at else words or row.reason
    holder = holders.get(row.public_id)
    return Raised(name, kind, row.public_id, title, reason, path, "publishing.act", except_id=holder)


def _held_by(session: Session, public_ids: Sequence[str]) -> dict[str, int | None]:
    """Who holds these publications by hand: whoever did it knows."""
    newest = select(func.max(AuditEntry.id)).where(
        AuditEntry.kind == "publication", AuditEntry.subject.in_(public_ids)
    )
    query = select(AuditEntry).where(AuditEntry.id.in_(newest.group_by(AuditEntry.subject)))
    found = session.scalars(query.where(AuditEntry.action.in_(("held", "paused"))))
    return {entry.subject: entry.user_id for entry in found}


def _unknown(workspace: Workspace, _: datetime) -> ColumnElement[bool]:
    """What a person must find out: not what the channel is still looking up by itself."""
    solvable = [
        name for name, each in workspace.plugins.channels.items() if each.idempotency.kind in SELF_RESOLVING
    ]
    person = or_(
        Publication.needs_person.is_(True),
        Publication.channel.not_in(solvable),
        Publication.tries >= TRIES_UNTIL_TOLD,
    )
    return and_(Publication.state == S.UNKNOWN, person)


def _some_unknown(_: Workspace, at: datetime) -> ColumnElement[bool]:
    """Mailings of the last weeks with recipients of whom nobody knows; asked by index, one mailing at a time."""
    deliveries = Delivery.publication_id == Publication.id, Delivery.state == DeliveryState.UNKNOWN
    newest = or_(Publication.published_at > at - LOOKED_BACK, Publication.published_at.is_(None))
    sent = Publication.state.in_((S.PUBLISHED, S.SENDING)) & Publication.audience_at.is_not(None)
    return and_(sent, newest, exists().where(*deliveries))


def _held(_: Workspace, __: datetime) -> ColumnElement[bool]:
    paused = and_(Publication.state == S.SENDING, Publication.paused_at.is_not(None))
    return or_(Publication.state == S.HELD, paused)


def _stuck(_: Workspace, __: datetime) -> ColumnElement[bool]:
    return and_(Publication.state == S.PUBLISHED, Publication.needs_person.is_(True))


# --- content ----------------------------------------------------------------------------------------------------------


def _reviews(_: Workspace, __: datetime) -> Keys:
    return select(Review.public_id).where(Review.state == ReviewState.OPEN)


def _review(session: Session, wanted: Sequence[str]) -> list[Raised]:
    query = select(
        Review.public_id, Asset.slug, Revision.title, Review.requested_by_id, User.name, User.email
    )
    query = query.join(Asset, Asset.id == Review.asset_id).join(Revision, Revision.id == Review.revision_id)
    query = query.outerjoin(User, User.id == Review.requested_by_id).where(Review.public_id.in_(wanted))
    return [
        Raised(
            "review",
            "review",
            public_id,
            title,
            f"{name or email} asks for approval" if email else "approval is asked",
            f"/app/content/{slug}",
            "content.approve",
            except_id=asker,
        )
        for public_id, slug, title, asker, name, email in session.execute(query)
    ]


# --- connections ------------------------------------------------------------------------------------------------------


def _broken(_: Workspace, __: datetime) -> Keys:
    return select(Connection.public_id).where(Connection.state == ConnectionState.BROKEN)


def _ending(_: Workspace, at: datetime) -> Keys:
    near = Connection.expires_at <= at + CREDENTIALS_END_WITHIN, Connection.state != ConnectionState.BROKEN
    return select(Connection.public_id).where(*near)


def _connection(name: str) -> Callable[[Session, Sequence[str]], list[Raised]]:
    def describe(session: Session, wanted: Sequence[str]) -> list[Raised]:
        rows = session.scalars(select(Connection).where(Connection.public_id.in_(wanted)))
        return [_about(name, row) for row in rows]

    return describe


def _about(name: str, row: Connection) -> Raised:
    what, reason = "needs reconnecting", row.reason
    if name == "ending":
        what = "must be connected anew"
        reason = f"its credentials end on {row.expires_at:%Y-%m-%d}; what is due later is held then"
    title, path = f"{row.channel}:{row.name} {what}", f"/app/connections/{row.public_id}"
    return Raised(name, "connection", row.public_id, title, reason, path, "connections.edit")


# --- the system -------------------------------------------------------------------------------------------------------


def _tokens(_: Workspace, at: datetime) -> Keys:
    near = (
        ApiToken.expires_at > at,
        ApiToken.expires_at <= at + TOKEN_ENDS_WITHIN,
        ApiToken.revoked_at.is_(None),
    )
    return select(ApiToken.public_id).where(*near)


def _token(session: Session, wanted: Sequence[str]) -> list[Raised]:
    return [
        Raised(
            "token",
            "token",
            row.public_id,
            f"Token {row.name or row.prefix} ends",
            f"{row.prefix}… is good until {row.expires_at:%Y-%m-%d %H:%M} UTC; make another one for what uses it",
            "/app/me/tokens",
            user_id=row.user_id,
        )
        for row in session.scalars(select(ApiToken).where(ApiToken.public_id.in_(wanted)))
    ]


def _webhooks(_: Workspace, __: datetime) -> Keys:
    """Switched off by the worker; who did it by hand knows."""
    by_hand = Webhook.disabled_reason.startswith("switched off by")
    return select(Webhook.public_id).where(Webhook.disabled_at.is_not(None), ~by_hand)


def _webhook(session: Session, wanted: Sequence[str]) -> list[Raised]:
    rows = session.scalars(select(Webhook).where(Webhook.public_id.in_(wanted)))
    return [
        Raised(
            "webhook",
            "system",
            row.public_id,
            "A webhook was switched off",
            # A chat's address is a key to it: its host will do.
            f"{urlsplit(row.url).hostname}: {row.disabled_reason}",
            f"/app/webhooks/{row.public_id}",
            "system.admin",
        )
        for row in rows
    ]


def _erasures(_: Workspace, at: datetime) -> Keys:
    waiting = Erasure.completed_at.is_(None), Erasure.asked_at < at - ERASURE_WAITS
    return select(Contact.public_id).join(Erasure, Erasure.contact_id == Contact.id).where(*waiting)


def _erasure(session: Session, wanted: Sequence[str]) -> list[Raised]:
    query = select(Contact.public_id, Erasure).join(Erasure, Erasure.contact_id == Contact.id)
    return [
        Raised(
            "erasure",
            "system",
            public_id,
            "An erasure is not complete",
            f"these plugins have not deleted what they keep of a person: {', '.join(map(str, row.pending))}",
            "/app/plugins",
            "system.admin",
        )
        for public_id, row in session.execute(query.where(Contact.public_id.in_(wanted)))
    ]


def _state(state: S) -> Callable[[Workspace, datetime], ColumnElement[bool]]:
    return lambda _workspace, _at: Publication.state == state


def on_machine(workspace: Workspace) -> str:
    """Plugins may be there on one machine and not on another, so a fault of one is that of a machine."""
    return f" on {workspace.config.host_name}"


def plugin_faults(workspace: Workspace) -> list[Raised]:
    """Plugins that could not be loaded in this process."""
    found: list[Any] = [each for each in workspace.plugins.loaded.values() if each.state == "error"]
    return [
        Raised(
            "plugin",
            "system",
            each.name + on_machine(workspace),
            f"Plugin {each.name} is not loaded{on_machine(workspace)}",
            each.error,
            f"/app/plugins/{each.name}",
            "system.admin",
        )
        for each in found
    ]


SOURCES = (
    _publications("failed", "failed", _state(S.FAILED)),
    _publications("unknown", "unknown", _unknown),
    _publications(
        "deliveries", "unknown", _some_unknown, "of some recipients nobody knows whether they got it"
    ),
    _publications("missed", "missed", _state(S.MISSED)),
    _publications("held", "held", _held),
    _publications("stuck", "failed", _stuck, "it is public and could not be taken back"),
    Source("review", _reviews, _review),
    Source("connection", _broken, _connection("connection")),
    Source("ending", _ending, _connection("ending")),
    Source("token", _tokens, _token),
    Source("webhook", _webhooks, _webhook),
    Source("erasure", _erasures, _erasure),
)
