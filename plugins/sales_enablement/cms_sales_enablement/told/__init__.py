"""Pages of slides that were told, made by ourselves (HTML, WeasyPrint) without LibreOffice, in a child process within limits."""

import ctypes
import logging
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from cms_core import Invalid
from cms_sales_enablement import children, pdf_pages

log = logging.getLogger(__name__)

LOOKS = "told 1"  # raised when they are drawn in another way
LIBRARIES = (
    ("libpango-1.0.so.0", "libpango-1.0.dylib", "libpango-1.0-0.dll"),
    ("libpangoft2-1.0.so.0", "libpangoft2-1.0.dylib", "libpangoft2-1.0-0.dll"),
)


def lacks() -> str:
    """What is to be installed before slides can be drawn so; "" where nothing lacks."""
    if find_spec("weasyprint") is None or not pdf_pages.installed():
        return "the extra “decks” of cms-core (WeasyPrint and pypdfium2)"
    # WeasyPrint lays out words by libraries of the system, which no Python package brings.
    return "" if all(map(_is_there, LIBRARIES)) else "Pango (libpango-1.0-0 and libpangoft2-1.0-0)"


def _is_there(names: Iterable[str]) -> bool:
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


def to_pdf(pptx: Path, out: Path, titles: Sequence[str]) -> None:
    """Write the PDF of a presentation of told slides with these titles; raises Invalid where that cannot be within the limits."""
    slow = Invalid(
        f"its slides take more than {children.SECONDS} seconds to draw",
        "say less on them, or make what lies behind them simpler",
        field="out",
    )
    child = children.run(__name__, [str(pptx), str(out)], slow)
    if child.returncode:
        log.warning("told slides cannot be drawn: %s", child.stderr[-500:].decode("utf-8", "replace"))
    drawn = int(child.stdout) if child.stdout.strip().isdigit() else -1
    if child.returncode or drawn != len(titles):
        named = f"the told slide {titles[drawn][:80]!r}" if 0 <= drawn < len(titles) else "one of its slides"
        raise Invalid(
            f"{named} cannot be drawn here", "install libreoffice-impress, or write a .pptx", field="out"
        )
