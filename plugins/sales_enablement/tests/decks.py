"""Presentations for tests: made by another program (python-pptx), with texts split over runs as PowerPoint splits them."""

import io
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from lxml import etree
from PIL import Image
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

RUNS = (
    "Dear {{ com",
    "pany.na",
    "me }}, and {{ client | default(“you”) }}",
    ", we offer ",
    "{{deal",
    ".amount}}",
)
TEXT = "".join(RUNS)
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
Change = Callable[[bytes], bytes]


def make(path: Path, count: int, jumps: Mapping[int, int] = {}) -> Path:
    """A deck of so many slides with fields; every second has notes, every third a chart; jumps lead from slide to slide."""
    path.write_bytes(_made(count, tuple(jumps.items())))
    return path


@cache
def _made(count: int, jumps: tuple[tuple[int, int], ...]) -> bytes:
    """The same file whenever it is wanted: what is known of a file is known by its content."""
    deck, made = Presentation(), io.BytesIO()
    for number in range(count):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = f"Slide {number + 1}"
        paragraph = slide.placeholders[1].text_frame.paragraphs[0]
        for at, words in enumerate(RUNS):
            run = paragraph.add_run()
            run.text, run.font.bold = words, at % 2 == 0
        slide.shapes.add_picture(_picture(number), Inches(1), Inches(4), Inches(2))
        if number % 2:
            slide.notes_slide.notes_text_frame.text = f"Tell {{{{ company.name }}}} of {number + 1}"
        if number % 3 == 0:
            data = CategoryChartData()
            data.categories = ["before", "after"]
            data.add_series("cost", (number + 1, 1))
            slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *map(Inches, (5, 3, 3, 3)), data)
    slides = list(deck.slides)
    for source, target in jumps:
        slides[source].shapes[0].click_action.target_slide = slides[target]
    deck.save(made)
    return made.getvalue()


def without_fields(path: Path, *places: int, count: int = 3) -> Path:
    """The same with slides (the first being 0) that say plain words instead."""
    deck = Presentation(str(make(path, count)))
    for at in places:
        deck.slides[at].placeholders[1].text_frame.text = "Plain words"
        for shape in list(deck.slides[at].shapes):
            if shape.has_chart:
                shape._element.getparent().remove(shape._element)
    deck.save(str(path))
    return path


def _picture(number: int) -> io.BytesIO:
    data = io.BytesIO()
    Image.new("RGB", (64, 64), (number * 12 % 256, 80, 120)).save(data, "JPEG")
    data.seek(0)
    return data


def changed(
    source: Path, target: Path, changes: Mapping[str, Change | None], added: Mapping[str, bytes] = {}
) -> Path:
    """A copy with parts that were changed, taken out (None) or added."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            change = changes.get(name, bytes)
            if change is not None:
                new.writestr(name, change(old.read(name)))
        for name, data in added.items():
            new.writestr(name, data)
    return target


def swap(old: bytes, new: bytes) -> Change:
    """A change of the first place where a part says something."""

    def change(data: bytes) -> bytes:
        assert old in data, old
        return data.replace(old, new, 1)

    return change


def picture(size: tuple[int, int], kind: str) -> bytes:
    """A picture of that size in pixels, in a format of files."""
    data = io.BytesIO()
    Image.new("RGB", size, (200, 10, 10)).save(data, kind)
    return data.getvalue()


def cells(data: bytes, part: str = "xl/worksheets/sheet1.xml") -> dict[str, str | float]:
    """The filled cells of a sheet by their address."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        shared = []
        if "xl/sharedStrings.xml" in archive.namelist():
            shared = [
                "".join(each.itertext()) for each in etree.fromstring(archive.read("xl/sharedStrings.xml"))
            ]
        root = etree.fromstring(archive.read(part))
    found: dict[str, str | float] = {}
    for cell in root.iter(f"{SHEET}c"):
        kind, value = cell.get("t", "n"), cell.find(f"{SHEET}v")
        if kind == "inlineStr":
            said = "".join(cell.find(f"{SHEET}is").itertext())
            found[cell.get("r")] = said.replace("_x005F_", "_")
        elif value is not None:
            found[cell.get("r")] = shared[int(value.text)] if kind == "s" else float(value.text)
    return found
