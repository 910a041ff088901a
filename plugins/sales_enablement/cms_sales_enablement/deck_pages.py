"""The pages of decks: all of one's own, and one to pick, order, fill and share."""

from collections.abc import Iterable

from flask import Blueprint, redirect, render_template, request, send_file, url_for
from marshmallow import ValidationError
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.wrappers import Response

from cms_core import CmsError, NotFound, SchemaForm, permission, services, toast
from cms_sales_enablement import (
    PLUGIN,
    builder,
    deck_files,
    decks,
    feedback,
    index,
    material,
    pictures,
    presentations,
    printing,
    shares,
    variants,
)
from cms_sales_enablement import deck_view as view
from cms_sales_enablement.ladder import Ladder
from cms_sales_enablement.models import Deck
from cms_sales_enablement.ordering import moved
from cms_sales_enablement.presentations import MAKE, MIME
from cms_sales_enablement.schemas import DeckShareForm

SHOWN = 60
PREFIX, PICTURE = "v:", "p:"  # of the inputs that hold values of fields, and of those that take pictures

Answer = str | Response | tuple[str, int]

blueprint = Blueprint(
    "sales_decks", __name__, url_prefix="/app/p/sales_enablement/decks", template_folder="templates"
)


@blueprint.get("/")
@permission(MAKE)
def index_page() -> Answer:
    """The presentations that there are, and one's own decks."""
    return _index()


def _index(problem: CmsError | None = None, source: str = "") -> str:
    svc = services.current(PLUGIN)
    index.catch_up(svc)
    found = presentations.listed(svc)
    return render_template(
        "sales_enablement/decks.html",
        presentations=found,
        languages={asset: each.languages for asset, each in variants.translations(svc, found).items()},
        covers={each.asset.id: pictures.ask_for(svc, each.asset.id, each.slides[:1], None) for each in found},
        decks=decks.listed(svc, SHOWN),
        everybody=svc.can(decks.SEES_ALL),
        problem=problem,
        source=source,
    )


@blueprint.post("/")
@permission(MAKE)
def make() -> Answer:
    """Make a deck of a presentation, for a company or deal."""
    source = request.form.get("source", "")
    try:
        svc = services.current(PLUGIN)
        wanted = decks.Wanted(
            variants.completed(svc, source, request.form.getlist("pick")),
            subject=request.form.get("for", "")[:200],
            locale=request.form.get("locale", ""),
        )
        found = decks.make(svc, source, wanted)
    except CmsError as error:
        return _index(error, source), error.status
    return redirect(_at(found), 303)


@blueprint.get("/<public_id>")
@permission(MAKE)
def deck(public_id: str) -> Answer:
    """One deck."""
    return _page(decks.find(services.current(PLUGIN), public_id))


def _page(
    found: Deck,
    form: SchemaForm | None = None,
    made: shares.Made | None = None,
    problem: CmsError | None = None,
) -> str:
    svc = services.current(PLUGIN)
    page = builder.of(svc, found)
    wanted = request.values.get("slide", "")
    shown = next((each for each in page.shown if each.uid == wanted), page.shown[0] if page.shown else None)
    return render_template(
        "sales_enablement/deck.html",
        page=page,
        deck=found,
        shown=shown,
        form=form or SchemaForm(DeckShareForm()),
        made=made,
        problem=problem,
        paper=Ladder(svc, found.asset).draws(page.leaving),
        works=page.link is not None and page.link.state == "active",
    )


@blueprint.post("/<public_id>")
@permission(MAKE)
def save(public_id: str) -> Answer:
    """Save what was picked and filled; with the button for it, share it too."""
    svc = services.current(PLUGIN)
    before = decks.find(svc, public_id)
    form = SchemaForm(DeckShareForm())
    try:
        found = decks.change(svc, public_id, _wanted(), request.form.get("version", type=int))
        if "share" not in request.form:
            return redirect(_at(found, request.form.get("slide", "")), 303)
        made = shares.create_from(svc, public_id, form.load(_of_form(form)))
    except ValidationError as error:
        return _page(decks.find(svc, public_id), form.rejected(request.form, error)), 422
    except CmsError as error:
        return _page(before, problem=error), error.status
    return _page(found, made=made)


