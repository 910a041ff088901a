"""What decks need of this machine, as ``cms doctor`` tells it."""

from collections.abc import Iterator

from cms_core import Finding, Level
from cms_sales_enablement import office, office_warm


def findings() -> Iterator[Finding]:
    """A LibreOffice that cannot be kept running; without any, decks are PowerPoint files and pages alone, which is no fault."""
    soffice = office.program()
    if soffice is not None and office_warm.python_with_uno(soffice) is None:
        said = "LibreOffice is started anew for each PDF and picture, which takes seconds: install python3-uno to keep it running"
        yield Finding(Level.NOTE, "python3-uno", said)
