"""Who may approve what, and what an approval is bound to."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from types import SimpleNamespace

import pytest
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.auth.models import User
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.content import review, service
from cms_core.content.drafts import BadField, Draft
from cms_core.content.models import Revision
from cms_core.content.revisions import head_of
from cms_core.errors import Conflict, Forbidden, Invalid
from cms_core.hookspecs import hookimpl
from cms_core.workspace import Workspace, open_workspace

DRAFT = Draft("article", "Launch", body={"text": "Hello"})
Person = Callable[[str], User]


@pytest.fixture
def words(session: Session, workspace: Workspace, ann: User) -> Revision:
    return service.save(session, workspace.plugins, None, DRAFT, ann)


def test_alone_one_may_approve_ones_own_words(
    session: Session, workspace: Workspace, ann: User, words: Revision
) -> None:
    assert review.approved_revision(session, words.asset) is None
    review.request_review(session, words, ann)
    assert words.state == "in_review"
    review.approve(session, workspace, words, ann, words.content_hash)
    assert review.approved_revision(session, words.asset) is words


def test_what_was_put_away_is_neither_asked_for_nor_approved(
    session: Session, workspace: Workspace, ann: User, words: Revision
) -> None:
    words.asset.archived_at = words.created_at
    with pytest.raises(Conflict, match="was put away"):
        review.request_review(session, words, ann)
    with pytest.raises(Conflict, match="was put away"):
        review.approve_newest(session, workspace, words.asset, ann)
    assert words.state == "draft"


def test_with_a_second_person_nobody_approves_their_own(
    session: Session, workspace: Workspace, ann: User, words: Revision, person: Person
) -> None:
    approver = person("approver")
    review.request_review(session, words, ann)
    with pytest.raises(Forbidden, match="cannot approve it too"):
        review.approve(session, workspace, words, ann, words.content_hash)
    review.approve(session, workspace, words, approver, words.content_hash)
    assert words.state == "approved"


def test_who_asked_for_the_review_may_not_answer_it(
    session: Session, workspace: Workspace, words: Revision, person: Person
) -> None:
    approver = person("approver")
    review.request_review(session, words, approver)
    with pytest.raises(Forbidden):
        review.approve(session, workspace, words, approver, words.content_hash)


@pytest.mark.parametrize("role", ["marketer", "rep", "viewer"])
def test_the_role_decides_who_may_answer(
    session: Session, workspace: Workspace, ann: User, words: Revision, person: Person, role: str
) -> None:
    other = person(role)
    review.request_review(session, words, ann)
    with pytest.raises(Forbidden):
        review.approve(session, workspace, words, other, words.content_hash)
    with pytest.raises(Forbidden):
        review.request_changes(session, workspace, words, other, "No")
    assert words.state == "in_review"


def test_an_approval_is_bound_to_the_words_that_were_seen(
    session: Session, workspace: Workspace, ann: User, words: Revision
) -> None:
    review.request_review(session, words, ann)
    seen = words.content_hash
    newer = service.save(session, workspace.plugins, words.asset, replace(DRAFT, title="Other"), ann)
    assert words.state == "draft", "its request is withdrawn"
    with pytest.raises(Conflict, match="not the newest"):
        review.approve(session, workspace, words, ann, seen)
    review.request_review(session, newer, ann)
    for wrong in (seen, ""):
        with pytest.raises(Conflict, match="after you looked"):
            review.approve(session, workspace, newer, ann, wrong)


def test_words_that_were_tampered_with_are_not_approved(
    session: Session, workspace: Workspace, ann: User, words: Revision
) -> None:
    review.request_review(session, words, ann)
    words.body = {"text": "Something else"}
    with pytest.raises(Conflict, match="do not match their hash"):
        review.approve(session, workspace, words, ann, words.content_hash)


def test_a_new_approval_supersedes_the_one_before(
    session: Session, workspace: Workspace, ann: User, words: Revision
) -> None:
    review.approve_newest(session, workspace, words.asset, ann)
    newer = service.save(session, workspace.plugins, words.asset, replace(DRAFT, title="Other"), ann)
    assert review.approved_revision(session, words.asset) is words, "until the newer one is approved"
    review.approve_newest(session, workspace, words.asset, ann)
    session.refresh(words)
    assert (words.state, newer.state) == ("superseded", "approved")
    assert review.approved_revision(session, words.asset) is newer


def test_an_approved_kind_stays(session: Session, workspace: Workspace, ann: User, words: Revision) -> None:
    assert service.save(session, workspace.plugins, words.asset, replace(DRAFT, kind="faq"), ann).n == 2
    review.approve_newest(session, workspace, words.asset, ann)
    with pytest.raises(BadField, match="approved as faq"):
        service.save(session, workspace.plugins, words.asset, replace(DRAFT, kind="email"), ann)


def test_changes_are_requested_with_words(
    session: Session, workspace: Workspace, ann: User, words: Revision
) -> None:
    asked = review.request_review(session, words, ann)
    assert review.request_review(session, words, ann) is asked
    with pytest.raises(Invalid, match="comment"):
        review.request_changes(session, workspace, words, ann, " ")
    answer = review.request_changes(session, workspace, words, ann, "Shorter, please")
    assert (words.state, answer.comment, answer.decided_by_id) == (
        "changes_requested",
        "Shorter, please",
        ann.id,
    )
    with pytest.raises(Conflict):
        review.request_review(session, words, ann)
    with pytest.raises(Conflict, match="nobody waits"):
        review.approve(session, workspace, words, ann, words.content_hash)


@pytest.mark.parametrize("level", [c.Level.ERROR, c.Level.HOLD])
def test_a_check_of_a_plugin_stops_an_approval(
    migrated_config: Config, clock: FrozenClock, level: c.Level
) -> None:
    from cms_core.auth.service import create_user

    @hookimpl
    def review_content(asset: c.Asset, placements: Sequence[c.Placement]) -> Iterable[c.Finding]:
        yield c.Finding(level, "text", f"{asset.slug} needs a disclaimer")

    plugin = SimpleNamespace(api="1", review_content=review_content)
    workspace = open_workspace(
        migrated_config,
        clock=clock,
        plugins=(),
        extra_plugins=[("legal", plugin)],
    )
    with workspace.db.open_transaction() as session:
        ann = create_user(session, "ann@example.com", "Ann", "admin", "a long password")
        asset = service.save(session, workspace.plugins, None, DRAFT, ann).asset
        with pytest.raises(Invalid, match="needs a disclaimer"):
            review.approve_newest(session, workspace, asset, ann)
        assert head_of(session, asset).state == "in_review"
    workspace.db.dispose()
