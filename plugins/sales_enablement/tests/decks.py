"""Presentations for tests: made by another program (python-pptx), with texts split over runs as PowerPoint splits them."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

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
Change = Callable[[bytes], bytes]


def make(path: Path, count: int, jumps: Mapping[int, int] = {}) -> Path:
    """A deck of so many slides with fields; every second has notes, every third a chart; jumps lead from slide to slide."""
    deck = Presentation()
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
    for source, target in jumps.items():
        slides[source].shapes[0].click_action.target_slide = slides[target]
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
