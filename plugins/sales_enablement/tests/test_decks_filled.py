"""Everything at once: whatever is picked and put in, the copy is whole, says it, and holds nothing of what was left out."""

import copy
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from cms_core import Invalid
from cms_sales_enablement.pptx.data import Chart, Rows
from cms_sales_enablement.pptx.lint import check_file
from cms_sales_enablement.pptx.template import Copied, DeckTemplate

from .decks import cells, changed, make, picture, swap

COUNT = 5
FAR = (
    b'<Relationship Id="rId99" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink" '
    b'Target="javascript:x" TargetMode="External"/></Relationships>'
)
NAUGHTY = st.sampled_from(
    ["", "{{ x }}", "</a:t>", "]]>", "<!--", "\x00\x1f\ufffe", "\u202e\u0301", "&#0;", "=1+1", "'; --", "\r\n\t", "-0-", "𝔘"]
)  # fmt: skip
WORDS = NAUGHTY | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
LOGOS = st.sampled_from([None, picture((90, 30), "PNG"), picture((30, 90), "JPEG")])


@st.composite
def figures(draw: st.DrawFn) -> Chart:
    categories = tuple(draw(st.lists(WORDS, min_size=1, max_size=5)))
    values = st.lists(NUMBERS, min_size=len(categories), max_size=len(categories)).map(tuple)
    return Chart(categories, tuple(draw(st.lists(st.tuples(WORDS, values), min_size=1, max_size=2))))


