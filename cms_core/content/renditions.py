"""Pictures in other sizes: made once in a child process, kept beside the originals, named by content, size and focal point.

``w640`` is 640 pixels wide; ``c1200x630`` is cropped to that shape around the focal point. A picture is never made larger than it
is, and moving ones stay as they are. Files can be deleted at any time; they are made again.
"""

import re
import threading
from dataclasses import dataclass
from pathlib import Path

from cms_core import contract as c
from cms_core.config import Config
from cms_core.content.images import Encoded, Size, box_of, encode_again
from cms_core.content.media import RASTER, WIDTHS, path_of, write_once
from cms_core.content.media import url_path as original_path
from cms_core.content.models import Media
from cms_core.errors import Invalid, NotFound

CROPS = ((320, 200), (1200, 630))
MOST_PIXELS_A_SIDE = 4096
_NAME = re.compile(r"w([1-9]\d{0,3})|c([1-9]\d{0,3})x([1-9]\d{0,3})")
_STARTS = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
)
# A page asks for many sizes at once; more encoders than that only take memory from each other.
_encoders = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Spec:
    """A wanted size: a width, or a shape to crop to."""

    width: int
    height: int = 0

    @classmethod
    def parse(cls, name: str) -> "Spec | None":
        """The size that a name like ``w640`` or ``c1200x630`` stands for, or None."""
        found = _NAME.fullmatch(name)
        if found is None or max(int(each or 0) for each in found.groups()) > MOST_PIXELS_A_SIDE:
            return None
        return cls(int(found[1])) if found[1] else cls(int(found[2]), int(found[3]))

    @classmethod
    def wanted(cls, width: int, height: int = 0) -> "Spec":
        """A size in pixels; raises Invalid for one that is none or too large."""
        if not (0 < width <= MOST_PIXELS_A_SIDE and 0 <= height <= MOST_PIXELS_A_SIDE):
            raise Invalid(
                f"{width} × {height} is no size of a picture", f"each side may have 1 to {MOST_PIXELS_A_SIDE}"
            )
        return cls(width, height)

    @property
    def name(self) -> str:
        """As it stands in addresses."""
        return f"c{self.width}x{self.height}" if self.height else f"w{self.width}"

    @property
    def offered(self) -> bool:
        """Whether anybody may ask for it: a stranger must not be able to let us make thousands of sizes."""
        return (self.width, self.height) in CROPS if self.height else self.width in WIDTHS


def rendition(config: Config, media: Media, spec: Spec) -> c.Rendition:
    """The picture in this size, made now if need be; raises Invalid for what is no picture, NotFound when its file is gone."""
    if media.mime not in RASTER or not media.width or not media.height:
        raise Invalid(f"{media.filename!r} is no picture", "choose a PNG, JPEG, GIF or WebP")
    path = where(config, media, spec)
    if not path.is_file() and not _stays(path).is_file():
        with _encoders:
            _make(config, media, spec, path)
    if _stays(path).is_file():
        original = path_of(config.media_dir, media.sha256)
        url = config.base_url + original_path(media)
        return c.Rendition(media.width, media.height, media.mime, str(original), url)
    width, height = dimensions(media, spec)
    return c.Rendition(width, height, mime_of(path), str(path), config.base_url + url_path(media, spec))


def dimensions(media: Media, spec: Spec) -> tuple[int, int]:
    """Width and height of what is made of a picture."""
    left, top, right, bottom = box_of(_size(media, spec), media.width or 1, media.height or 1)
    width = min(spec.width, right - left)
    return width, max(1, round((bottom - top) * width / (right - left)))


def where(config: Config, media: Media, spec: Spec) -> Path:
    """Where a rendition lies; a crop's name has the focal point, so that another one is another file."""
    folder = path_of(config.media_dir / "renditions", media.sha256)
    return folder / (f"{spec.name}-{media.focal_x}-{media.focal_y}" if spec.height else spec.name)


def url_path(media: Media, spec: Spec) -> str:
    """The path under which a rendition is served; that of a crop changes with the focal point, so it may be kept for ever."""
    focus = f"-{media.focal_x}-{media.focal_y}" if spec.height else ""
    return f"/media/{media.sha256}/{spec.name}{focus}/{media.filename}"


def mime_of(path: Path) -> str:
    """What an encoded picture is, by its first bytes."""
    with path.open("rb") as file:
        start = file.read(4)
    return next(mime for begin, mime in _STARTS if start.startswith(begin))


def _stays(path: Path) -> Path:
    """The mark beside a rendition that says: this picture moves and stays as it is."""
    return path.with_name(f"{path.name}.stays")


def _size(media: Media, spec: Spec) -> Size:
    return Size(spec.width, spec.height, media.focal_x, media.focal_y)


def _make(config: Config, media: Media, spec: Spec, path: Path) -> None:
    if path.is_file() or _stays(path).is_file():  # by who was before us at the encoders
        return
    try:
        data = path_of(config.media_dir, media.sha256).read_bytes()
    except FileNotFoundError:
        raise NotFound(f"the file of {media.filename!r} is gone", "upload it again") from None
    made: Encoded = encode_again(data, _size(media, spec))
    as_wanted = (made.width, made.height) == dimensions(media, spec)
    write_once(path if as_wanted else _stays(path), made.data if as_wanted else b"")
