"""CSV files as people have them are read as they are meant, and faults name their row."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core.csvfile import CsvFile, protect_cell, read_csv, unprotect_cell
from cms_core.errors import Invalid


def read(text: str | bytes) -> CsvFile:
    return read_csv(
        text if isinstance(text, bytes) else text.encode(), "x.csv", known=lambda name: name == "email"
    )


def cells(text: str | bytes) -> list[list[str]]:
    return [row.cells for row in read(text).rows()]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_the_one_that_shows_known_columns(delimiter: str) -> None:
    file = read(delimiter.join(["name, first;x|y" if delimiter not in ",;|" else '"a"', "email"]) + "\n")
    assert file.delimiter == delimiter
    assert file.header[-1] == "email"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings_give_the_same_text(encoding: str) -> None:
    assert cells("email,name\na@b.de,Jürgen Gärtner\n".encode(encoding)) == [["a@b.de", "Jürgen Gärtner"]]


def test_utf8_that_breaks_late_is_read_as_cp1252() -> None:
    text = "email,name\n" + "a@b.de,plain\n" * 20_000
    assert cells(text.encode() + "z@b.de,Gärtner\n".encode("cp1252"))[-1] == ["z@b.de", "Gärtner"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_endings_and_quoted_newlines(newline: str) -> None:
    text = newline.join(["email,note", f'a@b.de,"two{newline}lines"', "c@d.de,x"])
    assert cells(text) == [["a@b.de", f"two{newline}lines"], ["c@d.de", "x"]]


def test_rows_count_records_not_lines_and_blank_lines_are_no_records() -> None:
    rows = list(read('email,n\n\na@b.de,"1\n2\n3"\n\nc@d.de,4\n,\ne@f.de,5\n').rows())
    assert [(row.number, row.cells[0]) for row in rows] == [(2, "a@b.de"), (3, "c@d.de"), (5, "e@f.de")]


def test_ragged_rows_are_faults_but_empty_cells_too_many_are_not() -> None:
    rows = list(read("email,n\na@b.de\nb@b.de,1,2\nc@b.de,1,,\nd@b.de,4\n").rows())
    assert [row.fault for row in rows] == [
        "has 1 cells where the header has 2",
        "has 3 cells where the header has 2",
        "",
        "",
    ]


def test_text_after_a_closing_quote_spoils_its_row_only() -> None:
    rows = list(read('email,n\na@b.de,"x"y\nb@b.de,2\n').rows())
    assert rows[0].fault.startswith("line 2: text after a closing quote")
    assert (rows[1].number, rows[1].cells) == (3, ["b@b.de", "2"])


def test_nul_is_told_with_its_row() -> None:
    rows = list(read("email,n\na@b.de,x\0y\nb@b.de,2\n").rows())
    assert [row.fault for row in rows] == ["contains a NUL character", ""]


def test_excels_sep_line_is_not_the_header() -> None:
    file = read("sep=;\nemail;n\na@b.de;1,5\n")
    assert (file.header, [row.cells for row in file.rows()]) == (("email", "n"), [["a@b.de", "1,5"]])


def test_a_row_may_stop_after_the_last_named_column() -> None:
    rows = list(read("email,n,,\na@b.de,1,,\nb@b.de,1\nc@b.de\nd@b.de,1,2,3,4\n").rows())
    assert [bool(row.fault) for row in rows] == [False, False, True, True]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "has no header row"),
        (b"\n\n \n".replace(b" ", b""), "has no header row"),
        (b"PK\x03\x04rest", "Excel or zip file"),
        (b'email\na@b.de\n"never\nclosed\n', "row 3: a quote that opens at line 3 is never closed"),
        (b"email\n" + b"x" * 200_000, "row 2: a cell is longer than 131,072 characters"),
        (b"email\n\x81\x8d\xff", "no encoding known here"),
    ],
)
def test_what_makes_a_file_unreadable_is_said(content: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says) as fault:
        cells(content)
    assert fault.value.remedy


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        read_csv(tmp_path / "missing.csv")


@given(st.text())
def test_protected_cells_come_back_and_are_no_formulas(text: str) -> None:
    protected = protect_cell(text)
    assert unprotect_cell(protected) == text
    assert not protected.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        for row in read_csv(content, "x.csv").rows():
            assert row.number > 1
    except Invalid:
        pass
