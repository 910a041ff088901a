"""The words of a shape as HTML: its paragraphs with their bullets, in the box that the shape is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from cms_sales_enablement.told.fitting import cut
from cms_sales_enablement.told.styles import Style, Texts
from cms_sales_enablement.told.theme import Theme, local

RUNS = ("r", "fld", "br")


@dataclass(frozen=True)
class Run:
    """Letters of one look; a break between lines is ``\\n``."""

    text: str
    style: Style


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, its look, and the mark before it."""

    runs: tuple[Run, ...]
    style: Style
    mark: str = ""

    @property
    def text(self) -> str:
        """All that it says."""
        return "".join(each.text for each in self.runs)


def paragraphs_of(body: Any, texts: Texts) -> list[Paragraph]:
    """The paragraphs of a text; a number before one counts those of its level."""
    found: list[Paragraph] = []
    numbers: dict[int, int] = {}
    for each in body.iterfind("{*}p"):
        said = each.find("{*}pPr")
        level = int(said.get("lvl", 0)) if said is not None else 0
        style = texts.style(level).with_paragraph(said, texts.theme)
        numbers = {kept: number for kept, number in numbers.items() if kept <= level}
        numbers[level] = numbers.get(level, 0) + 1 if style.numbered else 0
        runs = tuple(_runs(each, style, texts.theme))
        empty = not any(run.text.strip() for run in runs)
        mark = "" if empty else f"{numbers[level]}." if style.numbered else style.bullet
        found.append(Paragraph(runs, _sized(style, runs), mark))
    return found


def _runs(paragraph: Any, style: Style, theme: Theme) -> Iterator[Run]:
    for each in paragraph:
        kind = local(each)
        if kind in RUNS:
            text = "\n" if kind == "br" else "".join(part.text or "" for part in each.iterfind("{*}t"))
            yield Run(text.replace("\v", "\n"), style.with_letters(each.find("{*}rPr"), theme))


def _sized(style: Style, runs: Sequence[Run]) -> Style:
    """A line is as high as its largest letters."""
    return replace(style, size=max((run.style.size for run in runs), default=style.size))


def html_of(paragraphs: Sequence[Paragraph], theme: Theme, scale: float, most: int) -> Markup:
    """Paragraphs at a scale, cut to so many characters."""
    made = [_paragraph(each, theme, scale, at == 0) for at, each in enumerate(_cut(paragraphs, most))]
    return Markup("").join(made)


def _cut(paragraphs: Sequence[Paragraph], most: int) -> Iterator[Paragraph]:
    left = sum(len(each.text) for each in paragraphs)
    for each in paragraphs:
        runs = []
        for run in each.runs:
            if most <= 0:
                break
            ends = left > most and len(run.text) >= most
            runs.append(replace(run, text=cut(f"{run.text} ", most)) if ends else run)
            left, most = left - len(run.text), most - len(run.text)
        if runs or not each.runs:
            yield replace(each, runs=tuple(runs))
        if most <= 0:
            return


def _paragraph(paragraph: Paragraph, theme: Theme, scale: float, first: bool) -> Markup:
    style, side = paragraph.style, "right" if paragraph.style.rtl else "left"
    css = [
        f"font-size:{style.size * scale:.2f}pt",
        f"line-height:{f'{style.exact * scale:.2f}pt' if style.exact else f'{style.line:.3f}'}",
        f"margin-top:{0 if first else style.before * scale:.2f}pt",
        f"margin-bottom:{style.after * scale:.2f}pt",
        f"padding-{side}:{max(0, style.margin) * scale:.2f}pt",
        f"text-indent:{max(0, style.indent) * scale:.2f}pt",
        f"text-align:{_aligned(style, side)}",
        f"direction:{'rtl' if side == 'right' else 'ltr'}",
    ]
    runs = Markup("").join(_run(each, theme, scale) for each in paragraph.runs)
    mark = _mark(paragraph, side, scale) if paragraph.mark else ""
    return Markup('<p style="{}">{}{}</p>').format(";".join(css), mark, runs or Markup("&nbsp;"))


def _mark(paragraph: Paragraph, side: str, scale: float) -> Markup:
    """The mark hangs before the paragraph where there is room for it, and stands in its first line where there is none."""
    style = paragraph.style
    colour = style.bullet_colour or (paragraph.runs[0].style if paragraph.runs else style).colour
    if style.indent >= 0:
        return Markup('<span style="color:{}">{} </span>').format(colour, paragraph.mark)
    return Markup('<span class="mark" style="{}:{:.2f}pt;color:{}">{}</span>').format(
        side, max(0, style.margin + style.indent) * scale, colour, paragraph.mark
    )


def _run(run: Run, theme: Theme, scale: float) -> Markup:
    style = run.style
    css = [
        f"font-family:{theme.family(style.font)}",
        f"font-size:{style.size * scale:.2f}pt",
        f"color:{style.colour}",
    ]
    css += [
        said
        for holds, said in (
            (style.bold, "font-weight:bold"),
            (style.italic, "font-style:italic"),
            (style.underline, "text-decoration:underline"),
            (style.capitals, "text-transform:uppercase"),
        )
        if holds
    ]
    text = Markup("<br>").join(run.text.split("\n"))
    return Markup('<span style="{}">{}</span>').format(";".join(css), text)


def _aligned(style: Style, side: str) -> str:
    """In paragraphs from right to left, the left side of the file is where they end."""
    turned = {"left": "right", "right": "left"} if side == "right" else {}
    return turned.get(style.align, style.align)
