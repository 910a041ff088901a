"""Charts take figures: what is drawn and what opens for "edit data" are the same, in the format that the template has."""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from pptx import Presentation
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from cms_core import Invalid
from cms_sales_enablement.pptx.charts import Span, Unfillable, column_number, letters
from cms_sales_enablement.pptx.data import Chart
from cms_sales_enablement.pptx.lint import check_file
from cms_sales_enablement.pptx.slots import Kind, Slot
from cms_sales_enablement.pptx.template import Copied, DeckTemplate

from .decks import cells, changed, make

KINDS = [
    XL_CHART_TYPE.COLUMN_CLUSTERED, XL_CHART_TYPE.BAR_STACKED, XL_CHART_TYPE.LINE_MARKERS, XL_CHART_TYPE.AREA,
    XL_CHART_TYPE.PIE, XL_CHART_TYPE.DOUGHNUT, XL_CHART_TYPE.RADAR, XL_CHART_TYPE.AREA_STACKED,
]  # fmt: skip
DATA = Chart(("Q1", "Q2 & <3", "", "Q4"), (("Neu", (1.5, None, -3.0, 1e21)),))
VALUES = {"company.name": "A", "deal.amount": "1"}


def chart_deck(
    path: Path,
    kind: XL_CHART_TYPE = XL_CHART_TYPE.COLUMN_CLUSTERED,
    series: int = 2,
    categories: Sequence[Any] = ("before", "after"),
    names: Sequence[str] = ("{{ savings }}",),
) -> Path:
    """A slide for each name, with a chart of that name."""
    deck = Presentation(str(make(path, len(names))))
    for slide, name in zip(deck.slides, names, strict=True):
        data = CategoryChartData(number_format="0.0%")
        data.categories = list(categories)
        for number in range(series):
            data.add_series(f"old {number}", range(len(categories)))
        slide.shapes.add_chart(kind, *map(Inches, (5, 3, 3, 3)), data).name = name
    deck.save(str(path))
    return path


def write(path: Path, out: Path, charts: dict[str, Chart], picks: Sequence[int] = ()) -> Copied:
    with DeckTemplate(path) as template:
        done = template.write(out, [template.slides[n].id for n in picks], VALUES, charts=charts)
    assert check_file(out) == []
    return done


def charts(path: Path) -> list[Any]:
    return [slide.shapes[-1].chart for slide in Presentation(str(path)).slides]


def shown(chart: Any) -> Chart:
    """What python-pptx reads of a chart."""
    (plot, *_) = chart.plots
    return Chart(
        tuple(map(str, plot.categories)), tuple((each.name, tuple(each.values)) for each in plot.series)
    )


def in_cells(chart: Any) -> dict[str, str | float]:
    return cells(chart.part.chart_workbook.xlsx_part.blob)


def expected_cells(data: Chart) -> dict[str, str | float]:
    found: dict[str, str | float] = {f"A{row}": name for row, name in enumerate(data.categories, 2)}
    for column, (name, values) in enumerate(data.series, 2):
        found[f"{letters(column)}1"] = name
        found |= {f"{letters(column)}{row}": each for row, each in enumerate(values, 2) if each is not None}
    return {address: each for address, each in found.items() if each != ""}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_drawn_and_what_is_edited_are_the_same(tmp_path: Path, kind: XL_CHART_TYPE) -> None:
    single = kind in (XL_CHART_TYPE.PIE, XL_CHART_TYPE.DOUGHNUT)
    path = chart_deck(tmp_path / "t.pptx", kind, 1 if single else 3)
    done = write(path, tmp_path / "c.pptx", {"savings": DATA})
    (chart,) = charts(tmp_path / "c.pptx")
    assert shown(chart) == DATA
    assert in_cells(chart) == expected_cells(DATA)
    assert (chart.chart_type, done.missing, done.findings) == (kind, (), ())
    xml = etree.tostring(chart._chartSpace)
    assert b"<c:f>Sheet1!$B$2:$B$5</c:f>" in xml
    assert b"<c:f>Sheet1!$A$2:$A$5</c:f>" in xml
    assert xml.count(b"<c:formatCode>0.0%</c:formatCode>") == 1
    assert b"old" not in xml


NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=12
)


