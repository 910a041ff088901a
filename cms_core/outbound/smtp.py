"""The door for mail: sends messages over a few SMTP connections and tells what became of each of them.

With PIPELINING one write carries a message's body and the next one's envelope, on each connection in turn, in one thread. (Nothing
more may go ahead: a body sent before its 354 would be read as commands when its recipient is refused.) While the server works on
that write, the message after it is made. Without PIPELINING there is one connection, which stops and waits for each reply; so it
is, too, when a server turns out to offer what it cannot do.

Before the write that can complete a message, the wire (the journal of publishing) is told and flushed; it may withdraw its leave,
and then the connection is closed instead, for an accepted envelope cannot be taken back. So a message is at any time either not on
the wire (lost connection: it is sent once more at once, then left to be tried again), or on the wire without an answer (lost
connection: its outcome is unknown, and it is never repeated), or answered.
"""

from collections.abc import Generator, Iterator

from cms_core.contract import (
    ChannelError,
    Identity,
    LeaveWithdrawn,
    NotConnected,
    OutcomeStatus,
    Retryable,
    Wire,
)
from cms_core.outbound.guard import Guard
from cms_core.outbound.retrying import retrying
from cms_core.outbound.smtp_lane import Lane, Letter, WireFault
from cms_core.outbound.smtp_message import (
    Reply,
    SmtpMessage,
    SmtpOutcome,
    Unsendable,
    body,
    envelope,
    outcome,
)
from cms_core.outbound.smtp_session import Refusal, SmtpServer, SmtpSession, open_session
from cms_core.outbound.smtp_source import Messages, Source
from cms_core.outbound.smtp_stream import CLOSING, Garbled, Lost

WIDEN_AFTER = 8  # messages per connection before another one is worth opening
WIDEN_AGAIN = 500  # messages before another try where the server did not take one more connection
FRUITLESS = 3  # connections in a row that were lost without one answer about a message
AUTH_REQUIRED = 530


def check_smtp(server: SmtpServer, guard: Guard) -> Identity:
    """Who answers there, after TLS and sign-in; raises Retryable or NotConnected."""
    session = open_session(server, guard)
    session.quit()
    return Identity(session.greeting, rights=tuple(sorted(session.offered)))


