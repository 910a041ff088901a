"""Blocks: slides that are told and not drawn. Each kind has a form, and says what its slide holds; plugins bring more kinds.

What was told is kept; the slide is made of it whenever a deck is written, so that a case study says what is approved then.
"""

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError

from cms_core import Asset, CmsError, Invalid, Services, markdown_to_text
from cms_sales_enablement import block_schemas as forms
from cms_sales_enablement import images, presentations, shelf
from cms_sales_enablement.pptx.block import CHART_KINDS, Block
from cms_sales_enablement.pptx.data import Chart, Rows, parse_rows
from cms_sales_enablement.pptx.pictures import read_picture

log = logging.getLogger(__name__)

ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d+[.)])[ \t]+(.+)$", re.MULTILINE)
MARK = re.compile(r"^([ \t]*)(?:[-*•]\s+)?(.*)$")
MOST_LINES, SENTENCES, LONGEST = 12, 3, 220
Told = Mapping[str, Any]


@dataclass(frozen=True)
class BlockKind:
    """One kind of blocks: the form of what is told, and what its slide holds then (keys of ``pptx.block.Block``)."""

    name: str
    label: str
    schema: type[Schema]
    compose: Callable[[Services, Told], Mapping[str, Any]]


def kinds(svc: Services) -> dict[str, BlockKind]:
    """All kinds by name: our own, and those of plugins, which cannot take the place of ours."""
    brought = [BlockKind(**each) for _, each in svc.ask("register_deck_blocks", dict)]
    return {each.name: each for each in (*brought, *OWN)}


def kind_of(svc: Services, name: str) -> BlockKind:
    """One kind by its name; raises Invalid that lists what there is."""
    if name in BY_NAME:
        return BY_NAME[name]
    known = kinds(svc)
    if name not in known:
        raise Invalid(
            f"there is no kind of block {name[:40]!r}", f"there are {', '.join(sorted(known))}", field="type"
        )
    return known[name]


def checked(svc: Services, name: str, told: Told) -> dict[str, Any]:
    """A block as it is kept; raises Invalid that names the field for what no slide can be made of."""
    kind = kind_of(svc, name)
    try:
        kind.schema(unknown=RAISE).load(told)
    except ValidationError as error:
        field, said = next(iter(error.messages_dict.items()))
        words = said if isinstance(said, str) else next(iter(_flat(said)), "is wrong")
        raise Invalid(
            f"{field}: {words}", f"a {name} takes {', '.join(kind.schema().fields)}", field=field
        ) from None
    kept = {"type": name, "data": dict(told)}
    content(svc, kept)
    return kept


def content(svc: Services, kept: Told) -> Block:
    """What the slide of a block holds now; raises Invalid where what it shows is no longer there."""
    kind = kind_of(svc, kept["type"])
    try:
        loaded = kind.schema(unknown=RAISE).load(kept["data"])
        return _block(kind.compose(svc, loaded))
    except CmsError:
        raise
    except Exception as fault:  # of a plugin, or of data that an earlier version of it has kept
        log.warning("the block %s cannot be made", kind.name, exc_info=True)
        raise Invalid(f"the slide cannot be made: {kind.label} failed", "take it out of the deck") from fault


def _block(made: Mapping[str, Any]) -> Block:
    """What a kind answers, as plain as a plugin may give it."""
    chart, rows = made.get("chart"), made.get("rows", ())
    found = Block(**{
        **made,
        "lines": tuple(map(str, made.get("lines", ()))),
        "rows": tuple(tuple(map(str, row)) for row in rows),
        "chart": Chart.parse(json.dumps(chart)) if isinstance(chart, Mapping) else chart,
    })  # fmt: skip
    if found.chart_kind not in CHART_KINDS:
        raise ValueError(f"there is no chart {found.chart_kind!r}")
    if found.chart and found.chart_kind == "pie" and len(found.chart.series) > 1:
        raise Invalid("a pie shows one series", "leave the others out, or take columns", field="figures")
    if found.chart and found.chart_kind == "pie" and not _is_whole(found.chart):
        raise Invalid(
            "a pie shows parts of a whole", "give numbers from 0, one of them more", field="figures"
        )
    if found.picture:
        read_picture("picture", found.picture)
    return found


def _is_whole(chart: Chart) -> bool:
    numbers = [each for _, values in chart.series for each in values if each is not None]
    return all(each >= 0 for each in numbers) and any(numbers)


