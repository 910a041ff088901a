"""Every hook does what its reference says: one plugin answers all of them, and the app shows it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Blueprint
from marshmallow import Schema, fields

from cms_core import contract as c
from cms_core import hookspecs
from cms_core.audience.upsert import upsert_many
from cms_core.campaigns.service import create_campaign
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.connections import service as connections
from cms_core.connections import settings as plugin_settings
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.content.review import approve_newest
from cms_core.errors import Invalid
from cms_core.events import service as ledger
from cms_core.events.service import NewEvent, NewMeasurement
from cms_core.hookspecs import hookimpl
from cms_core.migrations import upgrade
from cms_core.queue import EmbeddedDispatcher, EmbeddedQueue
from cms_core.reactions import deliver_reactions
from cms_core.testing.client import FormClient
from cms_core.testing.pages import add_people, app_of, signed_in
from cms_core.ticker import Ticker
from cms_core.workspace import Workspace, open_workspace
from tests.publishing.toys import Remote, ToyChannel


class Settings(Schema):
    """What the plugin can be told."""

    greeting = fields.String(load_default="hello")


class Wanted(Schema):
    """The own fields of a kind."""

    servings = fields.Integer(required=True)


class Helpful:
    """Answers every hook."""

    def __init__(self) -> None:
        self.seen: dict[str, list[Any]] = {}
        self.ran: list[c.JobContext] = []
        self.own = ModuleType("helpful_hooks")
        self.own.register_recipes = hookspecs.hookspec(_register_recipes)  # type: ignore[attr-defined]

    @hookimpl
    def register_hookspecs(self) -> Iterable[ModuleType]:
        return [self.own]

    @hookimpl(optionalhook=True)
    def register_recipes(self) -> Iterable[str]:
        return ["soup"]

    @hookimpl
    def register_settings(self) -> Any:
        return Settings

    @hookimpl
    def register_permissions(self) -> Iterable[c.Permission]:
        return [c.Permission("helpful.cook", "Cook", ("rep",))]

    @hookimpl
    def register_asset_kinds(self) -> Iterable[c.AssetKind]:
        return [c.AssetKind("recipe", "Recipe", Wanted)]

    @hookimpl
    def register_channels(self) -> Iterable[c.Channel]:
        return [ToyChannel(Remote())]

    @hookimpl
    def register_merge_fields(self) -> Iterable[c.FieldProvider]:
        return [
            c.FieldProvider(
                "diet", (c.FieldSpec("kind"),), lambda people: {each.id: {"kind": "vegan"} for each in people}
            )
        ]

    @hookimpl
    def register_event_types(self) -> Iterable[c.EventType]:
        return [c.EventType("cooked", "Cooked", points=4)]

    @hookimpl
    def register_actions(self) -> Iterable[c.Action | c.NavItem]:
        return [c.NavItem("Recipes", "helpful.recipes", "library", "Create")]

    @hookimpl
    def register_blueprints(self) -> Iterable[Blueprint]:
        folder = Path(__file__).parent / "templates"
        made = Blueprint("helpful", "helpful", url_prefix="/app/p/helpful", template_folder=str(folder))
        made.add_url_rule("/", "recipes", lambda: "all recipes")
        return [made]

    @hookimpl
    def register_jobs(self) -> Iterable[c.Job]:
        return [c.Job("stir", timedelta(seconds=1), self.ran.append)]

    @hookimpl
    def review_content(self, asset: c.Asset, placements: Sequence[c.Placement]) -> Iterable[c.Finding]:
        if "poison" in asset.title:
            yield c.Finding(c.Level.HOLD, "title", "not in my kitchen")

    @hookimpl
    def calendar_marks(self, start: date, end: date) -> Iterable[c.Mark]:
        return [c.Mark(date(2026, 5, 6), date(2026, 5, 7), "market days")]

    @hookimpl
    def ui_panels(self, place: c.Place, subject: c.Subject | None, user: c.User) -> Iterable[c.Panel]:
        words = f"{place} {subject.kind if subject else '-'} for {user.role}"
        return [c.Panel("Kitchen", "helpful_panel.html", {"words": words})]

    @hookimpl
    def personal_data(self, contacts: Sequence[c.Contact], erase: bool) -> Iterable[c.PersonalRecord]:
        return [c.PersonalRecord(each.id, "diet", {"kind": "vegan", "erased": erase}) for each in contacts]

    @hookimpl
    def published(self, receipts: Sequence[c.Receipt]) -> None:
        self.seen.setdefault("published", []).extend(receipts)

    @hookimpl
    def measured(self, measurements: Sequence[c.Measurement]) -> None:
        self.seen.setdefault("measured", []).extend(measurements)

    @hookimpl
    def engaged(self, events: Sequence[c.Event]) -> None:
        self.seen.setdefault("engaged", []).extend(events)

    @hookimpl
    def contacts_changed(self, changes: Sequence[c.ContactChange]) -> None:
        self.seen.setdefault("contacts_changed", []).extend(changes)


def _register_recipes() -> Iterable[str]:
    """A hook of the plugin's own."""
    return ()


