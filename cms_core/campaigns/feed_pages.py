"""``/calendar/<token>.ics``: the calendar for calendar programs, without a sign-in; and the card with which people get the address.

The token is the secret: it stands in no log of ours, is told to no other site, and its page is kept in no shared cache.
"""

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for

from cms_core.auth import audit
from cms_core.auth.models import User
from cms_core.auth.service import can
from cms_core.campaigns import feed
from cms_core.web.auth import permission, user
from cms_core.web.request import Answer, session, workspace
from cms_core.web.session import limiter, refused_feed
from cms_core.web.shell import toast

blueprint = Blueprint("feeds", __name__, template_folder="templates")

HEADERS = {
    "Cache-Control": "private, no-cache",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
    "Content-Disposition": 'inline; filename="calendar.ics"',
}


@blueprint.get("/calendar/<token>.ics")
@limiter.limit("30/minute", deduct_when=refused_feed)
def read(token: str) -> Response:
    """The calendar of whoever the token belongs to, as far as they may read it now; 304 while it has not changed."""
    found = feed.owner(session(), token)
    if found is None or not can(workspace().plugins, found, "calendar.read"):
        abort(404)
    asked = found.timezone, workspace().config.base_url
    response = Response(content_type="text/calendar; charset=utf-8")
    response.headers.update(HEADERS)
    response.set_etag(feed.fingerprint(session(), *asked))
    if response.make_conditional(request).status_code != 304:
        response.set_data(feed.write(session(), *asked))
    return response


@blueprint.get("/app/me/feed")
@permission("calendar.read")
def about() -> Answer:
    """Whether one has a secret address, and how to get one."""
    return _page(None)


@blueprint.post("/app/me/feed")
@permission("calendar.read")
def renew() -> Answer:
    """Make a secret address and show it, this once; an older one leads nowhere from now on."""
    token = feed.renew(session(), _mine())
    audit.note(session(), "renew-feed", "user", user().public_id, {})
    return _page(f"{workspace().config.base_url}{url_for('.read', token=token)}")


@blueprint.post("/app/me/feed/revoke")
@permission("calendar.read")
def revoke() -> Answer:
    """Take one's secret address away."""
    feed.revoke(session(), _mine())
    audit.note(session(), "revoke-feed", "user", user().public_id, {})
    toast("The address leads nowhere from now on.")
    return redirect(url_for(".about"), 303)


def _page(address: str | None) -> str:
    made_at = feed.made_at(session(), user())
    return render_template("campaigns/feed.html", address=address, made_at=made_at)


def _mine() -> User:
    return session().get_one(User, user().id)