def _flat(said: Any) -> list[str]:
    if isinstance(said, Mapping):
        return [each for value in said.values() for each in _flat(value)]
    return [each for value in said for each in _flat(value)] if isinstance(said, list) else [str(said)]


# --- our own kinds ------------------------------------------------------------------------------------------------------


def _words(_: Services, told: Told) -> dict[str, Any]:
    return {**told, "lines": _lines(told.get("lines", ""))}


def _opening(_: Services, told: Told) -> dict[str, Any]:
    return {**told, "opening": True}


def _picture(svc: Services, told: Told) -> dict[str, Any]:
    return {**_words(svc, told), "picture": images.bytes_of(svc, "picture", told["picture"])}


def _table(svc: Services, told: Told) -> dict[str, Any]:
    return {**_words(svc, told), "rows": _rows(told["rows"])}


def _chart(svc: Services, told: Told) -> dict[str, Any]:
    kept = {name: value for name, value in told.items() if name != "figures"}
    return {**_words(svc, kept), "chart": _figures(told["figures"])}


def _case_study(svc: Services, told: Told) -> dict[str, Any]:
    """An approved asset as it is now: its points, or where it lists none its first sentences, beside its first picture."""
    asset = _usable(svc, told["asset"])
    if asset is None:
        raise Invalid(
            f"there is no approved content {told['asset'][:120]!r}",
            "look for it in the library",
            field="asset",
        )
    shown = next((each for each in asset.media if each.mime in images.MIMES), None)
    return {
        "title": told.get("title") or asset.title,
        "subtitle": asset.summary,
        "lines": tuple(_points(asset)),
        "picture": Path(shown.path).read_bytes() if shown else b"",
        "alt": shown.alt if shown else "",
        "notes": told.get("notes", ""),
    }


def _usable(svc: Services, slug: str) -> Asset | None:
    """An asset that reps may use today."""
    asset = svc.asset(slug)
    usable = asset and asset.kind != presentations.KIND and svc.assets([asset.id])
    return asset if asset and usable and not shelf.over(svc, [asset.id]) else None


OWN = (
    BlockKind("title", "Title", forms.TitleBlock, _opening),
    BlockKind("bullets", "Bullets", forms.BulletsBlock, _words),
    BlockKind("quote", "Quote", forms.QuoteBlock, lambda _, told: told),
    BlockKind("image", "Picture", forms.PictureBlock, _picture),
    BlockKind("table", "Table", forms.TableBlock, _table),
    BlockKind("chart", "Chart", forms.ChartBlock, _chart),
    BlockKind("case-study", "Case study", forms.CaseStudyBlock, _case_study),
)


BY_NAME = {each.name: each for each in OWN}


def _lines(text: str) -> tuple[str, ...]:
    """One for each line, with a tab for each level: as they are indented, whatever marks stand before them."""
    found = [MARK.match(line) for line in text.splitlines() if line.strip()]
    return tuple("\t" * _depth(each[1]) + each[2].strip() for each in found if each)[:MOST_LINES]


def _depth(indent: str) -> int:
    return len(indent.replace("\t", "  ")) // 2


def _rows(text: str) -> Rows:
    try:
        rows = parse_rows(text)
    except Invalid as error:
        raise Invalid(error.message, error.remedy, field="rows") from None
    if not rows or len(rows) > forms.MOST_ROWS or max(map(len, rows)) > forms.MOST_COLUMNS:
        raise Invalid(
            f"a slide shows 1 to {forms.MOST_ROWS} rows of at most {forms.MOST_COLUMNS} columns",
            "leave some out",
            field="rows",
        )
    return rows


def _figures(text: str) -> Chart:
    try:
        chart = Chart.parse(text)
    except Invalid as error:
        raise Invalid(error.message, error.remedy, field="figures") from None
    if len(chart.categories) > forms.MOST_CATEGORIES or len(chart.series) > forms.MOST_SERIES:
        raise Invalid(
            f"a slide shows at most {forms.MOST_SERIES} series of {forms.MOST_CATEGORIES} categories",
            "summarise them",
            field="figures",
        )
    return chart


def _points(asset: Asset) -> list[str]:
    body = asset.body.get("text") or "\n".join(each for each in asset.body.values() if isinstance(each, str))
    items = [_short(markdown_to_text(each)) for each in ITEM.findall(str(body))]
    if items:
        return items[: MOST_LINES // 2]
    plain = " ".join(markdown_to_text(str(body)).split())
    return [_short(each) for each in re.split(r"(?<=[.!?])\s+", plain)[:SENTENCES] if each]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rsplit(' ', 1)[0]}…"
