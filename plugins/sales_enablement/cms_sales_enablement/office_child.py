"""LibreOffice's keeper: within limits, without a network where that can be, and gone as soon as whoever started it is gone.

``office_child.py run FOLDER COMMAND…`` runs it once. ``office_child.py listen SOFFICE FOLDER IDLE`` starts it in its own folder
and makes a PDF for each line of standard input. Run by whichever Python has ``uno``, so it knows the standard library alone.
"""

import contextlib
import ctypes
import json
import os
import queue
import resource
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

RESTART = 81  # what it ends with to be started again, once it has made its profile
START_SECONDS = 60
NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
DIE_WITH_PARENT = 1
NEVER = 0  # run macros, follow links


def limit(memory: int, seconds: int) -> None:
    """Hold this process and all that it starts to so many bytes and seconds of the processor each."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def close_network() -> bool:
    """Leave every network, loopback too, where the system lets us: whether it did."""
    user, group = os.getuid(), os.getgid()
    try:
        unshare = ctypes.CDLL(None).unshare
    except (OSError, AttributeError):
        return False
    if unshare(NEW_NETWORK) == 0:
        return True
    if unshare(NEW_USER | NEW_NETWORK) != 0:
        return False
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with contextlib.suppress(OSError):
            Path("/proc/self", name).write_text(text, encoding="ascii")
    return True


def start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """A process that the system ends when this one ends, however that happens."""
    nothing = subprocess.DEVNULL
    return subprocess.Popen(
        command,
        stdin=nothing,
        stdout=nothing,
        stderr=nothing,
        preexec_fn=_die_with_parent,  # noqa: PLW1509  # the one other thread only waits for a line
    )


def _die_with_parent() -> None:
    with contextlib.suppress(
        OSError, AttributeError
    ):  # elsewhere than on Linux the watch of standard input is all
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)


def end(process: "subprocess.Popen[bytes]", pipes: Iterable[Path]) -> None:
    """Kill it, and take away what it leaves then: its pipes have names in the folder that all programs share."""
    process.kill()
    process.wait()
    for each in pipes:
        each.unlink(missing_ok=True)


def pipes_of(pid: int) -> list[Path]:
    """The files of the sockets that a process has open, as far as they have any."""
    try:
        links = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()]
        rows = [row.split() for row in Path(f"/proc/{pid}/net/unix").read_text().splitlines()]
    except OSError:
        return []
    return [
        Path(row[7]) for row in rows if len(row) > 7 and row[7][0] == "/" and f"socket:[{row[6]}]" in links
    ]


# --- once -------------------------------------------------------------------------------------------------------------


def run(folder: str, command: Sequence[str]) -> int:
    """Run it to its end; when nobody waits for that any more, it and its folder are gone."""
    while True:
        process = start(command)
        while process.poll() is None:
            if select.select([sys.stdin], [], [], 0.05)[0]:  # nobody writes there: it was closed
                end(process, pipes_of(process.pid))
                shutil.rmtree(folder, ignore_errors=True)
                return 1
        if process.returncode != RESTART:
            return process.returncode


# --- again and again --------------------------------------------------------------------------------------------------


class Office:
    """LibreOffice that waits for work behind a pipe in a folder of its own."""

    def __init__(self, soffice: str, folder: str) -> None:
        self._folder = folder
        pipe = f"pipe,name=cms{os.urandom(12).hex()};urp;StarOffice.ComponentContext"
        self._command = [
            soffice,
            "--headless",
            "--norestore",
            "--nodefault",
            "--nologo",
            f"-env:UserInstallation=file://{folder}/profile",
            f"--accept={pipe}",
        ]
        self.process = start(self._command)
        self._desktop = self._connected(f"uno:{pipe}")
        self._pipes = pipes_of(self.process.pid)  # now: it may be lost before we are

    def _connected(self, address: str) -> Any:
        import uno

        local = uno.getComponentContext()
        resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            code = self.process.poll()
            if code == RESTART:
                self.process = start(self._command)
            elif code is not None:
                raise ChildProcessError(code)
            try:
                remote = resolver.resolve(address)
                return remote.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", remote)
            except uno.getClass("com.sun.star.connection.NoConnectException"):
                time.sleep(0.05)
        raise TimeoutError

    def convert(self, pptx: str, pdf: str, hidden: bool) -> None:
        """Write the PDF of a presentation; raises whatever LibreOffice does."""
        document = self._desktop.loadComponentFromURL(
            _url(pptx),
            "_blank",
            0,
            _properties(Hidden=True, ReadOnly=True, MacroExecutionMode=NEVER, UpdateDocMode=NEVER),
        )
        if document is None:
            raise ValueError("it opens no such file")
        try:
            document.storeToURL(
                _url(pdf),
                _properties(
                    FilterName="impress_pdf_Export", FilterData=_any(_properties(ExportHiddenSlides=hidden))
                ),
            )
        finally:
            document.close(True)

    def end(self) -> NoReturn:
        """It, its folder and this process are gone."""
        end(self.process, self._pipes)
        shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(0)


def listen(soffice: str, folder: str, idle: float) -> None:
    """Answer each job with a line: an empty object, or what was wrong; end when nobody is there or asks for so long."""
    office, jobs = Office(soffice, folder), queue.SimpleQueue[str]()
    threading.Thread(target=_read, args=(office, jobs), daemon=True).start()
    _answer({})
    while True:
        try:
            job = json.loads(jobs.get(timeout=idle))
        except queue.Empty:
            office.end()
        try:
            office.convert(job["pptx"], job["pdf"], job["hidden"])
        except Exception as error:
            time.sleep(0.1)  # whoever has lost it learns so before the system does
            if office.process.poll() is not None:
                office.end()
            _answer({"refused": str(error)[:500]})
        else:
            _answer({})


def _read(office: Office, jobs: "queue.SimpleQueue[str]") -> None:
    """Also while a job goes on: who has asked for it may be gone."""
    for line in sys.stdin:
        jobs.put(line)
    office.end()


def _answer(told: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def _url(path: str) -> str:
    import uno

    return str(uno.systemPathToFileUrl(path))


def _any(properties: tuple[Any, ...]) -> Any:
    import uno

    return uno.Any("[]com.sun.star.beans.PropertyValue", properties)


def _properties(**named: Any) -> tuple[Any, ...]:
    import uno

    found = []
    for name, value in named.items():
        each = uno.createUnoStruct("com.sun.star.beans.PropertyValue")
        each.Name, each.Value = name, value
        found.append(each)
    return tuple(found)


def main(memory: str, seconds: str, way: str, *rest: str) -> int:
    """What the child does."""
    limit(int(memory), int(seconds))
    close_network()
    if way == "run":
        return run(rest[0], rest[1:])
    listen(rest[0], rest[1], float(rest[2]))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
