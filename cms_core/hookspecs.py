"""Every hook of cms-core, in the order in which a piece of content lives through them.

All hooks collect: each plugin may answer, answers come in plugin-name order, no answer stops another. They are called per page or
per batch, never per row. Arguments are passed by name; an implementation may leave out those it has no use for.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from cms_core.contract import (
    Action,
    Asset,
    AssetKind,
    Channel,
    Contact,
    ContactChange,
    Event,
    EventType,
    FieldProvider,
    Finding,
    Job,
    Mark,
    Measurement,
    NavItem,
    Panel,
    Permission,
    PersonalRecord,
    Place,
    Placement,
    Receipt,
    Subject,
    User,
)

if TYPE_CHECKING:
    from flask import Blueprint

hookspec = pluggy.HookspecMarker("cms_core")
hookimpl = pluggy.HookimplMarker("cms_core")


# --- set-up: called once by create_app; the answers are kept ---------------------------------------------------------


@hookspec
def register_hookspecs() -> Iterable[ModuleType]:
    """Called first. Return modules with hooks of your own; others implement them with ``optionalhook=True``.

    .. versionadded:: 0.1
    """


@hookspec
def register_settings() -> Any:
    """Return one marshmallow Schema class: your settings page, validation, secrets and environment override.

    .. versionadded:: 0.1
    """


@hookspec
def register_permissions() -> Iterable[Permission]:
    """Return what roles may do in your plugin, with the roles that may by default.

    .. versionadded:: 0.1
    """


@hookspec
def register_asset_kinds() -> Iterable[AssetKind]:
    """Return the kinds of content asset that you add, each with the schema of its own fields.

    .. versionadded:: 0.1
    """


@hookspec
def register_channels() -> Iterable[Channel]:
    """Return your channels: places where content is published.

    .. versionadded:: 0.1
    """


@hookspec
def register_merge_fields() -> Iterable[FieldProvider]:
    """Return namespaces of merge fields (``{{ deal.stage }}``) with a function that fetches them for many contacts at once.

    .. versionadded:: 0.1
    """


@hookspec
def register_event_types() -> Iterable[EventType]:
    """Return the kinds of event that you record, with their labels and default points.

    .. versionadded:: 0.1
    """


@hookspec
def register_actions() -> Iterable[Action | NavItem]:
    """Return navigation items and actions for menus and the palette.

    .. versionadded:: 0.1
    """


@hookspec
def register_blueprints() -> "Iterable[Blueprint]":
    """Return Flask blueprints: your pages under ``/app/p/<plugin>/`` or public routes.

    .. versionadded:: 0.1
    """


@hookspec
def register_jobs() -> Iterable[Job]:
    """Return work to be done at an interval; ``job.run(ctx)`` opens its own sessions by way of the services.

    The database remembers when it was done last, so a program that is started anew each night still does a daily job once a day;
    one with an interval of more than an hour may be up to an hour late.

    .. versionadded:: 0.1
    """


# --- moments: called while a page is made or a decision is taken; a plugin that fails costs its own answer only --------


@hookspec
def review_content(asset: Asset, placements: Sequence[Placement]) -> Iterable[Finding]:
    """Called in the editor, before approval and before a commit. A finding of level ``hold`` stops the commit.

    .. versionadded:: 0.1
    """


@hookspec
def calendar_marks(start: date, end: date) -> Iterable[Mark]:
    """Called once per calendar range. Return badges and bands (holidays, launches).

    .. versionadded:: 0.1
    """


@hookspec
def ui_panels(place: Place, subject: Subject | None, user: User) -> Iterable[Panel]:
    """Called once per page that has a place for cards. Return panels with a template of your plugin.

    .. versionadded:: 0.1
    """


@hookspec
def personal_data(contacts: Sequence[Contact], erase: bool) -> Iterable[PersonalRecord]:
    """Called for an export or an erasure. Return, and with ``erase`` delete, what you keep about these contacts.

    .. versionadded:: 0.1
    """


# --- reactions: batches read from the ledger after commit, at least once; a plugin that fails is called again ---------


@hookspec
def published(receipts: Sequence[Receipt]) -> None:
    """Called after publications became public.

    .. versionadded:: 0.1
    """


@hookspec
def measured(measurements: Sequence[Measurement]) -> None:
    """Called after numbers of publications were stored.

    .. versionadded:: 0.1
    """


@hookspec
def engaged(events: Sequence[Event]) -> None:
    """Called after people opened, clicked, visited or converted.

    .. versionadded:: 0.1
    """


@hookspec
def contacts_changed(changes: Sequence[ContactChange]) -> None:
    """Called after contacts were created, updated, merged or erased.

    .. versionadded:: 0.1
    """


# --- all of them --------------------------------------------------------------------------------------------------------


def hooks() -> list[tuple[str, FunctionType]]:
    """Every hook of this file with its name, in the order of the file."""
    return [(name, found) for name, found in globals().items() if hasattr(found, "cms_core_spec")]
