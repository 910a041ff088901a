"""LibreOffice: kept warm, started anew when it is worn out or broken, and gone with whoever started it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cms_core.errors import Invalid, TryLater
from cms_sales_enablement import office, office_child, office_warm, pdf_pages

from .decks import make

pytestmark = pytest.mark.skipif(
    office.program() is None or office_warm.python_with_uno(office.program() or "") is None,
    reason="LibreOffice or python3-uno is not installed here",
)
WORKER = """
import sys, time
from pathlib import Path
from cms_sales_enablement import office, office_warm
if sys.argv[3] == "cold":
    office_warm.python_with_uno = lambda soffice: None
    print(0, flush=True)
office.to_pdf(Path(sys.argv[1]), Path(sys.argv[2]))
print(office_warm._running[0].process.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def pptx(tmp_path: Path) -> Path:
    return make(tmp_path / "deck.pptx", 2)


@pytest.fixture(autouse=True)
def none_is_left(pptx: Path) -> Iterator[None]:
    """Each test begins and ends without one."""
    office_warm.end()
    yield
    office_warm.end()


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            told = each.read_text().rpartition(") ")[2].split()
        except OSError:  # it has just ended
            continue
        if int(told[1]) == pid and told[0] != "Z":
            found.append(int(each.parent.name))
    return found


def keeper() -> int:
    return office_warm._running[0].process.pid


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def soon(what: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.05)
    return False


def test_one_is_started_for_many_files(pptx: Path, tmp_path: Path) -> None:
    office.to_pdf(pptx, tmp_path / "a.pdf")
    first = keeper()
    office.to_pdf(pptx, tmp_path / "b.pdf")
    assert keeper() == first
    for name in ("a.pdf", "b.pdf"):
        assert len(pdf_pages.render(tmp_path / name, tmp_path, (480,))) == 2


def test_one_that_is_worn_out_is_started_anew(
    pptx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office_warm, "JOBS", 2)
    seen = []
    for _ in range(3):
        office.to_pdf(pptx, tmp_path / "a.pdf")
        seen.append(keeper())
    assert seen[0] == seen[1] != seen[2]
    assert not is_there(seen[0])


def test_one_that_was_lost_costs_nobody_a_pdf(pptx: Path, tmp_path: Path) -> None:
    office.to_pdf(pptx, tmp_path / "a.pdf")
    first = keeper()
    (soffice,) = children(first)
    os.kill(soffice, signal.SIGKILL)
    office.to_pdf(pptx, tmp_path / "b.pdf")
    assert (tmp_path / "b.pdf").read_bytes().startswith(b"%PDF")
    assert soon(lambda: not is_there(first))
    office.to_pdf(pptx, tmp_path / "c.pdf")
    assert keeper() != first


def test_a_file_that_it_refuses_is_told_and_it_goes_on(pptx: Path, tmp_path: Path) -> None:
    office.to_pdf(pptx, tmp_path / "a.pdf")
    first = keeper()
    gone = tmp_path / "gone.pptx"
    with pytest.raises(Invalid, match="could not make a PDF"):
        office.to_pdf(gone, tmp_path / "b.pdf")
    assert not (tmp_path / "b.pdf").exists()
    office.to_pdf(pptx, tmp_path / "c.pdf")
    assert keeper() == first


def test_one_that_takes_too_long_is_ended(
    pptx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.to_pdf(pptx, tmp_path / "a.pdf")
    first = keeper()
    (soffice,) = children(first)
    folder = Path(office_warm._running[0].folder)
    os.kill(soffice, signal.SIGSTOP)
    monkeypatch.setattr(office_warm, "SECONDS", 0.3)
    with pytest.raises(TryLater, match=r"more than 0\.3 seconds"):
        office.to_pdf(pptx, tmp_path / "b.pdf")
    assert not any(map(is_there, (first, soffice)))
    assert not folder.exists()
    assert sorted(each.name for each in tmp_path.glob("*.pdf*")) == ["a.pdf"]


def test_one_that_nobody_needs_ends(pptx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office_warm, "IDLE_SECONDS", 0.2)
    office.to_pdf(pptx, tmp_path / "a.pdf")
    first = keeper()
    assert soon(lambda: not is_there(first))
    office.to_pdf(pptx, tmp_path / "b.pdf")
    assert keeper() != first


def test_who_finds_it_at_work_or_has_no_uno_starts_one_of_their_own(
    pptx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with office_warm._lock:
        office.to_pdf(pptx, tmp_path / "a.pdf")
    monkeypatch.setattr(office_warm, "python_with_uno", lambda soffice: None)
    office.to_pdf(pptx, tmp_path / "b.pdf")
    assert (tmp_path / "a.pdf").stat().st_size > 1000 < (tmp_path / "b.pdf").stat().st_size
    assert not office_warm._running


def test_it_has_no_network_and_knows_nothing_of_ours(
    pptx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMS_SECRET_KEY", "nobody's business")
    office.to_pdf(pptx, tmp_path / "a.pdf")
    (soffice,) = children(keeper())
    assert b"nobody" not in Path(f"/proc/{soffice}/environ").read_bytes()
    if subprocess.run(["unshare", "-rn", "true"], check=False, capture_output=True).returncode == 0:
        devices = Path(f"/proc/{soffice}/net/dev").read_text().splitlines()[2:]
        assert [each.split(":")[0].strip() for each in devices] == ["lo"]


@pytest.mark.parametrize("way", ["warm", "cold"])
def test_nothing_is_left_of_it_when_its_worker_is_killed(pptx: Path, tmp_path: Path, way: str) -> None:
    command = [sys.executable, "-c", WORKER, str(pptx), str(tmp_path / "a.pdf"), way]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout
        worker.stdout.readline()
        assert soon(lambda: bool(children(worker.pid)) and bool(children(children(worker.pid)[0])))
        (first,) = children(worker.pid)
        (soffice,) = children(first)
        command_line = Path(f"/proc/{soffice}/cmdline").read_text()
        folder = Path(command_line.partition("file://")[2].partition("/profile")[0])
        pipes = office_child.pipes_of(soffice)
        worker.send_signal(signal.SIGKILL)
    assert soon(lambda: not is_there(soffice) and not is_there(first))
    assert not folder.exists()
    assert way == "cold" or pipes
    assert not any(each.exists() for each in pipes), "they have names that all programs see"
