"""``decks``: a personalised copy of a presentation, against copying the finished file and against python-pptx doing the same.

The job: twelve of twenty slides in another order, thirty fields filled, a logo on each slide, new figures in a chart. Time is that
of the processor; the template is open on our side, as it is in a service that makes many copies. ``heavy`` has photos of the size
of a screen, ``light`` small ones. The logos of the template are one picture, so that python-pptx has to change one part only.

Where LibreOffice and ``uno`` are, ``decks-pdf`` makes a PDF of the finished copy: by the LibreOffice that is kept warm, and
by one that is started for it. It is on the clock, for other processes work too.
"""

import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from measure import Row, compare, say, take_turns
from PIL import Image
from pptx import Presentation
from pptx.chart.data import CategoryChartData as _ChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from cms_sales_enablement import office, office_warm
from cms_sales_enablement.pptx.data import Chart
from cms_sales_enablement.pptx.template import DeckTemplate

SLIDES, KEPT, FIELDS = 20, 12, 30
PHOTOS = {"heavy": (1920, 1080, 50), "light": (360, 240, 55)}  # pixels, quality of the JPEG
COPIES, SLOW_COPIES, MANY, ROUNDS = 15, 3, 1_000, 5
QUICK = {
    "COPIES": 2,
    "SLOW_COPIES": 1,
    "MANY": 20,
    "ROUNDS": 1,
    "PDF_ROUNDS": 1,
    "PHOTOS": {"heavy": (320, 200, 50), "light": (60, 40, 50)},
}
FLOOR_GOALS = {"heavy": 3, "light": 8}
PEER_GOAL, MEMORY_GOAL, WARM_GOAL = 15, 5, 0.5
PDF_ROUNDS = 5
CategoryChartData: Any = _ChartData  # it has no types
PICKS = [19, 3, 4, 0, 7, 12, 10, 1, 16, 15, 8, 6]
VALUES = {f"company.field{n}": f"value & {n}" for n in range(FIELDS)}
FIGURES = Chart(("2024", "2025", "2026"), (("saved", (3.0, 5.5, 9.25)), ("spent", (9.0, 7.0, 4.0))))


def rows() -> list[Row]:
    """For each deck one comparison with copying a file and one with python-pptx, and how much the memory grew."""
    with tempfile.TemporaryDirectory() as name:
        folder, found = Path(name), list[Row]()
        for kind, photo in PHOTOS.items():
            source = _make(folder / f"{kind}.pptx", photo)
            say(f"  {kind}: {source.stat().st_size / 1e6:.2f} MB")
            found += _compared(kind, source, folder)
            found += _pdf(kind, folder / "finished.pptx", folder)
        if Path("/proc/self/clear_refs").exists():
            found += [_memory("light", folder, MANY), _memory("heavy", folder, 1)]
        return found


def _compared(kind: str, source: Path, folder: Path) -> list[Row]:
    logo, finished = _logo(), folder / "finished.pptx"
    with DeckTemplate(source) as template:
        _ours(template, finished, logo)
        cases: dict[str, Callable[[], float]] = {
            "ours": partial(_cpu, COPIES, lambda: _ours(template, folder / "ours.pptx", logo)),
            "floor": partial(_cpu, COPIES, lambda: shutil.copyfile(finished, folder / "copy.pptx")),
            "python-pptx": partial(_cpu, SLOW_COPIES, lambda: _peer(source, folder / "peer.pptx", logo)),
        }
        timed = take_turns(cases, ROUNDS)
    per_second = {name: [1000 / each for each in found] for name, found in timed.items()}
    floor = compare(
        f"decks-{kind}", timed["ours"], timed["floor"], unit="ms", against="copying the finished file",
        goal=FLOOR_GOALS[kind], at_most=True,
    )  # fmt: skip
    peer = compare(
        f"decks-python-pptx-{kind}", per_second["ours"], per_second["python-pptx"], unit="/s",
        against="python-pptx, the same copy", goal=PEER_GOAL,
    )  # fmt: skip
    return [floor, peer]


def _pdf(kind: str, finished: Path, folder: Path) -> list[Row]:
    soffice, out = office.program(), folder / "finished.pdf"
    if soffice is None or office_warm.python_with_uno(soffice) is None:
        say("  no LibreOffice with uno here")
        return []
    office.to_pdf(finished, out)
    cases: dict[str, Callable[[], float]] = {
        "warm": partial(_clock, lambda: office.to_pdf(finished, out)),
        "cold": partial(_clock, lambda: _cold(soffice, finished, folder)),
    }
    timed = take_turns(cases, PDF_ROUNDS)
    office_warm.end()
    return [
        compare(
            f"decks-pdf-{kind}", timed["warm"], timed["cold"], unit="s", against="LibreOffice started for the file",
            goal=WARM_GOAL if kind == "light" else None, at_most=True,
        )
    ]  # fmt: skip


