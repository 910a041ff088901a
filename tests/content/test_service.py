"""Assets: what a save keeps, cuts and refuses."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from marshmallow import Schema, fields, validate
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.auth.models import User
from cms_core.clock import FrozenClock
from cms_core.content import service
from cms_core.content.drafts import MAX_TEXT_BYTES, BadField, Draft, clean
from cms_core.content.listing import Filter, details, list_assets
from cms_core.content.models import Asset, Revision
from cms_core.content.revisions import content_hash, head_of
from cms_core.errors import Conflict, Forbidden, NotFound
from cms_core.workspace import Workspace

DRAFT = Draft(
    kind="article",
    title="Spring launch",
    body={"text": "Hello"},
    tags=("news", "Launch"),
    funnel_stage="awareness",
)


@pytest.fixture
def asset(session: Session, workspace: Workspace, ann: User) -> Asset:
    return service.save(session, workspace.plugins, None, DRAFT, ann).asset


def test_new_content_has_a_slug_and_one_draft(session: Session, asset: Asset) -> None:
    head = head_of(session, asset)
    assert (asset.slug, head.n, head.state) == ("spring-launch", 1, "draft")
    assert head.content_hash == content_hash("article", head)
    assert [tag.name for tag in asset.tags] == ["Launch", "news"]


def test_new_words_are_a_new_revision_and_the_old_one_stays(
    session: Session, workspace: Workspace, ann: User, asset: Asset
) -> None:
    first = head_of(session, asset)
    second = service.save(session, workspace.plugins, asset, replace(DRAFT, body={"text": "Good day"}), ann)
    assert (second.n, second.parent_id, asset.row_version) == (2, first.id, 2)
    assert first.body == {"text": "Hello"}
    assert first.content_hash != second.content_hash


def test_saving_the_same_words_adds_nothing(
    session: Session, workspace: Workspace, ann: User, asset: Asset
) -> None:
    again = service.save(session, workspace.plugins, asset, replace(DRAFT, title=" Spring  launch "), ann)
    assert again.n == 1
    assert asset.row_version == 1
    assert session.scalar(select(func.count()).select_from(Revision)) == 1


def test_tags_stage_and_persona_change_without_a_revision(
    session: Session, workspace: Workspace, ann: User, asset: Asset, clock: FrozenClock
) -> None:
    clock.at += timedelta(hours=1)
    about = replace(DRAFT, tags=("news", "spring"), funnel_stage="intent", persona="CFO")
    assert service.save(session, workspace.plugins, asset, about, ann).n == 1
    session.expire_all()
    assert ([tag.name for tag in asset.tags], asset.persona) == (["news", "spring"], "CFO")
    assert (asset.row_version, asset.updated_at) == (2, clock.at)


def test_locale_belongs_to_the_words(session: Session, workspace: Workspace, ann: User, asset: Asset) -> None:
    second = service.save(session, workspace.plugins, asset, replace(DRAFT, locale="pt_BR"), ann)
    assert (second.n, second.locale, asset.locale) == (2, "pt-BR", "pt-BR")


def test_the_second_of_two_editors_is_told_who_was_faster(
    session: Session, workspace: Workspace, ann: User, asset: Asset
) -> None:
    seen = asset.row_version
    service.save(session, workspace.plugins, asset, replace(DRAFT, summary="mine"), ann, seen)
    with pytest.raises(Conflict, match=r"changed at 2026-05-04 07:00 UTC.*by Admin") as caught:
        service.save(session, workspace.plugins, asset, replace(DRAFT, summary="yours"), ann, seen)
    assert "reload" in caught.value.remedy
    assert head_of(session, asset).summary == "mine"


@pytest.mark.parametrize("role", ["approver", "rep", "viewer"])
def test_only_editors_write(
    session: Session, workspace: Workspace, person: Callable[[str], User], role: str
) -> None:
    with pytest.raises(Forbidden):
        service.save(session, workspace.plugins, None, DRAFT, person(role))


def test_generated_slugs_make_way_and_given_ones_do_not(
    session: Session, workspace: Workspace, ann: User, asset: Asset
) -> None:
    assert service.save(session, workspace.plugins, None, DRAFT, ann).asset.slug == "spring-launch-2"
    with pytest.raises(Conflict, match="taken by 'Spring launch'"):
        service.save(session, workspace.plugins, None, replace(DRAFT, slug="spring-launch"), ann)
    app = service.save(session, workspace.plugins, None, replace(DRAFT, title="App"), ann)
    assert app.asset.slug == "app-2", "a reserved word is never generated"


RESERVED = "app api t d media static healthz metrics".split()


@pytest.mark.parametrize("slug", [*RESERVED, "Ab", "a b", "../x", "a--b", "-a", "é", "x" * 101])
def test_slugs_that_cannot_be_addresses_are_refused(workspace: Workspace, slug: str) -> None:
    with pytest.raises(BadField) as caught:
        clean(workspace.plugins.asset_kinds, replace(DRAFT, slug=slug))
    assert caught.value.field == "slug"


def test_renaming_keeps_the_words(session: Session, workspace: Workspace, ann: User, asset: Asset) -> None:
    revision = service.save(session, workspace.plugins, asset, replace(DRAFT, slug="launch"), ann)
    assert (revision.n, asset.slug, service.find(session, "launch")) == (1, "launch", asset)
    with pytest.raises(NotFound) as caught:
        service.find(session, "lanch")
    assert "launch" in caught.value.remedy


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "nonsense"}, "kind"),
        ({"title": "  "}, "title"),
        ({"title": "x" * 501}, "title"),
        ({"locale": "english please"}, "locale"),
        ({"tags": ("x" * 81,)}, "tags"),
        ({"tags": tuple(f"t{n}" for n in range(51))}, "tags"),
        ({"body": {"text": 5}}, "text"),
        ({"body": {"text": "x" * MAX_TEXT_BYTES}}, "text"),
        ({"body": {"text": "nul \0"}}, "text"),
        ({"body": {"text": "half \ud800"}}, "text"),
        ({"body": {"price": float("nan")}}, "text"),
        ({"body": {"text": "", "when": object()}}, "text"),
        ({"variants": {"email": "text"}}, "channels"),
        ({"variants": {"email": {"title": 5}}}, "channels"),
        ({"variants": {"": {}}}, "channels"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_field(
    workspace: Workspace, change: dict[str, object], field: str
) -> None:
    with pytest.raises(BadField) as caught:
        clean(workspace.plugins.asset_kinds, replace(DRAFT, **change))  # type: ignore[arg-type]
    assert caught.value.field == field
    assert caught.value.remedy


def test_deep_nesting_is_refused_not_a_crash(workspace: Workspace) -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(BadField, match="nested"):
        clean(workspace.plugins.asset_kinds, replace(DRAFT, body={"text": "", "deep": deep}))


def test_the_schema_of_a_kind_decides_about_its_own_fields() -> None:
    class Webinar(Schema):
        text = fields.String()
        seats = fields.Integer(required=True, validate=validate.Range(min=1))

    kinds = {"webinar": c.AssetKind("webinar", "Webinar", Webinar)}
    assert clean(kinds, Draft("webinar", "Talk", body={"text": "", "seats": "12"})).kind == "webinar"
    for body in ({}, {"seats": 0}, {"seats": 5, "surprise": 1}):
        with pytest.raises(BadField):
            clean(kinds, Draft("webinar", "Talk", body=body))


def test_details_and_list_tell_the_newest_words(
    session: Session, workspace: Workspace, ann: User, asset: Asset
) -> None:
    service.save(session, workspace.plugins, asset, replace(DRAFT, title="Autumn"), ann)
    other = service.save(session, workspace.plugins, None, Draft("faq", "Questions"), ann)
    assert {(row.slug, row.title, row.revision) for row in list_assets(session)} == {
        ("spring-launch", "Autumn", 2),
        ("questions", "Questions", 1),
    }
    assert [row.slug for row in list_assets(session, Filter(kind="faq", words="quest"))] == ["questions"]
    labelled = Filter(tag="news", state="draft", funnel_stage="awareness")
    assert [row.slug for row in list_assets(session, labelled)] == ["spring-launch"]
    assert not list_assets(session, Filter(words="100%_"))
    first = list_assets(session, limit=1)[0]
    assert first.id == other.asset.public_id
    assert [row.slug for row in list_assets(session, before=(first.updated_at, first.key))] == [
        "spring-launch"
    ]
    shown = details(session, asset)
    assert (shown["title"], [each["n"] for each in shown["revisions"]]) == ("Autumn", [2, 1])


def test_a_draft_made_from_an_asset_saves_as_unchanged(
    session: Session, workspace: Workspace, ann: User, asset: Asset
) -> None:
    service.save(session, workspace.plugins, asset, service.draft_of(session, asset), ann, asset.row_version)
    assert asset.row_version == 1
