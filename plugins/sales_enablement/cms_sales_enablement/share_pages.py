"""``/d/…``: what people outside see of a share. No sign-in; one script of ours, nobody else's; nothing is cached or indexed."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request, send_file
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as AnyResponse

from cms_core import AgentClass, CmsError, Services, classify, limiter, services
from cms_sales_enablement import (
    deck_view,
    decks,
    gates,
    material,
    pictures,
    render,
    shares,
    views,
    watermarks,
)
from cms_sales_enablement.gates import Pass, Stage
from cms_sales_enablement.models import Deck, Share
from cms_sales_enablement.presentations import MIME
from cms_sales_enablement.schemas import VERIFIED

PLUGIN = "sales_enablement"
OWN = "cms_own"  # a browser in which one of us has signed in: its views are not a customer's
PASS = "cms_d"  # noqa: S105  # the name of a cookie
EARLY = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")  # say so where nobody has asked for the page yet
WRONG = {"email": 422, "code": 401, "password": 401}
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; media-src 'self'; script-src 'nonce-{}'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "Cache-Control": "no-store, max-age=0",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
}

blueprint = Blueprint(
    "sales_shares",
    __name__,
    url_prefix="/d",
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)


@dataclass(frozen=True)
class Admitted:
    """Who passed all doors of a link: what it shows them, and how they did."""

    opened: shares.Opened
    passed: Pass
    view: str

    @property
    def reader(self) -> str:
        """Their address, as far as there is one."""
        return gates.reader_of(self.opened, self.passed)


def missed(response: Response) -> bool:
    """Only tries that failed count against these limits."""
    return response.status_code in (401, 404)


def wrong(response: Response) -> bool:
    """A password or a code that was not the right one."""
    return response.status_code == 401


def asks_nothing() -> bool:
    """Whether no address is typed: one may have a code mailed, and that costs something."""
    return "email" not in request.form


def link() -> str:
    """The link that somebody tries to unlock, as a key of the limits."""
    token = str((request.view_args or {}).get("token", ""))
    return f"share:{hashlib.sha256(token.encode()).hexdigest()}"


@blueprint.after_request
def harden(response: Response) -> Response:
    """Nothing here is cached, indexed or told to the next site."""
    if request.endpoint != "sales_shares.static":
        response.headers.update(HEADERS)
    return response


@blueprint.get("/<token>")
@limiter.limit("30/minute;300/hour", deduct_when=missed)
@limiter.limit("300/minute")
def show(token: str) -> AnyResponse:
    """The shared asset, the question at the door that comes next, or the one answer for all that is not there."""
    svc = services.current(PLUGIN)
    opened = shares.open_share(svc, token)
    if opened is None:
        return _gone()
    passed = _pass_of(svc, opened)
    if (stage := gates.stage_of(svc, opened, passed)) is not Stage.OPEN:
        return _question(svc, opened, stage, passed)
    nonce = secrets.token_urlsafe(16)
    address = passed.address if opened.gate else ""
    view = (
        ""
        if _is_early()
        else views.begin(svc, opened, _agent(), _visitor(opened.share), address, passed.verified)
    )
    frame = {"share": opened.share, "token": token, "view": view, "nonce": nonce}
    response = make_response(_page(svc, opened, frame))
    response.headers["Content-Security-Policy"] = POLICY.format(nonce)
    return response


@blueprint.get("/<token>/slides/<slide>/<int:width>")
@limiter.limit("600/minute")
def picture(token: str, slide: str, width: int) -> AnyResponse:
    """The picture of one slide, for who has the page of the deck open; never kept by a browser, so taking it back holds."""
    svc = services.current(PLUGIN)
    admitted = _admitted(svc, token, request.args.get("view", ""), under_way=True)
    if admitted is None or admitted.opened.deck is None:
        return _gone()
    found = deck_view.picture_of(svc, admitted.opened.deck, slide, width)
    if found is None:
        return _gone()
    if not admitted.opened.share.watermark:
        return send_file(found.path, mimetype=found.mime)
    if not admitted.reader:
        return _gone()
    return Response(watermarks.drawn(found.path, admitted.reader), mimetype=watermarks.MIME)


@blueprint.get("/<token>/file/<kind>")
@limiter.limit("30/minute")
def file(token: str, kind: str) -> AnyResponse:
    """The deck as a file, where the link gives it, to who has its page open."""
    svc = services.current(PLUGIN)
    admitted = _admitted(svc, token, request.args.get("view", ""), under_way=True)
    if admitted is None or admitted.opened.deck is None or not admitted.opened.download:
        return _gone()
    found = _file(svc, admitted.opened.deck, kind)
    if found is None:
        return _gone()
    if not _is_early():
        views.downloaded(svc, admitted.opened, admitted.view)
    return found


@blueprint.post("/<token>")
@limiter.limit("5/minute;50/hour", key_func=link, deduct_when=wrong)
@limiter.limit("20/minute;200/hour", deduct_when=missed)
@limiter.limit("10/minute;60/hour", exempt_when=asks_nothing)
def enter(token: str) -> AnyResponse:
    """Take what was typed at a door; what was right is remembered by this browser for some hours."""
    svc = services.current(PLUGIN)
    opened = shares.open_share(svc, token)
    if opened is None:
        return _gone()
    passed = _pass_of(svc, opened)
    step = gates.take(svc, opened, passed, request.form, _secret())
    if step.wrong:
        stage = Stage.ADDRESS if step.wrong == "email" else gates.stage_of(svc, opened, passed)
        return _question(svc, opened, stage, passed, step.wrong)
    response = redirect(request.path, 303)
    if step.passed != passed:
        response.set_cookie(
            PASS,
            gates.sealed(opened, step.passed, _secret()),
            max_age=int(gates.LIFE.total_seconds()),
            path=request.path,
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
        )
    return response


@blueprint.post("/<token>/seen")
@limiter.limit("120/minute")
def seen(token: str) -> AnyResponse:
    """The page tells how long it has been in sight."""
    svc = services.current(PLUGIN)
    admitted = _admitted(svc, token, request.form.get("view", ""))
    if admitted is None:
        return _gone()
    number, milliseconds = (request.form.get(name, 0, type=_small) for name in ("n", "ms"))
    told = views.Told(
        number or 0, milliseconds or 0, _slides(request.form.get("slides", "")), request.form.get("slide", "")
    )
    views.seen(svc, admitted.opened, admitted.view, told)
    return Response(status=204)


def _admitted(svc: Services, token: str, view: str, *, under_way: bool = False) -> Admitted | None:
    """Who may see what belongs to a page: asked anew each time; ``under_way``: only for a look that began lately."""
    view = view[:36].replace("\0", "")
    opened = shares.open_share(svc, token, view)
    if opened is None or (under_way and not views.is_under_way(svc, opened.share, view)):
        return None
    passed = _pass_of(svc, opened)
    return Admitted(opened, passed, view) if gates.stage_of(svc, opened, passed) is Stage.OPEN else None


def _page(svc: Services, opened: shares.Opened, frame: dict[str, Any]) -> str:
    deck = opened.deck
    if deck is None:
        page = render.shown(opened.asset, svc.merge_fields)
        return render_template("sales_enablement/share.html", page=page, **frame)
    paper = None
    made_of = material.of_deck(svc, deck)
    if opened.download and frame["view"]:
        paper = pictures.ask_for_paper(svc, made_of.of(deck), deck)
    return render_template(
        "sales_enablement/share_deck.html",
        slides=deck_view.slides_of(svc, made_of, deck),
        deck=deck,
        file=opened.download,
        paper=paper is not None and paper.wide is not None,
        marked=opened.share.watermark,
        **frame,
    )


def _file(svc: Services, deck: Deck, kind: str) -> AnyResponse | None:
    """The deck as PowerPoint file, or as PDF if that was made; None for what there is not."""
    name = decks.file_name(deck)
    if kind == "pdf":
        row = pictures.paper(svc, material.of_deck(svc, deck).of(deck), deck)
        stored = svc.file(row.wide) if row and row.wide else None
        if stored is None:
            return None
        return send_file(stored.path, mimetype=stored.mime, as_attachment=True, download_name=f"{name}.pdf")
    if kind != "pptx":
        return None
    try:
        opened, _ = decks.opened(svc, deck)
    except CmsError:  # none of its slides is left: whoever shared it sees that on its page
        return None
    return send_file(opened, mimetype=MIME, as_attachment=True, download_name=f"{name}.pptx")


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


def _gone() -> AnyResponse:
    return make_response(render_template("sales_enablement/share_gone.html"), 404)


def _question(
    svc: Services, opened: shares.Opened, stage: Stage, passed: Pass, wrong: str = ""
) -> AnyResponse:
    """What is asked at a door; nothing on the page tells what is behind it."""
    mute = opened.gate == VERIFIED and not svc.sends_mail
    page = render_template(
        "sales_enablement/share_door.html", stage=stage, address=passed.address, wrong=wrong, mute=mute
    )
    return make_response(page, WRONG[wrong] if wrong else 403 if stage is Stage.REFUSED else 200)


def _is_early() -> bool:
    """Whether nobody has asked for the page yet: a browser fetches it in advance, or only its head is wanted."""
    return request.method == "HEAD" or any("pre" in request.headers.get(name, "").lower() for name in EARLY)


def _agent() -> AgentClass:
    found = classify(request.method, request.headers)
    return AgentClass.INTERNAL if found in views.PEOPLE and request.cookies.get(OWN) else found


def _visitor(share: Share) -> str:
    """Tells the browsers of one link apart, and says nothing beyond it."""
    key = hashlib.blake2b(share.token_hash.encode(), key=_secret()[:64], digest_size=32).digest()
    who = f"{request.remote_addr}\n{request.headers.get('User-Agent', '')}".encode(errors="replace")
    return hashlib.blake2b(who, key=key, digest_size=8).hexdigest()


def _pass_of(svc: Services, opened: shares.Opened) -> Pass:
    return gates.opened_pass(opened, request.cookies.get(PASS, ""), svc.now(), _secret())


def _secret() -> bytes:
    key: Any = current_app.secret_key or b""
    return key if isinstance(key, bytes) else str(key).encode()
