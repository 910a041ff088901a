"""Each fault of a mail server: what becomes of every message, and how many messages the server has seen."""

import time
from collections.abc import Iterator

import pytest

from cms_core.contract import NotConnected, Retryable
from cms_core.outbound import SmtpMessage
from cms_core.testing.smtp import DROP, RESET, SILENCE, Answer, FaultySmtp

from .sending import A, F, R, Run, U, at, faulty, mails

# --- faults before anything is on the wire ---------------------------------------------------------------------------


def test_421_at_connect_is_tried_again_a_bounded_number_of_times_and_takes_nothing(
    run: Run, pipelining: str
) -> None:
    with faulty(pipelining, CONNECT=lambda _: Answer("421 4.3.2 too busy", then="drop")) as server:
        pulled = mails(3)
        run.send(server, pulled)
    assert isinstance(run.error, Retryable)
    assert "too busy" in run.error.reason
    assert (run.outcomes, server.connections, len(server.received)) == ([], 2, 0)
    assert next(pulled).key == 0  # no leave was asked for what could not be sent


def test_a_server_that_is_busy_once_is_no_trouble(run: Run, pipelining: str) -> None:
    with faulty(pipelining, CONNECT=[Answer("421 4.3.2 too busy", then="drop")]) as server:
        run.send(server, mails(3))
    assert (run.error, run.statuses, len(server.received)) == (None, [A] * 3, 3)


def test_greylisting_is_to_be_tried_again(run: Run, pipelining: str) -> None:
    with faulty(pipelining, RCPT=lambda _: Answer("450 4.7.1 come back later")) as server:
        run.send(server, mails(3))
    assert (run.error, run.statuses, len(server.received)) == (None, [R] * 3, 0)
    assert run.outcomes[0].reply == "4.7.1 come back later"
    assert run.wire.told == []


def test_one_refused_recipient_does_not_harm_the_others(run: Run, pipelining: str) -> None:
    def rcpt(address: str) -> Answer | None:
        return Answer("550-5.1.1 no such\n550 5.1.1 user") if address.startswith("r2@") else None

    with faulty(pipelining, RCPT=rcpt) as server:
        run.send(server, mails(5))
    assert (run.statuses, len(server.received), server.connections) == ([A, A, F, A, A], 4, 1)
    refused = next(each for each in run.outcomes if each.key == 2)
    assert (refused.code, refused.reply, refused.context) == (550, "5.1.1 no such 5.1.1 user", "c2")
    assert run.wire.told == [0, 1, 3, 4]
    assert "RSET" in server.commands  # else the next MAIL would be a nested one


def test_a_go_ahead_after_a_refused_recipient_gets_a_lone_dot(run: Run) -> None:
    def rcpt(address: str) -> Answer | None:
        return Answer("550 5.1.1 no") if address.startswith("r1@") else None

    def data(_: str) -> Answer | None:
        return Answer("354 go on") if "RCPT TO:<r1@example.org>" in server.commands[-2:] else None

    with faulty("honest", RCPT=rcpt, DATA=data) as server:
        run.send(server, mails(3))
    assert (run.statuses, run.wire.told, server.connections) == ([A, F, A], [0, 2], 1)
    assert [mail.recipients for mail in server.received] == [["r0@example.org"], ["r2@example.org"]]


def test_a_refused_sender_refuses_the_message(run: Run, pipelining: str) -> None:
    with faulty(pipelining, MAIL=[Answer("550 5.7.1 not from here")]) as server:
        run.send(server, mails(2))
    assert (run.statuses, len(server.received)) == ([F, A], 1)


def test_a_refusal_of_data_is_the_messages(run: Run, pipelining: str) -> None:
    with faulty(pipelining, DATA=[Answer("451 4.3.0 no room"), Answer("554 5.3.0 no")]) as server:
        run.send(server, mails(3))
    assert (run.statuses, len(server.received), server.connections) == ([R, F, A], 1, 1)


