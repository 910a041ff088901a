"""``/t/…``: the pixel, tracked links and unsubscribing, each behind the signed token of one delivery.

A link's target is looked up by its number, never taken from the address. A GET never unsubscribes: scanners follow everything.
Nothing here needs a sign-in or a cookie.
"""

import base64
from functools import lru_cache
from typing import cast

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request
from sqlalchemy import Dialect, bindparam, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from cms_core.audience import consent
from cms_core.campaigns.models import Campaign
from cms_core.db import now
from cms_core.events import agents, hits
from cms_core.events.hits import HONEYPOT, Place
from cms_core.events.service import NewEvent, record
from cms_core.publishing.links import target_of
from cms_core.publishing.models import Delivery, Publication
from cms_core.publishing.tokens import Tokens
from cms_core.quick import QuickStatement, cursor_of
from cms_core.secrets import keyed_hash
from cms_core.web.request import workspace

blueprint = Blueprint("tracking", __name__, url_prefix="/t")

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
NO_STORE = {
    "Cache-Control": "no-store, max-age=0",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
}


@blueprint.after_request
def harden(response: Response) -> Response:
    """Nothing here is cached, indexed or told to the next site."""
    response.headers.update(NO_STORE)
    return response


@blueprint.get("/<token>.gif")
def pixel(token: str) -> Response:
    """The open pixel."""
    _hit(delivery_of(token), "opened", None)
    return Response(GIF, mimetype="image/gif")


@blueprint.get("/<token>/<int(max=1000000):n>")
def click(token: str, n: int) -> Response:
    """A tracked link: record the click and go to its stored target."""
    delivery_id = delivery_of(token)
    with workspace().db.session() as session:
        target = target_of(session, place_of(session.connection(), delivery_id).publication_id, n)
    if target is None:
        abort(404)
    _hit(delivery_id, "clicked", target)
    return cast(Response, redirect(target, 302))


@blueprint.get("/<token>/h")
def honeypot(token: str) -> Response:
    """A link that no person can see: who follows it is a machine."""
    _hit(delivery_of(token), "clicked", HONEYPOT)
    return Response("", 204)


@blueprint.get("/<token>/u")
def ask_unsubscribe(token: str) -> str:
    """Ask before unsubscribing; a GET changes nothing."""
    delivery_of(token)
    return render_template("cms/unsubscribe.html", done=False)


@blueprint.post("/<token>/u")
def unsubscribe(token: str) -> str:
    """Unsubscribe at once (the button, or a mail program's one click by RFC 8058); doing it again changes nothing."""
    delivery_id = delivery_of(token)
    how = "one-click" if request.form.get("List-Unsubscribe") == "One-Click" else "page"
    with workspace().db.transaction() as session:
        place = place_of(session.connection(), delivery_id)
        topic, address = session.execute(
            select(Publication.topic, Delivery.address_hash)
            .join(Delivery, Delivery.publication_id == Publication.id)
            .where(Delivery.id == delivery_id)
        ).one()
        evidence = {"delivery": delivery_id, "how": how, "agent": request.headers.get("User-Agent", "")[:200]}
        consent.unsubscribe(
            session,
            place.contact_id,
            place.channel,
            topic,
            source="unsubscribe link",
            evidence=evidence,
            written_to=address,
        )
        record(session, [_unsubscribed(session, place, how)])
    return render_template("cms/unsubscribe.html", done=True)


def _unsubscribed(session: Session, place: Place, how: str) -> NewEvent:
    return NewEvent(
        kind="unsubscribed",
        at=now(session),
        source="unsubscribe",
        source_id=str(place.delivery_id),
        agent_class=agents.classify("POST", request.headers),
        contact_id=place.contact_id,
        campaign=place.campaign,
        publication_id=place.publication_id,
        delivery_id=place.delivery_id,
        asset_id=place.asset_id,
        channel=place.channel,
        props={"how": how},
    )


def _hit(delivery_id: int, kind: str, url: str | None) -> None:
    """Committed before the answer leaves, so that no answered hit is ever lost."""
    agent = agents.classify(request.method, request.headers)
    db = workspace().db
    client = keyed_hash(db.key, request.remote_addr or "")[:32]
    with db.writing() as connection:
        place = place_of(connection, delivery_id)
        hits.record_hit(connection, kind, place, url, agent, client, db.clock.now())


def delivery_of(token: str) -> int:
    """The delivery of a token; 404 for what is not one of ours."""
    tokens = current_app.extensions.get("cms_tokens")
    if tokens is None:
        tokens = current_app.extensions["cms_tokens"] = Tokens(workspace().vault.derive("token"))
    delivery_id = cast(Tokens, tokens).read(token)
    if delivery_id is None:
        abort(404)
    return delivery_id


def place_of(connection: Connection, delivery_id: int) -> Place:
    """What a hit on this delivery belongs to; 404 when it is gone."""
    rows = _place_in(connection.dialect).rows(cursor_of(connection), delivery_id)
    if not rows:
        abort(404)
    return Place(*rows[0])


@lru_cache(maxsize=8)
def _place_in(dialect: Dialect) -> QuickStatement:
    query = (
        select(
            Delivery.id,
            Delivery.contact_id,
            Delivery.publication_id,
            Publication.asset_id,
            Publication.channel,
            Campaign.key,
        )
        .join(Publication, Publication.id == Delivery.publication_id)
        .outerjoin(Campaign, Campaign.id == Publication.campaign_id)
        .where(Delivery.id == bindparam("delivery"))
    )
    return QuickStatement(dialect, query, ("delivery",))
