"""The pages on which a rep tells a slide of their own, and picks slides of other presentations."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from marshmallow import ValidationError
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from cms_core import CmsError, SchemaForm, permission, services
from cms_sales_enablement import PLUGIN, blocks, decks, images, index, own_slides, pictures, presentations
from cms_sales_enablement.models import Deck
from cms_sales_enablement.presentations import MAKE

Answer = str | Response | tuple[str, int]

blueprint = Blueprint(
    "sales_blocks", __name__, url_prefix="/app/p/sales_enablement/decks", template_folder="templates"
)


@blueprint.get("/<public_id>/blocks/new")
@permission(MAKE)
def new(public_id: str) -> Answer:
    """What can be told, or the form of one kind of it."""
    svc = services.current(PLUGIN)
    found, kind = decks.find(svc, public_id), request.args.get("type", "")
    if not kind:
        return render_template(
            "sales_enablement/block_kinds.html", deck=found, kinds=blocks.kinds(svc).values()
        )
    return _form(found, blocks.kind_of(svc, kind))


@blueprint.post("/<public_id>/blocks/new")
@permission(MAKE)
def add(public_id: str) -> Answer:
    """Put it into the deck."""
    svc = services.current(PLUGIN)
    found, kind = decks.find(svc, public_id), blocks.kind_of(svc, request.args.get("type", ""))
    form = SchemaForm(kind.schema())
    try:
        told = _told(svc, form)
        _, ref = own_slides.add_block(svc, public_id, kind.name, told, request.args.get("after", ""))
    except ValidationError as error:
        return _form(found, kind, form.rejected(request.form, error)), 422
    except CmsError as error:
        return _form(
            found, kind, form.rejected(request.form, ValidationError({})), problem=error
        ), error.status
    return redirect(_at(found, ref), 303)


@blueprint.get("/<public_id>/blocks/<ref>")
@permission(MAKE)
def edit(public_id: str, ref: str) -> Answer:
    """What is told in a slide."""
    svc = services.current(PLUGIN)
    found = decks.find(svc, public_id)
    kept = own_slides.block(found, ref)
    kind = blocks.kind_of(svc, kept["type"])
    return _form(found, kind, SchemaForm(kind.schema(), kept["data"]), ref)


@blueprint.post("/<public_id>/blocks/<ref>")
@permission(MAKE)
def change(public_id: str, ref: str) -> Answer:
    """Tell it anew."""
    svc = services.current(PLUGIN)
    found = decks.find(svc, public_id)
    kept = own_slides.block(found, ref)
    kind = blocks.kind_of(svc, kept["type"])
    form = SchemaForm(kind.schema(), kept["data"])
    try:
        own_slides.change_block(svc, public_id, ref, _told(svc, form), request.form.get("version", type=int))
    except ValidationError as error:
        return _form(found, kind, form.rejected(request.form, error), ref), 422
    except CmsError as error:
        again = form.rejected(request.form, ValidationError({}))
        return _form(found, kind, again, ref, error), error.status
    return redirect(_at(found, ref), 303)


@blueprint.get("/<public_id>/more")
@permission(MAKE)
def more(public_id: str) -> Answer:
    """The presentations that there are, and the slides of one that fit."""
    return _more(decks.find(services.current(PLUGIN), public_id))


@blueprint.post("/<public_id>/more")
@permission(MAKE)
def take(public_id: str) -> Answer:
    """Put slides of another presentation into the deck."""
    svc = services.current(PLUGIN)
    found = decks.find(svc, public_id)
    try:
        own_slides.add_slides(svc, public_id, request.form.getlist("pick"), request.form.get("after", ""))
    except CmsError as error:
        return _more(found, error), error.status
    return redirect(_at(found, request.form.get("after", "")), 303)


def _more(found: Deck, problem: CmsError | None = None) -> str:
    svc, named = services.current(PLUGIN), request.values.get("from", "")
    index.catch_up(svc)
    offered = own_slides.offer(svc, found, named) if named else None
    return render_template(
        "sales_enablement/more_slides.html",
        deck=found,
        others=[each for each in presentations.listed(svc) if each.asset.id != found.asset],
        offer=offered,
        made=pictures.ask_for(svc, offered.kept.asset.id, offered.slides, None) if offered else {},
        after=request.values.get("after", ""),
        problem=problem,
    )


def _form(
    found: Deck,
    kind: blocks.BlockKind,
    form: SchemaForm | None = None,
    ref: str = "",
    problem: CmsError | None = None,
) -> str:
    return render_template(
        "sales_enablement/block.html",
        deck=found,
        kind=kind,
        form=form or SchemaForm(kind.schema()),
        ref=ref,
        problem=problem,
        files=[name for name, field in kind.schema().fields.items() if field.metadata.get("file")],
        after=request.args.get("after", ""),
    )


def _told(svc: Any, form: SchemaForm) -> dict[str, Any]:
    """What was typed, with a file that was chosen as the id of the picture that it is."""
    sent: MultiDict[str, str] = MultiDict(
        (name, value) for name, value in request.form.items(multi=True) if name != "version"
    )
    for name, file in request.files.items():
        if name in form.schema.fields and (data := file.read()):
            sent[name] = images.keep(svc, name, data)
    return {**form.load(sent)}


def _at(found: Deck, slide: str) -> str:
    return url_for("sales_decks.deck", public_id=found.public_id, slide=slide or None)
