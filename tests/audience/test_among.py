"""Rows are found among few values and among many, on every database alike."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.audience.contacts import find_by_public_ids
from cms_core.audience.models import Contact
from cms_core.db import Database
from cms_core.dialect import FEW, among
from cms_core.workspace import Workspace
from tests.audience.conftest import ImportText

MANY = 2 * FEW


@pytest.fixture
def db(workspace: Workspace) -> Database:
    return workspace.db


@pytest.fixture
def people(session: Session, bring: ImportText) -> list[Contact]:
    bring("email\na@example.com\nb@example.com\n")
    return list(session.scalars(select(Contact).order_by(Contact.id)))


@pytest.mark.parametrize("others", [0, 1, MANY])
def test_by_number_and_by_text(session: Session, people: list[Contact], others: int) -> None:
    first, second = people
    numbers = [second.id, *range(-others, 0)]
    assert session.scalars(select(Contact).where(among(session, Contact.id, numbers))).all() == [second]
    texts = [first.public_id, *(f"nobody-{n}" for n in range(others))]
    assert find_by_public_ids(session, texts) == [first]


def test_among_none_there_is_nobody(session: Session, people: list[Contact]) -> None:
    assert session.scalars(select(Contact).where(among(session, Contact.id, []))).all() == []
    assert find_by_public_ids(session, []) == []


@pytest.mark.parametrize("others", [0, MANY])
def test_what_only_begins_like_an_id_is_none(session: Session, people: list[Contact], others: int) -> None:
    junk = [f"{people[0].public_id}-junk", *(f"nobody-{n}" for n in range(others))]
    assert find_by_public_ids(session, junk) == []
