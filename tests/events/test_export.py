"""``cms events export``: every event once, in ledger order, by public ids, however long the ledger is."""

import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import select

from cms_core.audience.models import Contact
from cms_core.campaigns.service import create_campaign
from cms_core.config import load_config
from cms_core.contract import AgentClass
from cms_core.events.models import Event
from cms_core.events.service import NewEvent, record
from cms_core.reports import export
from cms_core.workspace import Workspace, open_workspace

Cms = Callable[..., Result]
NOW = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
KEYS = "id kind at contact campaign publication asset url agent_class source value".split()


@pytest.fixture
def ws(cms: Cms, tmp_path: Path) -> Workspace:
    made = cms("init", tmp_path / "ws", "--admin-email", "a@example.com", "--admin-password", "correct horse")
    assert made.exit_code == 0, made.output
    return open_workspace(load_config(tmp_path / "ws"), plugins=())


def fill(ws: Workspace, count: int, campaign: str | None = "launch") -> None:
    with ws.db.transaction() as session:
        made = [
            NewEvent("opened", NOW, "test", f"{campaign}-{number}", AgentClass.HUMAN, campaign=campaign)
            for number in range(count)
        ]
        record(session, made)


def lines(result: Result) -> list[dict[str, object]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_an_event_has_the_keys_of_the_interface_and_no_row_ids(cms: Cms, ws: Workspace) -> None:
    with ws.db.transaction() as session:
        create_campaign(session, "Launch", date(2026, 5, 1), date(2026, 6, 1), "UTC")
        somebody = Contact(email="ada@example.com", extra={}, created_at=NOW, updated_at=NOW)
        session.add(somebody)
        session.flush()
        event = NewEvent(
            "converted",
            NOW,
            "shop",
            "1",
            AgentClass.HUMAN,
            contact_id=somebody.id,
            campaign="launch",
            url="https://example.com/?a=1\nb",
            value_micros=12_340_000,
            currency="EUR",
        )
        record(session, [event])
        contact, identity = somebody.public_id, session.scalar(select(Event.public_id))
    (found,) = lines(cms("events", "export", "--json-lines"))
    assert [key for key in found if key in KEYS] == KEYS
    assert {key: found[key] for key in KEYS} == {
        "id": identity,
        "kind": "converted",
        "at": "2026-05-04T07:00:00+00:00",
        "contact": contact,
        "campaign": "launch",
        "publication": None,
        "asset": None,
        "url": "https://example.com/?a=1\nb",
        "agent_class": "human",
        "source": "shop",
        "value": 12.34,
    }
    assert (found["campaign_name"], found["currency"]) == ("Launch", "EUR")
    assert "ada@example.com" not in json.dumps(found)


def test_every_event_once_across_pages(cms: Cms, ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE", 100)
    fill(ws, 1_000)
    with ws.db.session() as session:
        wanted = session.scalars(select(Event.public_id).order_by(Event.id)).all()
    assert [each["id"] for each in lines(cms("events", "export", "--json-lines"))] == wanted
    assert [each["id"] for each in json.loads(cms("events", "export", "--json").stdout)] == wanted


def test_a_campaign_is_named_as_people_name_it(cms: Cms, ws: Workspace) -> None:
    with ws.db.transaction() as session:
        create_campaign(session, "Launch", date(2026, 5, 1), date(2026, 6, 1), "UTC")
    fill(ws, 3)
    fill(ws, 4, None)
    assert len(lines(cms("events", "export", "--json-lines", "--campaign", "Launch"))) == 3
    refused = cms("events", "export", "--json-lines", "--campaign", "Lunch")
    assert refused.exit_code == 1
    assert "did you mean 'Launch'?" in refused.output


def test_an_empty_ledger_is_an_empty_document(cms: Cms, ws: Workspace) -> None:
    assert cms("events", "export", "--json-lines").stdout == ""
    assert json.loads(cms("events", "export", "--json").stdout) == []
    assert cms("events", "export", "--json", "--json-lines").exit_code == 2


def test_memory_does_not_grow_with_the_ledger(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE", 200)

    def peak() -> int:
        with ws.db.session() as session:
            for _ in export.exported(session):
                pass  # warm: caches of statements are not of the ledger
            tracemalloc.start()
            for _ in export.exported(session):
                pass
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return most

    fill(ws, 400)
    small = peak()
    fill(ws, 8_000, "more")
    assert peak() < small * 1.5
