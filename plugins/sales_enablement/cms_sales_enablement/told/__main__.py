"""``python -m cms_sales_enablement.told FILE OUT`` writes the PDF of a presentation that holds nothing but told slides.

It says how many it has drawn, also where it fails: the next one is to blame.
"""

import sys
from pathlib import Path

from cms_sales_enablement import children, pdf_pages
from cms_sales_enablement.told.pages import Undrawable, printed

if __name__ == "__main__":
    pdf_pages.limit()
    try:
        pdf, count = printed(Path(sys.argv[1]))
    except Undrawable as fault:
        sys.stdout.write(str(fault.before))
        sys.stdout.flush()
        raise
    with children.room():
        Path(sys.argv[2]).write_bytes(pdf)
    sys.stdout.write(str(count))
