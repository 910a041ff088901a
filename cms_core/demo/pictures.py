"""Draws the pictures of the sample content, so that nobody's work has to be shipped."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

SIZE = (1200, 630)
PAPER, INK, PINE, SUN = "#f4f6f1", "#1d2b26", "#0d5c47", "#f2b632"
BASE = 540  # where the bars stand

Canvas = ImageDraw.ImageDraw


def draw_all(folder: Path) -> None:
    """Draw every picture into this folder as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        image = Image.new("RGB", SIZE, PAPER)
        draw(ImageDraw.Draw(image))
        image.save(folder / f"{name}.png", optimize=True)


def _days_to_close(canvas: Canvas) -> None:
    """Pairs of bars: long before, short after."""
    for n, (before, after) in enumerate([(11, 5), (9, 5), (12, 6), (8, 4), (10, 5)]):
        left = 110 + n * 205
        canvas.rectangle((left, BASE - before * 36, left + 70, BASE), fill="#b9c7bf")
        canvas.rectangle((left + 80, BASE - after * 36, left + 150, BASE), fill=PINE)
    canvas.line((80, BASE, 1120, BASE), fill=INK, width=4)


def _open_lines(canvas: Canvas) -> None:
    """Lines by age: many young ones, one very old."""
    for n, length in enumerate([860, 610, 400, 240, 130, 60]):
        top = 90 + n * 78
        canvas.rectangle((150, top, 150 + length, top + 48), fill=SUN if n == 5 else PINE)
    canvas.line((140, 60, 140, 570), fill=INK, width=4)


def _binder(canvas: Canvas) -> None:
    """A binder with three tabs."""
    canvas.rounded_rectangle((330, 80, 870, 560), 24, fill=PINE)
    canvas.rectangle((400, 140, 800, 500), fill=PAPER)
    for n in range(3):
        canvas.rectangle((870, 140 + n * 120, 920, 220 + n * 120), fill=SUN)
        canvas.line((440, 200 + n * 110, 760, 200 + n * 110), fill=INK, width=8)


def _larkfield_4(canvas: Canvas) -> None:
    """Fields under a sun, and four birds."""
    canvas.ellipse((820, 70, 1040, 290), fill=SUN)
    for n, colour in enumerate(["#8fb3a2", "#4f8a73", PINE]):
        canvas.polygon([(0, 380 + n * 80), (1200, 300 + n * 90), (1200, 630), (0, 630)], fill=colour)
    for n in range(4):
        x, y = 180 + n * 130, 150 + (n % 2) * 50
        canvas.arc((x, y, x + 50, y + 40), 200, 350, fill=INK, width=7)
        canvas.arc((x + 44, y, x + 94, y + 40), 190, 340, fill=INK, width=7)


PICTURES: dict[str, Callable[[Canvas], None]] = {
    "days-to-close": _days_to_close,
    "open-lines": _open_lines,
    "binder": _binder,
    "larkfield-4": _larkfield_4,
}