ROWS = st.lists(st.lists(WORDS, max_size=2).map(tuple), max_size=4).map(tuple)
PICKS = st.permutations(range(COUNT)).flatmap(lambda all_: st.integers(1, COUNT).map(lambda n: all_[:n]))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each slide has texts, a logo, a chart and a table that are fields; the first has a bad link too."""
    folder = tmp_path_factory.mktemp("filled")
    deck = Presentation(str(make(folder / "plain.pptx", COUNT, {0: 3, 4: 1})))
    for number, slide in enumerate(deck.slides):
        slide.shapes[2].name = "{{ company.logo }}"
        data = CategoryChartData()
        data.categories = ["before", "after"]
        for name in ("cost", "gain"):
            data.add_series(name, (number, 1))
        place = map(Inches, (5, 3, 3, 3))
        slide.shapes.add_chart(XL_CHART_TYPE.LINE, *place, data).name = "{{ savings }}"
        table = slide.shapes.add_table(2, 2, *map(Inches, (1, 1, 6, 1)))
        table.name, table.table.cell(1, 0).text_frame.text = "{{ prices }}", "old"
    deck.save(str(folder / "plain.pptx"))
    link = swap(b'<a:rPr b="1"/>', b'<a:rPr b="1"><a:hlinkClick r:id="rId99"/></a:rPr>')
    changes = {
        "ppt/slides/slide1.xml": link,
        "ppt/slides/_rels/slide1.xml.rels": swap(b"</Relationships>", FAR),
    }
    return changed(folder / "plain.pptx", folder / "t.pptx", changes)


@pytest.fixture(scope="module")
def template(path: Path) -> Iterator[DeckTemplate]:
    with DeckTemplate(path) as opened:
        yield opened


@settings(max_examples=60, deadline=None)
@given(
    picked=PICKS, company=WORDS, amount=WORDS, logo=LOGOS, data=st.none() | figures(), rows=st.none() | ROWS
)
def test_any_copy_is_whole_and_says_what_was_put_in(
    template: DeckTemplate,
    path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    picked: list[int],
    company: str,
    amount: str,
    logo: bytes | None,
    data: Chart | None,
    rows: Rows | None,
) -> None:
    out = tmp_path_factory.mktemp("copy") / "c.pptx"
    copied = template.write(
        out,
        [template.slides[n].id for n in picked],
        {"company.name": company, "deal.amount": amount},
        pictures={"logo": logo} if logo else {},
        charts={"savings": data} if data else {},
        tables={} if rows is None else {"prices": rows},
    )
    assert check_file(out) == []
    assert_missing(copied, company, amount, logo, data, rows)
    assert [each.code for each in copied.findings] == (["bad_link"] if 0 in picked else [])
    slides = list(Presentation(str(out)).slides)
    assert [slide.shapes.title.text for slide in slides] == [f"Slide {n + 1}" for n in picked]
    for slide in slides:
        assert_says(slide, company, amount, logo, data, rows)
    assert_the_rest_is_the_same(path, out)


def assert_missing(copied: Copied, company: str, amount: str, *given_: object) -> None:
    names = ("company.logo", "savings", "prices")
    gone = {name for name, each in zip(names, given_, strict=True) if each is None}
    gone |= {name for name, each in (("company.name", company), ("deal.amount", amount)) if not each.strip()}
    assert copied.missing == tuple(sorted(gone))


def said(value: str) -> str:
    one_line = value.replace("\r\n", " ").replace("\r", " ").replace("\n", " ")
    return "".join(
        each for each in one_line if each == "\t" or 0x20 <= ord(each) < 0xFFFE or ord(each) > 0xFFFF
    )


def assert_says(
    slide: Any, company: str, amount: str, logo: bytes | None, data: Chart | None, rows: Rows | None
) -> None:
    text = slide.placeholders[1].text_frame.text
    assert text == f"Dear {said(company)}, and you, we offer {said(amount)}"
    if logo:
        assert slide.shapes[2].image.blob == logo
    frames = {shape.name: shape for shape in slide.shapes}
    if data:
        (plot,) = frames["{{ savings }}"].chart.plots
        assert tuple(map(str, plot.categories)) == tuple(map(said, data.categories))
        found = [(each.name, tuple(each.values)) for each in plot.series]
        assert found == [(said(name), values) for name, values in data.series]
        book = cells(frames["{{ savings }}"].chart.part.chart_workbook.xlsx_part.blob)
        assert [book.get(f"B{row}") for row in range(2, 2 + len(data.categories))] == list(data.series[0][1])
        assert book.get("B1", "") == said(data.series[0][0])
    table = [[cell.text for cell in row.cells] for row in frames["{{ prices }}"].table.rows][1:]
    expected = [["old", ""]] if rows is None else [[*map(said, row), "", ""][:2] for row in rows]
    assert table == expected


def assert_the_rest_is_the_same(source: Path, out: Path) -> None:
    """Byte for byte, packed as it was; nothing is there for nobody."""
    changing = (
        "ppt/slides/",
        "ppt/notesSlides/",
        "ppt/presentation",
        "ppt/_rels",
        "_rels/",
        "docProps/",
        "[",
    )
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out) as new:
        assert new.testzip() is None
        for info in new.infolist():
            if info.filename in old.namelist() and not info.filename.startswith(changing):
                before = old.getinfo(info.filename)
                if "chart" in info.filename or "embed" in info.filename:
                    continue
                assert (info.CRC, info.compress_size) == (before.CRC, before.compress_size), info.filename


def conformance() -> list[Path]:
    folder = Path(os.environ.get("CMS_CONFORMANCE_DATA", "missing")) / "pptx"
    return sorted(folder.glob("*.pptx"))


@pytest.mark.parametrize("path", conformance(), ids=lambda path: path.name)
def test_decks_of_other_programs_are_copied_whole(path: Path, tmp_path: Path) -> None:
    with DeckTemplate(path) as template:
        codes = {each.code for each in template.findings}
        for picks in ([], [each.id for each in template.slides[::-2]]):
            copied = template.write(tmp_path / "c.pptx", picks, pictures={"logo": picture((9, 9), "PNG")})
            assert {each.code for each in check_file(tmp_path / "c.pptx")} <= codes
            slides = Presentation(str(tmp_path / "c.pptx")).slides
            assert len(slides) == len(copied.slides)
            texts = [list(words(slide.shapes)) for slide in slides]
            before = {id_: list(words(slide.shapes)) for id_, slide in numbered(path)}
            assert texts == [before[each.number] for each in copied.slides]


@pytest.mark.parametrize("path", conformance(), ids=lambda path: path.name)
def test_charts_of_other_programs_take_figures(path: Path, tmp_path: Path) -> None:
    """Each chart is named a field; it takes figures in both places, or says why not."""
    deck = Presentation(str(path))
    frames = [shape for slide in deck.slides for shape in slide.shapes if shape.has_chart]
    if not frames:
        pytest.skip("it has no chart")
    for number, frame in enumerate(frames):
        frame.name = f"{{{{ chart{number} }}}}"
    deck.save(str(tmp_path / "t.pptx"))
    data = Chart(("north", "south", "west"), (("new", (1.25, None, 3.0)),))
    with DeckTemplate(tmp_path / "t.pptx") as template:
        names = {each.name for slide in template.slides for each in slide.slots}
        assert names or {each.code for each in template.findings} == {"unfillable_chart"}
        template.write(tmp_path / "c.pptx", charts=dict.fromkeys(names, data))
    assert check_file(tmp_path / "c.pptx") == []
    for slide in Presentation(str(tmp_path / "c.pptx")).slides:
        for shape in slide.shapes:
            if shape.has_chart and shape.name.strip("{ }") in names:
                series = [each for plot in shape.chart.plots for each in plot.series]
                assert [(each.name, tuple(each.values)) for each in series] == list(data.series)
                if workbook := shape.chart.part.chart_workbook.xlsx_part:
                    assert {"new", 1.25, "north"} <= set(cells(workbook.blob).values())


def numbered(path: Path) -> Iterator[tuple[int, Any]]:
    yield from enumerate(Presentation(str(path)).slides, 1)


def words(shapes: Any) -> Iterator[str]:
    for shape in shapes:
        if shape.has_text_frame:
            yield shape.text_frame.text


GARBAGE = st.sampled_from(["", "-1", "x", "9" * 21, "rId1", "٣", "'", "../../x", "{{ logo }}", "NaN"])


@st.composite
def damage(draw: st.DrawFn, data: bytes) -> bytes:
    """A part in which elements or attributes are missing, doubled, or say something else."""
    root = etree.fromstring(data)
    for _ in range(draw(st.integers(1, 3))):
        elements = list(root.iter("*"))
        element = elements[draw(st.integers(0, len(elements) - 1))]
        parent, names = element.getparent(), list(element.attrib)
        kind = draw(st.sampled_from(["remove", "double", "text", "attribute", "comment"]))
        if kind == "attribute" and names:
            element.set(draw(st.sampled_from(names)), draw(GARBAGE))
        elif kind == "text":
            element.text = draw(GARBAGE)
        elif kind == "comment":
            element.insert(0, etree.Comment("x"))
        elif parent is not None and kind == "double":
            element.addnext(copy.deepcopy(element))
        elif parent is not None and kind == "remove":
            parent.remove(element)
    return bytes(etree.tostring(root))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_damaged_template_is_copied_no_worse_or_refused(
    path: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    with zipfile.ZipFile(path) as archive:
        names = sorted(
            name
            for name in archive.namelist()
            if name.endswith((".xml", ".rels")) and not name.startswith(("ppt/theme", "ppt/slideLayouts"))
        )
        name = data.draw(st.sampled_from(names))
        damaged = data.draw(damage(archive.read(name)))
    bad = changed(path, folder / "bad.pptx", {name: lambda _: damaged})
    given_ = {"savings": Chart(("x", "y", "z"), (("new", (1.0, None, 3.0)),))}
    try:
        with DeckTemplate(bad) as template:
            codes = {each.code for each in template.findings} - {"bad_link"}
            picks = [each.id for each in template.slides[::-2]]
            rows = {"prices": (("a", "b"), ("c",))}
            logo = {"logo": picture((9, 5), "PNG")}
            template.write(folder / "c.pptx", picks, pictures=logo, charts=given_, tables=rows)
    except Invalid:  # with a reason
        return
    assert {each.code for each in check_file(folder / "c.pptx")} <= codes
