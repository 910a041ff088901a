"""A mailing whose sender is killed again and again while a real mail server takes it: nobody is forgotten, nobody gets two.

``CMS_RECIPIENTS``, ``CMS_MAIL_KILLS`` and ``CMS_SEED`` ask for more, or for the same again.
"""

import random
import time
from collections import Counter
from collections.abc import Set

import pytest
from sqlalchemy import func, select

from cms_core.audience import segments
from cms_core.audience.upsert import Incoming, upsert_batch
from cms_core.campaigns.service import Plan, plan
from cms_core.campaigns.when import Mode, When
from cms_core.connections import service as connections
from cms_core.publishing import arming, service
from cms_core.publishing.models import Attempt, Delivery
from cms_core.testing.smtp import Answer, FaultySmtp
from tests.fire.conftest import MakeCluster, Tell
from tests.fire.processes import Cluster
from tests.fire.proofs import SEED, Process, asked, just_now, printed, says_ready, stop, until
from tests.publishing.conftest import approve_words
from tests.publishing.test_fire_processes import CONNECTIONS, SETTINGS

RECIPIENTS, KILLS = asked("CMS_RECIPIENTS", 50_000), asked("CMS_MAIL_KILLS", 50)
LONGEST = 1.5  # seconds that one sends before it is killed
SLOW = 0.003  # seconds for each answer, so that there is work as long as there are kills
WITHOUT = "ads leads sales_enablement seo social"


def refused(address: str) -> bool:
    """Whether the server knows nobody of this name."""
    return address.startswith("p") and address.split("@", maxsplit=1)[0].endswith("99")


def server() -> FaultySmtp:
    """A mail server that refuses one in a hundred, and takes its time."""
    unknown = Answer("550 5.1.1 nobody of this name")
    return FaultySmtp(
        answers={
            "RCPT": lambda address: unknown if refused(address) else None,
            "END": lambda _: time.sleep(SLOW),
        }
    )


def arm_mail(made: Cluster, port: int, recipients: int) -> str:
    """A newsletter to so many people, due now."""
    workspace = made.workspace
    with workspace.db.transaction() as session:
        settings = {**SETTINGS, "port": str(port)}
        connection = connections.add(session, workspace.vault, workspace.plugins, "email", "main", settings)
        for first in range(0, recipients, 5_000):
            people = [
                Incoming(f"p{n}@example.com", {}, {}, consent="yes", evidence={"source": "test"})
                for n in range(first, min(first + 5_000, recipients))
            ]
            upsert_batch(session, people, source="test")
        wanted = Plan(
            When(Mode.ABSOLUTE, instant=just_now(), tz="UTC"),
            asset=approve_words(session, workspace, "letter", "Hello"),
            channel="email",
            connection=connection,
            segment=segments.create(session, "All", "email is not empty"),
        )
        return arming.arm(session, workspace, plan(session, wanted)).public_id


def kill_the_sender(made: Cluster, key: str, workers: list[Process]) -> bool:
    """Kill whichever worker holds the publication, and start another; False when none of them does."""
    with made.workspace.db.session() as session:
        name = service.find(session, key).worker
    for worker in workers:
        if f"-{worker.pid}-" in name and says_ready(made, worker):
            worker.kill()
            worker.wait()
            workers.remove(worker)
            workers.append(made.start("worker"))
            return True
    return False


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_mailing_that_is_killed_again_and_again(kind: str, make_cluster: MakeCluster, tell: Tell) -> None:
    tell(seed=SEED, recipients=RECIPIENTS, kills=KILLS)
    dice, kills, began = random.Random(SEED), 0, time.monotonic()
    with server() as smtp, make_cluster(kind, CMS_DISABLE_PLUGINS=WITHOUT) as made:
        key = arm_mail(made, smtp.port, RECIPIENTS)
        armed, workers = time.monotonic() - began, [made.start("worker"), made.start("worker")]
        made.ready()
        until(lambda: bool(smtp.received), 120)
        while kills < KILLS and state(made, key) != "published":
            before = len(smtp.received)
            time.sleep(dice.uniform(0.05, LONGEST))
            if len(smtp.received) > before:  # it is in the middle of it
                kills += kill_the_sender(made, key, workers)
        killed = len(smtp.received)
        until(lambda: state(made, key) == "published", 600, 0.5)
        seconds = time.monotonic() - began
        stop(workers)
        mails = Counter(mail.recipients[0] for mail in smtp.received)
        fates = {each: people_in(made, each) for each in ("accepted", "failed", "unknown")}
        counts = {each: len(people) for each, people in fates.items()}
        listed = printed(made, "deliveries", "show", key)
        attempts_left_open = open_attempts(made)
    tell(kills=kills, **counts, armed_in=f"{armed:.0f} s", when_killed_last=killed, seconds=f"{seconds:.0f}")
    assert kills >= KILLS * 0.9, "killed often enough while it sent"
    assert max(mails.values()) == 1, "nobody twice"
    assert sum(counts.values()) == RECIPIENTS, "each is one of accepted, failed, unknown"
    assert counts["unknown"] <= kills * CONNECTIONS
    assert fates["accepted"] <= set(mails) <= fates["accepted"] | fates["unknown"]
    assert all(map(refused, fates["failed"]))
    assert {each["address"] for each in listed["unknown"]} == fates["unknown"], "each is listed"
    assert not attempts_left_open


def state(made: Cluster, key: str) -> str:
    """The state of a publication."""
    with made.workspace.db.session() as session:
        return service.find(session, key).state


def people_in(made: Cluster, state: str) -> Set[str]:
    """The addresses whose delivery is in a state."""
    with made.workspace.db.session() as session:
        return set(session.scalars(select(Delivery.address).where(Delivery.state == state)))


def open_attempts(made: Cluster) -> int:
    """How many attempts nobody has closed."""
    with made.workspace.db.session() as session:
        query = select(func.count()).select_from(Attempt).where(Attempt.outcome.is_(None))
        return session.scalar(query) or 0
