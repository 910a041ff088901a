"""A workspace with the core's tables, people made from CSV text, and events that happened to them."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core import models
from cms_core.audience.imports import ImportResult, import_contacts
from cms_core.audience.models import Contact
from cms_core.clock import FrozenClock
from cms_core.db import Database, now
from cms_core.events.keys import campaign_key
from cms_core.events.models import Event
from cms_core.ids import new_id

ImportText = Callable[..., ImportResult]
Happen = Callable[..., None]


@pytest.fixture
def db(clock: FrozenClock) -> Iterator[Database]:
    """An empty database in memory, without plugins."""
    database = Database("sqlite://", clock, key=b"k" * 32)
    models.metadata.create_all(database.engine)
    yield database
    database.dispose()


@pytest.fixture
def session(db: Database) -> Iterator[Session]:
    with db.open_transaction() as opened:
        yield opened


@pytest.fixture
def bring(session: Session) -> ImportText:
    """Imports the text of a CSV file called people.csv."""

    def run(text: str, mapping: dict[str, str] | None = None, **how: bool) -> ImportResult:
        return import_contacts(session, text.encode(), mapping, name="people.csv", **how)

    return run


@pytest.fixture
def happen(session: Session) -> Happen:
    """Records an event of the person with this address."""

    def record(
        kind: str, email: str, campaign: str, at: datetime | None = None, agent: str = "human"
    ) -> None:
        contact_id = session.scalar(select(Contact.id).where(Contact.email == email))
        moment = at or now(session)
        session.add(
            Event(
                source="test",
                source_id=new_id(),
                kind=kind,
                at=moment,
                received_at=moment,
                agent_class=agent,
                contact_id=contact_id,
                campaign=campaign_key(campaign),
                props={},
            )
        )
        session.flush()

    return record


@pytest.fixture
def person(session: Session) -> Callable[[str], Contact]:
    """Reads the person with this address afresh."""

    def read(email: str) -> Contact:
        query = select(Contact).where(Contact.email == email).execution_options(populate_existing=True)
        return session.scalars(query).one()

    return read
