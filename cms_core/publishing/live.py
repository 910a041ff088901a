"""Pausing and resuming, wherever a publication stands: held before it goes out, paused while it is sent, or asked of the channel.

What is live is switched by the worker, under a claim and with an intent, like everything that goes over the wire. ``set_active`` is
idempotent: a switch whose outcome nobody knows is simply asked again.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, null
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.errors import Conflict
from cms_core.plugins import Plugins
from cms_core.publishing import attempts, outcomes, service
from cms_core.publishing.attempts import Result
from cms_core.publishing.claims import MAX_TRIES, Held, write
from cms_core.publishing.models import Phase, Publication
from cms_core.publishing.models import PublicationState as S
from cms_core.publishing.snapshot import Snapshot
from cms_core.secrets import conceal

WORDS = {Phase.PAUSE: "paused", Phase.RESUME: "resumed"}


def pause(session: Session, plugins: Plugins, publication: Publication, reason: str) -> None:
    """Stop it until somebody resumes it; raises Conflict for what is over, or live where the channel cannot pause it."""
    if publication.state == S.PUBLISHED:
        _ask(session, plugins, publication, Phase.PAUSE, reason)
    else:
        service.hold(session, publication, reason)


def resume(session: Session, plugins: Plugins, publication: Publication) -> None:
    """Undo a hold or a pause."""
    if publication.state != S.PUBLISHED:
        service.resume(session, publication)
        return
    if publication.paused_at is None and publication.switch_to is None:
        raise Conflict(f"publication {publication.public_id} is not paused", "there is nothing to resume")
    _ask(session, plugins, publication, Phase.RESUME, "")


def can_pause(plugins: Plugins, channel: str) -> bool:
    """Whether this channel can pause what is live."""
    found = plugins.channels.get(channel)
    return found is not None and type(found).set_active is not c.Channel.set_active


def _ask(session: Session, plugins: Plugins, publication: Publication, wanted: Phase, reason: str) -> None:
    service.require_head(publication, WORDS[wanted])
    if not can_pause(plugins, publication.channel):
        raise Conflict(
            f"channel {publication.channel} cannot pause what is public",
            f"`cms publications withdraw {publication.public_id}` takes it back, where the channel can",
        )
    values: dict[str, Any] = {"switch_to": wanted, "switch_reason": reason, "retry_at": None, "tries": 0}
    service.change(session, publication, (S.PUBLISHED,), WORDS[wanted], **values)


# --- the worker's part ------------------------------------------------------------------------------------------------


def intend(session: Session, held: Held, real: datetime, lease: timedelta) -> Phase | None:
    """The intent of a switch, committed before the socket opens; None when the claim was lost or nobody wants it any more."""
    row = session.get_one(Publication, held.publication_id, populate_existing=True)
    if row.switch_to is None or not write(
        session, held, (S.PUBLISHED,), lease_until=real + lease, tries=Publication.tries + 1
    ):
        return None
    wanted = Phase(row.switch_to)
    for phase in WORDS:
        attempts.close(session, row.id, real, attempts.INTERRUPTED, phase)
    attempts.open_attempts(session, [(held, {"reason": row.switch_reason})], real, wanted)
    return wanted


def switched(
    session: Session,
    held: Held,
    taken: Snapshot,
    wanted: Phase,
    error: BaseException | None,
    real: datetime,
) -> None:
    """It was paused or resumed, or could not be; who has asked for the contrary meanwhile is served next."""
    if error is not None:
        _not_switched(session, held, taken, wanted, error, real)
        return
    paused = wanted is Phase.PAUSE
    values = {
        "paused_at": real if paused else None,
        "paused_reason": Publication.switch_reason if paused else "",
        "switch_to": case((Publication.switch_to == wanted, null()), else_=Publication.switch_to),
    }
    if write(session, held, (S.PUBLISHED,), lease_until=None, retry_at=None, reason="", **values):
        attempts.close(session, held.publication_id, real, Result(WORDS[wanted]), wanted)


def _not_switched(
    session: Session, held: Held, taken: Snapshot, wanted: Phase, error: BaseException, real: datetime
) -> None:
    reason = conceal(f"could not be {WORDS[wanted]}: {error}", taken.link.secrets.values())
    values: dict[str, Any] = {"lease_until": None, "reason": reason}
    tries = outcomes.tries_of(session, held)
    if isinstance(error, c.Refused) or tries >= MAX_TRIES:
        values["switch_to"] = case((Publication.switch_to == wanted, null()), else_=Publication.switch_to)
    else:
        after = getattr(error, "after", None) or outcomes.backoff(tries)
        values["retry_at"] = outcomes.not_before(real, after)
    if write(session, held, (S.PUBLISHED,), **values):
        outcome = "unknown" if not isinstance(error, c.Refused | c.Retryable | c.NotConnected) else "failed"
        result = Result(outcome, type(error).__name__, reason, values.get("retry_at"))
        attempts.close(session, held.publication_id, real, result, wanted)
