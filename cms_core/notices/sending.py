"""Sends the system's mail: claimed by one UPDATE, on the wire at most once.

A mail is marked before the write that can complete it at the server, and that is committed. One that never came so far is tried
again, for a day; one that did, and of which no answer came, is ``unknown`` and left to a person. Behind a closed fence nothing
leaves.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from cms_core.contract import ChannelError, OutcomeStatus
from cms_core.db import now
from cms_core.notices import links
from cms_core.notices.letters import message
from cms_core.notices.models import Mail, MailState
from cms_core.notices.transport import Transport, transport_of
from cms_core.outbound import SmtpDoor, SmtpMessage, SmtpOutcome
from cms_core.secrets import conceal
from cms_core.workspace import Workspace

log = logging.getLogger(__name__)

# After each try that failed; with those of all tries a mail is given up about a day after the first.
WAITS = tuple(timedelta(seconds=each) for each in (15, 60, 300, 900, 1800, 3600, 7200, 14400, 21600, 28800))
LEASE = timedelta(minutes=10)  # longer than a batch to a server that takes its whole time-out for each answer
BATCH = 5
UNKNOWN = "the connection was lost while its outcome was open; it may have arrived"


class Marking:
    """The wire of the door: notes, and commits, that a mail may be complete at the server from now on."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def on_wire(self, key: int) -> None:
        at = self._workspace.db.clock.now()
        with self._workspace.db.writing() as connection:
            connection.execute(update(Mail).where(Mail.id == key).values(on_wire_at=at))

    def flush(self) -> None: ...


def send_due(workspace: Workspace, stopped: Callable[[], bool] = lambda: False) -> int:
    """Send what is due; returns how many mails were taken. Nothing is taken without a transport or behind a closed fence."""
    transport, sent = transport_of(workspace.config), 0
    if transport is None or workspace.fence.reason is not None:
        return 0
    _leave_open_ends(workspace)
    while not stopped() and (taken := _claim(workspace)):
        done = _send(workspace, transport, taken)
        sent += done
        if done < len(taken):
            break
    return sent


def reserve(session: Session, mail: Mail) -> None:
    """Keep a mail from the worker for whoever writes it and calls ``send_one`` after the commit."""
    mail.next_at, mail.tries = now(session) + LEASE, mail.tries + 1


def send_one(workspace: Workspace, mail_id: int) -> None:
    """Send one mail now that was reserved."""
    transport = transport_of(workspace.config)
    if transport is not None:
        _send(workspace, transport, [mail_id])


def _leave_open_ends(workspace: Workspace) -> None:
    """What was on the wire when a worker died is unknown, and not repeated."""
    at = workspace.db.clock.now()
    lost = Mail.state == MailState.PENDING, Mail.on_wire_at.is_not(None), Mail.next_at <= at
    with workspace.db.session() as session:
        if session.scalar(select(Mail.id).where(*lost).limit(1)) is None:
            return
    with workspace.db.transaction() as session:
        settled = update(Mail).where(*lost)
        session.execute(settled.values(state=MailState.UNKNOWN, settled_at=at, next_at=None, reason=UNKNOWN))


def _claim(workspace: Workspace) -> list[int]:
    """Take the oldest due mails: their next try is put off, so nobody else takes them while they are sent."""
    at = workspace.db.clock.now()
    due = Mail.state == MailState.PENDING, Mail.next_at <= at, Mail.on_wire_at.is_(None)
    oldest = select(Mail.id).where(*due).order_by(Mail.next_at, Mail.id).limit(BATCH)
    with workspace.db.session() as session:  # asked without the lock of those who write
        if session.scalar(oldest.limit(1)) is None:
            return []
    with workspace.db.transaction() as session:
        claimed = update(Mail).where(Mail.id.in_(oldest.scalar_subquery()), *due)
        claimed = claimed.values(next_at=at + LEASE, tries=Mail.tries + 1).returning(Mail.id)
        return sorted(session.scalars(claimed.execution_options(synchronize_session=False)))


