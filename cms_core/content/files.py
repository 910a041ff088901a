"""The media library: files a page at a time, narrowed by words, by kind and by what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from cms_core.content.media import RASTER, SHOWN, url_path
from cms_core.content.models import Media, Reference, Revision
from cms_core.content.renditions import Spec
from cms_core.content.renditions import url_path as sized_path

PAGE = 36
THUMB = Spec(320, 200)


@dataclass(frozen=True)
class FileFilter:
    """Which files to list; ``only``: "pictures", "others", "unused" or "bare" (pictures without alternative text)."""

    words: str = ""
    only: str = ""


@dataclass(frozen=True)
class FileRow:
    """One file of the library; ``uses`` counts the assets that show it, ``thumb`` is empty for what is no picture."""

    id: str
    filename: str
    mime: str
    size: int
    width: int | None
    height: int | None
    alt: str
    url: str
    thumb: str
    uses: int
    key: int


def list_files(
    session: Session, wanted: FileFilter, before: int | None = None
) -> tuple[list[FileRow], int | None]:
    """Files that were not put away, the newest first, and the key to read on from (None at the end)."""
    uses = (
        select(func.count(func.distinct(Revision.asset_id)))
        .join(Reference, Reference.revision_id == Revision.id)
        .where(Reference.media_id == Media.id)
        .correlate(Media)
        .scalar_subquery()
    )
    query = select(Media, uses).where(*_conditions(wanted)).order_by(Media.id.desc()).limit(PAGE + 1)
    if before is not None:
        query = query.where(Media.id < before)
    rows = [_row(media, count) for media, count in session.execute(query)]
    return rows[:PAGE], rows[PAGE - 1].key if len(rows) > PAGE else None


def thumb_of(media: Media) -> str:
    """The path of a picture's thumbnail, or ""."""
    return sized_path(media, THUMB) if media.mime in RASTER else ""


def _row(media: Media, uses: int) -> FileRow:
    return FileRow(
        media.public_id, media.filename, media.mime, media.size, media.width, media.height, media.alt,
        url_path(media), thumb_of(media), uses, media.id,
    )  # fmt: skip


def _conditions(wanted: FileFilter) -> Sequence[ColumnElement[bool]]:
    picture = Media.mime.in_(sorted(RASTER))
    only: dict[str, list[ColumnElement[bool]]] = {
        "pictures": [picture],
        "others": [~picture],
        "unused": [~exists().where(Reference.media_id == Media.id)],
        "bare": [picture, Media.alt == ""],
    }
    words = [
        or_(*(column.icontains(word, autoescape=True) for column in (Media.filename, Media.alt)))
        for word in wanted.words.split()
    ]
    return [*SHOWN, *only.get(wanted.only, []), *words]
