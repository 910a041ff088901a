"""Files: stored once under the hash of their content, typed by what they are and not by what they are called."""

import hashlib
import re
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.config import Config
from cms_core.content.drafts import CONTROL
from cms_core.content.images import MIME as RASTER_MIME
from cms_core.content.images import encode_again
from cms_core.content.models import Media
from cms_core.content.slugs import slugify
from cms_core.db import now
from cms_core.dialect import insert_missing
from cms_core.errors import Invalid, NotFound
from cms_core.files import replace_file

MAX_BYTES = 25 * 1024 * 1024
MAX_PRIVATE_BYTES = 4 * MAX_BYTES
MAX_ALT = 1000
RASTER = frozenset(RASTER_MIME.values())
WIDTHS = (160, 320, 480, 640, 960, 1280, 1600, 1920)
_ENDINGS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/svg+xml": ".svg",
    "application/pdf": ".pdf",
    "video/mp4": ".mp4",
}
SHOWN = (Media.archived_at.is_(None), Media.private.is_(False))  # what people find in the library of files
_RASTER_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
_SVG = re.compile(rb"(?:<\?xml[^>]*>\s*|<!--.*?-->\s*|<!DOCTYPE svg[^>\[]*>\s*){0,10}<svg[\s>]", re.DOTALL)


@dataclass(frozen=True)
class Stored:
    """A file that lies in the store, not yet known to the database; ``source_url`` is where it was fetched from, if it was."""

    sha256: str
    source_sha256: str
    mime: str
    size: int
    width: int | None
    height: int | None
    filename: str
    source_url: str = ""
    private: bool = False

    @classmethod
    def of(cls, media: Media) -> "Stored":
        """The file behind a row."""
        return cls(**{each.name: getattr(media, each.name) for each in fields(cls)})


def take_in(folder: Path, data: bytes, filename: str) -> Stored:
    """Check an upload, encode it again if it is an image, and store it under ``folder``; touches no database.

    Raises Invalid for what is too large, of no accepted type, or an image that cannot be opened within its limits.
    """
    if len(data) > MAX_BYTES:
        raise Invalid(
            f"{filename!r:.120} has {len(data):,} bytes; at most {MAX_BYTES:,} fit", "make the file smaller"
        )
    source = hashlib.sha256(data).hexdigest()
    mime, width, height = _mime_of(data, filename), None, None
    if mime in RASTER:
        try:
            encoded = encode_again(data)
        except Invalid as error:
            raise Invalid(f"{filename!r:.120}: {error.message}", error.remedy) from None
        data, mime, width, height = encoded.data, encoded.mime, encoded.width, encoded.height
    sha256 = hashlib.sha256(data).hexdigest()
    write_once(path_of(folder, sha256), data)
    return Stored(sha256, source, mime, len(data), width, height, clean_filename(filename, mime))


def keep(folder: Path, data: bytes, filename: str, mime: str) -> Stored:
    """Store a file that a plugin has checked and keeps for itself: it gets no address. Raises Invalid for what is too large."""
    if len(data) > MAX_PRIVATE_BYTES:
        raise Invalid(
            f"{filename!r:.120} has {len(data):,} bytes; at most {MAX_PRIVATE_BYTES:,} fit",
            "make the file smaller",
        )
    sha256 = hashlib.sha256(data).hexdigest()
    write_once(path_of(folder, sha256), data)
    ending = slugify(PurePosixPath(filename).suffix)[:10]
    name = _stem(filename) + (f".{ending}" if ending else "")
    return Stored(sha256, sha256, mime, len(data), None, None, name, private=True)


def record(session: Session, stored: Stored, alt: str = "") -> Media:
    """Make a stored file known; the same content is one file, and a missing alternative text is filled in, as far as it fits.

    A file that was put away comes back; a private one that somebody uploads for all to see is for all to see.
    """
    alt = CONTROL.sub("", " ".join(alt.split()))[:MAX_ALT]
    same = select(Media).where(Media.sha256 == stored.sha256)
    media = session.scalars(same).first()
    if media is None:  # somebody else may keep the same at the same moment
        insert_missing(session, Media, [{**vars(stored), "alt": alt, "created_at": now(session)}])
        media = session.scalars(same).one()
    media.alt = media.alt or alt
    media.source_url = media.source_url or stored.source_url
    media.private = media.private and stored.private
    media.archived_at = None
    session.flush()
    return media