@st.composite
def figures(draw: st.DrawFn) -> Chart:
    categories = tuple(draw(st.lists(WORDS, min_size=1, max_size=8)))
    values = st.lists(NUMBERS, min_size=len(categories), max_size=len(categories)).map(tuple)
    return Chart(categories, tuple(draw(st.lists(st.tuples(WORDS, values), min_size=1, max_size=3))))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeckTemplate]:
    with DeckTemplate(chart_deck(tmp_path_factory.mktemp("charts") / "t.pptx", series=3)) as opened:
        yield opened


@settings(max_examples=40, deadline=None)
@given(data=figures())
def test_any_figures_are_the_same_in_both(
    template: DeckTemplate, tmp_path_factory: pytest.TempPathFactory, data: Chart
) -> None:
    out = tmp_path_factory.mktemp("copy") / "c.pptx"
    template.write(out, charts={"savings": data})
    assert check_file(out) == []
    (chart,) = charts(out)
    assert shown(chart) == data
    assert in_cells(chart) == expected_cells(data)


def test_years_stay_numbers(tmp_path: Path) -> None:
    path = chart_deck(tmp_path / "t.pptx", categories=[2020, 2021, 2022])
    data = Chart(("2026", "2027"), (("x", (1.0, 2.0)),))
    write(path, tmp_path / "c.pptx", {"savings": data})
    (chart,) = charts(tmp_path / "c.pptx")
    assert list(chart.plots[0].categories) == ["2026", "2027"]
    assert in_cells(chart) == {"A2": 2026, "A3": 2027, "B1": "x", "B2": 1, "B3": 2}
    write(path, tmp_path / "d.pptx", {"savings": Chart(("early", "late"), (("x", (1.0, 2.0)),))})
    assert list(charts(tmp_path / "d.pptx")[0].plots[0].categories) == ["early", "late"]


def test_more_series_than_the_template_has_are_refused(tmp_path: Path) -> None:
    path = chart_deck(tmp_path / "t.pptx", series=1)
    data = Chart(("a",), (("x", (1.0,)), ("y", (2.0,))))
    with pytest.raises(Invalid, match="savings has 1 series, its data 2") as refused:
        write(path, tmp_path / "c.pptx", {"savings": data})
    assert refused.value.field == "savings"
    assert not (tmp_path / "c.pptx").exists()


def test_without_figures_it_stays_byte_for_byte_and_is_missed(tmp_path: Path) -> None:
    path = chart_deck(tmp_path / "t.pptx", names=("{{ savings }}", "plain"))
    with DeckTemplate(path) as opened:
        assert [Slot("savings", Kind.CHART) in each.slots for each in opened.slides] == [True, False]
    assert write(path, tmp_path / "c.pptx", {}).missing == ("savings",)
    assert write(path, tmp_path / "d.pptx", {"savings": DATA}).missing == ()
    same, others = (parts(tmp_path / name) for name in ("c.pptx", "d.pptx"))
    before = parts(path)
    assert {name: same[name] for name in before if "chart" in name or "embed" in name} == {
        name: data for name, data in before.items() if "chart" in name or "embed" in name
    }
    plain = [name for name in before if before[name] == others.get(name) and "embed" in name]
    assert len(plain) == 2  # of the chart that make adds, and of the plain one


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def shared(path: Path, out: Path) -> Path:
    """The second slide shows the chart of the first."""
    before = parts(path)
    rels = [f"ppt/slides/_rels/slide{number}.xml.rels" for number in (1, 2)]
    charts_of = [
        [each.get("Target") for each in etree.fromstring(before[name]) if each.get("Type").endswith("/chart")]
        for name in rels
    ]
    first, second = charts_of[0][-1].encode(), charts_of[1][-1].encode()
    gone = f"ppt/{second.decode().removeprefix('../')}"
    book = next(
        name for name in before if "embed" in name and name.rpartition("/")[2].encode() in before[_rels(gone)]
    )
    types = f'<Override PartName="/{gone}" ContentType="application/vnd.openxmlformats-officedocument.drawingml.chart+xml"/>'
    return changed(
        path,
        out,
        {
            rels[1]: lambda data: data.replace(second, first),
            gone: None,
            book: None,
            _rels(gone): None,
            "[Content_Types].xml": lambda data: data.replace(types.encode(), b""),
        },
    )


def _rels(name: str) -> str:
    folder, _, name = name.rpartition("/")
    return f"{folder}/_rels/{name}.rels"


OTHER = Chart(("x",), (("y", (7.0,)),))


