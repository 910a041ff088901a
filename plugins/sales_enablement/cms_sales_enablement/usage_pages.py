"""The page of what content does in sales."""

from flask import Blueprint, render_template

from cms_core import permission, services
from cms_sales_enablement import PLUGIN, usage

blueprint = Blueprint(
    "sales_usage", __name__, url_prefix="/app/p/sales_enablement/usage", template_folder="templates"
)


@blueprint.get("/")
@permission(usage.SEES)
def index() -> str:
    """By asset and by person, with what is hot but stale first."""
    svc = services.current(PLUGIN)
    found = usage.of_assets(svc)
    return render_template(
        "sales_enablement/usage.html",
        uses=found,
        stale=usage.hot_but_stale(found, svc.now()),
        reps=usage.of_reps(svc),
    )