def test_sign_in_required_stops_everything_and_refuses_nobody(run: Run, pipelining: str) -> None:
    with faulty(pipelining, MAIL=lambda _: Answer("530 5.7.0 sign in first")) as server:
        run.send(server, mails(5))
    assert isinstance(run.error, NotConnected)
    assert (set(run.statuses), len(server.received)) == ({R}, 0)
    assert len(run.statuses) <= 2  # the one that was refused, and the one made while the server answered


def test_a_server_that_leaves_politely_in_between_loses_nothing(run: Run, pipelining: str) -> None:
    leave = at(2, Answer("421 4.7.0 enough for one connection", then="drop"))
    with faulty(pipelining, MAIL=leave) as server:
        run.send(server, mails(5))
    assert (run.statuses, len(server.received), server.connections) == ([A] * 5, 5, 2)


def test_a_server_that_goes_before_the_body_gets_the_message_once_more(run: Run, pipelining: str) -> None:
    with faulty(pipelining, RCPT=[DROP]) as server:
        run.send(server, mails(2))
    assert (run.statuses, len(server.received), server.connections) == ([A, A], 2, 2)


def test_a_server_that_always_goes_before_the_body_is_given_up(run: Run, pipelining: str) -> None:
    with faulty(pipelining, RCPT=lambda _: DROP) as server:
        run.send(server, mails(50))
    assert isinstance(run.error, Retryable)
    assert set(run.statuses) == {R}
    assert (len(server.received), server.connections, run.wire.told) == (0, 3, [])


def test_a_message_that_always_breaks_the_connection_does_not_hold_up_the_others(
    run: Run, pipelining: str
) -> None:
    with faulty(pipelining, RCPT=lambda address: DROP if address.startswith("r1@") else None) as server:
        run.send(server, mails(4))
    assert (run.error, run.statuses, len(server.received), server.connections) == (None, [A, R, A, A], 3, 3)


def test_silence_at_connect_runs_out_of_time(run: Run, pipelining: str) -> None:
    began = time.monotonic()
    with faulty(pipelining, CONNECT=lambda _: SILENCE) as server:
        run.send(server, mails(1))
    assert isinstance(run.error, Retryable)
    assert (server.connections, time.monotonic() - began < 5) == (2, True)


def test_connection_refused_is_retryable_and_takes_nothing(run: Run) -> None:
    with FaultySmtp() as server:
        pass
    run.send(server, mails(1))
    assert isinstance(run.error, Retryable)
    assert run.outcomes == []


# --- faults when the message is on the wire --------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [DROP, RESET, SILENCE], ids=["drop", "reset", "silence"])
def test_no_answer_after_the_final_dot_is_unknown_and_never_sent_again(
    run: Run, pipelining: str, fault: Answer
) -> None:
    with faulty(pipelining, END=at(1, fault)) as server:
        run.send(server, mails(4))
    assert (run.error, run.statuses) == (None, [A, U, A, A])
    assert [mail.recipients[0][:2] for mail in server.received] == ["r0", "r1", "r2", "r3"]
    assert (server.connections, run.wire.told) == (2, [0, 1, 2, 3])


def test_a_server_that_never_answers_the_final_dot_is_given_up_after_three(run: Run, pipelining: str) -> None:
    with faulty(pipelining, END=lambda _: DROP) as server:
        run.send(server, mails(50))
    assert isinstance(run.error, Retryable)
    assert run.statuses.count(U) == len(server.received) == 3
    assert set(run.statuses) <= {U, R}
    assert run.wire.told == [each.key for each in run.outcomes if each.status is U]


def test_a_body_of_which_no_byte_could_leave_is_tried_again(run: Run) -> None:
    def slowly() -> Iterator[SmtpMessage]:
        for message in mails(2):
            yield message
            time.sleep(0.1)  # the reset arrives between the go-ahead and the body

    with faulty("honest", DATA=[Answer("354 go on", then="reset")]) as server:
        run.send(server, slowly())
    assert (run.statuses, len(server.received)) == ([R, A], 1)


