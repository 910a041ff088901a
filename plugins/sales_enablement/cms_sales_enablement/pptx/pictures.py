"""Pictures that are put into slides: told by their content, and fitted into the box of what they replace."""

import hashlib
import io
import warnings
from dataclasses import dataclass
from functools import cached_property

from cms_core import Invalid

DRAWING = b'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
PLACE = b'<a:off %b x="%%d" y="%%d"/><a:ext %b cx="%%d" cy="%%d"/>' % (DRAWING, DRAWING)
ENDINGS = {"PNG": ("png", "image/png"), "JPEG": ("jpeg", "image/jpeg")}


@dataclass(frozen=True)
class Picture:
    """A picture that may be shown: its bytes, size in pixels, and how parts of its kind end and are typed."""

    data: bytes
    width: int
    height: int
    ending: str
    type: str

    @cached_property
    def name(self) -> str:
        """The same for the same content."""
        return f"{hashlib.sha256(self.data).hexdigest()[:24]}.{self.ending}"


@dataclass(frozen=True)
class Box:
    """Where a shape lies, in EMU. A group may stretch what it holds: ``stretch`` is its height over its width as it is shown."""

    x: int
    y: int
    width: int
    height: int
    stretch: float = 1.0

    def written(self) -> bytes:
        """As elements of the drawing language, wherever they stand."""
        return PLACE % (self.x, self.y, self.width, self.height)

    def fit(self, picture: Picture) -> "Box":
        """The largest box of the picture's proportions in the middle of this one."""
        tall = picture.height / picture.width / self.stretch  # as it must be here to be right when shown
        width = min(self.width, round(self.height / tall))
        height = min(self.height, round(self.width * tall))
        return Box(
            self.x + (self.width - width) // 2,
            self.y + (self.height - height) // 2,
            max(1, width),
            max(1, height),
        )


def read_picture(field: str, data: bytes) -> Picture:
    """A PNG or JPEG picture, whatever it is called; raises Invalid that names the field for all else."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=tuple(ENDINGS)) as image:
                (width, height), kind = image.size, image.format or ""
                image.verify()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        kind = ""
    if kind not in ENDINGS:
        raise Invalid(
            f"the picture for {field} is none that can be shown", "give a PNG or a JPEG", field=field
        )
    return Picture(data, width, height, *ENDINGS[kind])
