"""Counts who loads pages, without scripts: a visitor is a cookie of this site, or a hash that changes every day."""

import hashlib
import logging
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Request, Response

from cms_core import AgentClass, Event, classify, services
from cms_seo.models import Page
from cms_seo.render import Shown

log = logging.getLogger(__name__)

SOURCE = "seo"
COOKIE = "cms_v"
REMEMBERED = timedelta(days=30)  # as long as a campaign may claim a conversion
LONGEST = 200  # characters of what strangers send that are kept
PEOPLE = (AgentClass.HUMAN, AgentClass.UNKNOWN)
_COOKIE = re.compile(r"[A-Za-z0-9_-]{22}")
_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")


@dataclass(frozen=True)
class Visitor:
    """Whoever asks for a page; ``cookie`` says whether the browser shall keep the id."""

    id: str
    agent: AgentClass
    cookie: bool = False


def visitor_of(request: Request, secret: bytes, day: date, by_cookie: bool) -> Visitor:
    """The visitor behind a request. Machines, and people who ask for privacy (DNT, Sec-GPC), get no cookie."""
    agent = classify(request.method, request.headers)
    private = request.headers.get("DNT") == "1" or request.headers.get("Sec-GPC") == "1"
    if not by_cookie or private or agent not in PEOPLE:
        return Visitor(_daily_hash(request, secret, day), agent)
    known = request.cookies.get(COOKIE, "")
    return Visitor(known if _COOKIE.fullmatch(known) else secrets.token_urlsafe(16), agent, cookie=True)


def remember(response: Response, visitor: Visitor, secure: bool) -> None:
    """Let the browser keep the visitor's id, readable by no script."""
    if visitor.cookie:
        response.set_cookie(
            COOKIE, visitor.id, max_age=REMEMBERED, secure=secure, httponly=True, samesite="Lax"
        )


def record(svc: services.Services, request: Request, visitor: Visitor, page: Page, shown: Shown) -> None:
    """Record a page load and, on a page with a goal, the conversion; the page is answered whatever becomes of it."""
    try:
        campaign = _campaign(svc, request)
        earlier = svc.last_campaign_of(visitor.id) if shown.content.goal else None
        facts: dict[str, Any] = {
            "at": svc.now(),
            "source": SOURCE,
            "agent_class": visitor.agent,
            "visitor": visitor.id,
            "publication": page.key,
            "url": shown.url,
        }
        props = _circumstances(request)
        svc.record_visit(
            Event("visited", source_id=secrets.token_urlsafe(16), campaign=campaign, props=props, **facts)
        )
        if shown.content.goal and visitor.agent is AgentClass.HUMAN:
            day = facts["at"].date().isoformat()
            converted = Event(
                "converted",
                source_id=f"goal:{page.public_id}:{visitor.id}:{day}",
                campaign=campaign or earlier,
                props={"goal": shown.content.goal},
                **facts,
            )
            svc.record_events([converted])
    except Exception:
        log.exception("a visit of %s could not be recorded", shown.path)


def _campaign(svc: services.Services, request: Request) -> str | None:
    """The campaign named in the address, if there is one; otherwise the visit belongs to the page's own."""
    key = _kept(request.args.get("utm_campaign", ""))
    found = svc.campaign(key) if key else None
    return found.key if found else None


def _circumstances(request: Request) -> Mapping[str, str]:
    """Where the visitor came from: the referring host, never its whole address, and UTM parameters."""
    props = {name: _kept(request.args[name]) for name in _UTM if request.args.get(name)}
    try:
        host = urlsplit(request.headers.get("Referer", "")).hostname or ""
    except ValueError:
        host = ""
    own = request.host.partition(":")[0]
    return props | ({"referrer": _kept(host)} if host and host != own else {})


def _kept(text: str) -> str:
    """Strangers' words as far as they are kept; no database takes NUL."""
    return text.replace("\0", "")[:LONGEST]


def _daily_hash(request: Request, secret: bytes, day: date) -> str:
    """Tells visitors of one day apart; with the next day's salt nobody can be followed."""
    salt = hashlib.blake2b(day.isoformat().encode(), key=secret[:64], digest_size=32).digest()
    who = f"{request.remote_addr}\n{request.headers.get('User-Agent', '')}".encode(errors="replace")
    return "d." + hashlib.blake2b(who, key=salt, digest_size=16).hexdigest()
