"""Opens and encodes images again, in a child process with limits of memory and time.

An image is foreign code's favourite envelope: bombs that unfold to gigabytes, polyglots that are a script as well, positions in the
metadata. What we store is what our own encoder wrote from the pixels, without metadata but for the colour profile.
"""

import io
import json
import subprocess
import sys
from dataclasses import astuple, dataclass
from typing import Any

from cms_core.errors import Invalid

MAX_PIXELS = 50_000_000
MAX_FRAMES = 500
MAX_PIXELS_OF_ALL_FRAMES = 250_000_000
MEMORY_BYTES = 1536 * 1024 * 1024
SECONDS = 20
MIME = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
_OPTIONS: dict[str, dict[str, Any]] = {
    "GIF": {"comment": b""},
    "JPEG": {"comment": b""},
    "WEBP": {"quality": 90},
}
_KEPT = ("icc_profile", "transparency", "duration", "loop", "background", "disposal")
_ORIENTATION = 0x0112  # the tag of EXIF that says how the camera was held
_REMEDY = "save it again as PNG, JPEG, GIF or WebP in a smaller size"


@dataclass(frozen=True)
class Encoded:
    """An image as our own encoder wrote it."""

    data: bytes
    mime: str
    width: int
    height: int


@dataclass(frozen=True)
class Size:
    """A size to be made of an image, in pixels; never larger than the image itself.

    With ``height`` the image is cropped to that shape around the focal point (percent from the left and from the top).
    """

    width: int
    height: int = 0
    focal_x: int = 50
    focal_y: int = 50


def encode_again(data: bytes, size: Size | None = None) -> Encoded:
    """Open an image in a child process and write it anew, in another size if one is named; moving images keep theirs.

    Raises Invalid for bombs and what is no PNG, JPEG, GIF or WebP.
    """
    wanted = [str(each) for each in astuple(size)] if size else []
    command = [sys.executable, "-I", __file__, *wanted]  # this very file, wherever it was loaded from
    try:
        child = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Invalid(f"the image takes more than {SECONDS} seconds to open", _REMEDY) from None
    head, _, rest = child.stdout.partition(b"\n")
    if child.returncode != 0 or not head:
        raise Invalid("the image needs too much memory to open, or is broken", _REMEDY)
    answer: dict[str, Any] = json.loads(head)
    if "error" in answer:
        raise Invalid(answer["error"], _REMEDY)
    return Encoded(rest, answer["mime"], answer["width"], answer["height"])


def _main() -> None:
    _limit_memory()
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # our own limit comes first, and says how large the image is
    answer: dict[str, Any]
    try:
        size = Size(*map(int, sys.argv[1:])) if sys.argv[1:] else None
        answer, encoded = _encode(sys.stdin.buffer.read(), size)
    except _Refused as error:
        answer, encoded = {"error": str(error)}, b""
    except UnidentifiedImageError:
        answer, encoded = {"error": "the file is not a PNG, JPEG, GIF or WebP image"}, b""
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        answer, encoded = {"error": f"the image is broken: {error}"}, b""
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + encoded)


class _Refused(Exception):
    """The image is over a limit."""


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows; the time limit and the limit of pixels still hold
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def _encode(data: bytes, size: Size | None = None) -> tuple[dict[str, Any], bytes]:
    from PIL import Image, ImageOps

    image: Image.Image = Image.open(io.BytesIO(data), formats=tuple(MIME))
    name = "JPEG" if image.format == "MPO" else str(image.format)
    if image.width * image.height > MAX_PIXELS:
        most = MAX_PIXELS // 1_000_000
        raise _Refused(f"the image has {image.width} × {image.height} pixels; at most {most} million fit")
    options = dict(_OPTIONS.get(name, {}))
    turned = image.getexif().get(_ORIENTATION, 1) != 1
    if name in ("GIF", "WEBP") and _count_frames(image) > 1:
        options["save_all"] = True
    elif turned:
        image = ImageOps.exif_transpose(image)
    if size is not None and "save_all" not in options:
        image, name = _resized(image, size, name)
        turned = True
    if name == "JPEG":
        options["quality"] = 92 if turned or image.format != "JPEG" else "keep"
    image.load()
    # Some versions of the encoders copy metadata by themselves.
    image.info = {key: value for key, value in image.info.items() if key in _KEPT}
    out = io.BytesIO()
    image.save(out, name, **options)
    return {"mime": MIME[name], "width": image.width, "height": image.height}, out.getvalue()


def _resized(image: Any, size: Size, name: str) -> tuple[Any, str]:
    """The image cropped and made smaller, and the format to write it in (a palette cannot be made smaller)."""
    from PIL import Image

    left, top, right, bottom = box_of(size, image.width, image.height)
    width = min(size.width, right - left)
    height = max(1, round((bottom - top) * width / (right - left)))
    if image.mode not in ("RGB", "RGBA", "L", "LA", "CMYK"):
        image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    info = {key: value for key, value in image.info.items() if key == "icc_profile"}
    resized = image.resize((width, height), Image.Resampling.LANCZOS, box=(left, top, right, bottom))
    resized.info = info
    return resized, "PNG" if name == "GIF" else name


def box_of(size: Size, width: int, height: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the part to show: the largest of the wanted shape, its centre as near to the focal point as
    the edges allow."""
    if not size.height:
        return 0, 0, width, height
    wide = min(width, max(1, round(height * size.width / size.height)))
    high = min(height, max(1, round(width * size.height / size.width)))
    left = min(max(0, round(width * size.focal_x / 100 - wide / 2)), width - wide)
    top = min(max(0, round(height * size.focal_y / 100 - high / 2)), height - high)
    return left, top, left + wide, top + high


def _count_frames(image: Any) -> int:
    """How many frames a moving image has; stops counting, and refuses it, where there are too many."""
    most = min(MAX_FRAMES, MAX_PIXELS_OF_ALL_FRAMES // (image.width * image.height))
    frames = 1
    try:
        while True:
            image.seek(frames)
            frames += 1
            if frames > most:
                raise _Refused(
                    f"the image has more than {most} frames of {image.width} × {image.height} pixels"
                )
    except EOFError:
        image.seek(0)
        return frames


if __name__ == "__main__":
    _main()
