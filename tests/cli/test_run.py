"""How `cms run` ends."""

import threading
from contextlib import suppress

import pytest

from cms_core.cli.run import working
from cms_core.ticker import Ticker
from cms_core.workspace import Workspace

stop = Ticker.stop


def test_who_is_interrupted_twice_leaves_no_worker_behind(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(ticker: Ticker) -> None:
        stop(ticker)
        raise SystemExit(0)

    monkeypatch.setattr(Ticker, "stop", interrupted)
    with suppress(SystemExit), working(workspace):
        working_one = next(each for each in threading.enumerate() if each.name == "cms-worker")
    working_one.join(10)
    assert not working_one.is_alive()
