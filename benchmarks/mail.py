"""``mail``: the whole path of a newsletter, from the first claim to the last settled row, against other ways to send it.

The path: claim by batches, leave asked before each mail's bytes leave, journal, rendering with 18 signed links, SMTP with every
reply read, settling. SQLite with synchronous=FULL. Writing the rows of the audience comes before and is told on stderr.
"""

import gc
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from unittest.mock import patch

import databases
import place
import processes
import senders
from measure import Row, compare, free_port, say, serving, take_turns

import cms_email.channel
from cms_core import Json, Recipient, SmtpMessage
from cms_core.publishing import listing, runner
from cms_core.publishing.models import Publication
from cms_core.publishing.sending import Addressee, Sending
from cms_core.publishing.tokens import Tokens
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from cms_email.message import Writer

PEOPLE = 6_000
FEW = 400  # for senders that are more than ten times slower
ROUNDS = 5
QUICK = {"PEOPLE": 60, "FEW": 5, "ROUNDS": 1}
SMTP_SINK = shutil.which("smtp-sink", path="/usr/sbin:/usr/lib/postfix/sbin:/usr/local/sbin")


def rows() -> list[Row]:
    """All senders in turn, to one server."""
    port = free_port()
    with serving(_server(port), port), place.workspace(PEOPLE) as workspace:
        place.connect(workspace, "newsletter", port)
        sample = _sample(workspace)
        say(
            f"mail: {PEOPLE} recipients, {len(sample.data)} bytes each, to {_server(port)[0].rsplit('/', 1)[-1]}"
        )
        found = take_turns(_cases(workspace, port, sample), ROUNDS)
    return [*_rows(found), *_on_postgresql(len(sample.data))]


def _on_postgresql(size: int) -> list[Row]:
    """Two processes that send on PostgreSQL, whose commits reach the disk too."""
    if "postgresql" not in databases.installed() or not senders.SMTP_SOURCE:
        return []
    from cms_core.testing.databases import PostgresServer

    port, names, server = free_port(), ("first", "second"), PostgresServer(durable=True)
    try:
        with serving(_server(port), port), place.workspace(PEOPLE, server.create()) as workspace:
            for name in names:
                place.connect(workspace, name, port)
            cases: dict[str, Callable[[], float]] = {
                "ours": lambda: processes.send_together(workspace, names, PEOPLE),
                "source": lambda: _rate(PEOPLE, senders.smtp_source, port, size, PEOPLE),
            }
            found = take_turns(cases, ROUNDS)
    finally:
        server.stop()
    against = "smtp-source -s4, ours with two processes on PostgreSQL"
    return [
        compare("mail-postgresql", found["ours"], found["source"], unit="mails/s", against=against, goal=0.6)
    ]


def _rows(found: Mapping[str, list[float]]) -> list[Row]:
    goals: list[tuple[str, str, str, str, float | None]] = [
        ("mail", "ours-2", "ready-2", "prebuilt bytes sent by the same loop, two connections", 0.9),
        ("mail-1", "ours-1", "ready-1", "prebuilt bytes sent by the same loop, one connection", 0.9),
        ("mail-door", "ours-2", "door-2", "prebuilt bytes through the door alone, two connections", None),
        ("mail-door-1", "ours-1", "door-1", "prebuilt bytes through the door alone, one connection", None),
        ("mail-floor", "ours-1", "raw", "raw pipelined socket with prebuilt bytes, one connection", None),
        ("mail-smtp-source", "ours-2", "source", "smtp-source -s4, ours with two connections", 1.0),
        ("mail-smtp-source-1", "ours-1", "source", "smtp-source -s4, ours with one connection", 0.5),
        ("mail-smtplib", "ours-1", "smtplib", "smtplib and EmailMessage, one connection", 10.0),
        ("mail-django", "ours-1", "django", "Django's send_messages, one connection", 5.0),
        (
            "mail-nodemailer",
            "ours-2",
            "nodemailer",
            "nodemailer's pool of five, ours with two connections",
            3.0,
        ),
    ]
    return [
        compare(name, found[ours], found[other], unit="mails/s", against=against, goal=goal)
        for name, ours, other, against, goal in goals
        if other in found
    ]