def find_upload(session: Session, data: bytes) -> Media | None:
    """The file that was made from exactly this upload, so that it need not be encoded again."""
    source = hashlib.sha256(data).hexdigest()
    return session.scalars(select(Media).where(Media.source_sha256 == source).limit(1)).first()


def find_file(session: Session, sha256: str) -> Media | None:
    """The file with this content, unless it was put away or is private."""
    return session.scalars(select(Media).where(Media.sha256 == sha256, *SHOWN)).first()


def find_by_public_id(session: Session, public_id: str) -> Media:
    """The file with this public id, unless it was put away or is private; raises NotFound."""
    query = select(Media).where(Media.public_id == public_id, *SHOWN)
    found = session.scalars(query).first()
    if found is None:
        raise NotFound(f"there is no file {public_id[:60]!r}", "the media library shows what there is")
    return found


def find_any_file(session: Session, sha256: str) -> Media | None:
    """The file with this content, whoever may see it, unless it was put away."""
    return session.scalars(select(Media).where(Media.sha256 == sha256, Media.archived_at.is_(None))).first()


def describe(media: Media, alt: str, focal_x: int, focal_y: int) -> None:
    """Say what a file shows, and which point of it (percent from the left and the top) every crop must keep."""
    alt = " ".join(alt.split())
    if len(alt) > MAX_ALT:
        raise Invalid(
            f"the alternative text has {len(alt)} characters; at most {MAX_ALT} fit",
            "shorten it",
            field="alt",
        )
    if found := CONTROL.search(alt):
        raise Invalid(f"the alternative text holds {found.group()!r}", "take it out", field="alt")
    for name, value in (("focal_x", focal_x), ("focal_y", focal_y)):
        if not 0 <= value <= 100:
            raise Invalid(f"the focal point {value} is outside of the picture", "give 0 to 100", field=name)
    media.alt, media.focal_x, media.focal_y = alt, focal_x, focal_y


def widths_of(media: Media) -> tuple[int, ...]:
    """The widths in which a picture is offered, the smallest first; none where it is not made smaller by them."""
    still = media.mime in RASTER and media.mime != "image/gif"
    return tuple(each for each in WIDTHS if still and each < (media.width or 0))


def path_of(folder: Path, sha256: str) -> Path:
    """Where a file lies: ``aa/bb/<sha256>``."""
    return folder / sha256[:2] / sha256[2:4] / sha256


def url_path(media: Media | Stored) -> str:
    """The path under which a file is served, and by which texts refer to it."""
    return f"/media/{media.sha256}/{media.filename}"


def clean_filename(filename: str, mime: str) -> str:
    """A harmless name for downloads, with the ending of what the file is."""
    return _stem(filename) + _ENDINGS[mime]


def _stem(filename: str) -> str:
    name = PurePosixPath(filename.replace("\\", "/")).name
    return slugify(name.rsplit(".", 1)[0]) or "file"


def to_contract(media: Media, config: Config) -> c.Media:
    """The file as plugins see it."""
    return c.Media(
        id=media.public_id,
        sha256=media.sha256,
        mime=media.mime,
        size=media.size,
        width=media.width,
        height=media.height,
        alt=media.alt,
        filename=media.filename,
        path=str(path_of(config.media_dir, media.sha256)),
        url="" if media.private else config.base_url + url_path(media),
        widths=widths_of(media),
    )


def _mime_of(data: bytes, filename: str) -> str:
    if data.startswith(_RASTER_STARTS) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
        return "image/png"  # some image; the decoder says which
    if data.startswith(b"%PDF-"):
        return "application/pdf"
    if data[4:8] == b"ftyp" and data[8:11] in (b"iso", b"mp4", b"avc", b"M4V", b"das"):
        return "video/mp4"
    if _SVG.match(data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()) and b"<!ENTITY" not in data:
        return "image/svg+xml"
    raise Invalid(
        f"{filename!r:.120} is not a file of an accepted type",
        "use PNG, JPEG, GIF, WebP, SVG, PDF or MP4; its content counts, not its name",
    )


def write_once(path: Path, data: bytes) -> None:
    """Write a file that is named by its content, whole or not at all; one that is there is left as it is."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, data)
