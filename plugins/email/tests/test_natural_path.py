"""From a Markdown file, a list of people and a plan to mails in a real mailbox, by the commands alone."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

EMAIL = """---
title: The launch
slug: launch
kind: email
summary: What is new in May
channels:
  email:
    subject: '{{ contact.first_name | default("Hello") }}, the launch is here'
    preheader: Read it first
---
Dear {{ contact.first_name | default("reader") }},

read about [the launch](https://acme.test/launch).
"""
PEOPLE = """email,first_name,country,consent
ann@example.com,Ann,FR,yes
bob@example.com,,FR,yes
cid@example.com,Cid,FR,no
dee@example.com,Dee,DE,yes
eve@example.com,"Eve
Bcc: x@y.test",FR,yes
"""
PLAN = """when,tz,channel,connection,asset,campaign,segment,title,kind,end,budget
2026-05-04 09:00,Europe/Paris,email,newsletter,launch,Launch,French,,,,
"""
BASE_URL = "https://news.acme.test"


@pytest.fixture
def play(cms: Callable[..., Any], tmp_path: Path, mailbox: tuple[Any, int]) -> Callable[..., Any]:
    """Run a command in a workspace that is ready to send; answers its JSON."""

    def run(*arguments: str, ends_with: int = 0) -> Any:
        result = cms(*arguments)
        assert result.exit_code == ends_with, result.output
        return json.loads(result.stdout) if "--json" in arguments else result.stdout

    for name, text in (("launch.md", EMAIL), ("people.csv", PEOPLE), ("plan.csv", PLAN)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    admin = ("--admin-email", "admin@acme.test", "--admin-password", "correct horse battery")
    run("init", str(tmp_path / "ws"), *admin, "--base-url", BASE_URL)
    settings = {
        "host": "127.0.0.1",
        "port": mailbox[1],
        "security": "none",
        "from_address": "news@acme.test",
        "from_name": "Acme News",
        "postal_address": "1 Main Street, Springfield",
    }
    pairs = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    run("connections", "add", "email", "newsletter", *pairs)
    run("contacts", "import", str(tmp_path / "people.csv"), "--json")
    run("segments", "create", "French", 'country = "FR"')
    dates = ("--start", "2026-05-01", "--end", "2026-05-31", "--tz", "Europe/Paris")
    run("campaigns", "create", "Launch", *dates)
    run("content", "import", str(tmp_path / "launch.md"), "--approve-as", "admin@acme.test", "--json")
    return run


def test_connection_is_tested_over_the_wire(play: Callable[..., Any]) -> None:
    assert "127.0.0.1 as news@acme.test" in play("connections", "test", "newsletter")


def test_approved_content_reaches_those_who_agreed_and_nobody_else(
    play: Callable[..., Any], kit: SimpleNamespace, tmp_path: Path, mailbox: tuple[Any, int]
) -> None:
    assert play("content", "check", "launch", "--channel", "email", "--json") == []
    imported = play("calendar", "import", str(tmp_path / "plan.csv"), "--arm", "--json")
    assert (imported["saved"], imported["faulty"]) == (1, [])
    assert play("worker", "--until-idle", "--now", "2026-05-04T06:59:00+00:00", "--json")["published"] == 0
    assert mailbox[0].raw == []

    done = play("worker", "--until-idle", "--now", "2026-05-04T07:00:30+00:00", "--json")
    mails = {str(kit.parsed(raw)["To"]): raw for raw in mailbox[0].raw}
    assert done["published"] == 1
    assert mails.keys() >= {"ann@example.com", "bob@example.com"}
    assert mails.keys().isdisjoint({"cid@example.com", "dee@example.com"})
    assert len(mails) == len(mailbox[0].raw)
    assert done["deliveries"]["skipped"] == 1

    ann = kit.parsed(mails["ann@example.com"])
    assert ann["Subject"] == "Ann, the launch is here"
    assert kit.parsed(mails["bob@example.com"])["Subject"] == "Hello, the launch is here"
    assert ann["List-Unsubscribe"].startswith(f"<{BASE_URL}/t/")
    assert "Dear Ann," in kit.part(mails["ann@example.com"], "plain")
    assert "1 Main Street" in kit.part(mails["bob@example.com"], "html")
    assert all(kit.parsed(raw)["Bcc"] is None for raw in mails.values())

    assert play("worker", "--until-idle", "--now", "2026-05-04T08:00:00+00:00", "--json")["published"] == 0
    assert len(mailbox[0].raw) == len(mails)


def test_one_click_unsubscribe_of_a_mail_works(
    play: Callable[..., Any], kit: SimpleNamespace, tmp_path: Path, mailbox: tuple[Any, int]
) -> None:
    from cms_core.app import create_app
    from cms_core.config import load_config

    play("calendar", "import", str(tmp_path / "plan.csv"), "--arm", "--json")
    play("worker", "--until-idle", "--now", "2026-05-04T07:00:30+00:00", "--json")
    ann = next(raw for raw in mailbox[0].raw if kit.parsed(raw)["To"] == "ann@example.com")
    path = kit.parsed(ann)["List-Unsubscribe"].strip("<>").removeprefix(BASE_URL)
    links = [line for line in kit.part(ann, "plain").split() if "/t/" in line]

    client = create_app(load_config(tmp_path / "ws")).test_client()
    click = client.get(links[0].strip("<>.,").removeprefix(BASE_URL))
    assert click.status_code in (302, 303, 307)
    assert click.headers["Location"].startswith("https://acme.test/launch?utm_source=newsletter")
    assert client.get(path).status_code == 200
    assert client.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200

    again = (tmp_path / "plan.csv").read_text(encoding="utf-8").replace("09:00", "11:00")
    (tmp_path / "again.csv").write_text(again, encoding="utf-8")
    play("calendar", "import", str(tmp_path / "again.csv"), "--arm", "--json")
    before = len(mailbox[0].raw)
    play("worker", "--until-idle", "--now", "2026-05-04T09:00:30+00:00", "--json")
    later = {str(kit.parsed(raw)["To"]) for raw in mailbox[0].raw[before:]}
    assert "ann@example.com" not in later
    assert "bob@example.com" in later
