"""The hooks of this plugin."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cms_core import (
    Action,
    Asset,
    AssetKind,
    Contact,
    EventType,
    Finding,
    Job,
    NavItem,
    Panel,
    Permission,
    PersonalRecord,
    Place,
    Placement,
    Subject,
    User,
    hookimpl,
)

if TYPE_CHECKING:
    from flask import Blueprint

api = "1"


@hookimpl
def register_hookspecs() -> Iterable[ModuleType]:
    from cms_sales_enablement import hookspecs

    return [hookspecs]


@hookimpl
def register_asset_kinds() -> Iterable[AssetKind]:
    from cms_sales_enablement.schemas import PresentationFile

    return [AssetKind("presentation", "Presentation", PresentationFile, icon="presentation")]


@hookimpl
def register_settings() -> Any:
    from cms_sales_enablement.schemas import SalesSettings

    return SalesSettings


@hookimpl
def register_permissions() -> Iterable[Permission]:
    return [
        Permission(
            "sales.read", "Search the reps' library", ("admin", "marketer", "approver", "rep", "viewer")
        ),
        Permission("sales.decks", "Make decks of presentations", ("admin", "marketer", "rep")),
        Permission("sales.share", "Share content by tracked links", ("admin", "marketer", "rep")),
        Permission("sales.all", "See everybody's decks, links and rooms", ("admin", "marketer")),
    ]


@hookimpl
def register_event_types() -> Iterable[EventType]:
    half_life = timedelta(days=30)
    return [
        EventType("share_viewed", "Looked at a shared piece", points=5, cap=25, half_life=half_life),
        EventType("share_downloaded", "Downloaded a shared deck", points=8, cap=24, half_life=half_life),
    ]


@hookimpl
def register_blueprints() -> "Iterable[Blueprint]":
    from cms_sales_enablement import (
        api,
        block_api,
        block_pages,
        deck_api,
        deck_pages,
        facet_api,
        facet_pages,
        pages,
        room_api,
        room_doors,
        room_pages,
        saying_api,
        share_pages,
        template_api,
        template_pages,
        training_api,
        training_pages,
        usage_api,
        usage_pages,
        variant_api,
    )

    shown = (
        deck_pages,
        block_pages,
        template_pages,
        facet_pages,
        training_pages,
        usage_pages,
        pages,
        share_pages,
        room_pages,
        room_doors,
    )
    calls = (
        api,
        saying_api,
        template_api,
        deck_api,
        block_api,
        facet_api,
        variant_api,
        training_api,
        usage_api,
        room_api,
    )
    return [each.blueprint for each in (*shown, *calls)]


@hookimpl
def register_actions() -> Iterable[Action | NavItem]:
    decks = NavItem(
        "Decks", "sales_decks.index_page", "presentation", "Sales", "sales.decks", "g y", tab=True
    )
    library = NavItem("Library", "sales.library", "search", "Sales", "sales.read", "g b", tab=True)
    learn = NavItem("Training", "sales_training.index", "square-check", "Sales", "sales.read", "g j")
    return [
        decks,
        library,
        NavItem("Rooms", "sales_rooms.index", "users", "Sales", "sales.share", "g h"),
        NavItem("Shared links", "sales.links", "link-2", "Sales", "sales.share", "g k", tab=True),
        learn,
        NavItem("Use in sales", "sales_usage.index", "chart-line", "Measure", "sales.all"),
    ]


@hookimpl
def register_jobs() -> Iterable[Job]:
    from cms_sales_enablement import codes, drawing, index

    return [
        Job("index", timedelta(minutes=1), index.run),
        Job("draw", timedelta(seconds=20), drawing.run),
        Job("codes", timedelta(minutes=10), codes.forget),
    ]


@hookimpl
def review_content(asset: Asset, placements: Sequence[Placement]) -> Iterable[Finding]:
    from cms_sales_enablement import panels

    return panels.remarks(asset)


@hookimpl
def ui_panels(place: Place, subject: Subject | None, user: User) -> Iterable[Panel]:
    from cms_sales_enablement import panels

    return panels.of_asset(subject.id) if place is Place.ASSET and subject else []


@hookimpl
def personal_data(contacts: Sequence[Contact], erase: bool) -> Iterable[PersonalRecord]:
    from cms_sales_enablement import panels

    return panels.personal_data(contacts, erase)
