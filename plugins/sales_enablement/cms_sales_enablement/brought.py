"""A PDF that was brought along with a presentation: what its slides look like where no LibreOffice is. Page n is slide n."""

from pathlib import Path

from cms_core import Asset, Invalid, Media, Services
from cms_sales_enablement import pdf_copies
from cms_sales_enablement.pdf_copies import FIELD

MIME = "application/pdf"


def keep(svc: Services, data: bytes, slides: int, filename: str) -> Media:
    """Keep what the pages of somebody's PDF draw; raises Invalid unless it has a page for each slide."""
    clean, pages = pdf_copies.cleaned(data)
    if pages != slides:
        raise Invalid(
            f"the PDF has {pages} pages, the presentation {slides} slides: page by page it has to be the same",
            "save the same presentation as PDF, with its hidden slides",
            field=FIELD,
        )
    return svc.keep_file(clean, f"{Path(filename).stem}.pdf", MIME)


def pdf_of(asset: Asset) -> Media | None:
    """The PDF beside the file of an asset, if one was brought."""
    return next((each for each in asset.media if each.mime == MIME), None)
