"""CSV files as people have them: any usual encoding and delimiter, quoted newlines, faults that name their row.

Rows are counted as data record + 1 (the header is row 1). A blank line is no record; a record of empty cells is counted and left
out. What makes the rest of a file unreadable (an open quote, no known encoding) raises Invalid; what spoils one row is told
with it.
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from cms_core.errors import Invalid

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_CHUNK = 1 << 16
_DANGEROUS = "=+\\-@\t\r\n＝＋－＠"  # OWASP, CSV injection: what a spreadsheet may take for a formula
_TO_PROTECT = re.compile(f"'*[{_DANGEROUS}]")
_PROTECTED = re.compile(f"'+[{_DANGEROUS}]")
_SEP_LINE = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)
_MAGIC = {
    b"PK\x03\x04": "an Excel or zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"%PDF": "a PDF file",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One record: its number, its cells (at least one for each named column), or why it cannot be used."""

    number: int
    cells: list[str]
    fault: str = ""


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose header has been read; ``rows`` reads the records one by one."""

    name: str
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    has_nul: bool
    has_sep_line: bool
    _open: Callable[[], BinaryIO]
    preamble: tuple[str, ...] = ()  # the lines above the header

    @cached_property
    def named_width(self) -> int:
        """How many columns there are up to the last one with a name; a row may stop there."""
        return max(number for number, name in enumerate(self.header, start=1) if name)

    def rows(self) -> Iterator[Row]:
        """All records that are not empty; raises Invalid where the rest of the file cannot be read."""
        with self._text() as text:
            reader = csv.reader(text, delimiter=self.delimiter, strict=True)
            next(each for each in reader if each)  # the header
            number, line = 1, reader.line_num
            while True:
                try:
                    for cells in reader:
                        line = reader.line_num
                        if not cells:
                            continue
                        number += 1
                        if any(cells):
                            yield self._row(number, cells)
                    return
                except csv.Error as error:
                    number += 1
                    yield Row(number, [], self._fault(str(error), number, line + 1, reader.line_num))
                    line = reader.line_num

    def _row(self, number: int, cells: list[str]) -> Row:
        width = len(self.header)
        if len(cells) != width:
            if len(cells) < self.named_width or any(cells[width:]):
                return Row(number, cells, f"has {len(cells)} cells where the header has {width}")
            del cells[width:]
        if self.has_nul and any("\0" in cell for cell in cells):
            return Row(number, [], "contains a NUL character")
        return Row(number, cells)

    def _fault(self, error: str, number: int, first_line: int, last_line: int) -> str:
        where = f"line {first_line}" if last_line <= first_line else f"lines {first_line} to {last_line}"
        if "unexpected end" in error:
            raise Invalid(
                f"{self.name}, row {number}: a quote that opens at line {first_line} is never closed",
                'close the quote, or double it ("") where it is meant as a character',
            )
        if "field limit" in error:
            raise Invalid(
                f"{self.name}, row {number}: a cell is longer than {csv.field_size_limit():,} characters",
                f"look for a quote left open at line {first_line}, or shorten the cell",
            )
        return f"{where}: text after a closing quote; double the quotes that are meant as characters"

    def _text(self) -> io.TextIOWrapper:
        text = io.TextIOWrapper(self._open(), encoding=self.encoding, newline="")
        for _ in range(len(self.preamble) + self.has_sep_line):
            text.readline()
        return text


def read_csv(
    source: str | Path | bytes, name: str = "", *, known: Callable[[str], bool] = bool, preamble: int = 0
) -> CsvFile:
    """Find out how a file is written and read its header.

    ``source`` is a path or the content itself. ``known`` says of a header's cell whether it is understood: the delimiter that
    gives the most of these wins. With ``preamble``, so many lines (a title, a period) may stand above the header, which then is the
    first line with two known cells. Raises Invalid when this is no CSV file.
    """
    name = name or (Path(source).name if not isinstance(source, bytes) else "the file")

    def open_source() -> BinaryIO:
        return io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb")

    try:
        with open_source() as file:
            encoding, has_nul = _examine(file, name)
        with io.TextIOWrapper(open_source(), encoding=encoding, newline="") as text:
            sample = text.read(_CHUNK)
    except OSError as error:
        raise Invalid(f"{source!s} cannot be read: {error.strerror}", "name a CSV file") from None
    sep = _SEP_LINE.match(sample)
    sample = sample[sep.end() :] if sep else sample
    above = _above_header(sample, preamble, known)
    delimiter, header = _header(sample[len("".join(above)) :], sep[1] if sep else "", known, name)
    return CsvFile(name, encoding, delimiter, tuple(header), has_nul, bool(sep), open_source, tuple(above))


def _above_header(sample: str, most: int, known: Callable[[str], bool]) -> list[str]:
    """The lines before the first one that has two known cells, whatever parts them; none where there is no such line."""
    lines = list(islice(io.StringIO(sample, newline=""), most + 1)) if most else []
    for n, line in enumerate(lines):
        cells = (line.strip().split(delimiter) for delimiter in DELIMITERS)
        if any(sum(known(cell.strip().strip('"')) for cell in row) >= 2 for row in cells):
            return lines[:n]
    return []


def protect_cell(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula; ``unprotect_cell`` gives it back unchanged."""
    return f"'{text}" if _TO_PROTECT.match(text) else text


def unprotect_cell(text: str) -> str:
    """Undo ``protect_cell``."""
    return text[1:] if text[:1] == "'" and _PROTECTED.match(text) else text


def _examine(file: BinaryIO, name: str) -> tuple[str, bool]:
    """The encoding of a file, and whether it holds NUL characters. Reads it once, or twice when it is not UTF-8."""
    head = file.read(_CHUNK)
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            raise Invalid(f"{name} is {what}, not a CSV file", "save it as CSV (UTF-8) and import that")
    for encoding in _candidates(head):
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)()
        has_nul = False
        try:
            for chunk in iter(lambda: file.read(_CHUNK), b""):
                has_nul |= "\0" in decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding, has_nul
    raise Invalid(f"{name} is written in no encoding known here", "save it as CSV (UTF-8) and import that")


def _candidates(head: bytes) -> Sequence[str]:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    pairs = head[: len(head) // 2 * 2]
    for encoding, nul_at in (("utf-16-le", 1), ("utf-16-be", 0)):
        if len(pairs) >= 8 and pairs[nul_at::2].count(0) > len(pairs) // 4 > pairs[1 - nul_at :: 2].count(0):
            return (encoding,)
    return ("utf-8-sig", "cp1252")


def _header(sample: str, delimiter: str, known: Callable[[str], bool], name: str) -> tuple[str, list[str]]:
    found: list[tuple[int, int, str, list[str]]] = []
    for candidate in [delimiter] if delimiter else DELIMITERS:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=candidate, strict=True)
        try:
            header = next((each for each in islice(reader, 1000) if each), None)
        except csv.Error:
            continue
        if header is not None:
            header = [cell.strip() for cell in header]
            found.append((sum(map(known, header)), len(header), candidate, header))
    if not any(any(header) for *_, header in found):
        raise Invalid(f"{name} has no header row", "the first row must name the columns")
    best = max(found, key=lambda each: each[:2])
    return best[2], best[3]
