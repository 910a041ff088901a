"""The hooks of this plugin."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cms_core import (
    Action,
    Channel,
    EventType,
    Job,
    NavItem,
    Panel,
    Permission,
    Place,
    Subject,
    User,
    hookimpl,
)

if TYPE_CHECKING:
    from flask import Blueprint

api = "1"


@hookimpl
def register_settings() -> Any:
    from cms_ads.settings import GuardSettings

    return GuardSettings


@hookimpl
def register_permissions() -> Iterable[Permission]:
    return [Permission("ads.import", "Import costs of ads and say where they belong", ("admin", "marketer"))]


@hookimpl
def register_channels() -> Iterable[Channel]:
    from cms_ads.channel import AdsChannel

    return [AdsChannel()]


@hookimpl
def register_event_types() -> Iterable[EventType]:
    return [EventType("budget_warned", "Budget nearly spent"), EventType("budget_stopped", "Budget spent")]


@hookimpl
def register_actions() -> Iterable[Action | NavItem]:
    return [NavItem("Ad costs", "ads.overview", "wallet", "Measure", "reports.read", "g d")]


@hookimpl
def register_blueprints() -> "Iterable[Blueprint]":
    from cms_ads import api as calls
    from cms_ads import pages

    return [pages.blueprint, calls.blueprint]


@hookimpl
def register_jobs() -> Iterable[Job]:
    from cms_ads import guard, telling

    return [Job("tell", timedelta(minutes=1), telling.run), Job("guard", timedelta(minutes=1), guard.run)]


@hookimpl
def ui_panels(place: Place, subject: Subject | None, user: User) -> Iterable[Panel]:
    from cms_ads import pages

    return pages.panels(subject.id) if place in (Place.CAMPAIGN, Place.REPORT) and subject else []
