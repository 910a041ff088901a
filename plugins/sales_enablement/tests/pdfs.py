"""PDFs for tests: plain ones of so many pages, and one that would do a lot if it were let."""

import io
from collections.abc import Sequence

from PIL import Image

SIZE = (960, 540)


def plain(pages: int, first: int = 1) -> bytes:
    """Pages of one colour each, which tells them apart: ``colour_of`` this number and the next ones."""
    data = io.BytesIO()
    front, *others = [Image.new("RGB", SIZE, colour_of(first + at)) for at in range(pages)]
    front.save(data, "PDF", save_all=True, append_images=others)
    return data.getvalue()


def colour_of(number: int) -> tuple[int, int, int]:
    """That of a page."""
    return (number * 40 % 256, 200 - number * 30 % 200, 90)


def near(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two colours are the same but for what packing does."""
    return all(abs(a - b) < 12 for a, b in zip(one, other, strict=True))


def of_objects(*objects: bytes) -> bytes:
    """A file of these objects, the first being its catalogue."""
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (at, each) for at, each in enumerate(objects, 1))
    return b"%%PDF-1.7\n%strailer\n<</Root 1 0 R/Size %d>>\n%%%%EOF\n" % (body, len(objects) + 1)


def stream(data: bytes, more: bytes = b"") -> bytes:
    """A stream as an object."""
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (more, len(data), data)


def trapped() -> bytes:
    """One page that says Hello, with scripts, an action for each occasion, links, a program inside and a note that is drawn."""
    script = b"<</S/JavaScript/JS(app.alert\\(1\\))>>"
    note = b"BT /F1 20 Tf 0 5 Td (Drawn note) Tj ET"
    return of_objects(
        b"<</Type/Catalog/Pages 2 0 R/OpenAction %s/AA<</WC %s>>/Names<</EmbeddedFiles<</Names[(x)7 0 R]>>"
        b"/JavaScript<</Names[(a)%s]>>>>>>" % (script, script, script),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/Rotate 90/MediaBox[10 10 310 410]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>"
        b"/AA<</O<</S/Launch/F(cmd.exe)>>>>/Annots[6 0 R 8 0 R 10 0 R]>>",
        stream(b"BT /F1 24 Tf 72 100 Td (Hello page) Tj ET"),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Type/Annot/Subtype/Link/Rect[20 20 100 100]/A<</S/URI/URI(https://evil.example)>>>>",
        b"<</Type/Filespec/F(x.exe)/EF<</F 9 0 R>>>>",
        b"<</Type/Annot/Subtype/FileAttachment/Rect[50 50 90 90]/FS 7 0 R>>",
        stream(b"EVIL", b"/Type/EmbeddedFile"),
        b"<</Type/Annot/Subtype/Stamp/F 4/Rect[50 200 250 230]/AP<</N 11 0 R>>>>",
        stream(note, b"/Type/XObject/Subtype/Form/BBox[0 0 200 30]/Resources<</Font<</F1 5 0 R>>>>"),
    )


def encrypted() -> bytes:
    """One page behind a password."""
    catalogue = b"<</Type/Catalog/Pages 2 0 R>>"
    locked = of_objects(
        catalogue,
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]>>",
    )
    how = b"/Filter/Standard/V 1/R 2/P -44/O<%s>/U<%s>" % (b"ab" * 32, b"cd" * 32)
    return locked.replace(b"/Size 4", b"/Size 4/ID[<00><00>]/Encrypt<<%s>>" % how)
