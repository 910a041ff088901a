"""``cms deliveries resolve`` and ``publications retry`` of a mailing: what they print, change and refuse."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import select, update

from cms_core.audience.models import Contact
from cms_core.config import load_config
from cms_core.publishing.models import Delivery, Publication
from cms_core.workspace import open_workspace

from .test_people_and_tests_commands import entry  # noqa: F401 - the fixture of a planned letter

Cms = Callable[..., Result]


def said(result: Result, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture
def mailing(cms: Cms, tmp_path: Path, empty_database_url: str | None, request: pytest.FixtureRequest) -> str:
    """A letter that went out: to one person nobody knows, by the other it was refused; gives the publication's id."""
    planned = request.getfixturevalue("entry")
    public_id: str = said(cms("calendar", "arm", planned, "--json"))[0]["publication"]
    workspace = open_workspace(
        load_config(tmp_path / "ws", {"CMS_DATABASE_URL": empty_database_url} if empty_database_url else {}),
        plugins=["email"],
    )
    with workspace.db.transaction() as session:
        found = session.scalars(select(Publication)).one()
        present = datetime.now(UTC)
        session.execute(
            update(Publication).values(state="published", audience_at=present, published_at=present)
        )
        for contact, state in zip(
            session.scalars(select(Contact).order_by(Contact.id)), ("unknown", "failed"), strict=True
        ):
            session.add(
                Delivery(
                    publication_id=found.id,
                    arm_id=found.arms[0].id,
                    contact_id=contact.id,
                    address=contact.email or "",
                    address_hash=contact.address_hash or "",
                    state=state,
                )
            )
    workspace.db.dispose()
    return public_id


def test_unknown_is_sent_again_or_said_to_have_arrived(cms: Cms, mailing: str) -> None:
    assert cms("deliveries", "resolve", mailing).exit_code == 2, "which of the two?"
    assert cms("deliveries", "resolve", mailing, "--accepted", "--send-again").exit_code == 2
    words = said(cms("deliveries", "resolve", mailing, "bob@example.com", "--accepted", "--json"), 1)[
        "error"
    ]["message"]
    assert "no unknown delivery to bob@example.com" in words
    again = said(cms("deliveries", "resolve", mailing, "ana@example.com", "--send-again", "--json"))
    assert again == {"id": mailing, "state": "sending", "resolved": 1, "counts": {"failed": 1, "pending": 1}}


def test_said_to_have_arrived_the_mailing_stays_published(cms: Cms, mailing: str) -> None:
    done = said(cms("deliveries", "resolve", mailing, "--accepted", "--json"))
    assert done == {
        "id": mailing,
        "state": "published",
        "resolved": 1,
        "counts": {"accepted": 1, "failed": 1},
    }
    assert said(cms("deliveries", "show", mailing, "--json"))["unknown"] == []


def test_what_was_refused_is_tried_again(cms: Cms, mailing: str) -> None:
    document = said(cms("publications", "retry", mailing, "--json"))
    assert (document["state"], document["deliveries"]) == ("sending", {"pending": 1, "unknown": 1})