@pytest.mark.parametrize(
    ("names", "data", "expected"),
    [
        (("{{ savings }}", "{{ savings }}"), {"savings": DATA}, [DATA, DATA]),
        (("{{ savings }}", "{{ other }}"), {"savings": DATA, "other": OTHER}, [DATA, OTHER]),
        (("{{ savings }}", "{{ other }}"), {"other": OTHER}, [None, OTHER]),
        (("plain", "{{ other }}"), {"other": OTHER}, [None, OTHER]),
    ],
)
def test_one_chart_on_two_slides_shows_what_each_asks_for(
    tmp_path: Path, names: tuple[str, str], data: dict[str, Chart], expected: list[Chart | None]
) -> None:
    path = shared(chart_deck(tmp_path / "plain.pptx", names=names), tmp_path / "t.pptx")
    old = shown(charts(path)[0])
    for picks in ([0, 1], [1, 0], [0], [1]):
        write(path, tmp_path / "c.pptx", data, picks)
        found = charts(tmp_path / "c.pptx")
        assert [shown(each) for each in found] == [expected[n] or old for n in picks]
        for n, each in zip(picks, found, strict=True):
            assert in_cells(each) == expected_cells(expected[n] or old)


def test_a_kind_without_categories_is_told_and_stays(tmp_path: Path) -> None:
    deck = Presentation(str(make(tmp_path / "t.pptx", 1)))
    data = XyChartData()
    data.add_series("s").add_data_point(1, 2)
    deck.slides[0].shapes.add_chart(
        XL_CHART_TYPE.XY_SCATTER, *map(Inches, (5, 3, 3, 3)), data
    ).name = "{{ cloud }}"
    deck.save(str(tmp_path / "t.pptx"))
    with DeckTemplate(tmp_path / "t.pptx") as opened:
        assert [each.code for each in opened.findings] == ["unfillable_chart"]
        assert "cloud" not in opened.slides[0].fields
    for given_ in ({"cloud": DATA}, {}):
        done = write(tmp_path / "t.pptx", tmp_path / "c.pptx", given_)
        assert [each.code for each in done.findings] == ["unfillable_chart"]
        assert done.missing == ()


def test_a_table_of_the_workbook_and_other_sheets(tmp_path: Path) -> None:
    path = chart_deck(tmp_path / "plain.pptx")
    book = max(name for name in parts(path) if "embed" in name)

    def with_table(data: bytes) -> bytes:
        out = io.BytesIO()
        rels = (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/table" '
            'Target="../tables/table1.xml"/></Relationships>'
        )
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
            for name in old.namelist():
                part = old.read(name)
                if name == "xl/worksheets/sheet1.xml":
                    part = part.replace(
                        b"</worksheet>",
                        b'<tableParts count="1"><tablePart r:id="rId1"/></tableParts></worksheet>',
                    )
                if name == "[Content_Types].xml":
                    part = part.replace(
                        b"</Types>",
                        b'<Override PartName="/xl/tables/table1.xml" ContentType="x/table"/></Types>',
                    )
                new.writestr(name, part)
            new.writestr("xl/worksheets/_rels/sheet1.xml.rels", rels)
            new.writestr("xl/tables/table1.xml", "<table ref='A1:C3'/>")
            new.writestr("xl/worksheets/sheet2.xml", "<other/>")
        return out.getvalue()

    path = changed(path, tmp_path / "t.pptx", {book: with_table})
    write(path, tmp_path / "c.pptx", {"savings": DATA})
    (chart,) = charts(tmp_path / "c.pptx")
    assert in_cells(chart) == expected_cells(DATA)
    with zipfile.ZipFile(io.BytesIO(chart.part.chart_workbook.xlsx_part.blob)) as archive:
        assert "xl/tables/table1.xml" not in archive.namelist()
        assert b"tablePart" not in archive.read("xl/worksheets/sheet1.xml")
        assert b"tables/table1" not in archive.read("[Content_Types].xml")
        assert archive.read("xl/worksheets/sheet2.xml") == b"<other/>"