class SmtpDoor:
    """Connections to one mail server. ``wire`` hears of each message just before it can be complete at the server."""

    def __init__(
        self, server: SmtpServer, guard: Guard, wire: Wire, *, connections: int = 2, attempts: int = 3
    ) -> None:
        self._server = server
        self._guard = guard
        self._wire = wire
        self._lanes = [Lane() for _ in range(max(1, connections))]
        self._attempts = attempts
        self._pipelining = True
        self._fruitless = 0

    def send(self, messages: Messages) -> Iterator[SmtpOutcome]:
        """Send all messages and yield the outcome of each as soon as it is known.

        Taking a message from ``messages`` means leave to send it now. ``messages`` yields None when the next one may be long in
        coming: then everything in flight is finished before it is asked again. Raises Retryable or NotConnected when the server
        cannot be used (any more), and whatever ``messages`` raises; everything taken has its outcome before.
        """
        source = Source(messages)
        self._start()
        try:
            yield from self._rounds(source)
        finally:
            for lane in self._lanes:
                if lane.busy:
                    lane.drop()
        if source.fault is not None:
            raise source.fault

    def close(self) -> None:
        """Say goodbye on all connections."""
        for lane in self._lanes:
            if lane.session is not None:
                lane.session.quit()
                lane.session = None

    # --- which connection does what -------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._fruitless = 0
        for index, lane in enumerate(self._lanes):
            lane.open_after = WIDEN_AFTER * index
            if lane.session is not None and lane.session.stale:
                lane.drop()

    def _rounds(self, source: Source) -> Iterator[SmtpOutcome]:
        lanes = self._lanes
        while True:
            busy = False
            for lane in lanes:
                if lane.session is not None or self._wanted(lane, source):
                    yield from self._turn(lane, source)
                busy = busy or lane.busy
            if not busy:
                if source.ended and source.dry:
                    return
                source.paused = source.paused and not source.dry

    def _wanted(self, lane: Lane, source: Source) -> bool:
        if source.dry:
            return False
        if self._open_lanes() == 0:
            return lane is self._lanes[0]
        return self._pipelining and source.pulled >= lane.open_after

    def _open_lanes(self) -> int:
        return sum(lane.session is not None for lane in self._lanes)

    def _turn(self, lane: Lane, source: Source) -> Iterator[SmtpOutcome]:
        if lane.session is None:
            yield from self._open(lane, source)
        if lane.session is None:
            return
        step = self._overlap if self._pipelining or lane.busy else self._one_by_one
        try:
            yield from step(lane, lane.session, source)
        except LeaveWithdrawn:
            yield from self._put_back(lane, source)
            lane.drop()
        except WireFault as error:
            yield from self._unwired(lane, source, error.fault)
        except Lost as error:
            yield from self._lost(lane, source, error)

    def _open(self, lane: Lane, source: Source) -> Iterator[SmtpOutcome]:
        try:
            lane.session = open_session(self._server, self._guard)
        except ChannelError as error:
            if self._open_lanes():  # the server wants fewer connections: the others carry on
                lane.open_after = source.pulled + WIDEN_AGAIN
                return
            self._open_patiently(lane, source, error)
            if source.cut:
                yield from self._give_back(source, str(error))
        if lane.session is not None and not lane.session.pipelining:
            self._pipelining = False

    def _open_patiently(self, lane: Lane, source: Source, error: ChannelError) -> None:
        if isinstance(error, NotConnected) or self._attempts < 2:
            source.stop(error)
            return
        again = retrying(self._attempts - 1, first_wait=0.5)
        try:
            lane.session = again(Retryable, lambda: open_session(self._server, self._guard))
        except ChannelError as last:
            source.stop(last)

    # --- one step of one connection -------------------------------------------------------------------------------------

    def _overlap(self, lane: Lane, session: SmtpSession, source: Source) -> Iterator[SmtpOutcome]:
        """Make the next message, read what the last write made the server say, write the accepted one and the next envelope."""
        if self._pipelining and lane.following is None:
            lane.following = yield from self._take(session, source)
        if lane.body is not None:
            yield self._settled(lane, lane.body, session.reply())
        if lane.envelope is not None:
            refusal = session.read_envelope()
            if refusal is not None:
                yield from self._refused(lane, lane.envelope.message, source, refusal)
        if source.cut or not self._pipelining:
            yield from self._put_back(lane, source)
        data = self._on_wire(lane, lane.envelope) if lane.envelope is not None else b""
        if lane.following is not None:
            lane.envelope, lane.following = lane.following, None
            data += session.envelope_ahead(lane.envelope.commands)
        if data:
            session.write(data)

    def _one_by_one(self, lane: Lane, session: SmtpSession, source: Source) -> Iterator[SmtpOutcome]:
        """One message, each command only after the reply to the one before."""
        lane.envelope = letter = yield from self._take(session, source)
        if letter is None:
            return
        refusal = session.say_envelope(letter.commands)
        if refusal is not None:
            yield from self._refused(lane, letter.message, source, refusal)
            return
        session.write(self._on_wire(lane, letter))
        yield self._settled(lane, letter.message, session.reply())

    def _take(self, session: SmtpSession, source: Source) -> Generator[SmtpOutcome, None, Letter | None]:
        """The next message that can be sent to this server; others are refused here."""
        while (message := source.pull()) is not None:
            try:
                return Letter(message, envelope(message, session.offered), body(message.data))
            except Unsendable as error:
                yield outcome(message, error.reply)
        return None

    def _on_wire(self, lane: Lane, letter: Letter) -> bytes:
        try:
            self._wire.on_wire(letter.message.key)
            self._wire.flush()
        except LeaveWithdrawn:
            raise
        except Exception as fault:
            raise WireFault(fault) from fault
        lane.body, lane.envelope = letter.message, None
        return letter.data

    # --- what became of a message ---------------------------------------------------------------------------------------

    def _settled(self, lane: Lane, message: SmtpMessage, reply: Reply) -> SmtpOutcome:
        if 300 <= reply.code < 400:
            raise Garbled(f"the server answers a message with {reply.code}")
        lane.body = None
        lane.accepted += reply.ok
        self._fruitless = 0
        return outcome(message, reply)

    def _refused(
        self, lane: Lane, message: SmtpMessage, source: Source, refusal: Refusal
    ) -> Iterator[SmtpOutcome]:
        lane.envelope = None
        self._fruitless = 0
        reply = refusal.reply
        if reply.code == AUTH_REQUIRED:
            source.stop(NotConnected(f"{self._server} wants us to sign in: {reply.text}"))
            yield outcome(message, reply, OutcomeStatus.RETRY)
            yield from self._give_back(source, reply.text)
        elif refusal.of_sender and reply.code < 500 and lane.accepted:
            source.put_back(message)  # enough for one connection, the server means: the next one
            yield from self._put_back(lane, source)
            lane.drop()
        else:
            yield outcome(message, reply)

    def _unwired(self, lane: Lane, source: Source, fault: Exception) -> Iterator[SmtpOutcome]:
        """What cannot be journalled is not sent; the other connections still read their answers, then the fault is raised."""
        envelope = lane.envelope
        source.stop(fault)
        yield from self._put_back(lane, source)
        lane.drop()
        if envelope is not None:
            yield outcome(envelope.message, Reply(0, str(fault)), OutcomeStatus.RETRY)

    def _lost(self, lane: Lane, source: Source, error: Lost) -> Iterator[SmtpOutcome]:
        on_wire, waiting, following = lane.body, lane.envelope, lane.following
        if isinstance(error, Garbled) and on_wire is None:
            self._pipelining = False
        lane.drop()
        self._fruitless += 1
        reply = Reply(CLOSING if error.polite else 0, str(error))
        if on_wire is not None:
            refused = error.polite or error.untouched
            yield outcome(on_wire, reply, OutcomeStatus.RETRY if refused else OutcomeStatus.UNKNOWN)
        if waiting is not None and not source.repeat(waiting.message):
            yield outcome(waiting.message, reply, OutcomeStatus.RETRY)
        if following is not None:
            source.put_back(following.message)
        if self._fruitless >= FRUITLESS:
            source.stop(Retryable(f"{self._server}: {error}"))
        if source.cut:
            yield from self._give_back(source, str(error))

    def _put_back(self, lane: Lane, source: Source) -> Iterator[SmtpOutcome]:
        """What was taken but not begun is taken again, or left to be tried again when nothing more is sent."""
        letter, lane.following = lane.following, None
        if letter is not None:
            source.put_back(letter.message)
        if source.cut:
            yield from self._give_back(source, str(source.fault))

    def _give_back(self, source: Source, reason: str) -> Iterator[SmtpOutcome]:
        for message in source.taken_back():
            yield outcome(message, Reply(0, reason), OutcomeStatus.RETRY)
