"""What fields take: figures, rows and a logo reach the file as another program reads it; what does not fit is refused before."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from cms_core import merge
from cms_core.errors import Invalid
from cms_core.services import Services
from cms_sales_enablement import deck_files, decks, presentations
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.pptx.slides import compile_parts

FIGURES = json.dumps(
    {"categories": ["You", "Peers", "Best"], "series": [{"name": "Days", "values": [9, 5, 2]}]}
)
ROWS = json.dumps([["Ann", "1"], ["Ben", "2"]])


def png(color: str = "red", size: tuple[int, int] = (40, 20)) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, color).save(data, "PNG")
    return data.getvalue()


@pytest.fixture
def rep(desk: Any, tmp_path: Path) -> Services:
    """A rep who may use a presentation with a chart, a table and a logo that are fields."""
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "{{ company.name }}"
    data = CategoryChartData()
    data.categories = ["a", "b"]
    data.add_series("Cost", (1, 2))
    chart = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *map(Inches, (1, 2, 4, 3)), data)
    chart.name = "{{ savings }}"
    table = slide.shapes.add_table(2, 2, *map(Inches, (5, 2, 4, 1)))
    table.name = "{{ team }}"
    for at, text in enumerate(("Who", "Since", "?", "?")):
        table.table.cell(at // 2, at % 2).text = text
    slide.shapes.add_picture(io.BytesIO(png("blue")), Inches(1), Inches(5), Inches(2)).name = "Logo"
    deck.save(str(tmp_path / "Pitch.pptx"))
    found = presentations.add(desk.services("marketer"), (tmp_path / "Pitch.pptx").read_bytes(), "Pitch.pptx")
    desk.approve(found.saved.slug)
    svc: Services = desk.services()
    return svc


@pytest.mark.parametrize(
    ("known", "shown"), [({}, "Until soon"), ({"deal": {"close_on": "24 Dec"}}, "Until 24 Dec")]
)
def test_what_nobody_declares_is_a_field_that_may_be_set(known: dict[str, Any], shown: str) -> None:
    """Also under a name that a plugin knows other fields of."""
    declared = merge.Fields({"deal": merge.Namespace({"stage": merge.FieldType.TEXT})})
    ((_, found),) = compile_parts('Until {{ deal.close_on | default("soon") }}', declared)
    assert isinstance(found, merge.Template)
    assert (found.fields, found.render(known)) == ({"deal.close_on"}, shown)


def test_what_each_field_takes_is_told(rep: Services) -> None:
    (slide,) = presentations.find(rep, "pitch").slides
    kinds = {each["name"]: each["kind"] for each in slide.slots}
    assert kinds == {"company.name": "text", "savings": "chart", "team": "table", "logo": "picture"}


def test_figures_rows_and_the_logo_reach_the_file(rep: Services, tmp_path: Path) -> None:
    said = {"savings": FIGURES, "team": ROWS, "company.name": "Acme"}
    deck = decks.make(rep, "pitch", Wanted(said=said, pictures={"logo": png()}))
    written = deck_files.write(rep, deck, tmp_path / "out.pptx")
    assert (written.copied.missing, written.findings) == ((), ())
    (slide,) = Presentation(str(tmp_path / "out.pptx")).slides
    shapes = {shape.name: shape for shape in slide.shapes}
    (plot,) = shapes["{{ savings }}"].chart.plots
    assert list(plot.categories) == ["You", "Peers", "Best"]
    assert list(plot.series[0].values) == [9, 5, 2]
    cells = [[cell.text for cell in row.cells] for row in shapes["{{ team }}"].table.rows]
    assert cells == [["Who", "Since"], ["Ann", "1"], ["Ben", "2"]]
    with Image.open(io.BytesIO(shapes["Logo"].image.blob)) as logo:
        assert logo.convert("RGB").getpixel((1, 1)) == (255, 0, 0)


def test_what_is_not_said_is_missing_and_keeps_what_the_presentation_shows(
    rep: Services, tmp_path: Path
) -> None:
    deck = decks.make(rep, "pitch", Wanted(said={"company.name": "Acme"}))
    written = deck_files.write(rep, deck, tmp_path / "out.pptx")
    assert written.copied.missing == ("savings", "team"), "a picture that is only called logo may stay"
    (slide,) = Presentation(str(tmp_path / "out.pptx")).slides
    (chart,) = [shape.chart for shape in slide.shapes if shape.has_chart]
    assert list(chart.plots[0].series[0].values) == [1, 2]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"savings": "no figures"}, "savings"),
        ({"savings": '{"categories": ["a"], "series": []}'}, "savings: a chart needs"),
        (
            {
                "savings": json.dumps(
                    {"categories": ["a"], "series": [{"name": str(n), "values": [1]} for n in (1, 2)]}
                )
            },
            "savings",
        ),
        ({"team": json.dumps([["a", "b", "c"]])}, "team has 2 columns"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_kept(
    rep: Services, said: dict[str, str], words: str
) -> None:
    with pytest.raises(Invalid, match=words):
        decks.make(rep, "pitch", Wanted(said=said))
    assert decks.listed(rep) == []
    deck = decks.make(rep, "pitch", Wanted())
    with pytest.raises(Invalid, match=words):
        decks.change(rep, deck.public_id, Wanted(said=said))
    assert decks.find(rep, deck.public_id).version == 1


def test_a_value_for_a_field_that_no_slide_has_is_told_with_what_is_near(
    rep: Services, tmp_path: Path
) -> None:
    said = {"compnay.name": "Acme", "deck.team": ROWS, "else": "x"}
    deck = decks.make(rep, "pitch", Wanted(said=said, pictures={"their.logo": png(), "logo": png()}))
    written = deck_files.write(rep, deck, tmp_path / "out.pptx")
    assert [(each.level, each.code, each.where, each.message) for each in written.findings] == [
        (
            "warning",
            "unknown_field",
            "compnay.name",
            "no slide has a field compnay.name: is company.name meant?",
        ),
        ("warning", "unknown_field", "else", "no slide has a field else"),
        ("warning", "unknown_field", "their.logo", "no slide has a field their.logo"),
    ]
