"""Rows are found among many values by one parameter, on every database alike."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.audience.contacts import find_by_public_ids
from cms_core.audience.models import Contact
from cms_core.dialect import among
from tests.audience.conftest import ImportText


@pytest.fixture
def people(session: Session, bring: ImportText) -> list[Contact]:
    bring("email\na@example.com\nb@example.com\n")
    return list(session.scalars(select(Contact).order_by(Contact.id)))


def test_by_number_and_by_text(session: Session, people: list[Contact]) -> None:
    first, second = people
    assert session.scalars(select(Contact).where(among(session, Contact.id, [second.id, 0]))).all() == [
        second
    ]
    assert session.scalars(select(Contact).where(among(session, Contact.id, []))).all() == []
    assert find_by_public_ids(session, [first.public_id, "nobody"]) == [first]
    assert find_by_public_ids(session, []) == []


def test_what_only_begins_like_an_id_is_none(session: Session, people: list[Contact]) -> None:
    assert find_by_public_ids(session, [f"{people[0].public_id}-junk"]) == []
