"""Rows go into a table below its header, in the format of its last row."""

import zipfile
from pathlib import Path

import pytest
from pptx import Presentation
from pptx.util import Inches

from cms_core import Invalid
from cms_sales_enablement.pptx.data import Rows, parse_rows
from cms_sales_enablement.pptx.lint import check_file
from cms_sales_enablement.pptx.slots import Kind, Slot
from cms_sales_enablement.pptx.template import DeckTemplate

from .decks import make

VALUES = {"company.name": "A", "deal.amount": "1", "year": "2026"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return table_deck(tmp_path / "t.pptx", 3)


def table_deck(path: Path, rows: int) -> Path:
    deck = Presentation(str(make(path, 1)))
    frame = deck.slides[0].shapes.add_table(rows, 3, *map(Inches, (1, 1, 6, 2)))
    frame.name = "{{ prices }}"
    for row in range(rows):
        for column in range(3):
            paragraph = frame.table.cell(row, column).text_frame.paragraphs[0]
            for words in ("r", f"{row}{column}"):
                run = paragraph.add_run()
                run.text, run.font.italic = words, row == rows - 1
    frame.table.cell(0, 2).text_frame.text = "{{ year }}"
    deck.save(str(path))
    return path


def filled(path: Path, out: Path, tables: dict[str, Rows]) -> tuple[list[list[str]], tuple[str, ...]]:
    with DeckTemplate(path) as template:
        done = template.write(out, [], VALUES, tables=tables)
    assert check_file(out) == []
    table = Presentation(str(out)).slides[0].shapes[-1].table
    return [[cell.text for cell in row.cells] for row in table.rows], done.missing


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_rows_stand_below_the_header(path: Path, tmp_path: Path, count: int) -> None:
    rows = tuple((f"<{n}>", "{{ year }} & co", "\x00a\nb") for n in range(count))
    said, missing = filled(path, tmp_path / "c.pptx", {"prices": rows})
    assert said == [["r00", "r01", "2026"], *([f"<{n}>", "{{ year }} & co", "a b"] for n in range(count))]
    assert missing == ()
    if count:
        cell = Presentation(str(tmp_path / "c.pptx")).slides[0].shapes[-1].table.cell(1, 0)
        assert [run.font.italic for run in cell.text_frame.paragraphs[0].runs] == [True]


def test_a_short_row_leaves_cells_empty(path: Path, tmp_path: Path) -> None:
    said, _ = filled(path, tmp_path / "c.pptx", {"prices": (("only",), ())})
    assert said[1:] == [["only", "", ""], ["", "", ""]]


def test_a_header_alone_is_the_model_too(tmp_path: Path) -> None:
    said, _ = filled(table_deck(tmp_path / "t.pptx", 1), tmp_path / "c.pptx", {"prices": (("a", "b", "c"),)})
    assert said == [["r00", "r01", "2026"], ["a", "b", "c"]]


def test_without_rows_the_table_stays_and_is_missed(path: Path, tmp_path: Path) -> None:
    said, missing = filled(path, tmp_path / "c.pptx", {})
    assert (said[2], missing) == (["r20", "r21", "r22"], ("prices",))
    with DeckTemplate(path) as template:
        assert Slot("prices", Kind.TABLE) in template.slides[0].slots
        assert "prices" in template.slides[0].fields


def test_too_many_columns_are_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="prices has 3 columns, a row of its data 4") as refused:
        filled(path, tmp_path / "c.pptx", {"prices": (("1", "2", "3", "4"),)})
    assert refused.value.field == "prices"
    assert not (tmp_path / "c.pptx").exists()


def test_a_row_of_fields_keeps_working(tmp_path: Path) -> None:
    deck = Presentation(str(make(tmp_path / "t.pptx", 1)))
    table = deck.slides[0].shapes.add_table(2, 2, *map(Inches, (1, 1, 6, 2))).table
    table.cell(1, 1).text_frame.text = "in {{ year }}"
    deck.save(str(tmp_path / "t.pptx"))
    said, _ = filled(tmp_path / "t.pptx", tmp_path / "c.pptx", {})
    assert said[1][1] == "in 2026"
    with zipfile.ZipFile(tmp_path / "c.pptx") as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('[["a", 1], ["b", null, 2.5]]', (("a", "1"), ("b", "", "2.5"))),
        ("a,1\n\"b, c\",2\n", (("a", "1"), ("b, c", "2"))),
        ("\ufeffa;1,5\nb;2", (("a", "1,5"), ("b", "2"))),
        ("", ()),
    ],
)  # fmt: skip
def test_rows_are_read(text: str, rows: Rows) -> None:
    assert parse_rows(text) == rows


@pytest.mark.parametrize("text", ["[1]", '[["a", {}]]', "[[", '"a', "[[true]]", "a\n" * 5001])
def test_what_are_no_rows_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_rows(text)
    assert refused.value.remedy