@pytest.mark.parametrize(
    "text",
    [
        '{"categories": ["a", 2], "series": [{"name": "x", "values": [1, null]}]}',
        ",x\na,1\n2,\n",
        "\ufeff;x\r\na;1.0\r\n2;\r\n",
    ],
)
def test_figures_are_read(text: str) -> None:
    assert Chart.parse(text) == Chart(("a", "2"), (("x", (1.0, None)),))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "header row"),
        ("{", "no JSON"),
        ('{"categories": 1}', "list of categories"),
        ('{"categories": ["a"], "series": [{"values": ["1"]}]}', "no number: '1'"),
        ('{"categories": ["a"], "series": [{"values": [1, 2]}]}', "2 values for 1 categories"),
        ('{"categories": ["a"], "series": [{"values": [NaN]}]}', "finite"),
        ('{"categories": ["a"], "series": []}', "a series at least"),
        (",x\na,1 EUR", "line 2, column x: '1 EUR' is no number"),
        (",x\na", "line 2 has 1 cells, the header 2"),
        (',x\na,"1', "no CSV"),
    ],
)
def test_what_are_no_figures_is_refused_with_the_place(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        Chart.parse(text)
    assert refused.value.remedy


@given(
    column=st.integers(1, 16_384), row=st.integers(1, 9_999), count=st.integers(1, 9), across=st.booleans()
)
def test_references_are_written_as_they_are_read(column: int, row: int, count: int, across: bool) -> None:
    assert column_number(letters(column)) == column
    span = Span("'My ''own'' sheet'", row, column, count, across and count > 1)
    assert Span.read(str(span)) == span


@pytest.mark.parametrize(
    "text", ["Sheet1!$A$1:$B$2", "(Sheet1!$A$1,Sheet1!$A$3)", "Table1[x]", "[1]Sheet1!$A$1", ""]
)
def test_references_to_no_single_row_or_column_are_refused(text: str) -> None:
    with pytest.raises(Unfillable):
        Span.read(text)


def chart_part(path: Path, name: str = "{{ savings }}") -> str:
    """The part of the chart of that name."""
    for slide in Presentation(str(path)).slides:
        for shape in slide.shapes:
            if shape.name == name:
                return str(shape.chart.part.partname).lstrip("/")
    raise LookupError(name)


def altered(path: Path, out: Path, *pairs: tuple[str, str]) -> Path:
    """The chart says something else."""

    def change(data: bytes) -> bytes:
        for old, new in pairs:
            data, count = re.subn(old.encode(), new.encode(), data)
            assert count, old
        return data

    return changed(path, out, {chart_part(path): change})


def test_figures_that_lie_side_by_side_stay_so(tmp_path: Path) -> None:
    path = chart_deck(tmp_path / "plain.pptx", series=1)
    pairs = [
        (r"Sheet1!\$B\$1<", "Sheet1!$A$2<"),
        (r"\$A\$2:\$A\$3", "$B$1:$C$1"),
        (r"\$B\$2:\$B\$3", "$B$2:$C$2"),
    ]
    data = Chart(("x", "y", "z"), (("new", (1.0, 2.0, 3.0)),))
    write(altered(path, tmp_path / "t.pptx", *pairs), tmp_path / "c.pptx", {"savings": data})
    (chart,) = charts(tmp_path / "c.pptx")
    assert shown(chart) == data
    found = in_cells(chart)
    assert {key: found[key] for key in ("A2", "B1", "C1", "D1", "B2", "C2", "D2")} == {
        "A2": "new", "B1": "x", "C1": "y", "D1": "z", "B2": 1, "C2": 2, "D2": 3,
    }  # fmt: skip
    assert b"Sheet1!$B$2:$D$2" in etree.tostring(chart._chartSpace)


def test_figures_that_stand_in_the_chart_alone_are_written_there(tmp_path: Path) -> None:
    path = chart_deck(tmp_path / "plain.pptx", series=1)
    pairs = [
        (r"<c:f>[^<]*</c:f>", ""),
        (r"<c:cat>\s*<c:strRef>\s*<c:strCache>", "<c:cat><c:strLit>"),
        (r"</c:strCache>\s*</c:strRef>\s*</c:cat>", "</c:strLit></c:cat>"),
        (r"<c:numRef>\s*<c:numCache>", "<c:numLit>"),
        (r"</c:numCache>\s*</c:numRef>", "</c:numLit>"),
        (r"(?s)<c:tx>.*?</c:tx>", "<c:tx><c:v>old</c:v></c:tx>"),
    ]
    write(altered(path, tmp_path / "t.pptx", *pairs), tmp_path / "c.pptx", {"savings": DATA})
    (chart,) = charts(tmp_path / "c.pptx")
    xml = etree.tostring(chart._chartSpace)
    assert b"<c:v>Neu</c:v>" in xml
    assert b"<c:f>" not in xml
    assert list(chart.plots[0].series[0].values) == list(DATA.series[0][1])


def test_formats_of_points_that_are_no_more_go(tmp_path: Path) -> None:
    points = "".join(f'<c:dPt><c:idx val="{n}"/><c:explosion val="{n}"/></c:dPt>' for n in range(3))
    path = chart_deck(tmp_path / "plain.pptx", XL_CHART_TYPE.PIE, 1, ("a", "b", "c"))
    path = altered(path, tmp_path / "t.pptx", (r"<c:cat>", f"{points}<c:cat>"))
    write(path, tmp_path / "c.pptx", {"savings": Chart(("x", "y"), (("new", (1.0, 2.0)),))})
    xml = etree.tostring(charts(tmp_path / "c.pptx")[0]._chartSpace)
    assert re.findall(rb'<c:dPt><c:idx val="(\d)"', xml) == [b"0", b"1"]


def test_series_of_two_plots_are_filled_in_their_order(tmp_path: Path) -> None:
    path = chart_deck(tmp_path / "plain.pptx", series=2)
    second = r"(?s)(<c:ser>\s*<c:idx val=.1.*?</c:ser>)(.*?)(</c:barChart>)"
    line = r'\2\3<c:lineChart><c:grouping val="standard"/>\1<c:axId val="1"/><c:axId val="2"/></c:lineChart>'
    path = altered(path, tmp_path / "t.pptx", (second, line))
    data = Chart(("x",), (("columns", (1.0,)), ("line", (2.0,))))
    write(path, tmp_path / "c.pptx", {"savings": data})
    (chart,) = charts(tmp_path / "c.pptx")
    assert [[each.name for each in plot.series] for plot in chart.plots] == [["columns"], ["line"]]
    assert in_cells(chart) == expected_cells(data)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"Sheet1!\$B\$2:\$B\$3", "Sheet1!$B$2:$C$3"),
        (r"Sheet1!\$B\$2:\$B\$3", "Figures"),
        (r"Sheet1!\$B\$2:\$B\$3", "Sheet2!$B$2:$B$3"),
    ],
)
def test_references_that_cannot_be_followed_are_told(tmp_path: Path, old: str, new: str) -> None:
    path = altered(chart_deck(tmp_path / "plain.pptx"), tmp_path / "t.pptx", (old, new))
    with DeckTemplate(path) as opened:
        (found,) = opened.findings
    assert (found.code, found.where) == ("unfillable_chart", "ppt/slides/slide1.xml")


