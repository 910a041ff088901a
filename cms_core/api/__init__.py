"""The REST interface under ``/api/v1``: what the rooms and plugins make their calls of.

A room's calls stand in its ``api.py``, a plugin's in a blueprint of its own with ``url_prefix="/api/v1/<plugin>"``, offered by
``register_blueprints``::

    from cms_core import api

    blueprint = api.Blueprint("leads_api", __name__, url_prefix="/api/v1/leads", description="Leads by score.")

    @blueprint.get("")
    @blueprint.call("leads.read", "leads list", query=api.PageArgs, answers=api.pages_of(Lead))
    def leads(query):
        \"\"\"All leads.\"\"\"
        return api.page(api.session(), select(…), (Lead.id,), query)

``call`` sees to the token, the permission, the input, ``Idempotency-Key`` and the document at ``/api/v1/openapi.json``.
``api.services("<plugin>")`` gives the services in the name of whoever calls, joined to the transaction of the call.
"""

from cms_core.api.access import bearer
from cms_core.api.answers import answer, stream, upload, uploads
from cms_core.api.blueprint import Blueprint
from cms_core.api.calling import services
from cms_core.api.etags import require_match
from cms_core.api.lists import page, page_by
from cms_core.api.schemas import (
    Document,
    Input,
    PageArgs,
    instant,
    listing,
    many_of,
    number,
    pages_of,
    table,
    text,
    truth,
)
from cms_core.connections.values import InvalidValues
from cms_core.web.request import session

__all__ = [
    "Blueprint",
    "Document",
    "Input",
    "InvalidValues",
    "PageArgs",
    "answer",
    "bearer",
    "instant",
    "listing",
    "many_of",
    "number",
    "page",
    "page_by",
    "pages_of",
    "require_match",
    "services",
    "session",
    "stream",
    "table",
    "text",
    "truth",
    "upload",
    "uploads",
]
