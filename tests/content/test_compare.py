"""Comparing revisions and going back to one: word by word, every field, and never without approval."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.auth.models import AuditEntry, User
from cms_core.content import review, service
from cms_core.content.compare import GONE, NEW, compare, find_revision, runs_of
from cms_core.content.drafts import Draft
from cms_core.content.models import Asset
from cms_core.content.revisions import head_of
from cms_core.errors import Conflict, Forbidden, NotFound
from cms_core.workspace import Workspace

DRAFT = Draft(
    kind="article",
    title="Spring launch",
    body={"text": "One two three.\nSecond line."},
    variants={"email": {"subject": "Hello"}},
)


@pytest.fixture
def asset(session: Session, workspace: Workspace, ann: User) -> Asset:
    return service.save(session, workspace.plugins, None, DRAFT, ann).asset


TEXTS = st.text(alphabet=st.sampled_from("ab \n<é̂👩‍🚀"), max_size=60)


@given(before=TEXTS, after=TEXTS)
@example(before="", after="")
@example(before="a\n" * 3000, after="b " * 3000)
def test_the_runs_give_both_texts_back(before: str, after: str) -> None:
    runs = list(runs_of(before, after))
    assert "".join(run.text for run in runs if run.op != NEW) == before
    assert "".join(run.text for run in runs if run.op != GONE) == after
    assert all(run.text for run in runs)
    assert all(one.op != other.op for one, other in pairwise(runs))


def test_words_are_matched_not_lines() -> None:
    runs = [(run.op, run.text) for run in runs_of("One two three.\nSame\n", "One 2 three.\nSame\n")]
    assert runs == [("same", "One "), ("gone", "two"), ("new", "2"), ("same", " three.\nSame\n")]


def test_two_long_texts_without_a_common_word_are_compared_at_once() -> None:
    one, other = " ".join(f"a{n}" for n in range(60_000)), " ".join(f"b{n}" for n in range(60_000))
    assert [run.op for run in runs_of(one, other)] == ["gone", "new"]


def test_every_field_is_compared_with_overrides(
    session: Session, workspace: Workspace, ann: User, asset: Asset
) -> None:
    changed = replace(
        DRAFT,
        title="Summer launch",
        locale="de",
        body={"text": "One 2 three.\nSecond line."},
        variants={"email": {"subject": "Hullo"}, "site:www": {"title": "T"}},
    )
    service.save(session, workspace.plugins, asset, changed, ann)
    changes = compare(session, find_revision(session, asset, 1), find_revision(session, asset, 2))
    assert {each.field: (each.before, each.after) for each in changes} == {
        "title": ("Spring launch", "Summer launch"),
        "locale": ("", "de"),
        "body.text": ("One two three.\nSecond line.", "One 2 three.\nSecond line."),
        "variants.email.subject": ("Hello", "Hullo"),
        "variants.site:www.title": ("", "T"),
    }
    with pytest.raises(NotFound, match="no revision 3"):
        find_revision(session, asset, 3)


def test_restored_words_are_a_new_draft_and_the_approved_ones_stay(
    session: Session, workspace: Workspace, ann: User, asset: Asset
) -> None:
    first = head_of(session, asset)
    service.save(session, workspace.plugins, asset, replace(DRAFT, body={"text": "Other."}), ann)
    approved = review.approve_newest(session, workspace, asset, ann)
    restored = service.restore(session, workspace.plugins, asset, first, ann)
    assert (restored.n, restored.state, restored.parent_id) == (3, "draft", approved.id)
    assert restored.content_hash == first.content_hash
    assert review.approved_revision(session, asset) == approved
    session.flush()
    (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "restore"))
    assert (entry.subject, entry.changes) == (asset.public_id, {"revision": [1, 3]})
    with pytest.raises(Conflict, match="are those of revision 1"):
        service.restore(session, workspace.plugins, asset, first, ann)


def test_restoring_is_writing(
    session: Session, workspace: Workspace, ann: User, asset: Asset, person: Callable[..., User]
) -> None:
    first = head_of(session, asset)
    seen = asset.row_version
    service.save(session, workspace.plugins, asset, replace(DRAFT, body={"text": "Other."}), ann)
    with pytest.raises(Forbidden):
        service.restore(session, workspace.plugins, asset, first, person("viewer"))
    with pytest.raises(Conflict, match="after you opened it"):
        service.restore(session, workspace.plugins, asset, first, ann, seen)
