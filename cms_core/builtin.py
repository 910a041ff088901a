"""What the core itself registers, by the same hooks as any plugin."""

from collections.abc import Iterable, Mapping, Sequence

from cms_core import contract as c
from cms_core.hookspecs import hookimpl

ADMIN, MARKETER, APPROVER, REP, VIEWER = "admin", "marketer", "approver", "rep", "viewer"
EVERYBODY = (ADMIN, MARKETER, APPROVER, REP, VIEWER)
OFFICE = (ADMIN, MARKETER, APPROVER, VIEWER)


@hookimpl
def register_permissions() -> Iterable[c.Permission]:
    return [
        c.Permission("content.read", "Read content", EVERYBODY),
        c.Permission("content.edit", "Write and import content", (ADMIN, MARKETER)),
        c.Permission("content.approve", "Approve content", (ADMIN, APPROVER)),
        c.Permission("calendar.read", "See the calendar, campaigns and publications", OFFICE),
        c.Permission("calendar.edit", "Plan, arm and move entries", (ADMIN, MARKETER)),
        c.Permission("publishing.act", "Retry, hold, withdraw and resolve publications", (ADMIN, MARKETER)),
        c.Permission("audience.read", "See contacts and segments", (ADMIN, MARKETER)),
        c.Permission("audience.edit", "Import contacts, change segments", (ADMIN, MARKETER)),
        c.Permission("reports.read", "See reports", OFFICE),
        c.Permission("connections.edit", "Connect accounts", (ADMIN,)),
        c.Permission("system.admin", "People, plugins, settings, audit log", (ADMIN,)),
    ]


@hookimpl
def register_settings() -> type:
    from cms_core.campaigns.schemas import CalendarSettings

    return CalendarSettings


@hookimpl
def register_asset_kinds() -> Iterable[c.AssetKind]:
    from cms_core.kinds import KINDS

    return KINDS


@hookimpl
def register_merge_fields() -> Iterable[c.FieldProvider]:
    fields = ("email", "first_name", "last_name", "company", "country", "language", "timezone")
    specs = tuple(c.FieldSpec(name) for name in fields)
    return [c.FieldProvider("contact", specs, _contact_values, open=True)]


@hookimpl
def register_event_types() -> Iterable[c.EventType]:
    return [
        c.EventType("published", "Published"),
        c.EventType("opened", "Opened", points=1, cap=5),
        c.EventType("clicked", "Clicked", points=3, cap=15),
        c.EventType("visited", "Visited a page", points=2, cap=10),
        c.EventType("converted", "Converted", points=20),
        c.EventType("bounced", "Bounced"),
        c.EventType("complained", "Complained"),
        c.EventType("unsubscribed", "Unsubscribed"),
    ]


def _contact_values(contacts: Sequence[c.Contact]) -> Mapping[str, c.Json]:
    return {contact.id: _values(contact) for contact in contacts}


def _values(contact: c.Contact) -> dict[str, object]:
    return {
        **contact.fields,
        "email": contact.email or "",
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "company": contact.company,
        "country": contact.country,
        "language": contact.language,
        "timezone": contact.timezone,
    }
