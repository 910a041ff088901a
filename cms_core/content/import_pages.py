"""Importing content in the app: Markdown files, WordPress exports, or a zip archive of a folder with its pictures."""

import tempfile
from pathlib import Path

from flask import Blueprint, redirect, render_template, request, url_for

from cms_core.errors import CmsError, Invalid
from cms_core.imports.documents import Folder
from cms_core.imports.folder import read_folder
from cms_core.imports.saving import save_folder
from cms_core.imports.unpack import unpack
from cms_core.web.auth import permission, user
from cms_core.web.request import Answer, session, workspace
from cms_core.web.shell import toast

blueprint = Blueprint("importing", __name__)


@blueprint.get("/import")
@permission("content.edit")
def choose() -> Answer:
    """The form for files."""
    return render_template("content/import.html", outcome=None)


@blueprint.post("/import")
@permission("content.edit")
def run() -> Answer:
    """Say what the files would become, or save the good ones; importing the same again adds nothing."""
    saving = request.form.get("do") == "save"
    try:
        folder = _read(saving)
    except CmsError as error:
        return render_template("content/import.html", outcome=None, problem=error), error.status
    outcome = save_folder(session(), workspace(), folder, user())
    words = f"{outcome.created} created, {outcome.updated} updated, {outcome.unchanged} unchanged."
    if not saving or not outcome.good:
        session().rollback()
    elif not outcome.errors:
        toast(words)
        return redirect(url_for("content.index"), 303)
    saved = saving and bool(outcome.good)
    return render_template("content/import.html", outcome=outcome, saved=saved, words=words)


def _read(saving: bool) -> Folder:
    """What was uploaded, read; pictures are stored for good only when it is saved. No writing session is open meanwhile."""
    uploads = [(each.filename, each.read()) for each in request.files.getlist("files") if each.filename]
    if not uploads:
        raise Invalid("no file was chosen", "choose Markdown files, a WordPress export, or a zip archive")
    with tempfile.TemporaryDirectory() as scratch, workspace().db.session() as reading:
        root = Path(scratch, "files")
        root.mkdir()
        unpack(uploads, root)
        media = workspace().config.media_dir if saving else Path(scratch, "media")
        try:
            return read_folder(reading, workspace(), root, media, user().timezone)
        except Invalid as error:  # its words name the folder, which nobody has seen
            raise Invalid("there is no Markdown and no WordPress export in it", error.remedy) from None