def test_an_answer_and_then_a_drop_is_accepted(run: Run, pipelining: str) -> None:
    with faulty(pipelining, END=lambda _: Answer("250 2.0.0 queued", then="drop")) as server:
        run.send(server, mails(4))
    assert (run.error, run.statuses, len(server.received), server.connections) == (None, [A] * 4, 4, 4)


def test_a_refusal_after_the_final_dot_is_definite(run: Run, pipelining: str) -> None:
    with faulty(pipelining, END=[Answer("554 5.7.1 spam"), Answer("452 4.2.2 mailbox full")]) as server:
        run.send(server, mails(3))
    assert (run.statuses, len(server.received), server.connections) == ([F, R, A], 3, 1)


def test_421_after_the_final_dot_says_not_accepted(run: Run, pipelining: str) -> None:
    with faulty(pipelining, END=[Answer("421 4.3.2 shutting down", then="drop")]) as server:
        run.send(server, mails(2))
    assert (run.statuses, server.connections) == ([R, A], 2)
    assert {each.key: each.code for each in run.outcomes}[0] == 421


@pytest.mark.parametrize("nonsense", ["what?", "354 more", "99 x", "250"[:2]])
def test_nonsense_after_the_final_dot_is_unknown(run: Run, pipelining: str, nonsense: str) -> None:
    with faulty(pipelining, END=[Answer(nonsense)]) as server:
        run.send(server, mails(2))
    assert (run.statuses, len(server.received)) == ([U, A], 2)


# --- odd replies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["garbage", "lossy"])
def test_pipelining_that_is_offered_but_broken_falls_back_to_one_by_one(run: Run, kind: str) -> None:
    with faulty(kind) as server:
        run.send(server, mails(3), connections=2)
    assert (run.error, run.statuses, len(server.received), server.connections) == (None, [A] * 3, 3, 2)


def test_a_reply_too_many_is_never_taken_for_an_acceptance(run: Run) -> None:
    with faulty("honest", DATA=[Answer("354 go on\n250 2.0.0 queued")], END=lambda _: DROP) as server:
        run.send(server, mails(1))
    assert run.statuses == [U]  # one by one, the second time
    assert len(server.received) == 1


def test_long_reply_lines_are_read_and_shortened(run: Run, pipelining: str) -> None:
    long = "250-" + "x" * 10_000 + "\n250 2.0.0 " + "\x1b" + "y" * 10_000
    with faulty(pipelining, END=lambda _: Answer(long)) as server:
        run.send(server, mails(2))
    assert (run.statuses, len(server.received)) == ([A, A], 2)
    assert all(len(each.reply) == 200 and each.reply.isprintable() for each in run.outcomes)


def test_a_server_that_takes_few_messages_a_connection_gets_the_rest_on_others(
    run: Run, pipelining: str
) -> None:
    taken = 0

    def greet(_: str) -> None:
        nonlocal taken
        taken = 0

    def mail(_: str) -> Answer | None:
        nonlocal taken
        taken += 1
        return Answer("452 4.5.3 too many messages in this session") if taken > 3 else None

    with faulty(pipelining, EHLO=greet, MAIL=mail) as server:
        run.send(server, mails(20))
    assert (run.error, run.statuses, len(server.received)) == (None, [A] * 20, 20)


def test_a_goodbye_right_behind_a_go_ahead_does_not_end_pipelining(run: Run) -> None:
    goodbye = at(5, Answer("354 go on\n421 4.4.2 idle for too long", then="drop"))
    with faulty("honest", DATA=goodbye) as server:
        run.send(server, mails(20))
    assert (run.error, run.statuses, server.connections) == (None, [A] * 20, 2)
    together = [word for word in server.commands if word.startswith(("MAIL", "RCPT", "DATA"))]
    assert len(together) >= 60
