"""Throttles: what a connection and a domain may be sent a minute, shared by all workers, and felt by nobody else."""

import itertools
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from cms_core.audience.models import Contact
from cms_core.connections import service as connections
from cms_core.connections import throttle
from cms_core.connections.models import Bucket
from cms_core.connections.throttle import Limit
from cms_core.connections.values import InvalidValues
from cms_core.publishing import service
from cms_core.publishing.deliveries import claim_batch
from cms_core.publishing.models import Delivery, Publication
from cms_core.worker import Worker
from cms_core.workspace import Workspace
from tests.publishing.conftest import Arm, people, shown
from tests.publishing.test_capping import lot_of, two_publications
from tests.publishing.test_deliveries import counts
from tests.publishing.toys import Toys

PRESENT = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def thirty_seconds(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Buckets hold what they do with a lease of 30 s: that of 7.5 seconds."""
    monkeypatch.setattr(throttle, "SHARE_OF_LEASE", workspace.config.lease_seconds / 7.5)


def slow_down(workspace: Workspace, **limits: int) -> None:
    with workspace.db.transaction() as session:
        found = connections.find(session, "letter", "main")
        connections.update(session, workspace.vault, workspace.plugins, found, limits)


def test_a_connection_sends_no_faster_than_it_may_and_gets_everybody(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    """600 a minute are 10 a second; a quarter of the lease of 30 s lets 75 go at once."""
    people(workspace, 115)
    slow_down(workspace, per_minute=600)
    public_id = arm("letter")
    began = time.monotonic()
    assert worker.work_once()
    assert 75 <= len(toys.remote.mails) <= 75 + 10 * (time.monotonic() - began) + 1
    document = shown(workspace, public_id)
    assert document["state"] == "sending"
    with workspace.db.session() as session:
        row = service.find(session, public_id)
        assert row.lease_until is None
        assert row.retry_at is not None
    worker.run_until_idle()
    assert time.monotonic() - began >= (115 - 75) / 10 - 1
    assert sorted(toys.remote.mails) == sorted(f"p{n}@example.com" for n in range(115))
    document = shown(workspace, public_id)
    assert document["state"] == "published"
    assert [each["outcome"] for each in document["attempts"]] == ["published"], (
        "a rest is no attempt of its own"
    )


def test_while_one_rests_others_go_on(workspace: Workspace, worker: Worker, toys: Toys, arm: Arm) -> None:
    people(workspace, 5)
    slow_down(workspace, per_minute=1)
    slow, other = arm("letter"), arm("toy")
    assert worker.work_once()
    assert len(toys.remote.mails) == 1
    assert worker.work_once()
    assert not worker.work_once(), "until the next token there is nothing to do"
    assert shown(workspace, other)["state"] == "published"
    assert counts(workspace, slow) == {"accepted": 1, "pending": 4}


def test_a_domain_gets_what_it_may_and_the_others_do_not_wait(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 10)
    with workspace.db.transaction() as session:
        for n in range(4):
            session.execute(
                update(Contact).where(Contact.email == f"p{n}@example.com").values(email=f"q{n}@rare.example")
            )
    slow_down(workspace, domain_per_minute=24)  # three at once, then one each 2.5 seconds
    public_id = arm("letter")
    assert worker.work_once()
    assert Counter(each.rpartition("@")[2] for each in toys.remote.mails) == {
        "example.com": 3,
        "rare.example": 3,
    }
    with workspace.db.session() as session:
        waits = session.execute(
            select(Delivery.reason, Delivery.retry_at, Delivery.tries)
            .where(Delivery.state == "retry_wait", Delivery.address.like("%@example.com"))
            .order_by(Delivery.retry_at)
        ).all()
    assert {(row.reason, row.tries) for row in waits} == {("put off: 24 a minute to example.com", 0)}
    steps = [later.retry_at - earlier.retry_at for earlier, later in itertools.pairwise(waits)]
    assert steps == [timedelta(seconds=2.5)] * 2, "one token after the other"
    worker.run_until_idle()
    assert counts(workspace, public_id) == {"accepted": 10}
    assert len(shown(workspace, public_id)["attempts"]) == 1


def test_who_may_not_be_addressed_draws_no_token(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 20, agreed=False)
    slow_down(workspace, per_minute=16)
    arm("letter")
    worker.work_once()
    with workspace.db.session() as session:
        assert session.scalars(select(Bucket.tokens)).all() == [2.0]


def test_a_limit_that_is_taken_away_is_felt_by_the_next_claim(
    workspace: Workspace, worker: Worker, toys: Toys, arm: Arm
) -> None:
    people(workspace, 30)
    slow_down(workspace, per_minute=60)
    arm("letter")
    worker.work_once()
    slow_down(workspace)
    worker.run_until_idle()
    assert len(toys.remote.mails) == 30


def test_without_a_limit_no_bucket_is_touched(workspace: Workspace, worker: Worker, arm: Arm) -> None:
    people(workspace, 3)
    arm("letter")
    worker.run_until_idle()
    with workspace.db.session() as session:
        assert session.scalars(select(Bucket)).all() == []


def test_two_workers_draw_from_one_bucket(workspace: Workspace, arm: Arm) -> None:
    """The clock stands still: all that both may ever take is what the bucket held."""
    slow_down(workspace, per_minute=800, domain_per_minute=400)  # 100 at once, 50 to a domain
    with two_publications(workspace, arm, 200) as found:
        lots = [each._replace(lease=workspace.config.lease_seconds) for each in found]

        def claim(n: int) -> int:
            with workspace.db.transaction() as session:
                batch = claim_batch(session, lots[n % 2], f"sender-{n}", "boot", PRESENT, PRESENT)
                return len(batch.taken)

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(claim, range(12))) == 50
    with workspace.db.session() as session:
        assert dict(session.execute(select(Bucket.domain, Bucket.tokens)).all()) == {
            "": 50.0,
            "example.com": 0.0,
        }


def test_a_batch_is_no_more_than_what_a_quarter_of_a_lease_lets_through(
    workspace: Workspace, arm: Arm
) -> None:
    slow_down(workspace, per_minute=60)
    with two_publications(workspace, arm, 50) as lots, workspace.db.transaction() as session:
        lot = lot_of(
            session.get_one(Publication, lots[0].publication_id), lease=workspace.config.lease_seconds / 1.5
        )
        assert len(claim_batch(session, lot, "sender", "boot", PRESENT, PRESENT).taken) == 5
        empty = claim_batch(session, lot, "sender", "boot", PRESENT, PRESENT)
        assert (empty.judged, empty.rests_until) == (0, PRESENT + timedelta(seconds=1))


@given(
    st.integers(1, 10_000),
    st.floats(1, 120),
    st.lists(st.tuples(st.floats(0, 300), st.integers(0, 1000)), max_size=30),
)
def test_a_bucket_never_gives_more_than_came_in(
    per_minute: int, lease: float, asks: list[tuple[float, int]]
) -> None:
    limit, at, given_out = Limit(per_minute, lease), PRESENT, 0
    level = limit.capacity
    for seconds, wanted in asks:
        later = at + timedelta(seconds=seconds)
        level, at = throttle._filled(level, at, limit, later), later
        taken = min(int(level), wanted)
        level, given_out = level - taken, given_out + taken
        assert 0 <= level <= limit.capacity
        assert given_out <= limit.capacity + limit.per_second * (at - PRESENT).total_seconds() + 1e-6


@pytest.mark.parametrize("wrong", ["0", "-1", "many", "1000001"])
def test_limits_that_make_no_sense_are_refused(workspace: Workspace, wrong: str) -> None:
    with workspace.db.transaction() as session:
        found = connections.find(session, "letter", "main")
        with pytest.raises(InvalidValues, match="per_minute"):
            connections.update(session, workspace.vault, workspace.plugins, found, {"per_minute": wrong})


def test_only_what_goes_to_people_has_a_speed(workspace: Workspace) -> None:
    speeds = {"per_minute", "domain_per_minute"}
    assert speeds <= set(connections.schema_of(workspace.plugins, "letter").fields)
    assert not speeds & set(connections.schema_of(workspace.plugins, "toy").fields)