def _send(workspace: Workspace, transport: Transport, taken: Sequence[int]) -> int:
    """Send mails that were claimed; returns how many the server took. Each is settled as soon as its outcome is known."""
    door = SmtpDoor(transport.server, workspace.guard, Marking(workspace), connections=1)
    settled: set[int] = set()
    accepted, reason = 0, ""
    try:
        for outcome in door.send(_messages(workspace, transport, taken, settled)):
            settled.add(outcome.key)
            accepted += outcome.status is OutcomeStatus.ACCEPTED
            _settle(workspace, transport, outcome)
    except ChannelError as error:
        reason = conceal(error.reason, [transport.server.password])[:300]
        log.warning("the system's mail does not go out: %s", reason)
    finally:
        door.close()
    left = [each for each in taken if each not in settled]
    if left:
        _put_off(workspace, left, reason)
    return accepted


def _messages(
    workspace: Workspace, transport: Transport, taken: Sequence[int], settled: set[int]
) -> Iterator[SmtpMessage]:
    for mail_id in taken:
        found = _written(workspace, transport, mail_id)
        if found is None:
            settled.add(mail_id)
        else:
            yield found


def _written(workspace: Workspace, transport: Transport, mail_id: int) -> SmtpMessage | None:
    """The message, with its link; None for a mail that has become pointless, or cannot be written, which is noted."""
    with workspace.db.session() as session:
        mail = session.get_one(Mail, mail_id, options=[joinedload(Mail.link)])
        trouble = links.trouble_of(session, workspace, mail.link) if mail.link else ""
        address, link = mail.address, links.url_of(workspace, mail.link) if mail.link else ""
        state, data = MailState.VOID, b""
        if not trouble:
            try:
                data = message(mail, transport, link, workspace.db.clock.now())
            except (ValueError, UnicodeError) as error:
                state, trouble = MailState.FAILED, f"it cannot be written to this address: {error}"
    if not trouble:
        return SmtpMessage(mail_id, transport.address, address, data)
    with workspace.db.transaction() as session:
        _end(session, workspace, mail_id, state, trouble)
    return None


def _settle(workspace: Workspace, transport: Transport, outcome: SmtpOutcome) -> None:
    states = {OutcomeStatus.ACCEPTED: MailState.SENT, OutcomeStatus.UNKNOWN: MailState.UNKNOWN}
    reason = conceal(outcome.reply, [transport.server.password])
    with workspace.db.transaction() as session:
        if outcome.status is OutcomeStatus.RETRY:
            _later(session, workspace, outcome.key, reason)
            return
        state = states.get(outcome.status, MailState.FAILED)
        shown = (
            ""
            if state is MailState.SENT
            else f"{UNKNOWN}: {reason}"
            if state is MailState.UNKNOWN
            else reason
        )
        _end(session, workspace, outcome.key, state, shown, outcome.code)


def _put_off(workspace: Workspace, left: Sequence[int], reason: str) -> None:
    with workspace.db.transaction() as session:
        for mail_id in left:
            _later(session, workspace, mail_id, reason or "the server could not be used")


def _later(session: Session, workspace: Workspace, mail_id: int, reason: str) -> None:
    """Not taken, and surely not sent: tried again, until a day is over."""
    mail = session.get_one(Mail, mail_id)
    if mail.tries > len(WAITS):
        _end(session, workspace, mail_id, MailState.FAILED, f"given up after {mail.tries} tries: {reason}")
        return
    mail.next_at = workspace.db.clock.now() + WAITS[max(mail.tries, 1) - 1]
    mail.on_wire_at, mail.reason = None, reason[:300]


def _end(
    session: Session,
    workspace: Workspace,
    mail_id: int,
    state: MailState,
    reason: str,
    code: int | None = None,
) -> None:
    mail = session.get_one(Mail, mail_id)
    mail.state, mail.reason, mail.code = state, reason[:300], code or None
    mail.settled_at, mail.next_at = workspace.db.clock.now(), None
    if state is MailState.SENT:
        mail.body = ""  # it stands in a mailbox now; here it would only tell of people
