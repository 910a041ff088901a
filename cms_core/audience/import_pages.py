"""Importing people in the app: choose a file, look at what it would do and where its columns go, import."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.utils import secure_filename

from cms_core.audience import fields
from cms_core.audience.imports import ImportResult, import_contacts, open_files
from cms_core.audience.products import SIGNALS, Product, recognise
from cms_core.errors import CmsError, Invalid
from cms_core.web import scratch
from cms_core.web.auth import permission
from cms_core.web.request import Answer, session
from cms_core.web.shell import toast

blueprint = Blueprint("importing", __name__)

SHOWN_FAULTS = 100


@blueprint.get("/contacts/import")
@permission("audience.edit")
def choose() -> Answer:
    """The form for a file."""
    return render_template("audience/import.html", result=None)


@blueprint.post("/contacts/import")
@permission("audience.edit")
def run() -> Answer:
    """Tell what the file would do, or do it. The file is kept for an hour between the two."""
    try:
        name, data, kept = _file()
        header, product = _header(data, name)
        mapping = _mapping(header, product)
        saving = request.form.get("do") == "save"
        result = import_contacts(session(), data, mapping, name=name, dry_run=not saving)
    except CmsError as error:
        session().rollback()
        return _page(None, problem=error), error.status
    if saving and result.saved:
        scratch.drop(kept)
        left_out = f", {len(result.skipped)} left out" if result.skipped else ""
        toast(
            f"{result.created} created, {result.updated} updated, {result.unchanged} unchanged{left_out}.",
            "warn" if result.skipped else "ok",
        )
        return redirect(url_for("audience.index"), 303)
    return _page(result, name=name, kept=kept, columns=_columns(header, product, mapping), product=product)


def _page(result: ImportResult | None, **more: Any) -> str:
    return render_template("audience/import.html", result=result, shown=SHOWN_FAULTS, **more)


def _file() -> tuple[str, bytes, str]:
    """The name and content of the file, and under which name it is kept: as just sent, or as sent before."""
    sent = request.files.get("file")
    if sent is not None and sent.filename:
        data = sent.read()
        return secure_filename(sent.filename) or "contacts.csv", data, scratch.keep(data)
    kept = request.form.get("kept", "")
    if not kept:
        raise Invalid("no file was chosen", "choose a CSV file")
    return secure_filename(request.form.get("name", "")) or "contacts.csv", scratch.read(kept), kept


def _header(data: bytes, name: str) -> tuple[list[str], Product]:
    """The columns of the file, or of all in an archive, and whose export it is."""
    with open_files(data, name) as files:
        header = list(dict.fromkeys(each for file in files for each in file.header if each))
        return header, recognise(header)


def _mapping(header: list[str], product: Product) -> Mapping[str, str]:
    """Where the person wants columns to go; what was not chosen is guessed from its name."""
    chosen = {name: request.form.get(f"map-{n}", "") for n, name in enumerate(header)}
    return {name: target for name, target in chosen.items() if target and target != product.target(name)}


def _columns(header: list[str], product: Product, mapping: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each column with the fields it may go to and the one it goes to."""
    known = {**dict.fromkeys([*fields.BUILT_IN, "consent"], ""), **fields.known(session())}
    rows = []
    for n, name in enumerate(header):
        own = fields.custom_name(name)
        labels = {target: label or target.replace("_", " ").capitalize() for target, label in known.items()}
        labels.setdefault(own, f"A field of your own: {name}")
        labels |= SIGNALS
        labels[fields.LEFT_OUT] = "Nowhere: leave it out"
        target = mapping.get(name, product.target(name))
        rows.append({"name": f"map-{n}", "label": name, "target": target, "choices": labels})
    return rows
