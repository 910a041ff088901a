"""``/d/…``: what people outside see of a share. No sign-in; one script of ours, nobody else's; nothing is cached or indexed."""

import hashlib
import secrets
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request, send_file
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as AnyResponse

from cms_core import AgentClass, Services, classify, limiter, services
from cms_sales_enablement import deck_view, render, shares, views
from cms_sales_enablement.models import Share

PLUGIN = "sales_enablement"
OWN = "cms_own"  # a browser in which one of us has signed in: its views are not a customer's
UNLOCKED = "cms_d"
HOURS = 12
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


def missed(response: Response) -> bool:
    """Only tries that failed count against these limits."""
    return response.status_code in (401, 404)


def wrong(response: Response) -> bool:
    """A password that was not the right one."""
    return response.status_code == 401


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
    """The shared asset, the question for its password, or the one answer for all that is not there."""
    svc = services.current(PLUGIN)
    opened = shares.open_share(svc, token)
    if opened is None:
        return _gone()
    if not _unlocked(opened.share):
        return _locked()
    nonce = secrets.token_urlsafe(16)
    view = "" if request.method == "HEAD" else views.begin(svc, opened, _agent(), _visitor(opened.share))
    frame = {"share": opened.share, "token": token, "view": view, "nonce": nonce}
    response = make_response(_page(svc, opened, frame))
    response.headers["Content-Security-Policy"] = POLICY.format(nonce)
    return response


@blueprint.get("/<token>/slides/<slide>/<int:width>")
@limiter.limit("600/minute")
def picture(token: str, slide: str, width: int) -> AnyResponse:
    """The picture of one slide, for who has the page of the deck open; never kept by a browser, so taking it back holds."""
    svc = services.current(PLUGIN)
    opened = shares.open_share(svc, token)
    if opened is None or opened.deck is None or not _unlocked(opened.share):
        return _gone()
    if not views.is_under_way(svc, opened.share, request.args.get("view", "")[:36]):
        return _gone()
    found = deck_view.picture_of(svc, opened.deck, slide, width)
    return send_file(found.path, mimetype=found.mime) if found else _gone()


@blueprint.post("/<token>")
@limiter.limit("5/minute;50/hour", key_func=link, deduct_when=wrong)
@limiter.limit("20/minute;200/hour", deduct_when=missed)
def unlock(token: str) -> AnyResponse:
    """Try a password; the right one opens the link in this browser for some hours."""
    opened = shares.open_share(services.current(PLUGIN), token)
    if opened is None:
        return _gone()
    if not opened.share.password_hash:
        return redirect(request.path, 303)
    if not shares.unlocks(opened.share, request.form.get("password", "")):
        return _locked(wrong=True)
    response = redirect(request.path, 303)
    value = _signer().dumps(_lock(opened.share))
    age = HOURS * 3600
    response.set_cookie(
        UNLOCKED,
        str(value),
        max_age=age,
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
    opened = shares.open_share(svc, token)
    if opened is None or not _unlocked(opened.share):
        return _gone()
    number, milliseconds = (request.form.get(name, 0, type=_small) for name in ("n", "ms"))
    told = views.Told(
        number or 0, milliseconds or 0, _slides(request.form.get("slides", "")), request.form.get("slide", "")
    )
    views.seen(svc, opened, request.form.get("view", "")[:36], told)
    return Response(status=204)


def _page(svc: Services, opened: shares.Opened, frame: dict[str, Any]) -> str:
    if opened.deck is not None:
        slides = deck_view.slides_of(svc, opened.deck)
        return render_template("sales_enablement/share_deck.html", slides=slides, deck=opened.deck, **frame)
    page = render.shown(opened.asset, svc.merge_fields)
    return render_template("sales_enablement/share.html", page=page, **frame)


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


def _locked(wrong: bool = False) -> AnyResponse:
    return make_response(
        render_template("sales_enablement/share_locked.html", wrong=wrong), 401 if wrong else 200
    )


def _agent() -> AgentClass:
    found = classify(request.method, request.headers)
    return AgentClass.INTERNAL if found in views.PEOPLE and request.cookies.get(OWN) else found


def _visitor(share: Share) -> str:
    """Tells the browsers of one link apart, and says nothing beyond it."""
    key = hashlib.blake2b(share.token_hash.encode(), key=_secret()[:64], digest_size=32).digest()
    who = f"{request.remote_addr}\n{request.headers.get('User-Agent', '')}".encode(errors="replace")
    return hashlib.blake2b(who, key=key, digest_size=8).hexdigest()


def _unlocked(share: Share) -> bool:
    if not share.password_hash:
        return True
    try:
        return bool(_signer().loads(request.cookies.get(UNLOCKED, "")) == _lock(share))
    except BadSignature:
        return False


def _lock(share: Share) -> list[str]:
    """What the cookie stands for: this share with this password."""
    return [share.public_id, hashlib.sha256(share.password_hash.encode()).hexdigest()[:16]]


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(_secret(), salt="sales-share")


def _secret() -> bytes:
    key: Any = current_app.secret_key or b""
    return key if isinstance(key, bytes) else str(key).encode()
