"""LibreOffice as a program beside us: makes a PDF of a presentation, in a folder of its own and within limits.

It takes seconds, so it never stands in the way of a page. What it opens was written by us: without macros, fetching nothing.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from cms_core import Invalid, TryLater

NAMES = ("soffice", "libreoffice")
SECONDS = 180
MEMORY_BYTES = 4 << 30
LIMITED = f"""
import os, resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY_BYTES}, {MEMORY_BYTES}))
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
os.execv(sys.argv[1], sys.argv[1:])
"""


def program() -> str | None:
    """Where LibreOffice is, or None: then decks are PowerPoint files and pages alone."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def require() -> str:
    """Where LibreOffice is; raises Invalid where it is not."""
    found = program()
    if found is None:
        raise Invalid(
            "a PDF is made by LibreOffice, which is not installed here",
            "install libreoffice-impress, or write a .pptx",
            field="out",
        )
    return found


def to_pdf(pptx: Path, out: Path, *, hidden: bool = False) -> None:
    """Write the PDF of a presentation, with its ``hidden`` slides or without.

    Raises Invalid where there is no LibreOffice or it cannot, TryLater when it takes too long. A PDF that is not whole is not left
    behind.
    """
    soffice = require()
    with tempfile.TemporaryDirectory(prefix="cms-office-") as folder:
        options = {"ExportHiddenSlides": {"type": "boolean", "value": str(hidden).lower()}}
        made = Path(folder, f"{pptx.stem}.pdf")
        command = [
            soffice,
            "--headless",
            "--norestore",
            f"-env:UserInstallation=file://{folder}/profile",
            "--convert-to",
            f"pdf:impress_pdf_Export:{json.dumps(options)}",
            "--outdir",
            folder,
            str(pptx),
        ]
        _run(command, folder)
        if not made.is_file():
            raise Invalid("LibreOffice could not make a PDF of it", "open the .pptx there to see why")
        partial = out.with_name(f".{out.name}.part")
        try:
            shutil.copyfile(made, partial)
            partial.replace(out)
        finally:
            partial.unlink(missing_ok=True)


def _run(command: list[str], folder: str) -> None:
    """It shares nothing with another one: its profile is its own, and what it starts ends with it."""
    environ = {**os.environ, "HOME": folder, "SAL_DISABLE_OPENCL": "1"}
    child = subprocess.Popen(
        [sys.executable, "-I", "-c", LIMITED, *command],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        child.wait(SECONDS)
    except subprocess.TimeoutExpired:
        raise TryLater(
            f"LibreOffice took more than {SECONDS} seconds", "try again, or write a .pptx"
        ) from None
    finally:
        _end(child)


def _end(child: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
