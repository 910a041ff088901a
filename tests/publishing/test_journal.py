"""The journal survives its writer and is inherited by one successor only."""

import subprocess
import sys
from pathlib import Path

import pytest

from cms_core.contract import OutcomeStatus
from cms_core.publishing import journal as module
from cms_core.publishing.journal import Journal, inherit


def test_what_was_flushed_is_inherited(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "one")
    journal.claims.update({7: 3, 8: 3})
    journal.on_wire(7)
    journal.on_wire(8)
    journal.outcome(7, OutcomeStatus.ACCEPTED)
    journal.flush()
    journal.on_wire(8)  # never flushed, so never sent
    journal.close(settled=False)
    with inherit(tmp_path, "one") as testimony:
        assert testimony is not None
        assert testimony.on_wire == {(3, 7), (3, 8)}
        assert testimony.outcomes == {(3, 7): OutcomeStatus.ACCEPTED}
    assert list(tmp_path.iterdir()) == []


def test_living_writer_is_left_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "one")
    code = (
        "import sys; from pathlib import Path; from cms_core.publishing.journal import inherit\n"
        "with inherit(Path(sys.argv[1]), 'one') as t: print(t)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "None"
    journal.close(settled=True)
    assert list(tmp_path.iterdir()) == []


def test_killed_writer_is_inherited(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from cms_core.publishing.journal import Journal\n"
        "j = Journal(Path(sys.argv[1]), 'one'); j.claims[5] = 1; j.on_wire(5); j.flush(); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -9
    with inherit(tmp_path, "one") as testimony:
        assert testimony is not None
        assert testimony.on_wire == {(1, 5)}


def test_torn_record_is_ignored(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "one")
    journal.claims[7] = 3
    journal.on_wire(7)
    journal.flush()
    journal.close(settled=False)
    with (tmp_path / "one.journal").open("ab") as file:
        file.write(b"Wgarbage")
    with inherit(tmp_path, "one") as testimony:
        assert testimony is not None
        assert testimony.on_wire == {(3, 7)}


def test_missing_journal_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), inherit(tmp_path, "nobody"):
        pass


def test_long_journal_keeps_only_what_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROTATE_AT", 10)
    journal = Journal(tmp_path, "one")
    for key in range(20):
        journal.claims[key] = 1
        journal.on_wire(key)
        journal.outcome(key, OutcomeStatus.ACCEPTED)
    journal.flush()
    journal.settled(list(range(19)))
    assert (tmp_path / "one.journal").stat().st_size == 2 * module.RECORD.size
    journal.close(settled=False)
    with inherit(tmp_path, "one") as testimony:
        assert testimony is not None
        assert testimony.outcomes == {(1, 19): OutcomeStatus.ACCEPTED}
