"""``/d/…``: what people outside see of a share. No sign-in; one script of ours, nobody else's; nothing is cached or indexed."""

import secrets
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, send_file, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as AnyResponse

from cms_core import CmsError, Services, limiter, services
from cms_sales_enablement import (
    PLUGIN,
    admission,
    deck_files,
    deck_view,
    gates,
    material,
    opening,
    pictures,
    render,
    room_view,
    variants,
    views,
    watermarks,
)
from cms_sales_enablement.gates import Pass, Stage
from cms_sales_enablement.models import Deck, View
from cms_sales_enablement.opening import Opened, OpenedPiece, OpenedRoom
from cms_sales_enablement.presentations import MIME
from cms_sales_enablement.schemas import VERIFIED

OWN = admission.OWN
WRONG = {"email": 422, "code": 401, "password": 401}

blueprint = Blueprint(
    "sales_shares",
    __name__,
    url_prefix="/d",
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)
blueprint.after_request(admission.harden)


def wrong(response: Response) -> bool:
    """A password or a code that was not the right one."""
    return response.status_code == 401


def asks_nothing() -> bool:
    """Whether no address is typed: one may have a code mailed, and that costs something."""
    return "email" not in request.form


@blueprint.get("/<token>")
@limiter.limit("30/minute;300/hour", deduct_when=admission.missed)
@limiter.limit("300/minute")
def show(token: str) -> AnyResponse:
    """What was shared, the question at the door that comes next, or the one answer for all that is not there."""
    svc = services.current(PLUGIN)
    opened, look = admission.door_of(svc, token, admission.view_id(request.args.get("view", "")))
    if opened is None:
        return admission.gone()
    passed = admission.pass_of(svc, opened)
    if (stage := gates.stage_of(svc, opened, passed)) is not Stage.OPEN:
        return _question(svc, opened, stage, passed)
    if isinstance(opened, OpenedRoom):
        return room_page(svc, token, opened, look)
    view = admission.begin(svc, opened, opened)
    return _answer(lambda frame: _page(svc, opened, frame), share=opened.share, token=token, view=view)


@blueprint.get("/<token>/<item>")
@limiter.limit("30/minute;300/hour", deduct_when=admission.missed)
@limiter.limit("300/minute")
def show_piece(token: str, item: str) -> AnyResponse:
    """A piece of a room, for who comes from the page of the room; others are led there first, whatever they ask for."""
    svc = services.current(PLUGIN)
    door, look = admission.door_of(svc, token, admission.view_id(request.args.get("view", "")))
    if not isinstance(door, OpenedRoom):
        return admission.gone()
    if gates.stage_of(svc, door, admission.pass_of(svc, door)) is not Stage.OPEN:
        return redirect(url_for("sales_shares.show", token=token), 303)
    opened = opening.open_piece(svc, door, item)
    if opened is None:
        return admission.gone()
    if look is None:
        return redirect(url_for("sales_shares.show", token=token), 303)
    view, visit = admission.begin(svc, door, opened, look.public_id), look.public_id

    def page(frame: dict[str, Any]) -> str:
        return _page(svc, opened, {"item": item, "room": door.room, "visit": visit, **frame})

    return _answer(page, share=opened.share, token=token, view=view)


@blueprint.get("/<token>/slides/<slide>/<int:width>")
@blueprint.get("/<token>/<item>/slides/<slide>/<int:width>")
@limiter.limit("600/minute")
def picture(token: str, slide: str, width: int, item: str = "") -> AnyResponse:
    """The picture of one slide, for who has the page of the deck open; never kept by a browser, so taking it back holds."""
    svc = services.current(PLUGIN)
    admitted = admission.admitted(svc, token, request.args.get("view", ""), item, under_way=True)
    if admitted is None or admitted.deck is None:
        return admission.gone()
    there = variants.leaving(svc, material.of_deck(svc, admitted.deck), admitted.deck)
    if admitted.outside and not room_view.is_cover(there, slide, width):
        return admission.gone()
    found = deck_view.picture_of(svc, admitted.deck, there, slide, width)
    if found is None:
        return admission.gone()
    if not admitted.opened.share.watermark:
        return send_file(found.path, mimetype=found.mime)
    if not admitted.reader:
        return admission.gone()
    return Response(watermarks.drawn(found.path, admitted.reader), mimetype=watermarks.MIME)


@blueprint.get("/<token>/file/<kind>")
@blueprint.get("/<token>/<item>/file/<kind>")
@limiter.limit("30/minute")
def file(token: str, kind: str, item: str = "") -> AnyResponse:
    """The deck as a file, where the link gives it, to who has its page open."""
    svc = services.current(PLUGIN)
    admitted = admission.admitted(svc, token, request.args.get("view", ""), item, under_way=True)
    opened = admitted.opened if admitted else None
    if (
        admitted is None
        or admitted.outside
        or not isinstance(opened, OpenedPiece)
        or not (opened.deck and opened.download)
    ):
        return admission.gone()
    found = _file(svc, opened.deck, kind)
    if found is None:
        return admission.gone()
    if not admission.is_early():
        views.downloaded(svc, opened, admitted.view)
    return found


