"""Kinds of notice: what people may choose by kind, and what they get as long as they have not chosen."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.auth import service as auth
from cms_core.auth.models import User
from cms_core.notices.models import Notice
from cms_core.plugins import Plugins

PLUGIN = "plugin:"  # notices of a plugin are a kind of their own
EVENT = "notice"  # as webhooks know them


class How(StrEnum):
    """When somebody is mailed about a notice."""

    NOW = "now"
    DAILY = "daily"
    NEVER = "never"


@dataclass(frozen=True)
class Kind:
    """A kind of notice; ``permission`` is what those may do whom it concerns ("": it concerns single people)."""

    name: str
    label: str
    permission: str
    default: How = How.NOW

    @property
    def is_core(self) -> bool:
        """Whether it is one of the core's own."""
        return not self.name.startswith(PLUGIN)


CORE = {
    each.name: each
    for each in (
        Kind("failed", "Failed", "publishing.act"),
        Kind("unknown", "May have gone out", "publishing.act"),
        Kind("missed", "Missed", "publishing.act"),
        Kind("held", "Held", "publishing.act"),
        Kind("review", "Approval asked", "content.approve"),
        Kind("connection", "Connections", "connections.edit"),
        Kind("token", "Your API tokens", "", How.DAILY),
        Kind("system", "Webhooks, plugins and the system", "system.admin"),
    )
}


def label_of(kind: str) -> str:
    """What a kind is called; a plugin's by the name of the plugin."""
    return CORE[kind].label if kind in CORE else kind.removeprefix(PLUGIN).replace("_", " ").capitalize()


def default_of(kind: str, *, urgent: bool) -> How:
    """How somebody is mailed who has not chosen."""
    return CORE[kind].default if kind in CORE else How.NOW if urgent else How.DAILY


def kinds_for(session: Session, plugins: Plugins, user: User) -> list[Kind]:
    """The kinds that may concern a user: those of the core by their permissions, and of plugins that have told anything."""
    core = [each for each in CORE.values() if not each.permission or auth.can(plugins, user, each.permission)]
    told = select(Notice.kind).where(Notice.kind.startswith(PLUGIN, autoescape=True)).distinct()
    return [*core, *(Kind(name, label_of(name), "", How.DAILY) for name in sorted(session.scalars(told)))]
