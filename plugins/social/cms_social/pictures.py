"""Pictures as small as a network wants them."""

import io
from pathlib import Path

from cms_core import Media, Refused

MOST_BYTES = 1_000_000  # of a picture on Bluesky
SIDES = (2000, 1600, 1200, 800)
QUALITY = 82


def fitting(media: Media, most: int = MOST_BYTES) -> tuple[bytes, str]:
    """The bytes and type of a picture, made smaller where it is too large; raises Refused when it cannot be.

    Files of the store have been opened and written anew by the core when they were uploaded, so they may be opened here.
    """
    data = Path(media.path).read_bytes()
    if len(data) <= most:
        return data, media.mime
    for side in SIDES:
        smaller = _as_jpeg(data, side)
        if len(smaller) <= most:
            return smaller, "image/jpeg"
    raise Refused(f"{media.filename} is too large: at most {most:,} bytes fit")


def _as_jpeg(data: bytes, side: int) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        flat = picture.convert("RGBA")
        flat.thumbnail((side, side))
        paper = Image.new("RGB", flat.size, "white")
        paper.paste(flat, mask=flat.getchannel("A"))
        out = io.BytesIO()
        paper.save(out, "JPEG", quality=QUALITY, optimize=True)
        return out.getvalue()
