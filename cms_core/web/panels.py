"""Cards that plugins add to a page: asked once, drawn in their own templates, a fault costs one card."""

from dataclasses import dataclass

from flask import render_template
from markupsafe import Markup

from cms_core.auth.service import as_contract
from cms_core.contract import Place, Subject
from cms_core.plugins import PLUGIN_FAULTS
from cms_core.web.auth import user
from cms_core.web.request import workspace


@dataclass(frozen=True)
class DrawnPanel:
    """A card of a plugin, ready to be put on a page."""

    plugin: str
    title: str
    html: Markup


def draw_panels(place: Place, subject: Subject | None = None) -> list[DrawnPanel]:
    """The cards for a place; one whose template fails is left out and its fault kept under the plugin's name."""
    plugins = workspace().plugins
    drawn = []
    for plugin, panel in plugins.ui_panels(place, subject, as_contract(user())):
        try:
            html = Markup(render_template(panel.template, **panel.context))  # noqa: S704  # escaped by its own template
        except PLUGIN_FAULTS as error:
            plugins.report(plugin, "ui_panels", error)
        else:
            drawn.append(DrawnPanel(plugin, panel.title, html))
    return drawn
