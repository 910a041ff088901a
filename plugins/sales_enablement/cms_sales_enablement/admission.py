"""Who may see what is behind a link: asked anew with each page, picture, file and message, in a room of link and piece."""

import hashlib
from dataclasses import dataclass
from typing import Any

from flask import Response, current_app, make_response, render_template, request

from cms_core import AgentClass, Services, classify
from cms_sales_enablement import gates, opening, views
from cms_sales_enablement.gates import Pass, Stage
from cms_sales_enablement.models import Deck, Share, View
from cms_sales_enablement.opening import Opened, OpenedPiece, OpenedRoom

OWN = "cms_own"  # a browser in which one of us has signed in: its views are not a customer's
PASS = "cms_d"  # noqa: S105  # the name of a cookie
EARLY = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")  # say so where nobody has asked for the page yet
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; media-src 'self'; script-src 'nonce-{}'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
Door = OpenedPiece | OpenedRoom
HEADERS = {
    "Cache-Control": "no-store, max-age=0",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True)
class Admitted:
    """Who passed all doors of a link (``door``): what it shows them, which may be a piece of its room, and how they did.

    ``outside`` says that they have the page of the room open, and not that of the piece.
    """

    door: Opened
    opened: Opened
    passed: Pass
    view: str
    outside: bool = False

    @property
    def deck(self) -> Deck | None:
        """The deck that it shows, if it is one."""
        return self.opened.deck if isinstance(self.opened, OpenedPiece) else None

    @property
    def reader(self) -> str:
        """Their address, as far as there is one."""
        return gates.reader_of(self.door, self.passed)


def admitted(
    svc: Services, token: str, view: str, item: str = "", *, under_way: bool = False
) -> Admitted | None:
    """Whoever has a page open; ``item``: that of a piece in a room. ``under_way``: only for a look that began lately."""
    view = view_id(view)
    visit = (views.visit_of(svc, view) or view) if item else view
    outside = bool(item) and visit == view
    door = opening.open_share(svc, token, visit)
    opened: Opened | None = opening.open_piece(svc, door, item) if door and item else door
    if door is None or opened is None:
        return None
    if item and not views.is_under_way(svc, door.share, visit):
        return None
    if under_way and not outside and not views.is_under_way(svc, opened.share, view):
        return None
    passed = pass_of(svc, door)
    if gates.stage_of(svc, door, passed) is not Stage.OPEN:
        return None
    return Admitted(door, opened, passed, view, outside)


def door_of(svc: Services, token: str, view: str) -> tuple[Door | None, View | None]:
    """What a token opens now, and the look at its room to which somebody comes back (``view``), if it is theirs.

    When a link has ended by its looks, only such a one may go on.
    """
    door = opening.open_share(svc, token, view)
    if door is None or not view:
        return door, None
    look = None
    if isinstance(door, OpenedRoom):
        address = pass_of(svc, door).address if door.gate else ""
        look = views.going_on(svc, door.share, view, visitor_of(door.share), address)
    return (door, look) if look else (opening.open_share(svc, token), None)


def begin(svc: Services, door: Opened, opened: Opened, visit: str = "") -> str:
    """A look begins, by a link that was passed, at what it shows; "" where nobody has asked for the page yet."""
    if is_early():
        return ""
    passed = pass_of(svc, door)
    address = passed.address if door.gate else ""
    return views.begin(svc, opened, agent(), visitor_of(door.share), address, passed.verified, visit)


def harden(response: Response) -> Response:
    """Nothing here is cached, indexed or told to the next site."""
    if request.endpoint != "sales_shares.static":
        response.headers.update(HEADERS)
    return response


def missed(response: Response) -> bool:
    """Only tries that failed count against these limits."""
    return response.status_code in (401, 404)


def link() -> str:
    """The link that somebody uses, as a key of the limits."""
    token = str((request.view_args or {}).get("token", ""))
    return f"share:{hashlib.sha256(token.encode()).hexdigest()}"


def gone() -> Response:
    """The one answer for all that is not there."""
    return make_response(render_template("sales_enablement/share_gone.html"), 404)


def pass_of(svc: Services, opened: Opened) -> Pass:
    """How far this browser got at a link."""
    return gates.opened_pass(opened, request.cookies.get(PASS, ""), svc.now(), secret())


def view_id(text: str) -> str:
    """The id of a look as somebody sent it."""
    return text[:36].replace("\0", "")


def is_early() -> bool:
    """Whether nobody has asked for the page yet: a browser fetches it in advance, or only its head is wanted."""
    return request.method == "HEAD" or any("pre" in request.headers.get(name, "").lower() for name in EARLY)


def agent() -> AgentClass:
    """Who reads, by class; one of us where the browser knows it."""
    found = classify(request.method, request.headers)
    return AgentClass.INTERNAL if found in views.PEOPLE and request.cookies.get(OWN) else found


def visitor_of(share: Share) -> str:
    """Tells the browsers of one link apart, and says nothing beyond it."""
    key = hashlib.blake2b(share.token_hash.encode(), key=secret()[:64], digest_size=32).digest()
    who = f"{request.remote_addr}\n{request.headers.get('User-Agent', '')}".encode(errors="replace")
    return hashlib.blake2b(who, key=key, digest_size=8).hexdigest()


def secret() -> bytes:
    """The key with which cookies and codes are signed."""
    key: Any = current_app.secret_key or b""
    return key if isinstance(key, bytes) else str(key).encode()
