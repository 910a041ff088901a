"""``cms report``: JSON, CSV and a printable page, and what is said when there is nothing to report on."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import text

from cms_core import db
from cms_core.config import load_config
from cms_core.reports.figures import DEFINITIONS
from cms_core.workspace import Workspace, open_workspace

from .conftest import Story

Cms = Callable[..., Result]
EVIL = '=cmd|"/c calc"!A1<script>alert(1)</script>'


@pytest.fixture
def ws(cms: Cms, tmp_path: Path) -> Iterator[Workspace]:
    made = cms("init", tmp_path / "ws", "--admin-email", "a@example.com", "--admin-password", "correct horse")
    assert made.exit_code == 0, made.output
    opened = open_workspace(load_config(tmp_path / "ws"), plugins=())
    with opened.db.transaction() as session:
        story = Story(session)
        campaign, somebody = story.campaign(), story.contact()
        story.campaign(EVIL, "10 USD")
        mail = story.publication(campaign, story.asset("letter"))
        story.delivery(mail, somebody)
        story.happened("opened", mail, somebody)
        story.cost(mail, 1_500_000)
    yield opened
    opened.db.dispose()


def ok(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_is_one_document_with_the_newest_events(cms: Cms, ws: Workspace) -> None:
    found = json.loads(ok(cms("report", "campaign", "Launch", "--json")))
    assert (found["campaign"], found["currency"]) == ("Launch", "EUR")
    assert (found["totals"]["sent"], found["totals"]["opened_people"], found["totals"]["cost"]) == (1, 1, 1.5)
    assert found["by_channel"][0]["channel"] == "email"
    assert found["by_asset"][0]["asset"] == "letter"


def test_csv_goes_to_stdout_or_a_file(cms: Cms, ws: Workspace, tmp_path: Path) -> None:
    printed = ok(cms("report", "campaign", "Launch", "--csv"))
    target = tmp_path / "report.csv"
    assert ok(cms("report", "campaign", "Launch", "--csv", target)) == ""
    assert target.read_text(encoding="utf-8").splitlines() == printed.splitlines()
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert [(row["level"], row["name"]) for row in rows] == [
        ("campaign", "Launch"),
        ("channel", "email"),
        ("asset", "letter"),
    ]
    assert set(DEFINITIONS) < set(rows[0])
    assert (rows[0]["cost"], rows[0]["currency"]) == ("1.5", "EUR")


def test_no_cell_is_a_formula_and_no_name_is_markup(cms: Cms, ws: Workspace) -> None:
    rows = list(csv.reader(io.StringIO(ok(cms("report", "campaign", EVIL, "--csv")))))
    assert rows[1][1] == f"'{EVIL}"
    page = ok(cms("report", "campaign", EVIL, "--html"))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_page_is_whole_by_itself(cms: Cms, ws: Workspace, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    result = cms("report", "campaign", "Launch", "--html", target, "--json")
    assert json.loads(ok(result))["campaign"] == "Launch"
    page = target.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "<svg" in page
    assert "€1.50" in page
    for word in ("src=", "<link", "url(", "http:"):
        assert word not in page
    for definition in DEFINITIONS.values():
        assert definition.label in page


def test_an_unknown_campaign_is_told_with_one_like_it(cms: Cms, ws: Workspace) -> None:
    result = cms("report", "campaign", "Lauch", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"] == {
        "message": "there is no campaign 'Lauch'",
        "remedy": "did you mean 'Launch'?",
    }


def test_two_documents_do_not_go_to_one_stdout(cms: Cms, ws: Workspace) -> None:
    assert cms("report", "campaign", "Launch", "--json", "--csv").exit_code == 2


def test_a_file_that_cannot_be_written_is_told(cms: Cms, ws: Workspace, tmp_path: Path) -> None:
    result = cms("report", "campaign", "Launch", "--csv", tmp_path / "missing" / "x.csv")
    assert result.exit_code == 1
    assert "cannot be written" in result.output


def test_a_person_gets_words(cms: Cms, ws: Workspace) -> None:
    shown = ok(cms("report", "campaign", "Launch"))
    for definition in DEFINITIONS.values():
        assert definition.label in shown
    assert "1.5 EUR" in shown


def test_a_rebuild_changes_nothing(cms: Cms, ws: Workspace) -> None:
    before = ok(cms("report", "campaign", "Launch", "--json"))
    assert json.loads(ok(cms("report", "rebuild", "--json"))) == {"events": 1}
    assert ok(cms("report", "campaign", "Launch", "--json")) == before


@pytest.mark.sqlite
def test_a_locked_database_is_for_later(cms: Cms, ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "BUSY_TIMEOUT_SECONDS", 0)
    with ws.db.open_transaction() as writer:
        writer.execute(text("SELECT 1"))
        assert cms("report", "campaign", "Launch", "--json").exit_code == 75
