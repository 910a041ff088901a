"""The media library in the app: what there is, what it shows, where it is used."""

from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.datastructures import FileStorage

from cms_core.content import board, renditions
from cms_core.content import media as files
from cms_core.content.files import FileFilter, list_files
from cms_core.content.models import Media
from cms_core.errors import CmsError, Invalid
from cms_core.web.auth import permission, user
from cms_core.web.request import Answer, session, whole_number, workspace
from cms_core.web.shell import toast

blueprint = Blueprint("files", __name__)

FILTERS = (
    ("", "All"),
    ("pictures", "Pictures"),
    ("others", "Other files"),
    ("unused", "Unused"),
    ("bare", "Without alternative text"),
)
STAGE = renditions.Spec(320)  # the picture on which the focal point is chosen


@blueprint.get("/media")
@permission("content.read")
def index() -> Answer:
    """All files, the newest first."""
    asked = {name: request.args.get(name, "") for name in ("q", "only")}
    before = request.args.get("before", None, type=whole_number)
    rows, more = list_files(session(), FileFilter(asked["q"], asked["only"]), before)

    def address(**changed: str) -> str:
        values = {name: value for name, value in {**asked, **changed}.items() if value}
        return url_for("content.files.index") + (f"?{urlencode(values)}" if values else "")

    return render_template(
        "content/files.html", rows=rows, more=more, asked=asked, filters=FILTERS, address=address
    )


@blueprint.post("/media/add")
@permission("content.edit")
def add() -> Answer:
    """Take a file in; encoding comes before any writing session."""
    sent: FileStorage | None = request.files.get("file")
    try:
        if sent is None or not sent.filename:
            raise Invalid("no file was chosen", "choose a picture, PDF or video")
        stored = files.take_in(workspace().config.media_dir, sent.read(), sent.filename)
    except CmsError as error:
        toast(f"{error.message}. {error.remedy}", "bad")
        return redirect(url_for("content.files.index"), 303)
    row = files.record(session(), stored, request.form.get("alt", ""))
    toast(f"{row.filename} is stored.")
    return redirect(url_for("content.files.one", public_id=row.public_id), 303)


@blueprint.get("/media/<public_id>")
@permission("content.read")
def one(public_id: str) -> Answer:
    """One file with its sizes, and who shows it."""
    return _page(files.find_by_public_id(session(), public_id))


@blueprint.post("/media/<public_id>")
@permission("content.edit")
def save(public_id: str) -> Answer:
    """Save alternative text and focal point; a click on the picture sends where it was."""
    row = files.find_by_public_id(session(), public_id)
    try:
        files.describe(row, request.form.get("alt", ""), *_focus(row))
    except CmsError as error:
        session().rollback()
        return _page(files.find_by_public_id(session(), public_id), error), error.status
    toast("Saved.")
    return redirect(url_for("content.files.one", public_id=public_id), 303)


@blueprint.post("/media/<public_id>/archive")
@permission("content.edit")
def archive(public_id: str) -> Answer:
    """Put a file away that nothing shows."""
    row = files.find_by_public_id(session(), public_id)
    try:
        board.archive_media(session(), workspace().plugins, row, user())
    except CmsError as error:
        session().rollback()
        return _page(files.find_by_public_id(session(), public_id), error), error.status
    toast(f"{row.filename} is put away.")
    return redirect(url_for("content.files.index"), 303)


def _focus(row: Media) -> tuple[int, int]:
    """The focal point in percent: of a click on the picture (a browser sends its place in pixels), or as typed."""
    width, height = renditions.dimensions(row, STAGE)
    x, y = (request.form.get(f"focus.{axis}", None, type=whole_number) for axis in "xy")
    if x is not None and y is not None:
        return min(100, max(0, round(100 * x / width))), min(100, max(0, round(100 * y / height)))
    typed = (request.form.get(name, -1, type=whole_number) for name in ("focal_x", "focal_y"))
    left, top = typed
    return (left, top) if row.width else (50, 50)


def _page(row: Media, problem: CmsError | None = None) -> str:
    picture = bool(row.mime in files.RASTER and row.width)
    return render_template(
        "content/file.html",
        file=row,
        picture=picture,
        stage=renditions.url_path(row, STAGE),
        stage_size=renditions.dimensions(row, STAGE),
        crops=[
            (f"{width} × {height}", renditions.url_path(row, renditions.Spec(width, height)))
            for width, height in renditions.CROPS
        ],
        url=files.url_path(row),
        uses=board.media_uses(session(), row),
        problem=problem,
    )
