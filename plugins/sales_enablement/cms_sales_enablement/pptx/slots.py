"""The places of a slide that take something: which shapes are fields, and for what.

A picture, a chart or a table is a field when its name or its description is one: ``{{ company.logo }}``; a picture that is called
"logo" is the field ``logo`` too. A text that is nothing but a field may also be replaced by a picture.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from cms_sales_enablement.pptx import fields
from cms_sales_enablement.pptx.fields import A
from cms_sales_enablement.pptx.package import Element
from cms_sales_enablement.pptx.pictures import Box

P = "http://schemas.openxmlformats.org/presentationml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
C = "http://schemas.openxmlformats.org/drawingml/2006/chart"
LOGO = "logo"
SHAPE, PICTURE, FRAME, GROUP = (f"{{{P}}}{name}" for name in ("sp", "pic", "graphicFrame", "grpSp"))
LABELS = ("name", "descr", "title")
FILMS = tuple(f"{{{A}}}{name}" for name in ("videoFile", "audioFile", "wavAudioFile", "quickTimeFile"))


class Kind(StrEnum):
    """What a field takes."""

    TEXT = "text"
    PICTURE = "picture"
    CHART = "chart"
    TABLE = "table"


@dataclass(frozen=True)
class Slot:
    """A field of a slide, as people write it, and what it takes."""

    name: str
    kind: Kind


def label(shape: Element) -> str:
    """The field that a shape is called, or ""."""
    number = shape.find("*/{*}cNvPr")
    said = [number.get(each, "") for each in LABELS] if number is not None else []
    return next((found for each in said if (found := fields.exact(each))), "")


def pictures(root: Element) -> Iterator[tuple[Element, str, bool]]:
    """The pictures that are fields, with the field and whether it is written as one."""
    for shape in root.iter(PICTURE):
        if next(shape.iter(*FILMS), None) is not None or shape.find("{*}blipFill/{*}blip") is None:
            continue
        if field := label(shape):
            yield shape, field, True
        elif _is_called_logo(shape):
            yield shape, LOGO, False


def _is_called_logo(shape: Element) -> bool:
    number = shape.find("*/{*}cNvPr")
    return number is not None and any(number.get(each, "").strip().lower() == LOGO for each in LABELS)


def texts(root: Element) -> Iterator[tuple[Element, str]]:
    """The shapes whose whole text is a field."""
    for shape in root.iter(SHAPE):
        said = "".join(map(fields.text_of, fields.paragraphs(shape)))
        if field := fields.exact(said):
            yield shape, field


def charts(root: Element) -> Iterator[tuple[str, str]]:
    """The charts of a slide: their relationship, and the field that each is called, or ""."""
    for frame in root.iter(FRAME):
        chart = frame.find(f"{{{A}}}graphic/{{{A}}}graphicData/{{{C}}}chart")
        if chart is not None:
            yield chart.get(f"{{{R}}}id", ""), label(frame)


def tables(root: Element) -> Iterator[tuple[Element, str]]:
    """The tables that are fields."""
    for frame in root.iter(FRAME):
        table = frame.find(f"{{{A}}}graphic/{{{A}}}graphicData/{{{A}}}tbl")
        if table is not None and table.find(f"{{{A}}}tr") is not None and (field := label(frame)):
            yield table, field


# --- where a shape lies -----------------------------------------------------------------------------------------------


def box_of(shape: Element, laid_out_on: tuple[Element, ...]) -> Box | None:
    """Its own place, or that of its placeholder on the layout or the master."""
    place = _xfrm(shape)
    for root in laid_out_on:
        place = place if place is not None else _inherited(shape, root)
    if place is None:
        return None
    offset, extent = place.find(f"{{{A}}}off"), place.find(f"{{{A}}}ext")
    if offset is None or extent is None:
        return None
    numbers = [_number(offset, "x"), _number(offset, "y"), _number(extent, "cx"), _number(extent, "cy")]
    x, y, width, height = numbers
    return Box(x, y, width, height, _stretch(shape)) if width > 0 and height > 0 else None


def _xfrm(shape: Element) -> Element | None:
    return shape.find(f"{{{P}}}spPr/{{{A}}}xfrm")


def _placeholder(shape: Element) -> tuple[str, str] | None:
    found = shape.find(f"*/{{{P}}}nvPr/{{{P}}}ph")
    return (found.get("type", "obj"), found.get("idx", "0")) if found is not None else None


def _inherited(shape: Element, root: Element) -> Element | None:
    """By number on a layout; by kind where no number is the same, as on a master."""
    wanted = _placeholder(shape)
    if wanted is None:
        return None
    found = [(place, each) for each in root.iter(SHAPE, PICTURE) if (place := _placeholder(each))]
    same = [each for (_, number), each in found if number == wanted[1] and wanted[1] != "0"]
    alike = [each for (kind, _), each in found if kind == wanted[0]]
    places = map(_xfrm, same + alike)
    return next((each for each in places if each is not None), None)


def _stretch(shape: Element) -> float:
    """How much taller than wide the groups around a shape make it."""
    stretch = 1.0
    for group in shape.iterancestors(GROUP):
        place = group.find(f"{{{P}}}grpSpPr/{{{A}}}xfrm")
        outer = place.find(f"{{{A}}}ext") if place is not None else None
        inner = place.find(f"{{{A}}}chExt") if place is not None else None
        if outer is not None and inner is not None:
            across = _number(outer, "cx") / max(1, _number(inner, "cx"))
            down = _number(outer, "cy") / max(1, _number(inner, "cy"))
            stretch *= down / across if across and down else 1.0
    return stretch


def _number(element: Element, key: str) -> int:
    value = element.get(key, "")
    return int(value) if value.removeprefix("-").isdecimal() else 0


# --- what stands there instead ----------------------------------------------------------------------------------------


def picture_instead(shape: Element, box: Box | None, holes: dict[str, str]) -> Element:
    """A picture for the place of a shape, with texts for what each copy puts in: an id, and where it is."""
    new = copy.deepcopy(shape) if shape.tag == PICTURE else _picture_from(shape)
    filling = new.find(f"{{{P}}}blipFill")
    blip = filling.find(f"{{{A}}}blip") if filling is not None else None
    if filling is None or blip is None:
        raise ValueError("a picture without its picture")
    for key in [each for each in blip.attrib if str(each).startswith(f"{{{R}}}")]:
        del blip.attrib[key]
    for extension in blip.findall(f"{{{A}}}extLst"):  # the same as a drawing, in SVG
        blip.remove(extension)
    blip.set(f"{{{R}}}embed", holes["id"])
    stretch = filling.makeelement(f"{{{A}}}stretch")
    stretch.append(filling.makeelement(f"{{{A}}}fillRect"))
    filling[:] = [blip, stretch]
    properties = new.find(f"{{{P}}}spPr")
    if box is not None and properties is not None:
        _place(properties, holes)
    new.tail = None
    return new


def _place(properties: Element, holes: dict[str, str]) -> None:
    place = properties.find(f"{{{A}}}xfrm")
    if place is None:
        place = properties.makeelement(f"{{{A}}}xfrm")
        properties.insert(0, place)
    place[:] = []
    place.text = holes["box"]


def _picture_from(shape: Element) -> Element:
    """A picture under the number and name of a text; it is no placeholder any more."""
    new = shape.makeelement(PICTURE)
    names, filling, properties = (
        new.makeelement(f"{{{P}}}{name}") for name in ("nvPicPr", "blipFill", "spPr")
    )
    number = shape.find("*/{*}cNvPr")
    if number is not None:
        names.append(copy.deepcopy(number))
    locks = names.makeelement(f"{{{P}}}cNvPicPr")
    locks.append(locks.makeelement(f"{{{A}}}picLocks", {"noChangeAspect": "1"}))
    names.extend([locks, names.makeelement(f"{{{P}}}nvPr")])
    filling.append(filling.makeelement(f"{{{A}}}blip"))
    place = _xfrm(shape)
    if place is not None:
        properties.append(copy.deepcopy(place))
    outline = properties.makeelement(f"{{{A}}}prstGeom", {"prst": "rect"})
    outline.append(outline.makeelement(f"{{{A}}}avLst"))
    properties.append(outline)
    new.extend([names, filling, properties])
    return new


def row_instead(row: Element, holes: list[str]) -> Element:
    """A row of a table that takes one text in each cell, in the format of the first run that is there."""
    new = copy.deepcopy(row)
    for extension in new.findall(f"{{{A}}}extLst"):  # a number of its own
        new.remove(extension)
    for cell, hole in zip(new.findall(f"{{{A}}}tc"), holes, strict=True):
        for key in ("rowSpan", "vMerge"):
            cell.attrib.pop(key, "")
        _take_text(cell, hole)
    new.tail = None
    return new


def _take_text(cell: Element, hole: str) -> None:
    body = cell.find(f"{{{A}}}txBody")
    if body is None:
        body = cell.makeelement(f"{{{A}}}txBody")
        body.append(body.makeelement(f"{{{A}}}bodyPr"))
        cell.insert(0, body)
    found = body.findall(f"{{{A}}}p")
    paragraph = next(
        (each for each in found if each.find(fields.RUN) is not None), found[0] if found else None
    )
    if paragraph is None:
        paragraph = body.makeelement(f"{{{A}}}p")
        body.append(paragraph)
    for each in found:
        if each is not paragraph:
            body.remove(each)
    run = paragraph.find(fields.RUN)
    if run is None:
        run = _run_in(paragraph)
    for each in list(paragraph):
        if each is not run and each.tag not in (f"{{{A}}}pPr", f"{{{A}}}endParaRPr"):
            paragraph.remove(each)
    text = run.find(fields.TEXT)
    if text is None:
        text = run.makeelement(fields.TEXT)
        run.append(text)
    text.text = hole


def _run_in(paragraph: Element) -> Element:
    """A run in the format that somebody would type in."""
    run = paragraph.makeelement(fields.RUN)
    typed = paragraph.find(f"{{{A}}}endParaRPr")
    if typed is None:
        paragraph.append(run)
        return run
    properties = run.makeelement(f"{{{A}}}rPr", {str(key): str(value) for key, value in typed.attrib.items()})
    properties.extend(copy.deepcopy(list(typed)))
    run.append(properties)
    typed.addprevious(run)
    return run
