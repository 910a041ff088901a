"""A table as HTML, in the style of tables that PowerPoint begins with: a dark first row, bands, white lines."""

from typing import Any

from markupsafe import Markup

from cms_sales_enablement.told.fitting import cut
from cms_sales_enablement.told.numbers import EMU_OF_POINT
from cms_sales_enablement.told.theme import Theme

STRONG, WEAK = 0.4, 0.2  # of the accent colour, in bands
PLAIN = 18.0  # points, where none are said
MOST, FEWEST = 6_000, 8  # characters of all cells together; of one, however many there are


def letters_of(frame: Any) -> float:
    """The size of its largest letters, in points."""
    sizes = (int(each.get("sz")) / 100 for each in frame._element.iter("{*}rPr") if each.get("sz"))
    return max(sizes, default=PLAIN)


def longest_of(frame: Any) -> int:
    """The characters of its longest cell, or as many as are tried where all together are too many to lay out."""
    lengths = [len(each.text) for row in frame.table.rows for each in row.cells]
    longest = max(lengths, default=1) or 1
    while longest > FEWEST and sum(min(each, longest) for each in lengths) > MOST:
        longest //= 2
    return longest


def html_of(frame: Any, theme: Theme, scale: float, most: int) -> Markup:
    """A table at a scale, its cells cut to so many characters."""
    table = frame.table
    size = letters_of(frame) * scale
    columns = [each.width or 1 for each in table.columns]
    widths = Markup("").join(
        Markup('<col style="width:{:.3f}%">').format(100 * each / sum(columns)) for each in columns
    )
    rows = [
        Markup('<tr style="{}">{}</tr>').format(
            f"height:{(row.height or 0) / EMU_OF_POINT * scale:.2f}pt;{_look(at, table, theme)}",
            Markup("").join(_cell(each.text, most) for each in row.cells),
        )
        for at, row in enumerate(table.rows)
    ]
    return Markup('<table style="font-size:{:.2f}pt;font-family:{}">{}{}</table>').format(
        size, theme.family("+mn-lt"), widths, Markup("").join(rows)
    )


def _look(at: int, table: Any, theme: Theme) -> str:
    if at == 0 and table.first_row:
        return f"background:{theme.named('accent1')};color:{theme.named('lt1')};font-weight:bold"
    band = (at + (not table.first_row)) % 2
    part = STRONG if band and table.horz_banding else WEAK
    return f"background:{theme.mixed('accent1', part)};color:{theme.named('dk1')}"


def _cell(text: str, most: int) -> Markup:
    return Markup("<td>{}</td>").format(cut(text.replace("\v", "\n"), most))
