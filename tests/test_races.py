"""What two people do at the same moment: the second waits for the first, looks again, and does nothing that no longer holds."""

from collections.abc import Callable
from threading import Thread
from time import sleep

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from cms_core import contract as c
from cms_core.audience.models import Contact
from cms_core.audience.upsert import upsert_many
from cms_core.auth import service as auth
from cms_core.auth.models import Role, User
from cms_core.content import review
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.content.models import Revision, RevisionState
from cms_core.content.revisions import head_of
from cms_core.db import in_words
from cms_core.errors import CmsError, Conflict, Invalid, TryLater
from cms_core.testing.pages import add_people
from cms_core.workspace import Workspace

Deed = Callable[[Session], object]


def at_once(workspace: Workspace, first: Deed, second: Deed) -> CmsError | None:
    """Let the second begin before the first has committed; returns how the second is refused, if it is."""
    refused: list[CmsError] = []

    def run() -> None:
        try:
            with workspace.db.transaction() as session:
                second(session)
        except CmsError as error:
            refused.append(error)
        except StaleDataError:
            refused.append(Conflict("somebody else changed it just now"))
        except DBAPIError as error:
            if (known := in_words(error)) is None:
                raise
            refused.append(known)

    other = Thread(target=run)
    with workspace.db.transaction() as session:
        first(session)
        session.flush()
        other.start()
        sleep(0.3)  # it has come as far as it can
    other.join(timeout=20)
    assert not other.is_alive()
    return refused[0] if refused else None


@pytest.fixture
def waiting(workspace: Workspace) -> Workspace:
    """An asset whose first revision waits for an answer, and an admin besides the people of every role."""
    add_people(workspace)
    with workspace.db.transaction() as session:
        auth.create_user(session, "second@example.com", "", Role.ADMIN, "correct horse battery")
        author = auth.find_user(session, "marketer@example.com")
        draft = Draft(kind="article", title="A", slug="a", body={"text": "one"})
        review.request_review(session, content.save(session, workspace.plugins, None, draft, author), author)
    return workspace


def saving(workspace: Workspace, text: str) -> Deed:
    def save(session: Session) -> None:
        asset = content.find(session, "a")
        draft = Draft(kind="article", title="A", slug="a", body={"text": text})
        content.save(
            session, workspace.plugins, asset, draft, auth.find_user(session, "marketer@example.com")
        )

    return save


def approving(workspace: Workspace, session: Session) -> None:
    revision = session.scalars(select(Revision).where(Revision.n == 1)).one()
    who = auth.find_user(session, "approver@example.com")
    review.approve(session, workspace, revision, who, revision.content_hash)


def sending_back(workspace: Workspace, session: Session) -> None:
    revision = session.scalars(select(Revision).where(Revision.n == 1)).one()
    review.request_changes(session, workspace, revision, auth.find_user(session, "second@example.com"), "No.")


def test_words_that_change_meanwhile_are_not_approved(waiting: Workspace) -> None:
    refused = at_once(waiting, saving(waiting, "two"), lambda session: approving(waiting, session))
    assert isinstance(refused, Conflict)
    with waiting.db.session() as session:
        states = set(session.scalars(select(Revision.state)))
    assert RevisionState.APPROVED not in states


def test_two_answers_to_one_request_do_not_both_count(waiting: Workspace) -> None:
    refused = at_once(
        waiting, lambda session: approving(waiting, session), lambda session: sending_back(waiting, session)
    )
    assert isinstance(refused, Conflict)
    with waiting.db.session() as session:
        assert session.scalars(select(Revision.state)).one() == RevisionState.APPROVED


def test_two_who_save_leave_one_line_of_revisions(waiting: Workspace) -> None:
    assert at_once(waiting, saving(waiting, "two"), saving(waiting, "three")) is None
    with waiting.db.session() as session:
        rows = session.execute(select(Revision.n, Revision.id, Revision.parent_id).order_by(Revision.n)).all()
        assert head_of(session, content.find(session, "a")).body == {"text": "three"}
    assert [row.n for row in rows] == [1, 2, 3]
    assert [row.parent_id for row in rows] == [None, rows[0].id, rows[1].id]


def test_the_last_two_admins_cannot_take_the_role_from_each_other(waiting: Workspace) -> None:
    def demote(email: str) -> Deed:
        return lambda session: auth.change_role(session, auth.find_user(session, email), "marketer")

    refused = at_once(waiting, demote("admin@example.com"), demote("second@example.com"))
    assert isinstance(refused, Invalid)
    with waiting.db.session() as session:
        assert session.scalar(select(func.count()).select_from(User).where(User.role == Role.ADMIN)) == 1


def test_a_name_is_taken_once(waiting: Workspace) -> None:
    def add(session: Session) -> None:
        auth.create_user(session, "twin@example.com", "", Role.REP, "correct horse battery")

    assert isinstance(at_once(waiting, add, add), Invalid)
    with waiting.db.session() as session:
        assert auth.find_user(session, "twin@example.com").role == Role.REP


def test_one_new_address_in_two_imports_is_one_contact(workspace: Workspace) -> None:
    def bring(**values: str) -> Deed:
        people = [c.Contact(id="", email=f"p{n}@example.com", **values) for n in range(3)]
        return lambda session: upsert_many(session, people, source="test")

    assert at_once(workspace, bring(first_name="Ada"), bring(last_name="Byron")) is None
    with workspace.db.session() as session:
        found = session.scalars(select(Contact)).all()
    assert [(each.first_name, each.last_name) for each in found] == [("Ada", "Byron")] * 3


def test_a_nul_that_the_database_does_not_take_is_said_in_words(workspace: Workspace) -> None:
    question = select(Contact.id).where(Contact.email == "a\0")
    with workspace.db.session() as session:
        if workspace.db.engine.dialect.name == "sqlite":
            assert session.scalar(question) is None
            return
        with pytest.raises(DBAPIError) as refused:
            session.scalar(question)
    assert "NUL" in str(in_words(refused.value))


def test_who_waits_too_long_for_a_writer_is_told_to_try_again(workspace: Workspace) -> None:
    engine = workspace.db.engine
    if engine.dialect.name != "sqlite":
        pytest.skip("only SQLite lets one write at a time")
    change = "UPDATE core_user SET name = 'x'"
    with workspace.db.writing() as writer, engine.connect() as other:
        writer.exec_driver_sql(change)
        other.exec_driver_sql("PRAGMA busy_timeout=10")
        with pytest.raises(DBAPIError) as refused:
            other.exec_driver_sql(change)
        other.invalidate()
    assert isinstance(in_words(refused.value), TryLater)
