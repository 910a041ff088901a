"""Copies of a PDF's pages, made in a child process within limits: a PDF of strangers can hold programs, files and traps.

Nothing but what a page draws comes into a cleaned copy: each page becomes a drawing on a new page of a new file. What would run,
open or be saved (scripts, actions, links, files, forms) is left behind; what notes and forms show is drawn.

``python -m cms_sales_enablement.pdf_copies FILE OUT NUMBERS`` writes the pages of these numbers, the first being 1, of a cleaned
file; without numbers it cleans one.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cms_core import Invalid
from cms_sales_enablement import pdf_pages

MODULE = "cms_sales_enablement.pdf_copies"
LARGEST = 100 << 20
FIELD = "pdf"
NO_PASSWORD = 4  # PDFium's number for a file that asks for one


def cleaned(data: bytes) -> tuple[bytes, int]:
    """A copy of all pages of somebody's PDF and how many they are; raises Invalid for what is none, or cannot be read."""
    if not data.startswith(b"%PDF-"):
        raise Invalid("it is no PDF", "save the slides as PDF", field=FIELD)
    if len(data) > LARGEST:
        raise Invalid(f"the PDF has over {LARGEST >> 20} MB", "save it with smaller pictures", field=FIELD)
    if not pdf_pages.installed():
        raise Invalid("PDFs are read by the extra “decks”, which is not installed", "install it", field=FIELD)
    with tempfile.TemporaryDirectory(prefix="cms-pdf-") as folder:
        source, out = Path(folder, "source.pdf"), Path(folder, "out.pdf")
        source.write_bytes(data)
        count = copy(source, out)
        return out.read_bytes(), count


def copy(pdf: Path, out: Path, numbers: Sequence[int] = ()) -> int:
    """Write a file of pages in this order and say how many they are: of somebody's PDF all of them, of a cleaned one these numbers.

    Raises Invalid where that cannot be.
    """
    command = [sys.executable, "-I", "-m", MODULE, str(pdf), str(out), ",".join(map(str, numbers))]
    try:
        child = subprocess.run(command, capture_output=True, timeout=pdf_pages.SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Invalid(
            f"the PDF takes more than {pdf_pages.SECONDS} seconds to read", "make it smaller", field=FIELD
        ) from None
    try:
        told: dict[str, Any] = json.loads(child.stdout)
    except ValueError:
        raise Invalid("the PDF is broken, or too large to be read", "save it anew", field=FIELD) from None
    if refused := told.get("refused"):
        raise Invalid(refused, "save it anew from the presentation", field=FIELD)
    return int(told["count"])


# --- the child --------------------------------------------------------------------------------------------------------


def main(pdf: str, out: str, numbers: str) -> None:
    """What the child does."""
    pdf_pages.limit()
    import pypdfium2

    try:
        told: dict[str, Any] = {"count": _copy(pdf, out, [int(each) for each in numbers.split(",") if each])}
    except pypdfium2.PdfiumError as error:
        locked = getattr(error, "err_code", None) == NO_PASSWORD
        told = {"refused": "the PDF is encrypted" if locked else "the PDF is broken"}
    except Refused as error:
        told = {"refused": str(error)}
    json.dump(told, sys.stdout)


class Refused(Exception):
    """What is wrong with a PDF, in words."""


def _copy(pdf: str, out: str, numbers: Sequence[int]) -> int:
    import pypdfium2

    source = pypdfium2.PdfDocument(pdf)
    if pypdfium2.raw.FPDF_GetSecurityHandlerRevision(source) != -1:
        raise Refused("the PDF is encrypted")
    count = len(source)
    if not 0 < count <= pdf_pages.MOST_PAGES:
        raise Refused(f"the PDF has {count} pages; 1 to {pdf_pages.MOST_PAGES} can be read")
    if not all(1 <= each <= count for each in numbers):
        raise Refused(f"the PDF has {count} pages, not {max(numbers)}")
    made = pypdfium2.PdfDocument.new()
    if numbers:
        made.import_pages(source, [each - 1 for each in numbers])
    else:
        made = _drawn(source)
    made.save(out)
    return len(made)


def _drawn(source: Any) -> Any:
    """A new file of what its pages draw, each as large as the first: slides are of one size.

    PDFium takes a page's dictionary over, with all that it can do, unless it puts two pages on one: so each gets an empty one below
    it, which is cut off. (A picture made of each page alone would do, but what pages share would be in the file once for each.)
    """
    import pypdfium2
    from pypdfium2 import raw

    count = len(source)
    width, height = source.get_page_size(0)
    if not (width > 0 and 0 < height <= pdf_pages.TALLEST * width):
        raise Refused("the pages of the PDF are no slides")
    for at in range(count):
        page = source[2 * at]
        raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
        page.close()
        source.new_page(width, height, 2 * at + 1).close()
    made = pypdfium2.PdfDocument(raw.FPDF_ImportNPagesToOne(source, width, 2 * height, 1, 2))
    for page in made:
        page.set_mediabox(0, height, width, 2 * height)
        page.close()
    return made


if __name__ == "__main__":
    main(*sys.argv[1:])
