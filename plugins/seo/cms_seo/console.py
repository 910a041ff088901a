"""The list of public pages inside the app."""

from flask import Blueprint, render_template

from cms_core import permission, services
from cms_seo import store
from cms_seo.pages import PLUGIN
from cms_seo.sites import CHANNEL, all_sites

MOST = 500

blueprint = Blueprint("seo", __name__, url_prefix="/app/p/seo", template_folder="templates")


@blueprint.get("/")
@permission("calendar.read")
def website() -> str:
    """What stands on the sites, and what was taken down."""
    svc = services.current(PLUGIN)
    sites = {site.connection: site for site in all_sites(svc.connections(CHANNEL))}
    with svc.session() as session:
        pages = store.everything(session, MOST)
    return render_template("seo/website.html", pages=pages, sites=sites, most=MOST)