def _cold(soffice: str, finished: Path, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        office.run_once(soffice, finished, name)
        if not Path(name, f"{finished.stem}.pdf").is_file():
            raise RuntimeError("there is no PDF")


def _clock(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _cpu(count: int, work: Callable[[], object]) -> float:
    """Milliseconds of the processor, the median of so many."""
    found = []
    for _ in range(count):
        start = time.process_time()
        work()
        found.append((time.process_time() - start) * 1000)
    return statistics.median(found)


# --- the three ways ---------------------------------------------------------------------------------------------------


def _ours(template: DeckTemplate, out: Path, logo: bytes) -> None:
    picks = [template.slides[at].id for at in PICKS]
    copied = template.write(out, picks, VALUES, pictures={"logo": logo}, charts={"savings": FIGURES})
    if copied.missing or len(copied.slides) != KEPT:
        raise RuntimeError(f"the copy misses {copied.missing}")


def _peer(source: Path, out: Path, logo: bytes) -> None:
    deck = Presentation(str(source))
    listed = deck.slides._sldIdLst
    ids = list(listed)
    for at, each in enumerate(ids):
        if at not in PICKS:
            deck.part.drop_rel(each.rId)
        listed.remove(each)
    listed.extend(ids[at] for at in PICKS)
    for slide in deck.slides:
        for shape in slide.shapes:
            _fill(shape, logo)
    deck.save(str(out))


def _fill(shape: Any, logo: bytes) -> None:
    if shape.name == "logo":
        shape.part.related_part(shape._element.blip_rId)._blob = logo
    elif shape.has_chart and shape.name == "{{ savings }}":
        data = CategoryChartData()
        data.categories = FIGURES.categories
        for name, values in FIGURES.series:
            data.add_series(name, values)
        shape.chart.replace_data(data)
    elif shape.has_text_frame:
        for paragraph in shape.text_frame.paragraphs:
            _fill_runs(paragraph.runs)


def _fill_runs(runs: Any) -> None:
    """A field that is split over runs goes to the first, which has its format."""
    text = "".join(run.text for run in runs)
    if "{{" in text:
        for name, value in VALUES.items():
            text = text.replace(f"{{{{ {name} }}}}", value)
        runs[0].text = text
        for run in runs[1:]:
            run.text = ""


# --- memory -----------------------------------------------------------------------------------------------------------


def _memory(kind: str, folder: Path, count: int) -> Row:
    """How much the most memory that a process held grew, in a process of its own that has made a copy of the light deck before."""
    command = [sys.executable, __file__, str(folder), kind, str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    name = f"decks-memory-{kind}"
    return Row(name, float(done.stdout), 1.0, "MB", f"{count} copies, growth", MEMORY_GOAL, at_most=True)


def _grow(folder: Path, kind: str, count: int) -> float:
    logo, out = _logo(), folder / "memory.pptx"
    with DeckTemplate(folder / "light.pptx") as light, DeckTemplate(folder / f"{kind}.pptx") as template:
        _ours(light, out, logo)
        before = _memory_peak(anew=True)
        for _ in range(count):
            _ours(template, out, logo)
        return _memory_peak() - before


def _memory_peak(*, anew: bool = False) -> float:
    """The most memory in MB that the process held, since it started or since it was last asked to begin anew."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    (line,) = (each for each in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in each)
    return int(line.split()[1]) / 1024


# --- the decks --------------------------------------------------------------------------------------------------------


def _make(path: Path, photo: tuple[int, int, int]) -> Path:
    """Texts split over runs as PowerPoint splits them, a photo and the logo on each slide; charts, tables, notes, jumps."""
    deck = Presentation()
    mark = _logo()
    for number in range(SLIDES):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = f"Slide {number + 1}"
        _write_fields(slide.placeholders[1].text_frame, number)
        slide.shapes.add_picture(_photo(*photo), Inches(1), Inches(3), Inches(5))
        slide.shapes.add_picture(io.BytesIO(mark), Inches(8), Inches(0.2), Inches(1)).name = "logo"
        if number % 2:
            slide.notes_slide.notes_text_frame.text = f"Say this of {number}."
        if number % 5 == 0:
            _add_chart(slide, "{{ savings }}" if number == 0 else "Chart")
            slide.shapes.add_table(4, 3, *map(Inches, (1, 5, 5, 2)))
    slides = list(deck.slides)
    slides[3].shapes[0].click_action.target_slide = slides[2]
    slides[4].shapes[0].click_action.target_slide = slides[10]
    deck.save(str(path))
    return path


def _write_fields(frame: Any, number: int) -> None:
    """The slides that are kept hold all fields: two or three each."""
    place = PICKS.index(number) if number in PICKS else number % KEPT
    for field in range(place, FIELDS, KEPT):
        paragraph = frame.add_paragraph()
        for words in ("We say {{ comp", "any.fie", f"ld{field} ", "}} to you, at length and with care."):
            paragraph.add_run().text = words


def _add_chart(slide: Any, name: str) -> None:
    data = CategoryChartData()
    data.categories = ["before", "after"]
    for series in ("saved", "spent"):
        data.add_series(series, (1, 2))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *map(Inches, (6, 3, 3, 3)), data).name = name


def _photo(width: int, height: int, quality: int) -> io.BytesIO:
    """Noise, which no program packs any smaller."""
    data = io.BytesIO()
    Image.frombytes("RGB", (width, height), os.urandom(width * height * 3)).save(
        data, "JPEG", quality=quality
    )
    data.seek(0)
    return data


def _logo() -> bytes:
    data = io.BytesIO()
    Image.frombytes("RGB", (80, 40), os.urandom(80 * 40 * 3)).save(data, "PNG")
    return data.getvalue()


if __name__ == "__main__":
    print(_grow(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