@blueprint.post("/<public_id>/off")
@permission(MAKE)
def tell(public_id: str) -> Answer:
    """Tell marketing that a slide is off; it stands where the presentation is reviewed."""
    svc = services.current(PLUGIN)
    index.catch_up(svc)  # it knows which revision the words are about
    found = decks.find(svc, public_id)
    ref = request.form.get("slide", "")
    source = material.of_deck(svc, found).source(ref)
    if source is None:
        raise NotFound("no presentation has such a slide", "go back to the deck")
    kept, slide = source
    words = f"slide {slide.number} “{slide.title[:120]}”: {request.form.get('words', '')}"
    try:
        feedback.give(svc, kept.asset.slug, "outdated", words)
    except CmsError as error:
        return _page(found, problem=error), error.status
    toast("Thank you: whoever keeps the presentation sees it.")
    return redirect(_at(found, ref), 303)


@blueprint.get("/<public_id>/file")
@permission(MAKE)
def file(public_id: str) -> Response:
    """The deck as a PowerPoint file."""
    svc = services.current(PLUGIN)
    found = decks.find_to_give(svc, public_id)
    opened, _ = deck_files.opened(svc, found)
    return _private(
        send_file(
            opened, mimetype=MIME, as_attachment=True, download_name=f"{deck_files.file_name(found)}.pptx"
        )
    )


@blueprint.get("/<public_id>/paper")
@permission(MAKE)
def paper(public_id: str) -> Answer:
    """The deck as PDF, once it is made; asking for it has it made."""
    svc = services.current(PLUGIN)
    found = decks.find_to_give(svc, public_id)
    stored = printing.ready(svc, found)
    if stored is None:
        toast("The PDF is being made; the button brings it in some seconds.")
        return redirect(_at(found), 303)
    return _private(
        send_file(
            stored.path,
            mimetype=stored.mime,
            as_attachment=True,
            download_name=f"{deck_files.file_name(found)}.pdf",
        )
    )


@blueprint.get("/<public_id>/slides/<uid>/<int:width>")
@permission(MAKE)
def picture(public_id: str, uid: str, width: int) -> Response:
    """The picture of one slide of a deck."""
    svc = services.current(PLUGIN)
    deck = decks.find(svc, public_id)
    found = view.picture_of(svc, deck, material.of_deck(svc, deck).of(deck), uid, width)
    if found is None:
        raise NotFound(
            "there is no picture of this slide", "where it is being made, look again in some seconds"
        )
    return _private(send_file(found.path, mimetype=found.mime))


def _wanted() -> decks.Wanted:
    said = {
        name.removeprefix(PREFIX): value.replace("\r\n", "\n")
        for name, value in request.form.items()
        if name.startswith(PREFIX)
    }
    picks = request.form.getlist("pick")
    return decks.Wanted(
        moved(picks, request.form.get("move", "")),
        said,
        dict(_pictures(request.files.items())),
        request.form.get("for", "")[:200],
        request.form.get("name", ""),
        request.form.get("locale", ""),
    )


def _pictures(sent: Iterable[tuple[str, FileStorage]]) -> Iterable[tuple[str, bytes]]:
    """Those that were chosen: an input without a file sends an empty one."""
    for name, file in sent:
        if name.startswith(PICTURE) and (data := file.read()):
            yield name.removeprefix(PICTURE), data


def _of_form(form: SchemaForm) -> MultiDict[str, str]:
    """What belongs to the link: its form is part of that of the deck."""
    sent = request.form
    return MultiDict([(name, sent[name]) for name in form.schema.fields if name in sent])


def _at(found: Deck, slide: str = "") -> str:
    return url_for("sales_decks.deck", public_id=found.public_id, slide=slide or None)


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    return response
