"""The hooks of this plugin."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cms_core import (
    Action,
    Contact,
    ContactChange,
    Event,
    EventType,
    FieldProvider,
    Job,
    Json,
    NavItem,
    Panel,
    Permission,
    PersonalRecord,
    Place,
    Subject,
    User,
    hookimpl,
)

if TYPE_CHECKING:
    from flask import Blueprint

api = "1"
READ, WORK, RULES = "leads.read", "leads.work", "leads.rules"


@hookimpl
def register_settings() -> Any:
    from cms_leads.schemas import Settings

    return Settings


@hookimpl
def register_permissions() -> Iterable[Permission]:
    return [
        Permission(READ, "See leads, companies and deals", ("admin", "marketer", "rep")),
        Permission(WORK, "Answer leads, change deals", ("admin", "marketer", "rep")),
        Permission(RULES, "Change the rules of points", ("admin", "marketer")),
    ]


@hookimpl
def register_event_types() -> Iterable[EventType]:
    return [
        EventType("lead_qualified", "Handed over to sales"),
        EventType("lead_accepted", "Accepted by sales", points=10, cap=10),
        EventType("lead_returned", "Sent back by sales", points=-25, cap=50, half_life=timedelta(days=90)),
        EventType("deal_won", "Won a deal"),
        EventType("deal_lost", "Lost a deal"),
        EventType("deal_reopened", "Reopened a deal"),
    ]


@hookimpl
def register_merge_fields() -> Iterable[FieldProvider]:
    from cms_leads.fields import PROVIDER

    return [PROVIDER]


@hookimpl(optionalhook=True)
def deck_subjects(named: str) -> Iterable[Json]:
    from cms_leads import fields

    return fields.subjects(named)


@hookimpl
def register_blueprints() -> "Iterable[Blueprint]":
    from cms_leads import api as calls
    from cms_leads import deal_api, pages

    return [pages.blueprint, calls.blueprint, deal_api.blueprint]


@hookimpl
def register_actions() -> Iterable[Action | NavItem]:
    return [
        NavItem("Leads", "leads.index", "target", "Audience", READ, tab=True),
        NavItem("Companies", "leads.companies.index", "building-2", "Audience", READ),
        NavItem("Deals", "leads.deals.index", "wallet", "Audience", READ),
    ]


@hookimpl
def register_jobs() -> Iterable[Job]:
    from cms_leads import jobs

    return [
        Job("keep-up", timedelta(minutes=1), jobs.keep_up),
        Job("fade", timedelta(minutes=10), jobs.fade),
    ]


@hookimpl
def ui_panels(place: Place, subject: Subject | None, user: User) -> Iterable[Panel]:
    from cms_leads import panels

    return panels.of(place, subject)


@hookimpl
def personal_data(contacts: Sequence[Contact], erase: bool) -> Iterable[PersonalRecord]:
    from cms_leads import jobs

    return jobs.personal_data(contacts, erase)


@hookimpl
def engaged(events: Sequence[Event]) -> None:
    from cms_leads import jobs

    jobs.hear(events)


@hookimpl
def contacts_changed(changes: Sequence[ContactChange]) -> None:
    from cms_leads import jobs

    jobs.take([change.contact for change in changes])
