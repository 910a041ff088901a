"""What is done now and then is done once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import select, update

from cms_core import rounds
from cms_core.rounds import Round
from cms_core.worker import Worker
from cms_core.workspace import Workspace

EVERY = timedelta(hours=1)


def taken(workspace: Workspace, name: str = "measure") -> bool:
    with workspace.db.transaction() as session:
        return rounds.take(session, name, EVERY)


def put(workspace: Workspace, later: timedelta) -> None:
    """Move when the next round is."""
    with workspace.db.transaction() as session:
        at = rounds._present(session) + later
        session.execute(update(Round).values(next_at=at))


def test_one_of_many_takes_it(workspace: Workspace) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: taken(workspace), range(16))).count(True) == 1
    assert taken(workspace, "another")


def test_the_next_is_due_a_little_before_its_time(workspace: Workspace) -> None:
    assert taken(workspace)
    put(workspace, timedelta(seconds=2))
    assert not taken(workspace)
    put(workspace, timedelta(0))
    assert taken(workspace)
    with workspace.db.session() as session:
        ahead = session.get_one(Round, "measure").next_at - rounds._present(session)
    assert EVERY * 0.85 < ahead <= EVERY * 0.9


def test_a_clock_that_was_set_back_stops_nothing(workspace: Workspace) -> None:
    assert taken(workspace)
    put(workspace, timedelta(days=365))
    assert taken(workspace)
    assert not taken(workspace)


def test_who_may_not_measure_takes_the_round_from_nobody(workspace: Workspace) -> None:
    workspace.fence.close("set back")
    Worker(workspace)._do_rounds()
    with workspace.db.session() as session:
        assert set(session.scalars(select(Round.name))) == {"extend", "erasures"}
    workspace.fence.accept()
    Worker(workspace)._do_rounds()
    assert not taken(workspace)
