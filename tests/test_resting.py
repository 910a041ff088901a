"""A process with nothing to do hardly asks the database anything."""

from cms_core.notices import gathering, telling
from cms_core.testing.pages import statements
from cms_core.worker import Worker
from cms_core.workspace import Workspace


def test_a_worker_that_rests_asks_one_question_each_second(workspace: Workspace) -> None:
    worker = Worker(workspace)
    assert not worker.work_once(), "the first time it sweeps"
    worker._do_rounds()
    with statements(workspace.db.engine) as counter:
        for _ in range(3):
            assert not worker.work_once()
            worker._do_rounds()
    assert next(counter) == 3


def test_notices_and_mail_ask_one_question_together(workspace: Workspace) -> None:
    with statements(workspace.db.engine) as counter:
        assert gathering.gather(workspace, telling._something(workspace)) == (0, False)
    assert next(counter) == 1
