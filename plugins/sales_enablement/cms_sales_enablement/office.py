"""LibreOffice as a program beside us: makes a PDF of a presentation, in a folder of its own and within limits.

It takes seconds, so it never stands in the way of a page. What it opens was written by us: without macros, fetching nothing.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cms_core import Invalid, TryLater
from cms_sales_enablement import office_warm
from cms_sales_enablement.office_warm import SECONDS
from cms_sales_enablement.placing import placed

NAMES = ("soffice", "libreoffice")


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
        made = Path(folder, f"{pptx.stem}.pdf")
        if not office_warm.convert(soffice, pptx, made, hidden=hidden):
            run_once(soffice, pptx, folder, hidden=hidden)
        if not made.is_file():
            raise Invalid("LibreOffice could not make a PDF of it", "open the .pptx there to see why")
        with placed(out) as partial:
            shutil.copyfile(made, partial)


def run_once(soffice: str, pptx: Path, folder: str, *, hidden: bool = False) -> None:
    """Start one for this file alone: it shares nothing with another one, its profile is its own, and it ends with us."""
    options = {"ExportHiddenSlides": {"type": "boolean", "value": str(hidden).lower()}}
    command = [
        office_warm.binary(soffice),
        "--headless",
        "--norestore",
        f"-env:UserInstallation=file://{folder}/profile",
        "--convert-to",
        f"pdf:impress_pdf_Export:{json.dumps(options)}",
        "--outdir",
        folder,
        str(pptx),
    ]
    limits = map(str, (office_warm.MEMORY_BYTES, SECONDS))
    child = subprocess.Popen(
        [sys.executable, "-I", str(office_warm.KEEPER), *limits, "run", folder, *command],
        env=office_warm.environment(folder),
        stdin=subprocess.PIPE,
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
        office_warm.end_session(child)
