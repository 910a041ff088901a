"""Publishing under fire with real processes: workers that are killed or stopped at random, and several at once."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from cms_core.audience import segments
from cms_core.audience.upsert import Incoming, upsert_batch
from cms_core.auth.service import create_user
from cms_core.campaigns.service import Plan, plan
from cms_core.campaigns.when import Mode, When
from cms_core.config import Config, load_config
from cms_core.connections import service as connections
from cms_core.contract import Idempotency
from cms_core.publishing import arming, service
from cms_core.publishing.models import Attempt, Delivery, Publication
from cms_core.testing.smtp import FaultySmtp
from cms_core.workspace import Workspace, open_workspace
from tests.publishing.conftest import DUE, Arm, approve_words, shown
from tests.publishing.dying_poster import POINTS

LEASE = "0.5"
CONNECTIONS = 2
SETTINGS = {
    "host": "127.0.0.1",
    "security": "none",
    "from_address": "news@example.com",
    "from_name": "Acme News",
    "postal_address": "Acme Ltd\n1 Main Street\nSpringfield",
}


@pytest.fixture
def mailing(config: Config, migrated_database: Path) -> Iterator[Workspace]:
    """A workspace with the e-mail plugin."""
    shutil.copyfile(migrated_database, config.home / "cms.db")
    opened = open_workspace(load_config(config.home, {}), plugins=["email"])
    with opened.db.transaction() as session:
        create_user(session, "admin@example.com", "Ada", "admin", "correct horse battery")
    yield opened
    opened.db.dispose()


def arm_mail(workspace: Workspace, port: int, people: int) -> str:
    """A newsletter to so many people, through the server on this port."""
    with workspace.db.transaction() as session:
        settings = {**SETTINGS, "port": str(port)}
        connection = connections.add(session, workspace.vault, workspace.plugins, "email", "main", settings)
        rows = [
            Incoming(f"p{n}@example.com", {}, {}, consent="yes", evidence={"source": "test"})
            for n in range(people)
        ]
        upsert_batch(session, rows, source="test")
        wanted = Plan(
            When(Mode.ABSOLUTE, instant=DUE, tz="UTC"),
            asset=approve_words(session, workspace, "letter", "Hello"),
            channel="email",
            connection=connection,
            segment=segments.create(session, "All", "email is not empty"),
        )
        return arming.arm(session, workspace, plan(session, wanted)).public_id


def start_worker(home: Path) -> "subprocess.Popen[str]":
    """``cms worker --until-idle``, ready to work."""
    command = [sys.executable, "-m", "cms_core.cli", "worker", "--until-idle", "--now", DUE.isoformat()]
    environ = {
        **os.environ,
        "CMS_HOME": str(home),
        "CMS_LEASE_SECONDS": LEASE,
        "CMS_OUTBOUND_ALLOW": "127.0.0.1",
    }
    worker = subprocess.Popen(
        command, env=environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert worker.stderr is not None
    assert "ready" in worker.stderr.readline()
    return worker


def counted(workspace: Workspace) -> dict[str, int]:
    with workspace.db.session() as session:
        rows = session.execute(select(Delivery.state, func.count()).group_by(Delivery.state))
        return {row[0]: row[1] for row in rows}


@pytest.mark.long
def test_killed_at_random_nobody_is_lost_and_nobody_gets_two(mailing: Workspace) -> None:
    people, kills, dice = 3_000, 60, random.Random(int(os.environ.get("CMS_SEED", "7")))
    killed = 0

    def slow(_: str) -> None:
        """As long as somebody is to be killed, whatever a start takes on this machine."""
        time.sleep(0.2 if killed < kills else 0)

    with FaultySmtp(answers={"END": slow}) as server:
        public_id = arm_mail(mailing, server.port, people)
        workers = [start_worker(mailing.config.home) for _ in range(2)]
        while killed < kills and len(server.received) < people - 50:
            time.sleep(dice.uniform(0.02, 0.5))
            worker = workers.pop(0)
            killed += worker.poll() is None
            worker.kill()
            worker.communicate()
            workers.append(start_worker(mailing.config.home))
        for worker in workers:
            worker.communicate(timeout=120)
        mails = Counter(mail.recipients[0] for mail in server.received)
    found = counted(mailing)
    assert killed >= kills / 2, "killed often enough while it sent"
    assert max(mails.values()) == 1, "nobody twice"
    assert set(found) <= {"accepted", "unknown"}, "all settled"
    assert sum(found.values()) == people
    assert found.get("unknown", 0) <= killed * CONNECTIONS
    with mailing.db.session() as session:
        accepted = set(session.scalars(select(Delivery.address).where(Delivery.state == "accepted")))
        assert accepted <= set(mails), "what is called accepted went out"
        assert service.find(session, public_id).state == "published"
        assert session.scalars(select(Attempt).where(Attempt.outcome.is_(None))).all() == []
    assert list((mailing.config.run_dir / "senders").iterdir()) == []


@pytest.mark.long
def test_stopped_sender_that_wakes_up_after_three_leases_sends_nothing_twice(mailing: Workspace) -> None:
    def slow(_: str) -> None:
        time.sleep(0.01)

    with FaultySmtp(answers={"END": slow}) as server:
        public_id = arm_mail(mailing, server.port, 1_200)
        first = start_worker(mailing.config.home)
        while len(server.received) < 200:
            time.sleep(0.01)
        first.send_signal(signal.SIGSTOP)
        time.sleep(3 * float(LEASE))
        second = start_worker(mailing.config.home)
        while len(server.received) < 500:
            time.sleep(0.01)
        first.send_signal(signal.SIGCONT)
        for worker in (first, second):
            worker.communicate(timeout=60)
        mails = Counter(mail.recipients[0] for mail in server.received)
    assert max(mails.values()) == 1
    assert counted(mailing) == {"accepted": 1_200}
    with mailing.db.session() as session:
        assert service.find(session, public_id).state == "published"


@pytest.mark.long
def test_stopped_sender_that_dies_leaves_only_what_was_in_flight_unknown(mailing: Workspace) -> None:
    with FaultySmtp(answers={"END": lambda _: time.sleep(0.01)}) as server:
        arm_mail(mailing, server.port, 900)
        first = start_worker(mailing.config.home)
        while len(server.received) < 100:
            time.sleep(0.01)
        first.send_signal(signal.SIGSTOP)
        time.sleep(3 * float(LEASE))
        second = start_worker(mailing.config.home)
        time.sleep(3)
        first.kill()
        first.communicate()
        second.communicate(timeout=120)
        last = start_worker(mailing.config.home)
        last.communicate(timeout=120)
        mails = Counter(mail.recipients[0] for mail in server.received)
    found = counted(mailing)
    assert max(mails.values()) == 1
    assert set(found) <= {"accepted", "unknown"}
    assert found.get("unknown", 0) <= CONNECTIONS
    assert sum(found.values()) == 900


# --- single publications ----------------------------------------------------------------------------------------------


def poster(workspace: Workspace, kind: str, point: str, posts: Path) -> "subprocess.Popen[bytes]":
    home = str(workspace.config.home)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.publishing.dying_poster", home, kind, point, str(posts)]
    )


@pytest.mark.long
@pytest.mark.parametrize("kind", [kind.value for kind in Idempotency])
@pytest.mark.parametrize("point", POINTS)
def test_worker_killed_at_each_point_posts_once(
    workspace: Workspace, arm: Arm, tmp_path: Path, kind: str, point: str
) -> None:
    ids, posts = [arm(title=f"Post {n}") for n in range(6)], tmp_path / "posts"
    assert poster(workspace, kind, point, posts).wait() == -signal.SIGKILL
    assert poster(workspace, kind, "never", posts).wait() == 0
    states = {each: shown(workspace, each)["state"] for each in ids}
    unknown = [each for each in ids if states[each] == "unknown"]
    lines = posts.read_text().split()
    if kind == "none" and point in ("after _intend_all", "posted", "before _settle"):
        assert unknown == ids[:1]
        assert lines == (ids[1:] if point == "after _intend_all" else ids)
    else:
        assert not unknown
        assert sorted(lines) == sorted(ids)
    assert {states[each] for each in ids if each not in unknown} == {"published"}


@pytest.mark.long
def test_four_workers_at_once_publish_each_once(workspace: Workspace, arm: Arm, tmp_path: Path) -> None:
    ids = [arm(title=f"Post {n}") for n in range(300)]
    posts = tmp_path / "posts"
    workers = [poster(workspace, "lookup", "never", posts) for _ in range(4)]
    assert [worker.wait() for worker in workers] == [0, 0, 0, 0]
    assert sorted(posts.read_text().split()) == sorted(ids)
    with workspace.db.session() as session:
        attempts = session.scalars(select(Attempt)).all()
        assert set(session.scalars(select(Publication.state))) == {"published"}
    assert len(attempts) == 300