def _cases(workspace: Workspace, port: int, sample: SmtpMessage) -> dict[str, Callable[[], float]]:
    subject, text, html = _words(sample.data)
    few = [f"user{n}@example.org" for n in range(FEW)]
    cases: dict[str, Callable[[], float]] = {
        "ours-2": lambda: _ours(workspace, 2),
        "ready-2": lambda: _ready(workspace, 2, sample),
        "door-2": lambda: _rate(PEOPLE, senders.door_alone, port, sample.data, PEOPLE, 2),
        "ours-1": lambda: _ours(workspace, 1),
        "ready-1": lambda: _ready(workspace, 1, sample),
        "door-1": lambda: _rate(PEOPLE, senders.door_alone, port, sample.data, PEOPLE, 1),
        "raw": lambda: _rate(PEOPLE, senders.raw_socket, port, sample.data, PEOPLE),
        "smtplib": lambda: _rate(FEW, senders.standard_library, port, subject, text, html, few),
    }
    if senders.has_django():
        cases["django"] = lambda: _rate(FEW, senders.django, port, subject, text, html, few)
    if senders.has_nodemailer():
        many = [f"user{n}@example.org" for n in range(PEOPLE)]  # its start would count too much
        cases["nodemailer"] = lambda: _rate(PEOPLE, senders.nodemailer, port, subject, text, html, many)
    if senders.SMTP_SOURCE:
        cases["source"] = lambda: _rate(PEOPLE, senders.smtp_source, port, len(sample.data), PEOPLE)
    return cases


def _rate(count: int, send: Callable[..., None], *arguments: Any) -> float:
    start, cpu = time.perf_counter(), time.process_time()
    send(*arguments)
    return _said(count, time.perf_counter() - start, time.process_time() - cpu)


def _said(count: int, seconds: float, cpu: float) -> float:
    say(f"    {seconds / count * 1e6:.0f} µs per mail, of them {cpu / count * 1e6:.0f} µs on our processor")
    return count / seconds


class TimedSending(Sending):
    """Tells how long a sending took, from before its first claim until all its rows are settled."""

    seconds = cpu = 0.0

    def __init__(self, *arguments: Any) -> None:
        self._began = time.perf_counter(), time.process_time()
        super().__init__(*arguments)

    def close(self) -> None:
        super().close()
        TimedSending.seconds = time.perf_counter() - self._began[0]
        TimedSending.cpu = time.process_time() - self._began[1]


def _ours(workspace: Workspace, connections: int) -> float:
    cms_email.channel.CONNECTIONS = connections
    publication = place.arm(workspace, "newsletter")
    start = time.perf_counter()
    Worker(workspace).run_one(publication)
    whole = time.perf_counter() - start
    with workspace.db.session() as session:
        counts = listing.delivery_counts(session, [publication])
    if counts != {"accepted": PEOPLE}:
        raise RuntimeError(f"not everything was sent: {counts}")
    say(
        f"    freezing the audience and the rest: {(whole - TimedSending.seconds) / PEOPLE * 1e6:.0f} µs per mail"
    )
    return _said(PEOPLE, TimedSending.seconds, TimedSending.cpu)


class Ready:
    """Stands where the writer does and gives everybody the same bytes."""

    def __init__(self, sample: SmtpMessage) -> None:
        self._sample = sample

    def __call__(self, data: Json, now: Callable[[], datetime]) -> "Ready":
        return self

    def message_id(self, recipient: Recipient) -> str:
        """As the writer's."""
        return f"{recipient.token}@example.com"

    def write(self, recipient: Recipient) -> SmtpMessage:
        """The same mail, to somebody else."""
        return SmtpMessage(
            recipient.key, self._sample.sender, recipient.address, self._sample.data, recipient
        )


def _ready(workspace: Workspace, connections: int, sample: SmtpMessage) -> float:
    """The same sending with its claims, its leave, its journal and its ledger; only nothing is written for anybody."""
    with patch.object(cms_email.channel, "Writer", Ready(sample)):
        return _ours(workspace, connections)


def _sample(workspace: Workspace) -> SmtpMessage:
    """The mail of one recipient, as a first sending (the warm-up) prepared it."""
    vars(runner)[Sending.__name__] = TimedSending
    publication = place.arm(workspace, "newsletter")
    Worker(workspace).run_one(publication)
    gc.freeze()  # as a worker does when it starts
    with workspace.db.session() as session:
        prepared = session.get_one(Publication, publication).arms[0].prepared or {}
    values = {"contact": {"first_name": "Björn", "company": "Company 1"}}
    tokens = Tokens(workspace.vault.derive("token"))
    writer = Writer(prepared, workspace.db.clock.now)
    return writer.write(Addressee(1, "user1@example.org", tokens.make(1), values, "", 0, 0, "", 0))


def _words(data: bytes) -> tuple[str, str, str]:
    """Subject, plain text and HTML of a mail."""
    mail = message_from_bytes(data, policy=default)
    parts = [part.get_content() for part in mail.walk() if not part.is_multipart()]
    return str(mail["Subject"]), parts[0], parts[1]


def _server(port: int) -> list[str]:
    if SMTP_SINK is None:
        return [sys.executable, str(Path(__file__).with_name("sink.py")), str(port)]
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []  # it refuses to run as root
    return [SMTP_SINK, *as_nobody, f"127.0.0.1:{port}", "1000"]
