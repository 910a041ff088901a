"""Pictures of a PDF's pages, made in a child process within limits: pages are foreign code's favourite envelope too.

``python -m cms_sales_enablement.pdf_pages FILE FOLDER WIDTH…`` writes ``<page>-<width>.webp`` for each page, the first being 1.
"""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from cms_core import Invalid
from cms_sales_enablement import children
from cms_sales_enablement.children import SECONDS

MODULE = "cms_sales_enablement.pdf_pages"
MEMORY_BYTES = 2 << 30
MOST_PAGES = 500
QUALITY, EFFORT = 82, 2  # more effort takes most of the time of a page and saves a twentieth of its bytes
TALLEST = 4  # times the width


def installed() -> bool:
    """Whether the extra ``decks`` is there."""
    return find_spec("pypdfium2") is not None


def render(pdf: Path, folder: Path, widths: Sequence[int]) -> list[dict[int, Path]]:
    """For each page its pictures by width; raises Invalid for a file that cannot be rendered within the limits."""
    slow = Invalid(f"its pages take more than {SECONDS} seconds to draw", "make it smaller")
    child = children.run(MODULE, [str(pdf), str(folder), *map(str, widths)], slow)
    count = child.stdout.strip()
    if child.returncode or not count.isdigit():
        raise Invalid("its pages cannot be drawn", "save it anew as PDF")
    return [{width: folder / f"{page}-{width}.webp" for width in widths} for page in range(1, int(count) + 1)]


def main(pdf: str, folder: str, *widths: str) -> None:
    """What the child does."""
    limit()
    import pypdfium2
    from PIL import Image

    document = pypdfium2.PdfDocument(pdf)
    if len(document) > MOST_PAGES:
        raise SystemExit(1)
    sizes = sorted(map(int, widths), reverse=True)
    for number, page in enumerate(document, 1):
        width, height = page.get_size()
        if height > TALLEST * width:
            raise SystemExit(1)
        picture = page.render(scale=sizes[0] / width).to_pil().convert("RGB")
        for size in sizes:
            shape = size, max(1, round(height * size / width))
            small = picture if picture.size == shape else picture.resize(shape, Image.Resampling.LANCZOS)
            with children.room():
                small.save(Path(folder, f"{number}-{size}.webp"), "WEBP", quality=QUALITY, method=EFFORT)
    sys.stdout.write(str(len(document)))


def limit() -> None:
    try:
        import resource
    except ImportError:  # not on Windows; the time limit still holds
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


if __name__ == "__main__":
    main(*sys.argv[1:])
