"""The public site: everything that the app does not serve itself. No scripts, no sign-in, nothing of the app's cookies."""

from datetime import UTC, datetime
from typing import NoReturn

from flask import Blueprint, Response, abort, current_app, redirect, request
from flask.blueprints import BlueprintSetupState
from werkzeug.routing import BaseConverter
from werkzeug.wrappers import Response as BaseResponse

from cms_core import RESERVED_PATHS, services
from cms_seo import lookup, render, store, visits
from cms_seo.lookup import Found
from cms_seo.models import PageState
from cms_seo.render import Shown
from cms_seo.schemas import is_colour
from cms_seo.sites import CHANNEL, Site, all_sites, sites_for

PLUGIN = "seo"
LISTED = 20
FURTHER = 3
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)  # of a feed without entries
MAP_SIZE = 50_000  # addresses in one sitemap (sitemaps.org)
GONE = (
    "This page was taken down",
    "It was here once, and it will not come back. What is new stands on the start page.",
)
MISSING = (
    "Nothing is here",
    "There is no page under this address. It may have been mistyped, or the page was moved.",
)

blueprint = Blueprint("seo_site", __name__)


class SitePath(BaseConverter):
    """Any path but those that the app serves itself; comes after every other rule."""

    regex = rf"(?!(?:{'|'.join(sorted(RESERVED_PATHS))})(?:/|$))[^/\x00][^\x00]*?"
    weight = 1000
    part_isolating = False


@blueprint.record_once
def know_paths(state: BlueprintSetupState) -> None:
    """Make the converter known before the rules that use it."""
    state.app.url_map.converters["site_path"] = SitePath


@blueprint.get("/", defaults={"path": ""})
@blueprint.get("/<site_path:path>")
def show(path: str) -> BaseResponse:
    """A page, the list of what is new, or the reason why there is neither."""
    svc, sites = services.current(PLUGIN), _sites()
    with svc.session() as session:
        found = lookup.look_up(session, sites, f"/{path}", svc.redirect)
        if isinstance(found, str):
            query = request.query_string.decode("latin-1")
            return redirect(f"{found}?{query}" if query else found, 301)
        if found is None:
            return _index(sites[0]) if not path else _message(sites[0], 404, *MISSING)
        if found.page.state == PageState.GONE:
            return _message(found.site, 410, *GONE)
        shown = Shown.of(found.site, found.page)
        newest = store.newest(session, found.site.connection, FURTHER + 1) if shown.is_article else []
    others = [each for each in newest if each.id != found.page.id][:FURTHER]
    return _page(svc, found, shown, render.page(shown, others))


def _page(svc: services.Services, found: Found, shown: Shown, text: str) -> Response:
    response = _conditional(Response(text), "private, no-cache", shown.updated)
    if request.method == "GET":
        secret = _secret()
        visitor = visits.visitor_of(request, secret, svc.now().date(), found.site.cookie)
        visits.record(svc, request, visitor, found.page, shown)
        visits.remember(response, visitor, request.is_secure)
    return response


def _secret() -> bytes:
    """The app's own key, as bytes; from it the salts of the days are made."""
    key = current_app.secret_key or b""
    return key if isinstance(key, bytes) else key.encode()


def _index(site: Site) -> Response:
    number = max(1, request.args.get("page", 1, type=int))
    with services.current(PLUGIN).session() as session:
        skip = LISTED * (min(number, 100_000) - 1)
        pages = store.newest(session, site.connection, LISTED + 1, skip=skip)
    if number > 1 and not pages:
        return _message(site, 404, *MISSING)
    text = render.index(site, pages[:LISTED], number, len(pages) > LISTED)
    return _conditional(Response(text), "private, no-cache")


def _message(site: Site, status: int, title: str, text: str) -> Response:
    response = Response(render.message(site, title, text), status)
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@blueprint.get("/robots.txt")
def robots() -> Response:
    """What crawlers need not look at, and where the sitemap is."""
    closed = "".join(f"Disallow: /{name}/\n" for name in ("api", "app", "d", "t"))
    text = f"User-agent: *\n{closed}\nSitemap: {_sites()[0].url('/sitemap.xml')}\n"
    return _conditional(Response(text, mimetype="text/plain"))


@blueprint.get("/sitemap.xml")
def sitemap() -> Response:
    """All pages of the site, or the list of its sitemaps when there are too many for one."""
    site = _sites()[0]
    with services.current(PLUGIN).session() as session:
        total = store.count(session, site.connection)
        if total > MAP_SIZE:
            return _xml(render.sitemap_index(site, -(-total // MAP_SIZE)))
        return _xml(render.sitemap(site, store.sitemap(session, site.connection, MAP_SIZE, 0)))


@blueprint.get("/sitemap-<int(min=1, max=50000):number>.xml")
def sitemap_part(number: int) -> Response:
    """One of several sitemaps."""
    site = _sites()[0]
    with services.current(PLUGIN).session() as session:
        rows = store.sitemap(session, site.connection, MAP_SIZE, MAP_SIZE * (number - 1))
    return _xml(render.sitemap(site, rows)) if rows else _message(site, 404, *MISSING)


@blueprint.get("/feed.xml")
def atom() -> Response:
    """What is new, as Atom (RFC 4287)."""
    return _feed("atom.xml", "application/atom+xml")


@blueprint.get("/rss.xml")
def rss() -> Response:
    """What is new, as RSS 2.0."""
    return _feed("rss.xml", "application/rss+xml")


@blueprint.get("/static/seo/<version>/<colour>.css")
def style(version: str, colour: str) -> Response:
    """The style of a site with its colour of links; pages may not hold styles themselves."""
    if not is_colour(f"#{colour}"):
        abort(404)
    known = version == render.style_version()
    text = render.stylesheet() + render.accent_style(f"#{colour.lower()}")
    cache = "public, max-age=31536000, immutable" if known else "public, max-age=300"
    return _conditional(Response(text, mimetype="text/css"), cache)


def _feed(template: str, mimetype: str) -> Response:
    site = _sites()[0]
    with services.current(PLUGIN).session() as session:
        entries = [
            Shown.of(site, page) for page in store.newest(session, site.connection, LISTED, whole=True)
        ]
    updated = max((entry.updated for entry in entries), default=BEGINNING)
    return _xml(render.feed(template, site, entries, updated), mimetype)


def _sites() -> list[Site]:
    """The sites that this request may mean, the best first; a workspace without any leads its root to the app."""
    sites = sites_for(request.host, all_sites(services.current(PLUGIN).connections(CHANNEL)))
    return sites or _no_site()


def _no_site() -> NoReturn:
    abort(redirect("/app/") if request.path == "/" else 404)


def _xml(text: str, mimetype: str = "application/xml") -> Response:
    return _conditional(Response(text, mimetype=mimetype))


def _conditional(
    response: Response, cache: str = "public, max-age=300", changed: datetime | None = None
) -> Response:
    """An answer that is sent once: who has it already is told so (304)."""
    response.headers["Cache-Control"] = cache
    response.last_modified = changed
    response.add_etag()
    response.make_conditional(request)
    return response
