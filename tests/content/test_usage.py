"""Where things are used: found in links and files, kept at every save, made anew to the same; used things stay."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.auth.models import User
from cms_core.campaigns import service as campaigns
from cms_core.campaigns.when import parse_when
from cms_core.content import board, media, renames, review, service, usage
from cms_core.content.drafts import Draft
from cms_core.content.models import Asset, AssetLink, Media, Reference
from cms_core.errors import Conflict, Forbidden, NotFound
from cms_core.workspace import Workspace

Write = Callable[..., Asset]


@pytest.fixture
def write(session: Session, workspace: Workspace, ann: User) -> Write:
    def save(slug: str, text: str = "Words.", **more: object) -> Asset:
        draft = Draft("article", slug, body={"text": text}, slug=slug)
        found = service.find_or_none(session, slug)
        return service.save(session, workspace.plugins, found, replace(draft, **more), ann).asset  # type: ignore[arg-type]

    return save


@pytest.fixture
def picture(session: Session, workspace: Workspace) -> Media:
    return media.record(session, media.take_in(workspace.config.media_dir, b"%PDF-1.7 x", "paper.pdf"))


@pytest.mark.parametrize(
    "text",
    [
        "[here](/guide)",
        "[here](</guide>)",
        "[here](/guide/ 'A title')",
        "[here](/guide?utm_source=x#top)",
        "[here][1]\n\n[1]: /guide",
        '<a class="b" href="/guide">x</a>',
        "<a href = '/guide'>x</a>",
        "/guide",
        "/guide#top",
    ],
)
def test_links_are_found_however_they_are_written(text: str) -> None:
    assert usage.links_in({"deep": [{"text": text}]}) == ["guide"]


@pytest.mark.parametrize(
    "text",
    [
        "/guide is a word",
        "[x](/guide/part)",
        "[x](//guide)",
        "[x](https://a.example/guide)",
        "[x](/Guide)",
        "[x](/app/x)",
    ],
)
def test_other_addresses_are_no_links_to_assets(text: str) -> None:
    assert usage.links_in(text) == []


def test_links_count_whichever_was_there_first(session: Session, write: Write) -> None:
    write("letter", "See [it](/guide).")
    guide = write("guide", "See [me](/guide).")
    (use,) = usage.uses_of_asset(session, guide)
    assert (use.slug, use.revision, use.current) == ("letter", 1, True)
    write("letter", "Nothing.")
    (use,) = usage.uses_of_asset(session, guide)
    assert (use.revision, use.current) == (1, False)


def test_the_index_made_anew_is_the_same(session: Session, write: Write, picture: Media) -> None:
    write("guide", f"[paper]({media.url_path(picture)})")
    write("letter", "[a](/guide) [b](/other)", variants={"email": {"text": "[c](/third)"}})

    def rows() -> set[tuple[int, object]]:
        links = session.execute(select(AssetLink.revision_id, AssetLink.slug)).all()
        files = session.execute(select(Reference.revision_id, Reference.media_id)).all()
        return {(row[0], row[1]) for row in [*links, *files]}

    kept = rows()
    assert len(kept) == 4
    assert usage.rebuild(session) == 2
    assert rows() == kept


def test_what_is_used_is_not_put_away(
    session: Session, workspace: Workspace, ann: User, write: Write, person: Callable[..., User]
) -> None:
    guide = write("guide")
    write("letter", "See [it](/guide).")
    with pytest.raises(Conflict, match=r"'guide' is used: letter \(links to it\)"):
        board.archive(session, workspace.plugins, guide, ann)
    write("letter", "See nothing.")
    campaigns.create_campaign(session, "Launch", date(2026, 5, 1), date(2026, 5, 31), "UTC")
    entry = campaigns.plan(session, campaigns.Plan(parse_when("2026-05-09 09:00", "UTC"), asset=guide))
    with pytest.raises(Conflict, match=r"entry 'guide' \(planned\)"):
        board.archive(session, workspace.plugins, guide, ann)
    campaigns.drop(session, entry)
    with pytest.raises(Forbidden):
        board.archive(session, workspace.plugins, guide, person("viewer"))
    board.archive(session, workspace.plugins, guide, ann)
    assert guide.archived_at is not None
    board.bring_back(session, workspace.plugins, guide, ann)
    assert guide.archived_at is None


def test_a_file_that_an_old_revision_shows_stays(
    session: Session, workspace: Workspace, ann: User, write: Write, picture: Media
) -> None:
    write("guide", f"[paper]({media.url_path(picture)})")
    write("guide", "No paper.")
    with pytest.raises(Conflict, match="is used: guide"):
        board.archive_media(session, workspace.plugins, picture, ann)
    other = media.record(session, media.take_in(workspace.config.media_dir, b"%PDF-1.7 y", "other.pdf"))
    board.archive_media(session, workspace.plugins, other, ann)
    assert media.find_file(session, other.sha256) is None
    again = media.record(session, media.take_in(workspace.config.media_dir, b"%PDF-1.7 y", "other.pdf"))
    assert (again.id, again.archived_at) == (other.id, None)


# --- former slugs -----------------------------------------------------------------------------------------------------


def test_an_old_slug_is_offered_and_leads_nowhere_until_somebody_says_so(
    session: Session, write: Write
) -> None:
    asset = write("first")
    rename(session, write, asset, "second")
    assert renames.target_of(session, "first") is None
    renames.accept(session, renames.find(session, "first"))
    assert renames.target_of(session, "first") == "second"
    with pytest.raises(NotFound) as caught:
        service.find(session, "first")
    assert "'second'" in caught.value.remedy


def test_neither_chains_nor_loops(session: Session, write: Write) -> None:
    asset = write("a")
    for slug in ("b", "c", "a", "e"):
        rename(session, write, asset, slug)
        for former in renames.former_slugs(session, asset):
            renames.accept(session, former)
    assert {
        each.slug: renames.target_of(session, each.slug) for each in renames.former_slugs(session, asset)
    } == {
        "b": "e",
        "c": "e",
        "a": "e",
    }
    rename(session, write, asset, "a")
    assert renames.target_of(session, "a") is None


def test_a_slug_that_redirects_is_taken_and_one_that_is_offered_is_not(
    session: Session, write: Write
) -> None:
    asset = write("first")
    rename(session, write, asset, "second")
    renames.accept(session, renames.find(session, "first"))
    with pytest.raises(Conflict, match="leads to 'second'"):
        write("first")
    rename(session, write, asset, "third")
    write("second")
    assert [each.slug for each in renames.former_slugs(session, asset)] == ["first"]
    renames.remove(session, renames.find(session, "first"))
    write("first")


def test_links_to_a_former_slug_count(session: Session, write: Write) -> None:
    asset = write("first")
    write("letter", "[x](/first)")
    rename(session, write, asset, "second")
    assert [use.slug for use in usage.uses_of_asset(session, asset)] == ["letter"]


def rename(session: Session, write: Write, asset: Asset, slug: str) -> None:
    draft = replace(service.draft_of(session, asset), slug=slug)
    author = session.get(User, asset.owner_id)
    assert author is not None
    from cms_core.plugins import Plugins

    service.save(session, Plugins(only=()), asset, draft, author)


# --- the merge language, and kinds whose plugin is gone ---------------------------------------------------------------


def test_what_the_merge_language_refuses_is_not_approved_but_imported(
    session: Session, workspace: Workspace, ann: User, write: Write
) -> None:
    asset = write("guide", "One.\nTwo {{ contact.nope( }}", variants={"email": {"subject": "{% raw %}"}})
    with pytest.raises(Exception, match=r"guide, text: line 2, column \d+"):
        review.approve_newest(session, workspace, asset, ann)
    write("guide", "One.", variants={"email": {"subject": "{% raw %}"}})
    with pytest.raises(Exception, match=r"guide, email.subject: line 1, column \d+"):
        review.approve_newest(session, workspace, asset, ann)
    assert review.approve_newest(session, workspace, asset, ann, imported=True).state == "approved"


def test_an_asset_whose_kind_is_gone_is_read_only(
    session: Session, workspace: Workspace, ann: User, write: Write
) -> None:
    asset = write("guide")
    asset.kind = "recipe"
    for change in (
        lambda: service.save(session, workspace.plugins, asset, service.draft_of(session, asset), ann),
        lambda: review.approve_newest(session, workspace, asset, ann),
    ):
        with pytest.raises(
            Conflict, match="'guide' is read-only: the plugin that brings the kind 'recipe' is missing"
        ):
            change()
