"""``python -m cms_sales_enablement.told FILE OUT`` writes the PDF of a presentation that holds nothing but told slides."""

import sys
from pathlib import Path

from cms_sales_enablement import pdf_pages
from cms_sales_enablement.told.pages import printed

if __name__ == "__main__":
    pdf_pages.limit()
    sys.stdout.write(str(printed(*map(Path, sys.argv[1:]))))
