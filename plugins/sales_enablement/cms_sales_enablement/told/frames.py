"""Where shapes lie on a slide."""

from dataclasses import dataclass
from typing import Any

from cms_sales_enablement.told.numbers import EMU_OF_POINT, points


@dataclass(frozen=True)
class Frame:
    """Where a shape lies, in points; ``turned`` by so many degrees."""

    left: float
    top: float
    width: float
    height: float
    turned: float = 0

    @classmethod
    def of(cls, shape: Any) -> "Frame | None":
        """None for a shape that has no place."""
        sides = (shape.left, shape.top, shape.width, shape.height)
        if any(each is None for each in sides):
            return None
        left, top, width, height = (each / EMU_OF_POINT for each in sides)
        return cls(left, top, width, height, float(getattr(shape, "rotation", 0) or 0))

    @property
    def css(self) -> str:
        """As a style."""
        turn = f";transform:rotate({self.turned:.1f}deg)" if self.turned else ""
        return (
            f"left:{self.left:.2f}pt;top:{self.top:.2f}pt;width:{max(0, self.width):.2f}pt;"
            f"height:{max(0, self.height):.2f}pt{turn}"
        )


def within(group: Any, frame: Frame, inner: Frame) -> Frame:
    """Where a shape of a group lies on the slide: a group may be drawn in another size than its shapes are."""
    place = group._element.find("{*}grpSpPr/{*}xfrm")
    begin, extent = (place.find("{*}chOff"), place.find("{*}chExt")) if place is not None else (None, None)
    if begin is None or extent is None:
        return inner
    left, top = points(begin.get("x")), points(begin.get("y"))
    wide, high = points(extent.get("cx")), points(extent.get("cy"))
    by_x, by_y = frame.width / wide if wide else 1, frame.height / high if high else 1
    return Frame(
        frame.left + (inner.left - left) * by_x,
        frame.top + (inner.top - top) * by_y,
        inner.width * by_x,
        inner.height * by_y,
        inner.turned,
    )
