"""The slides of a deck for people who look at it in a browser: what they say, filled, and their pictures where there are any."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from cms_core import Media, Services, merge
from cms_sales_enablement import pictures, values
from cms_sales_enablement.material import Material
from cms_sales_enablement.models import Deck, Picture, Slide
from cms_sales_enablement.pptx.block import Block
from cms_sales_enablement.pptx.data import Chart, Rows
from cms_sales_enablement.pptx.slides import compile_parts
from cms_sales_enablement.pptx.template import by_namespace

Fill = Callable[[str], str]


@dataclass(frozen=True)
class Told:
    """What a slide that was told holds beside its lines: ``rows`` of a table or the figures of a chart, a picture as an address."""

    quote: str
    by: str
    rows: Sequence[Sequence[str]]
    picture: str
    alt: str


@dataclass(frozen=True)
class Shown:
    """One slide: where it stands in the deck, its title, the lines below it, and what became of its picture."""

    uid: str
    position: int
    title: str
    lines: Sequence[str]
    notes: str
    drawn: bool
    awaited: bool
    failed: bool
    told: Told | None = None
    hidden: bool = False

    @property
    def words(self) -> str:
        """All that it says: what stands for its picture."""
        return "\n".join([self.title, *self.lines])


def slides_of(svc: Services, made_of: Material, deck: Deck, there: Sequence[Slide]) -> list[Shown]:
    """Some slides of a deck, filled; a field without a value shows nothing, as in the file."""
    made = pictures.ask_for(svc, deck.asset, there, deck)
    fill = filler(svc, deck)
    return [
        _shown(slide, position, fill, made.get(slide.uid), made_of.told.get(slide.uid))
        for position, slide in enumerate(there, 1)
    ]


def picture_of(svc: Services, deck: Deck, there: Sequence[Slide], uid: str, width: int) -> Media | None:
    """The picture of one of these slides of a deck, if it was made."""
    slide = next((each for each in there if each.uid == uid), None)
    return pictures.of(svc, deck.asset, slide, deck, width) if slide else None


def filler(svc: Services, deck: Deck) -> Fill:
    """Fills texts of slides as a deck does."""
    return partial(_filled, fields=merge.Fields.of(svc.merge_fields), known=by_namespace(_values(deck)))


def _values(deck: Deck) -> dict[str, Any]:
    return {name: each.value for name, each in values.restored(deck.values).items()}


def _shown(slide: Slide, position: int, fill: Fill, picture: Picture | None, told: Block | None) -> Shown:
    return Shown(
        uid=slide.uid,
        position=position,
        title=fill(slide.title),
        lines=[fill(line) for line in _lines(slide, told)],
        notes=fill(slide.notes),
        drawn=picture is not None and picture.wide is not None,
        awaited=picture is not None and picture.awaited,
        failed=picture is not None and picture.failed,
        told=_told(told, fill) if told else None,
        hidden=slide.hidden,
    )


def _lines(slide: Slide, told: Block | None) -> list[str]:
    if told is not None:
        return [line.lstrip("\t") for line in (told.subtitle, *told.lines) if line.strip()]
    lines = [line for line in slide.text.split("\n") if line.strip()]
    if lines and " ".join(lines[0].split()) == slide.title:
        del lines[0]
    return lines


def _told(block: Block, fill: Fill) -> Told:
    rows = figures(block.chart) if block.chart else block.rows
    return Told(
        quote=fill(block.quote),
        by=fill(block.by),
        rows=[[fill(cell) for cell in row] for row in rows],
        picture=data_address(block.picture) if block.picture else "",
        alt=fill(block.alt),
    )


def figures(chart: Chart) -> Rows:
    """The figures of a chart as a table."""
    values = zip(*(values for _, values in chart.series), strict=True)
    rows = zip(chart.categories, values, strict=True)
    said = (
        (category, *("" if each is None else f"{each:g}" for each in numbers)) for category, numbers in rows
    )
    return (("", *(name for name, _ in chart.series)), *said)


def data_address(picture: bytes) -> str:
    """A picture as an address that holds it."""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{b64encode(picture).decode()}"


def _filled(text: str, fields: merge.Fields, known: Mapping[str, Any]) -> str:
    return "".join(
        found.render(known) if isinstance(found, merge.Template) else words
        for words, found in compile_parts(text, fields)
    )
