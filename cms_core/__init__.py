"""cms-core: approved content on one calendar over all channels.

This module is what plugin authors import: ``from cms_core import Channel, Placement, Receipt, hookimpl, …``. Names are loaded when
they are first used, so that ``import cms_core`` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers and editors: the names of _ELSEWHERE
    from cms_core import api as api
    from cms_core import merge as merge
    from cms_core import services as services
    from cms_core.campaigns.money import from_micros as from_micros
    from cms_core.campaigns.money import parse_money as parse_money
    from cms_core.campaigns.money import show_money as show_money
    from cms_core.campaigns.money import to_micros as to_micros
    from cms_core.cli.output import print_json as print_json
    from cms_core.cli.output import print_table as print_table
    from cms_core.cli.output import progress as progress
    from cms_core.cli.state import State as State
    from cms_core.cli.state import json_option as json_option
    from cms_core.cli.state import pass_state as pass_state
    from cms_core.content.slugs import RESERVED_PATHS as RESERVED_PATHS
    from cms_core.contract import *  # noqa: F403
    from cms_core.csvfile import protect_cell as protect_cell
    from cms_core.csvfile import read_csv as read_csv
    from cms_core.csvfile import unprotect_cell as unprotect_cell
    from cms_core.db import Base as Base
    from cms_core.db import PublicId as PublicId
    from cms_core.db import UTCDateTime as UTCDateTime
    from cms_core.dialect import insert_missing as insert_missing
    from cms_core.errors import CmsError as CmsError
    from cms_core.errors import Conflict as Conflict
    from cms_core.errors import Forbidden as Forbidden
    from cms_core.errors import Invalid as Invalid
    from cms_core.errors import NotFound as NotFound
    from cms_core.errors import TryLater as TryLater
    from cms_core.events.agents import classify as classify
    from cms_core.hookspecs import hookimpl as hookimpl
    from cms_core.hookspecs import hookspec as hookspec
    from cms_core.markdown.html import render_markdown as render_markdown
    from cms_core.markdown.mergetags import MergeTags as MergeTags
    from cms_core.markdown.text import markdown_to_text as markdown_to_text
    from cms_core.outbound import SmtpDoor as SmtpDoor
    from cms_core.outbound import SmtpMessage as SmtpMessage
    from cms_core.outbound import SmtpServer as SmtpServer
    from cms_core.outbound import check_smtp as check_smtp
    from cms_core.publishing.links import utm_for as utm_for
    from cms_core.publishing.links import with_utm as with_utm
    from cms_core.services import Services as Services
    from cms_core.web.auth import permission as permission
    from cms_core.web.charts import nice_step as nice_step
    from cms_core.web.forms import SchemaForm as SchemaForm
    from cms_core.web.security import preview_response as preview_response
    from cms_core.web.session import limiter as limiter
    from cms_core.web.shell import toast as toast

_CONTRACT = (
    "Absent Action AddressedChannel AgentClass Asset AssetKind Campaign CampaignFigures Channel ChannelError Company "
    "Contact ContactChange Event EventType FieldProvider FieldSpec Finding Flight Http Idempotency IdempotencyRule Identity "
    "Job JobContext Json LeaveWithdrawn Level Link Mark Measurement Media Money NavItem NotConnected Notice Outcome "
    "OutcomeStatus OutcomeUnknown Panel Permission PersonalRecord Place Placement Prepared Preview Reached Receipt "
    "Recipient Refused Rendition Retryable Saved Subject TrackedLinks User Wait Wire"
).split()
_ELSEWHERE = {
    "api": "cms_core.api",
    "hookimpl": "cms_core.hookspecs",
    "hookspec": "cms_core.hookspecs",
    "CmsError": "cms_core.errors",
    "Conflict": "cms_core.errors",
    "Forbidden": "cms_core.errors",
    "Invalid": "cms_core.errors",
    "NotFound": "cms_core.errors",
    "TryLater": "cms_core.errors",
    "merge": "cms_core.merge",
    "services": "cms_core.services",
    "Services": "cms_core.services",
    "Base": "cms_core.db",
    "UTCDateTime": "cms_core.db",
    "render_markdown": "cms_core.markdown.html",
    "markdown_to_text": "cms_core.markdown.text",
    "MergeTags": "cms_core.markdown.mergetags",
    "SmtpDoor": "cms_core.outbound",
    "SmtpMessage": "cms_core.outbound",
    "SmtpServer": "cms_core.outbound",
    "check_smtp": "cms_core.outbound",
    "RESERVED_PATHS": "cms_core.content.slugs",
    "classify": "cms_core.events.agents",
    "utm_for": "cms_core.publishing.links",
    "with_utm": "cms_core.publishing.links",
    "permission": "cms_core.web.auth",
    "protect_cell": "cms_core.csvfile",
    "read_csv": "cms_core.csvfile",
    "show_money": "cms_core.campaigns.money",
    "parse_money": "cms_core.campaigns.money",
    "from_micros": "cms_core.campaigns.money",
    "to_micros": "cms_core.campaigns.money",
    "insert_missing": "cms_core.dialect",
    "json_option": "cms_core.cli.state",
    "limiter": "cms_core.web.session",
    "nice_step": "cms_core.web.charts",
    "preview_response": "cms_core.web.security",
    "SchemaForm": "cms_core.web.forms",
    "pass_state": "cms_core.cli.state",
    "print_json": "cms_core.cli.output",
    "print_table": "cms_core.cli.output",
    "State": "cms_core.cli.state",
    "PublicId": "cms_core.db",
    "progress": "cms_core.cli.output",
    "unprotect_cell": "cms_core.csvfile",
    "toast": "cms_core.web.shell",
}
_MODULES = ("api", "merge", "services")

__version__ = "0.1.0"
__all__ = sorted([*_CONTRACT, *_ELSEWHERE])


def __getattr__(name: str) -> Any:
    if name in _CONTRACT:
        return getattr(import_module("cms_core.contract"), name)
    if name in _MODULES:
        return import_module(_ELSEWHERE[name])
    if name in _ELSEWHERE:
        return getattr(import_module(_ELSEWHERE[name]), name)
    raise AttributeError(f"module 'cms_core' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
