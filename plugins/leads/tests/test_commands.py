"""``cms leads``, ``cms deals`` and ``cms companies`` as scripts of others use them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cms_core import AgentClass, Contact, Event, Services
from cms_core.config import load_config
from cms_core.workspace import open_workspace

Play = Callable[..., Any]
OWN = """name,company,contacts,amount,currency,stage,outcome,closed_at,owner,external_id
Rollout,Acme,ann@acme.test,5000,EUR,Closed,won,2026-05-04,rep@example.com,d-1
Pilot,Beta,bob@beta.test,"1,200.50",USD,Proposal,,,,d-2
"""
HUBSPOT = """Record ID,Deal Name,Deal Stage,Close Date,Deal owner,Amount,Associated Company,Associated Contact
901,Big one,Closed Won,2026-04-01 10:00,Tom,7000,Globex,Jane Doe (jane@globex.test)
902,Small one,Appointment Scheduled,2026-08-01 10:00,Tom,,Globex,
"""
SALESFORCE = """Opportunity ID,Opportunity Name,Account Name,Amount,Amount Currency,Close Date,Stage,Opportunity Owner
006A,Renewal,Initech,"12,000.00",USD,4/30/2026,Closed Lost,Peter
006B,Upsell,Initech,"1,000.00",USD,5/1/2026,Negotiation,Peter
"""


def saved(folder: Path, text: str) -> str:
    path = folder / "deals.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def counts(result: Any) -> tuple[int, int, int, int]:
    return result["created"], result["updated"], result["unchanged"], len(result["skipped"])


def test_deals_are_imported_once_and_told_to_the_ledger_once(play: Play, tmp_path: Path) -> None:
    first = play("deals", "import", saved(tmp_path, OWN))
    assert counts(first) == (2, 0, 0, 0)
    again = play("deals", "import", saved(tmp_path, OWN))
    assert counts(again) == (0, 0, 2, 0)
    rows = {row["name"]: row for row in play("deals", "list")}
    assert rows["Rollout"]["outcome"] == "won"
    assert rows["Rollout"]["contacts"] == ["ann@acme.test"]
    assert (rows["Pilot"]["amount"], rows["Pilot"]["currency"]) == (1200.5, "USD")
    (won,) = [event for event in play("events", "export") if event["kind"].startswith("deal_")]
    assert (won["kind"], won["value"], won["at"][:10]) == ("deal_won", 5000.0, "2026-05-04")


def test_exports_of_hubspot_and_salesforce_are_understood_as_they_are(play: Play, tmp_path: Path) -> None:
    hubspot = play("deals", "import", saved(tmp_path, HUBSPOT))
    assert (hubspot["format"], *counts(hubspot)) == ("hubspot", 2, 0, 0, 0)
    assert "EUR" in hubspot["notes"][0]
    salesforce = play("deals", "import", saved(tmp_path, SALESFORCE))
    assert (salesforce["format"], *counts(salesforce)) == ("salesforce", 2, 0, 0, 0)
    rows = {row["name"]: row for row in play("deals", "list")}
    assert {name: row["outcome"] for name, row in rows.items()} == {
        "Big one": "won",
        "Small one": "open",
        "Renewal": "lost",
        "Upsell": "open",
    }
    assert rows["Renewal"]["closed_at"].startswith("2026-04-30")
    assert rows["Upsell"]["expected_on"] == "2026-05-01"
    assert rows["Big one"]["company"] == "Globex"
    assert {row["name"]: row["contacts"] for row in play("companies", "list")} == {"Globex": 1, "Initech": 0}


def test_faulty_rows_are_left_out_with_row_and_reason(play: Play, tmp_path: Path) -> None:
    text = (
        "name,amount,closed_at,outcome\nA,-5,,\nB,1.234,,\nC,10 EUR,5/4/2026,won\n,10 EUR,,\nD,10 EUR,,maybe\n"
        "E,10 EUR,,\nE,1 EUR,,\n"
    )
    result = play("deals", "import", saved(tmp_path, text), exit_code=5)
    assert counts(result) == (1, 0, 0, 6)
    assert [each["row"] for each in result["skipped"]] == [2, 3, 4, 5, 6, 8]
    assert "two amounts" in result["skipped"][1]["reason"]
    assert "two days" in result["skipped"][2]["reason"]
    assert "duplicate of row 7" in result["skipped"][5]["reason"]


def test_all_rows_faulty_is_1_and_a_dry_run_saves_nothing(play: Play, tmp_path: Path) -> None:
    failed = play("deals", "import", saved(tmp_path, "name,amount\nA,x\n"), exit_code=1)
    assert failed["error"]["message"]
    assert play("deals", "import", saved(tmp_path, OWN), "--dry-run")["created"] == 2
    assert play("deals", "import", saved(tmp_path, OWN + "X,,,x,,,,,,\n"), "--all-or-nothing", exit_code=1)
    assert play("deals", "list") == play("companies", "list") == play("contacts", "list") == []
    assert [event for event in play("events", "export") if event["kind"] == "deal_won"] == []
    assert "name" in play("deals", "import", saved(tmp_path, "amount\n1\n"), exit_code=1)["error"]["message"]


def test_leads_are_listed_with_reasons_that_add_up(play: Play, tmp_path: Path) -> None:
    opened = open_workspace(load_config(tmp_path / "ws"))
    svc, now = Services(opened, "test"), datetime.now(UTC)
    (ann, bob) = svc.upsert_contacts([Contact("", "ann@acme.test"), Contact("", "bob@acme.test")])
    svc.record_events(
        [
            Event("clicked", now - timedelta(days=n), "test", f"{who}:{n}", agent, contact)
            for who, contact, agent in (("a", ann, AgentClass.HUMAN), ("b", bob, AgentClass.SCANNER))
            for n in range(9)
        ]
    )
    rows = play("leads", "list")
    assert [row["contact"] for row in rows] == [ann]
    assert rows[0]["points"] == 15 == sum(reason["points"] for reason in rows[0]["reasons"])
    assert set(rows[0]["reasons"][0]) >= {"event", "kind", "points", "at"}
    known = {event["id"] for event in play("events", "export")}
    assert {reason["event"] for reason in rows[0]["reasons"]} <= known
    earlier = play("leads", "list", "--at", (now - timedelta(days=7, hours=1)).isoformat())
    assert earlier[0]["points"] == 3
    assert play("leads", "list", "--min", "16") == []
    assert play("leads", "rebuild") == {"leads": 1}


def test_companies_are_imported_and_gather_their_people(play: Play, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("email\nann@acme.test\nbob@gmail.com\n", encoding="utf-8")
    play("contacts", "import", str(people))
    path = tmp_path / "companies.csv"
    path.write_text(
        "name,domain,industry\nAcme,https://www.Acme.test/about,Tools\nMail,gmail.com,\n", encoding="utf-8"
    )
    assert counts(play("companies", "import", str(path))) == (2, 0, 0, 0)
    assert counts(play("companies", "import", str(path))) == (0, 0, 2, 0)
    rows = {row["name"]: row for row in play("companies", "list")}
    assert (rows["Acme"]["domain"], rows["Acme"]["contacts"]) == ("acme.test", 1)
    assert (rows["Mail"]["domain"], rows["Mail"]["contacts"]) == (None, 0)
    listed = {row["email"]: row["company"] for row in play("contacts", "list")}
    assert listed == {"ann@acme.test": "Acme", "bob@gmail.com": ""}


def test_a_company_is_taken_once_from_a_file(play: Play, tmp_path: Path) -> None:
    path = saved(tmp_path, "name,domain,staff\nAcme,acme.test,10\nacme ,,11\n,acme.test,12\nBeta,,1\n")
    for created, unchanged in ((2, 0), (0, 2)):
        result = play("companies", "import", path, exit_code=5)
        assert counts(result) == (created, 0, unchanged, 2)
        assert [(each["row"], each["reason"]) for each in result["skipped"]] == [
            (3, "duplicate of row 2"),
            (4, "duplicate of row 2"),
        ]