@pytest.fixture
def helpful() -> Helpful:
    return Helpful()


@pytest.fixture
def workspace(config: Config, clock: FrozenClock, helpful: Helpful) -> Iterator[Workspace]:
    opened = open_workspace(
        replace(config, strict_plugins=True), clock=clock, extra_plugins=[("helpful", helpful)]
    )
    upgrade(opened.db.engine, opened.plugins)
    add_people(opened)
    yield opened
    opened.db.dispose()


@pytest.fixture
def admin(workspace: Workspace) -> FormClient:
    return signed_in(app_of(workspace), "admin")


def write(workspace: Workspace, title: str, kind: str = "article", **body: Any) -> str:
    from cms_core.auth.service import find_user

    with workspace.db.transaction() as session:
        draft = Draft(kind=kind, title=title, slug=title, body={"text": "words", **body})
        asset = content.save(
            session, workspace.plugins, None, draft, find_user(session, "marketer@example.com")
        ).asset
        approve_newest(session, workspace, asset, find_user(session, "approver@example.com"))
        return asset.slug


def test_every_hook_has_a_test_here() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")
    assert not [name for name, _ in hookspecs.hooks() if f"def test_hook_{name}(" not in tests]


def test_hook_register_hookspecs(workspace: Workspace) -> None:
    assert list(workspace.plugins.each("register_recipes", str)) == [("helpful", ["soup"])]


def test_hook_register_settings(workspace: Workspace, admin: FormClient) -> None:
    assert 'name="greeting"' in admin.get("/app/plugins/helpful").text
    with workspace.db.session() as session:
        environ = {"CMS_HELPFUL_GREETING": "ahoy"}
        loaded = plugin_settings.load_settings(
            session, workspace.vault, workspace.plugins, environ, "helpful"
        )
    assert loaded["greeting"] == "ahoy"


def test_hook_register_permissions(workspace: Workspace) -> None:
    assert workspace.plugins.permissions["helpful.cook"].roles == ("rep",)


def test_hook_register_asset_kinds(workspace: Workspace) -> None:
    assert write(workspace, "soup", "recipe", servings=4) == "soup"
    with pytest.raises(Invalid, match="servings"):
        write(workspace, "stew", "recipe", servings="many")
    assert workspace.plugins.asset_kinds["recipe"].label == "Recipe"


def test_hook_register_channels(workspace: Workspace) -> None:
    assert workspace.plugins.channel("toy").label == "Toy"
    assert workspace.plugins.owner_of_channel("toy") == "helpful"


def test_hook_register_merge_fields(workspace: Workspace) -> None:
    person = c.Contact("c-1", "ada@example.com")
    assert workspace.plugins.merge_fields["diet"].fetch_many([person]) == {"c-1": {"kind": "vegan"}}


def test_hook_register_event_types(workspace: Workspace) -> None:
    assert workspace.plugins.event_types["cooked"].points == 4


def test_hook_register_actions(admin: FormClient) -> None:
    page = admin.get("/app/calendar").text
    assert 'href="/app/p/helpful/"' in page
    assert "Added by helpful" in page


def test_hook_register_blueprints(admin: FormClient) -> None:
    assert admin.get("/app/p/helpful/").text == "all recipes"


