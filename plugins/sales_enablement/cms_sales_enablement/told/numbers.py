"""Numbers as files of presentations say them; one that says nothing is taken for what stands where none is said."""

import re

WHOLE = 100_000  # ECMA's 100 %
EMU_OF_POINT = 12_700
UNITS = {"mm": 72 / 25.4, "cm": 72 / 2.54, "in": 72.0, "pt": 1.0, "pc": 12.0, "pi": 12.0}  # in points
MEASURE = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)(mm|cm|in|pt|pc|pi)")


def part(said: str | None, instead: float = 1.0) -> float:
    """A part of a whole: in thousandths of a percent, or in percent (ECMA-376 part 1, 22.9.2.8)."""
    try:
        return float(said[:-1]) / 100 if said and said.endswith("%") else float(said or "") / WHOLE
    except ValueError:
        return instead


def points(said: str | None, instead: float = 0.0) -> float:
    """A length in points: in EMU, or with its unit (22.9.2.15)."""
    measured = MEASURE.fullmatch(said or "")
    if measured:
        return float(measured[1]) * UNITS[measured[2]]
    try:
        return int(said or "") / EMU_OF_POINT
    except ValueError:
        return instead
