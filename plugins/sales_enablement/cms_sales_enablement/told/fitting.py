"""Words that are too many for their place: smaller first, as PowerPoint makes them, and cut where that is not enough.

Whether something fits is asked of WeasyPrint: what needs a second page does not.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from cms_sales_enablement.told.press import Press

SCALES = tuple(each / 100 for each in range(100, 24, -5))
SMALLEST = 6.0  # points
MOST = 3_000  # characters that are tried at all: more are not read on one slide
MORE = "…"

Draw = Callable[[float, int], Markup]  # at a scale, with so many characters


@dataclass(frozen=True)
class Fitter:
    """Asks whether words fit."""

    press: Press

    def fitted(self, draw: Draw, size: float, width: float, height: float, longest: int) -> Markup:
        """The words as large as they fit into this place, else as many of them as do; ``size`` is that of the largest letters."""

        def fits(drawn: Markup) -> bool:
            return len(self.press.document(drawn, width, height).pages) == 1

        whole = min(longest, MOST)
        scales = [each for each in SCALES if each == 1 or size * each >= SMALLEST]
        at = _first(scales, lambda scale: fits(draw(scale, whole)))
        if at < len(scales):
            return draw(scales[at], whole)
        left = _first(range(whole - 1, 0, -1), lambda most: fits(draw(scales[-1], most)))
        return draw(scales[-1], max(1, whole - 1 - left))


def cut(text: str, most: int) -> str:
    """At most so many characters of a text, and a sign that there were more."""
    return text if len(text) <= most else f"{text[: max(0, most - 1)].rstrip()}{MORE}"


def _first(choices: Sequence[Any], holds: Callable[[Any], bool]) -> int:
    """Where the first choice stands of which it holds, as it holds of all behind it; their number where there is none."""
    return bisect_left(choices, True, key=holds)
