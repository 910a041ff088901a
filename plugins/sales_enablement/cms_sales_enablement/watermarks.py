"""The reader's address, drawn into the pixels of a slide's picture: aslant, again and again, so that no part of it is without.

Dark letters with a light edge, both faint, so that one of them is seen on any ground. Drawn for each reader from the
picture that all share, and kept in memory for a while: a deck is looked at slide by slide, and back.
"""

import io
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

KEPT = 64  # pictures in memory, a few hundred kB each
OPACITY = 31  # of 255: 12 %
DARK, LIGHT = (0, 0, 0, OPACITY), (255, 255, 255, OPACITY)
ANGLE = 28  # degrees
QUALITY, EFFORT = 82, 2
MIME = "image/webp"


@lru_cache(maxsize=KEPT)
def drawn(path: str, address: str) -> bytes:
    """The picture in a file (named by its content, so that it never changes) with an address all over it."""
    with Image.open(path) as found:
        picture = found.convert("RGBA")
    picture.alpha_composite(_marks(picture.size, address))
    data = io.BytesIO()
    picture.convert("RGB").save(data, "WEBP", quality=QUALITY, method=EFFORT)
    return data.getvalue()


@lru_cache(maxsize=4)
def _marks(size: tuple[int, int], address: str) -> Image.Image:
    """A transparent layer of this size, full of the address; the slides of a deck share it."""
    width, height = size
    font = ImageFont.load_default(max(9, width // 52))
    edge = max(1, width // 600)
    words = address.encode(
        "ascii", "backslashreplace"
    ).decode()  # the font knows no others; this one is as distinct
    left, top, right, bottom = (round(each) for each in font.getbbox(words))
    step_x, step_y = (right - left) + width // 14, max(2, bottom - top) * 4
    side = round((width**2 + height**2) ** 0.5) + 2 * step_x  # whatever the angle, it covers the picture
    layer = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    for row, y in enumerate(range(0, side, step_y)):
        for x in range(-(row % 2) * step_x // 2, side, step_x):
            draw.text((x, y), words, font=font, fill=LIGHT, stroke_width=edge, stroke_fill=LIGHT)
            draw.text((x, y), words, font=font, fill=DARK)
    turned = layer.rotate(ANGLE, resample=Image.Resampling.BICUBIC)
    at_x, at_y = (side - width) // 2, (side - height) // 2
    return turned.crop((at_x, at_y, at_x + width, at_y + height))
