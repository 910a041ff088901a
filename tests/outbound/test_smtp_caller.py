"""How the mail door and who feeds it get along: journal, pauses, faults of the caller, connections."""

import time
from collections.abc import Iterator

import pytest

from cms_core.contract import LeaveWithdrawn
from cms_core.outbound import Guard, SmtpDoor, SmtpMessage, SmtpServer
from cms_core.testing.smtp import DROP, Answer

from .conftest import RecordingWire
from .sending import A, R, Run, at, faulty, mails


def test_each_message_is_journalled_and_flushed_before_the_server_can_have_it_all(
    run: Run, pipelining: str
) -> None:
    late: list[str] = []

    def end(address: str) -> None:
        if int(address[1:].partition("@")[0]) not in run.wire.flushed:
            late.append(address)

    with faulty(pipelining, END=end) as server:
        run.send(server, mails(40), connections=3)
    assert (late, run.statuses, len(server.received)) == ([], [A] * 40, 40)
    assert sorted(run.wire.told) == list(range(40))


def test_a_pause_settles_what_is_in_flight_before_it_is_asked_again(run: Run, pipelining: str) -> None:
    settled_at_pause: list[int] = []

    def messages() -> Iterator[SmtpMessage | None]:
        for message in mails(30):
            if message.key % 10 == 9:
                yield None
                settled_at_pause.append(len(run.outcomes))
            yield message

    with faulty(pipelining) as server:
        run.send(server, messages(), connections=2)
    assert (settled_at_pause, run.statuses) == ([9, 19, 29], [A] * 30)


def test_a_fault_of_the_caller_settles_what_was_taken_and_is_raised(run: Run, pipelining: str) -> None:
    def messages() -> Iterator[SmtpMessage]:
        yield from mails(3)
        raise ZeroDivisionError

    with faulty(pipelining) as server, pytest.raises(ZeroDivisionError):
        run.send(server, messages())
    assert (run.statuses, len(server.received)) == ([A] * 3, 3)


def test_a_journal_that_cannot_be_written_keeps_the_message_from_the_wire(
    guard: Guard, pipelining: str
) -> None:
    class Full(RecordingWire):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    run = Run(Full(), guard)
    with faulty(pipelining) as server, pytest.raises(OSError, match="No space left"):
        run.send(server, mails(2))
    assert (set(run.statuses), server.received) == ({R}, [])


def test_a_journal_that_fails_in_between_leaves_no_answered_message_without_its_outcome(
    guard: Guard, pipelining: str
) -> None:
    class Failing(RecordingWire):
        def flush(self) -> None:
            if len(self.told) == 30:
                raise OSError(28, "No space left on device")

    run = Run(Failing(), guard)
    with faulty(pipelining) as server, pytest.raises(OSError, match="No space left"):
        run.send(server, mails(60), connections=2)
    answered = {int(mail.recipients[0][1:].partition("@")[0]) for mail in server.received}
    assert {each.key for each in run.outcomes if each.status == A} == answered
    assert {each.key for each in run.outcomes} >= set(run.wire.told)


def test_a_pause_waits_for_a_message_that_is_sent_once_more(run: Run, pipelining: str) -> None:
    settled_at_pause: list[int] = []

    def messages() -> Iterator[SmtpMessage | None]:
        first, second = mails(2)
        yield first
        yield None
        settled_at_pause.append(len(run.outcomes))
        yield second

    with faulty(pipelining, RCPT=[DROP]) as server:
        run.send(server, messages())
    assert (settled_at_pause, run.statuses) == ([1], [A, A])


def test_a_withdrawn_leave_costs_nobody_else_a_try(guard: Guard) -> None:
    """The connection that is closed for it must be gone before a server that takes one will take the next."""

    class Withdrawing(RecordingWire):
        def on_wire(self, key: int) -> None:
            if key in (5, 15):
                raise LeaveWithdrawn("unsubscribed")
            super().on_wire(key)

    busy = at(1, Answer("421 4.7.0 too many connections", then="drop"))
    run = Run(Withdrawing(), guard)
    with faulty("honest", CONNECT=busy) as server:
        run.send(server, mails(20))
    assert (run.error, run.statuses) == (None, [A] * 18)


def test_a_message_whose_leave_is_withdrawn_never_arrives_and_the_others_do(
    guard: Guard, pipelining: str
) -> None:
    class Withdrawing(RecordingWire):
        def on_wire(self, key: int) -> None:
            if key in (3, 4, 9):
                raise LeaveWithdrawn("unsubscribed")
            super().on_wire(key)

    run = Run(Withdrawing(), guard)
    with faulty(pipelining) as server:
        run.send(server, mails(10), connections=2)
    left = [0, 1, 2, 5, 6, 7, 8]
    assert (run.error, sorted(each.key for each in run.outcomes), run.statuses) == (None, left, [A] * 7)
    assert sorted(mail.recipients[0] for mail in server.received) == [f"r{key}@example.org" for key in left]


def test_who_stops_listening_leaves_nothing_half_sent(wire: RecordingWire, guard: Guard) -> None:
    with faulty("honest") as server:
        settings = SmtpServer("127.0.0.1", server.port, "none", timeout=0.3)
        door = SmtpDoor(settings, guard, wire, connections=1)
        sending = iter(door.send(mails(10)))
        next(sending)
        sending.close()  # type: ignore[attr-defined]
        rest = list(door.send(mails(2)))
        door.close()
    assert [each.status for each in rest] == [A, A]
    assert len(server.received) >= 3
    assert len(server.received) <= len(wire.told)


def test_a_server_that_takes_one_connection_only_is_used_with_one(run: Run) -> None:
    busy = at(1, Answer("421 4.7.0 too many connections", then="drop"))
    with faulty("honest", CONNECT=busy) as server:
        run.send(server, mails(60), connections=2)
    assert (run.error, run.statuses, server.connections) == (None, [A] * 60, 2)


def test_connections_are_kept_between_sendings_and_opened_anew_when_the_server_has_gone(
    wire: RecordingWire, guard: Guard
) -> None:
    with faulty("honest", END=at(2, Answer("250 2.0.0 queued", then="drop"))) as server:
        door = SmtpDoor(SmtpServer("127.0.0.1", server.port, "none", timeout=0.3), guard, wire, connections=1)
        for _ in range(3):
            assert [each.status for each in door.send(mails(1))] == [A]
        time.sleep(0.1)
        assert [each.status for each in door.send(mails(1))] == [A]
        door.close()
    assert (server.connections, server.commands[-1]) == (2, "QUIT")