@blueprint.post("/<token>")
@limiter.limit("5/minute;50/hour", key_func=admission.link, deduct_when=wrong)
@limiter.limit("20/minute;200/hour", deduct_when=admission.missed)
@limiter.limit("10/minute;60/hour", exempt_when=asks_nothing)
def enter(token: str) -> AnyResponse:
    """Take what was typed at a door; what was right is remembered by this browser for some hours."""
    svc = services.current(PLUGIN)
    opened = opening.open_share(svc, token)
    if opened is None:
        return admission.gone()
    passed = admission.pass_of(svc, opened)
    step = gates.take(svc, opened, passed, request.form, admission.secret())
    if step.wrong:
        stage = Stage.ADDRESS if step.wrong == "email" else gates.stage_of(svc, opened, passed)
        return _question(svc, opened, stage, passed, step.wrong)
    response = redirect(request.path, 303)
    if step.passed != passed:
        response.set_cookie(
            admission.PASS,
            gates.sealed(opened, step.passed, admission.secret()),
            max_age=int(gates.LIFE.total_seconds()),
            path=request.path,
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
        )
    return response


@blueprint.post("/<token>/seen")
@blueprint.post("/<token>/<item>/seen")
@limiter.limit("120/minute")
def seen(token: str, item: str = "") -> AnyResponse:
    """The page tells how long it has been in sight."""
    svc = services.current(PLUGIN)
    admitted = admission.admitted(svc, token, request.form.get("view", ""), item)
    if admitted is None:
        return admission.gone()
    number, milliseconds = (request.form.get(name, 0, type=_small) for name in ("n", "ms"))
    told = views.Told(
        number or 0, milliseconds or 0, _slides(request.form.get("slides", "")), request.form.get("slide", "")
    )
    views.seen(svc, admitted.opened, admitted.view, told)
    return Response(status=204)


# --- pages ------------------------------------------------------------------------------------------------------------


def room_page(
    svc: Services, token: str, door: OpenedRoom, look: View | None, status: int = 200, **more: Any
) -> AnyResponse:
    """The page of a room; who comes back to it goes on with the look that they began."""
    view = look.public_id if look else admission.begin(svc, door, door)
    told = {"told": look.beacon, "in_sight": look.milliseconds} if look else {}

    def page(frame: dict[str, Any]) -> str:
        asked = {"about": request.values.get("about", ""), "today": svc.now().date()}
        shown = room_view.of(svc, door)
        return render_template("sales_enablement/share_room.html", shown=shown, **asked, **frame)

    return _answer(page, status, share=door.share, token=token, view=view, **told, **more)


def _answer(page: Callable[[dict[str, Any]], str], status: int = 200, **frame: Any) -> AnyResponse:
    """A page with its one script, which the policy names by a nonce."""
    nonce = secrets.token_urlsafe(16)
    response = make_response(page({"nonce": nonce, **frame}), status)
    response.headers["Content-Security-Policy"] = admission.POLICY.format(nonce)
    return response


def _page(svc: Services, opened: OpenedPiece, frame: dict[str, Any]) -> str:
    deck = opened.deck
    if deck is None:
        page = render.shown(opened.asset, svc.merge_fields)
        return render_template("sales_enablement/share.html", page=page, **frame)
    paper = None
    made_of = material.of_deck(svc, deck)
    there = variants.leaving(svc, made_of, deck)
    if opened.download and frame["view"]:
        paper = pictures.ask_for_paper(svc, there, deck)
    return render_template(
        "sales_enablement/share_deck.html",
        slides=deck_view.slides_of(svc, made_of, deck, there),
        deck=deck,
        file=opened.download,
        paper=paper is not None and paper.wide is not None,
        marked=opened.share.watermark,
        **frame,
    )


def _file(svc: Services, deck: Deck, kind: str) -> AnyResponse | None:
    """The deck as PowerPoint file, or as PDF if that was made; None for what there is not."""
    name = deck_files.file_name(deck)
    if kind == "pdf":
        row = pictures.paper(svc, variants.leaving(svc, material.of_deck(svc, deck), deck), deck)
        stored = svc.file(row.wide) if row and row.wide else None
        if stored is None:
            return None
        return send_file(stored.path, mimetype=stored.mime, as_attachment=True, download_name=f"{name}.pdf")
    if kind != "pptx":
        return None
    try:
        opened, _ = deck_files.opened(svc, deck, outside=True)
    except CmsError:  # none of its slides is left: whoever shared it sees that on its page
        return None
    return send_file(opened, mimetype=MIME, as_attachment=True, download_name=f"{name}.pptx")


def _question(svc: Services, opened: Opened, stage: Stage, passed: Pass, wrong: str = "") -> AnyResponse:
    """What is asked at a door; nothing on the page tells what is behind it."""
    mute = opened.gate == VERIFIED and not svc.sends_mail
    page = render_template(
        "sales_enablement/share_door.html", stage=stage, address=passed.address, wrong=wrong, mute=mute
    )
    return make_response(page, WRONG[wrong] if wrong else 403 if stage is Stage.REFUSED else 200)


def _slides(text: str) -> dict[str, int]:
    """``256:1200 257:800``: milliseconds by slide; what is not written so is left out."""
    pairs = (each.rpartition(":") for each in text[:20_000].split())
    return {
        slide: int(ms) for slide, _, ms in pairs if slide and ms.isascii() and ms.isdigit() and len(ms) < 10
    }


def _small(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**31:
        raise ValueError("out of range")
    return number
