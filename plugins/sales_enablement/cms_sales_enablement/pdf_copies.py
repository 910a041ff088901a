"""Copies of a PDF's pages, made in a child process within limits: a PDF of strangers can hold programs, files and traps.

Nothing but what a page draws comes into a cleaned copy: each page becomes a drawing on a new page of a new file. What would run,
open or be saved (scripts, actions, links, files, forms) is left behind; what notes and forms show is drawn.

``python -m cms_sales_enablement.pdf_copies OUT`` reads JSON: a list of ``[file, number]`` of cleaned files, whose pages it writes
(the first is 1), or the name of a file, which it cleans.
"""

import io
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cms_core import Invalid
from cms_sales_enablement import children, pdf_pages

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
        count = _run(out, str(source))
        return out.read_bytes(), count


def gather(pages: Sequence[tuple[Path, int]], out: Path) -> None:
    """Write a file of pages of cleaned files, or of files that we made, in this order; raises Invalid where that cannot be."""
    _run(out, [(str(file), number) for file, number in pages])


def _run(out: Path, wanted: str | Sequence[tuple[str, int]]) -> int:
    """Have the child write a file, and say how many pages it has."""
    slow = Invalid(
        f"the PDF takes more than {children.SECONDS} seconds to read", "make it smaller", field=FIELD
    )
    child = children.run(MODULE, [str(out)], slow, json.dumps(wanted).encode())
    try:
        told: dict[str, Any] = json.loads(child.stdout)
    except ValueError:
        raise Invalid("the PDF is broken, or too large to be read", "save it anew", field=FIELD) from None
    if refused := told.get("refused"):
        raise Invalid(refused, "save it anew from the presentation", field=FIELD)
    return int(told["count"])


# --- the child --------------------------------------------------------------------------------------------------------


def main(out: str) -> None:
    """What the child does."""
    pdf_pages.limit()
    import pypdfium2

    try:
        wanted = json.load(sys.stdin)
        made = _drawn(_opened(wanted)) if isinstance(wanted, str) else _gathered(wanted)
        whole = io.BytesIO()
        made.save(whole)
        with children.room():  # PDFium does not tell of a disk that is full
            Path(out).write_bytes(whole.getbuffer())
        told: dict[str, Any] = {"count": len(made)}
    except pypdfium2.PdfiumError as error:
        locked = getattr(error, "err_code", None) == NO_PASSWORD
        told = {"refused": "the PDF is encrypted" if locked else "the PDF is broken"}
    except Refused as error:
        told = {"refused": str(error)}
    json.dump(told, sys.stdout)


class Refused(Exception):
    """What is wrong with a PDF, in words."""


def _opened(pdf: str) -> Any:
    import pypdfium2

    source = pypdfium2.PdfDocument(pdf)
    if pypdfium2.raw.FPDF_GetSecurityHandlerRevision(source) != -1:
        raise Refused("the PDF is encrypted")
    if not 0 < len(source) <= pdf_pages.MOST_PAGES:
        raise Refused(f"the PDF has {len(source)} pages; 1 to {pdf_pages.MOST_PAGES} can be read")
    return source


def _gathered(pages: Sequence[tuple[str, int]]) -> Any:
    """All pages of one file are taken over at once, and put in order then: what they share is in the new file once."""
    import pypdfium2

    heap = pypdfium2.PdfDocument.new()
    order = [0] * len(pages)
    for file in dict.fromkeys(file for file, _ in pages):
        source, places = _opened(file), [at for at, each in enumerate(pages) if each[0] == file]
        numbers = [pages[at][1] for at in places]
        if not all(1 <= each <= len(source) for each in numbers):
            raise Refused(f"the PDF has {len(source)} pages, not {max(numbers)}")
        for at, place in enumerate(places, len(heap)):
            order[place] = at
        heap.import_pages(source, [each - 1 for each in numbers])
    made = pypdfium2.PdfDocument.new()
    made.import_pages(heap, order)
    return made


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