def test_charts_that_share_a_workbook_do_not_change_each_other(tmp_path: Path) -> None:
    path = chart_deck(tmp_path / "plain.pptx", names=("{{ savings }}", "{{ other }}"))
    first, second = chart_part(path), chart_part(path, "{{ other }}")
    before = parts(path)
    books = [re.search(rb"Microsoft_Excel_Sheet\d*\.xlsx", before[_rels(name)]) for name in (first, second)]
    names = [found[0] for found in books if found]
    gone = f"ppt/embeddings/{names[1].decode()}"
    path = changed(
        path,
        tmp_path / "t.pptx",
        {gone: None, _rels(second): lambda data: data.replace(names[1], names[0])},
    )
    old = shown(charts(path)[1])
    write(path, tmp_path / "c.pptx", {"savings": DATA})
    found = charts(tmp_path / "c.pptx")
    assert [shown(each) for each in found] == [DATA, old]
    assert in_cells(found[0]) == expected_cells(DATA)
    assert in_cells(found[1]) == expected_cells(old)


def test_cells_that_do_not_say_where_they_are_stand_one_after_another(tmp_path: Path) -> None:
    path = chart_deck(tmp_path / "plain.pptx")
    book = max(name for name in parts(path) if "embed" in name)

    def without_places(data: bytes) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
            for name in old.namelist():
                part = old.read(name)
                if name == "xl/worksheets/sheet1.xml":
                    part = re.sub(rb'<row r="\d+"', b"<row", part)
                    part = re.sub(rb'<c r="[A-Z]*[2-9]"', b"<c", part)
                    part = part.replace(b"</row>", b"<!--x--></row>", 1)
                new.writestr(name, part)
        return out.getvalue()

    path = changed(path, tmp_path / "t.pptx", {book: without_places})
    write(path, tmp_path / "c.pptx", {"savings": DATA})
    found = in_cells(charts(tmp_path / "c.pptx")[0])
    assert {key: found[key] for key in ("B1", "A2", "B2", "A3", "B4")} == {
        "B1": "Neu", "A2": "Q1", "B2": 1.5, "A3": "Q2 & <3", "B4": -3,
    }  # fmt: skip
