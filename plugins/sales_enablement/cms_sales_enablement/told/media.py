"""Pictures as a page needs them: no larger than they are shown, and in no format but PNG and JPEG."""

import hashlib
import io
import warnings
from dataclasses import dataclass, field
from typing import Any

SHARP = 3.0  # pixels for each point of a slide: 216 to the inch
READ = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
QUALITY = 88
SCHEME = "told:"

Crop = tuple[float, float, float, float]  # from the left, top, right, bottom: parts of the whole


@dataclass
class Media:
    """The pictures of a file that is made, by the address that its pages call them by; nothing else has an address."""

    kept: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    _known: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def keep(self, data: bytes, width: float, height: float, crop: Crop = (0, 0, 0, 0)) -> str:
        """Keep a picture that is shown so large (in points) and give its address; "" for one that cannot be read."""
        asked = (
            hashlib.sha256(data).digest(),
            width,
            height,
            crop,
        )  # what lies behind every slide is read once
        if asked not in self._known:
            made = _fitted(data, width, height, crop)
            self._known[asked] = address = f"{SCHEME}{len(self.kept)}" if made else ""
            if made is not None:
                self.kept[address] = made
        return self._known[asked]


def _fitted(data: bytes, width: float, height: float, crop: Crop) -> tuple[bytes, str] | None:
    from PIL import Image

    most = max(1, round(width * SHARP)), max(1, round(height * SHARP))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=READ) as image:
                image.draft("RGB", most)  # a JPEG is read as small as will do
                kind = "JPEG" if image.format == "JPEG" else "PNG"
                deep = image.mode.startswith("I")  # 16 bits of grey, which Pillow would cut off at 8
                plain = image.point(lambda grey: grey / 256).convert("L") if deep else image
                shown = plain.convert("RGB" if kind == "JPEG" else "RGBA")
            if any(crop):
                shown = shown.crop(_box(crop, shown.size))
            shown.thumbnail(most)
            out = io.BytesIO()
            shown.save(out, kind, quality=QUALITY)
            return out.getvalue(), f"image/{kind.lower()}"
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def _box(crop: Crop, size: tuple[int, int]) -> tuple[int, int, int, int]:
    (left, top, right, bottom), (wide, high) = crop, size
    return round(left * wide), round(top * high), round(wide - right * wide), round(high - bottom * high)
