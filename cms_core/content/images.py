"""Opens and encodes images again, in a child process with limits of memory and time.

An image is foreign code's favourite envelope: bombs that unfold to gigabytes, polyglots that are a script as well, positions in the
metadata. What we store is what our own encoder wrote from the pixels, without metadata but for the colour profile.
"""

import io
import json
import subprocess
import sys
from dataclasses import dataclass
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


def encode_again(data: bytes) -> Encoded:
    """Open an image in a child process and write it anew; raises Invalid for bombs and what is no PNG, JPEG, GIF or WebP."""
    command = [sys.executable, "-I", "-m", "cms_core.content.images"]
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
        answer, encoded = _encode(sys.stdin.buffer.read())
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


def _encode(data: bytes) -> tuple[dict[str, Any], bytes]:
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
    if name == "JPEG":
        options["quality"] = 92 if turned or image.format != "JPEG" else "keep"
    image.load()
    # Some versions of the encoders copy metadata by themselves.
    image.info = {key: value for key, value in image.info.items() if key in _KEPT}
    out = io.BytesIO()
    image.save(out, name, **options)
    return {"mime": MIME[name], "width": image.width, "height": image.height}, out.getvalue()


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