def test_hook_register_jobs(workspace: Workspace, helpful: Helpful) -> None:
    queue = EmbeddedQueue()
    ticker = Ticker(workspace.plugins, EmbeddedDispatcher(workspace, queue))
    ticker.start()
    for _ in range(40):
        if helpful.ran:
            break
        queue.wait(0.1)
    ticker.stop()
    assert helpful.ran[0].services.base_url == workspace.config.base_url


def test_hook_review_content(workspace: Workspace) -> None:
    with pytest.raises(Invalid, match="not in my kitchen"):
        write(workspace, "poison")


def test_hook_calendar_marks(admin: FormClient) -> None:
    assert admin.get("/app/calendar?month=2026-05").text.count(">market days<") == 2


def test_hook_ui_panels(workspace: Workspace, admin: FormClient) -> None:
    slug = write(workspace, "soup")
    with workspace.db.transaction() as session:
        campaign = create_campaign(session, "Spring", date(2026, 5, 1), date(2026, 5, 31), "UTC").public_id
        contact = upsert_many(session, [c.Contact("", "ada@example.com")], source="test")[0]
    pages = {
        c.Place.CALENDAR: "/app/calendar",
        c.Place.ASSET: f"/app/content/{slug}",
        c.Place.CAMPAIGN: f"/app/campaigns/{campaign}",
        c.Place.REPORT: f"/app/reports/{campaign}",
        c.Place.CONTACT: f"/app/contacts/{contact}",
        c.Place.PLUGIN: "/app/plugins/helpful",
    }
    assert set(pages) == set(c.Place), "every place is drawn somewhere"
    for place, url in pages.items():
        page = admin.get(url).text
        assert 'data-plugin="helpful"' in page, place
        assert f"{place} " in page, place
        assert "for admin" in page, place


def test_hook_personal_data(workspace: Workspace) -> None:
    found = workspace.plugins.personal_data([c.Contact("c-1", "ada@example.com")], erase=True)
    told = {plugin: ([each.data["erased"] for each in records], error) for plugin, records, error in found}
    assert told["helpful"] == ([True], None)


@pytest.fixture
def reacted(workspace: Workspace, helpful: Helpful) -> dict[str, list[Any]]:
    """What the reactions saw of one publication, number, click and contact."""
    from cms_core.publishing.models import Publication

    deliver_reactions(workspace)
    now = workspace.db.clock.now()
    write(workspace, "soup")
    with workspace.db.transaction() as session:
        connections.add(session, workspace.vault, workspace.plugins, "toy", "main", {})
        upsert_many(session, [c.Contact("", "ada@example.com")], source="test")
        _publish(session, workspace)
        row = session.query(Publication).one()
        events = [
            NewEvent("published", now, "core", "1", publication_id=row.id, channel="toy"),
            NewEvent("clicked", now, "hit", "2", c.AgentClass.HUMAN, publication_id=row.id),
        ]
        ledger.record(session, events)
        ledger.store_measurements(session, [NewMeasurement(row.id, "likes", 7_000_000, now)])
    deliver_reactions(workspace)
    return helpful.seen


def _publish(session: Any, workspace: Workspace) -> None:
    from cms_core.campaigns.service import Plan, plan
    from cms_core.campaigns.when import parse_when
    from cms_core.publishing import arming

    account = connections.find(session, "toy", "main")
    wanted = Plan(
        parse_when("2026-05-04 09:00", "UTC"),
        asset=content.find(session, "soup"),
        channel="toy",
        connection=account,
    )
    publication = arming.arm(session, workspace, plan(session, wanted))
    publication.receipt, publication.state = {"data": {}}, "published"
    publication.external_url, publication.published_at = "https://toy.example/1", workspace.db.clock.now()
    session.flush()


def test_hook_published(reacted: dict[str, list[Any]]) -> None:
    assert [receipt.url for receipt in reacted["published"]] == ["https://toy.example/1"]


def test_hook_measured(reacted: dict[str, list[Any]]) -> None:
    assert [(each.metric, each.value) for each in reacted["measured"]] == [("likes", 7)]


def test_hook_engaged(reacted: dict[str, list[Any]]) -> None:
    assert [event.kind for event in reacted["engaged"]] == ["clicked"]


def test_hook_contacts_changed(reacted: dict[str, list[Any]]) -> None:
    assert [change.change for change in reacted["contacts_changed"]] == ["created"]
