"""One LibreOffice of each process of ours, kept running: opening a file takes it a tenth of what starting it anew does.

It is started when a PDF is wanted, ends when none was for a while, and is started anew after so many files, and when something was
wrong with it. A Python with ``uno`` (Debian: python3-uno) is needed, which ours need not be: it runs the keeper, ``office_child``.
"""

import atexit
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, cast

from cms_core import TryLater

KEEPER = Path(__file__).with_name("office_child.py")
JOBS = 50  # files, then it is started anew: it never gives all of its memory back
IDLE_SECONDS = 600
SECONDS = 180  # for one file
START_SECONDS, END_SECONDS = 90, 3
MEMORY_BYTES = 4 << 30
LONGEST = 4096  # of an answer

_lock = threading.Lock()
_running: "list[_Warm]" = []


class Lost(Exception):
    """It has ended, or says what nobody understands."""


def convert(soffice: str, pptx: Path, pdf: Path, *, hidden: bool) -> bool:
    """Make a PDF if a warm one can: False where there is no ``uno``, it is at work for somebody else, or it was lost.

    What LibreOffice refuses is no fault: then there is no PDF. Raises TryLater when it takes too long.
    """
    python = python_with_uno(soffice)
    if python is None or not _lock.acquire(blocking=False):
        return False
    try:
        return _convert(
            python, soffice, {"pptx": str(pptx.absolute()), "pdf": str(pdf.absolute()), "hidden": hidden}
        )
    finally:
        _lock.release()


def end() -> None:
    """End it, if one runs; the next PDF starts another one."""
    while _running:
        _running.pop().end()


atexit.register(end)


def _convert(python: str, soffice: str, job: Mapping[str, Any]) -> bool:
    if _running and not _running[0].is_good(soffice):
        end()
    try:
        if not _running:
            _running.append(_Warm.start(python, soffice))
        _running[0].ask(job)
    except Lost:
        end()
        return False
    except BaseException:  # nobody waits for its answer any more: the next one must not get it
        end()
        raise
    return True


@lru_cache(maxsize=4)
def python_with_uno(soffice: str) -> str | None:
    """The Python that can speak with this LibreOffice: its own, the system's or ours; None where none can."""
    if os.name != "posix":
        return None
    own = Path(soffice).resolve().with_name("python")
    for each in dict.fromkeys([str(own), "/usr/bin/python3", shutil.which("python3") or "", sys.executable]):
        if each and Path(each).is_file():
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                _import_uno(each)
                return each
    return None


def _import_uno(python: str) -> None:
    """In a home of its own: it makes folders there."""
    with tempfile.TemporaryDirectory(prefix="cms-office-") as home:
        command = [python, "-I", "-c", "import uno"]
        subprocess.run(command, env=environment(home), capture_output=True, timeout=30, check=True)


@dataclass
class _Warm:
    """A keeper that runs, and how many files it was asked for."""

    process: "subprocess.Popen[bytes]"
    soffice: str
    folder: str
    asked: int = 0

    @property
    def jobs(self) -> IO[bytes]:
        """Where it is told what to do; closed, it ends."""
        return cast(IO[bytes], self.process.stdin)

    @property
    def answers(self) -> IO[bytes]:
        """Where it tells what became of it."""
        return cast(IO[bytes], self.process.stdout)

    @classmethod
    def start(cls, python: str, soffice: str) -> "_Warm":
        folder = tempfile.mkdtemp(prefix="cms-office-")
        limits = (MEMORY_BYTES, SECONDS * JOBS)
        command = [
            python,
            "-I",
            str(KEEPER),
            *map(str, limits),
            "listen",
            binary(soffice),
            folder,
            str(IDLE_SECONDS),
        ]
        process = subprocess.Popen(
            command,
            env=environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )
        found = cls(process, soffice, folder)
        try:
            found._answer(START_SECONDS)
        except BaseException:
            found.end()
            raise
        return found

    def is_good(self, soffice: str) -> bool:
        """Whether it is there, of this installation, and not worn out."""
        return self.process.poll() is None and self.soffice == soffice and self.asked < JOBS

    def ask(self, job: Mapping[str, Any]) -> None:
        """Have a file made; raises Lost, and TryLater when it takes too long."""
        self.asked += 1
        try:
            self.jobs.write(json.dumps(job).encode() + b"\n")
        except OSError:
            raise Lost from None
        self._answer(SECONDS)

    def _answer(self, seconds: float) -> None:
        until, text = time.monotonic() + seconds, b""
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([self.answers], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise TryLater(
                    f"LibreOffice took more than {seconds:g} seconds", "try again, or write a .pptx"
                )
            more = self.answers.read(LONGEST)
            if not more or len(text) > LONGEST:
                raise Lost
            text += more

    def end(self) -> None:
        """It and all that it has started are gone, and so is its folder."""
        end_session(self.process)
        self.answers.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def binary(soffice: str) -> str:
    """The program behind the script that is on the path: without it nothing stands between LibreOffice and its keeper."""
    found = Path(soffice).resolve().with_name("soffice.bin")
    return str(found) if found.is_file() else soffice


def environment(folder: str) -> dict[str, str]:
    """What it is told: all that it writes is in its folder, and nothing of our configuration is known to it."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CMS_")}
    own = {"HOME": folder, "TMPDIR": folder, "OSL_SOCKET_PATH": folder, "SAL_DISABLE_OPENCL": "1"}
    return {**ours, **own}


def end_session(child: "subprocess.Popen[bytes]") -> None:
    """End a keeper that began a session, with all of it; it is let to clear up, but not waited for long."""
    with contextlib.suppress(OSError):
        cast(IO[bytes], child.stdin).close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(END_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
