"""``cms calendar arm --test``, ``publications pick``, ``contacts export`` and ``erase``: what they print and how they end."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Cms = Callable[..., Result]
LETTER = """---
title: Launch letter
slug: launch
kind: email
channels:
  short:
    title: In one minute
---
Hello {{ contact.first_name | default("there") }}
"""


@pytest.fixture
def entry(cms: Cms, tmp_path: Path) -> str:
    """A workspace with a planned letter to two people; gives the entry's id."""
    (tmp_path / "letter.md").write_text(LETTER)
    (tmp_path / "people.csv").write_text(
        "email,first_name,consent\nana@example.com,Ana,yes\nbob@example.com,Bob,yes\n"
    )
    (tmp_path / "plan.csv").write_text(
        "when,channel,connection,asset,segment\n2026-05-04 09:00,email,news,launch,All\n"
    )
    done(cms("init", tmp_path / "ws", "--admin-email", "a@example.com", "--admin-password", "correct horse"))
    done(cms("content", "import", tmp_path / "letter.md", "--approve-as", "a@example.com"))
    done(cms("contacts", "import", tmp_path / "people.csv"))
    done(cms("segments", "create", "All", "email is not empty"))
    values = {
        "host": "127.0.0.1",
        "port": "25",
        "from_address": "a@example.com",
        "postal_address": "1 Main St",
    }
    sets = [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
    done(cms("connections", "add", "email", "news", *sets))
    done(cms("calendar", "import", tmp_path / "plan.csv"))
    (row,) = document(cms("calendar", "list", "--from", "2026-05-01", "--to", "2026-05-31", "--json"))
    return str(row["id"])


def done(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


def document(result: Result, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_an_entry_is_armed_with_a_test(cms: Cms, entry: str) -> None:
    options = ("--share", "20", "--metric", "clicked_people", "--decide", "4h", "--hold-out", "5")
    armed = document(
        cms("calendar", "arm", entry, "--test", "A", "--test", "B=short:70", *options, "--json"), 1
    )
    assert "add up to 100" in armed["error"]["message"]
    armed = document(cms("calendar", "arm", entry, "--test", "A", "--test", "B=loud", *options, "--json"), 1)
    assert "no variant 'loud'" in armed["error"]["message"]
    (armed,) = document(cms("calendar", "arm", entry, "--test", "A", "--test", "B=short", *options, "--json"))
    shown = document(cms("publications", "show", armed["publication"], "--json"))
    test = shown["test"]
    assert (test["share"], test["hold_out"], test["metric"], test["decide_after"]) == (
        20,
        5,
        "clicked_people",
        14400,
    )
    assert [(arm["name"], arm["variant"], arm["share"]) for arm in test["arms"]] == [
        ("A", "", 50),
        ("B", "short", 50),
    ]
    assert "B" in done(cms("publications", "show", armed["publication"])).stdout
    early = document(cms("publications", "pick", armed["publication"], "B", "--json"), 1)
    assert "nobody waits for a decision" in early["error"]["message"]


def test_what_is_kept_is_given_out_and_erased(cms: Cms, entry: str) -> None:
    kept = document(cms("contacts", "export", "Ana@Example.com", "--json"))
    assert kept["contact"]["first_name"] == "Ana"
    assert kept["unanswered"] == {}
    assert "consents" in done(cms("contacts", "export", "ana@example.com")).stdout
    gone = document(cms("contacts", "erase", "ana@example.com", "--json"))
    assert (gone["complete"], gone["pending"]) == (True, {})
    assert [row["email"] for row in document(cms("contacts", "list", "--json"))] == ["bob@example.com"]
    assert document(cms("contacts", "erase", "ana@example.com", "--json")) == gone, "again changes nothing"
    missing = document(cms("contacts", "erase", "nobody@example.com", "--json"), 1)
    assert missing["error"]["remedy"]


def test_an_erasure_that_a_plugin_did_not_do_ends_with_5(cms: Cms, entry: str, tmp_path: Path) -> None:
    body = "from cms_core import hookimpl\n@hookimpl\ndef personal_data(contacts, erase): raise RuntimeError('locked')\n"
    (tmp_path / "ws" / "plugins").mkdir(exist_ok=True)
    (tmp_path / "ws" / "plugins" / "keeper.py").write_text(body)
    gone = document(cms("contacts", "erase", "ana@example.com", "--json"), 5)
    assert not gone["complete"]
    assert gone["pending"] == {"keeper": "RuntimeError: locked"}
    (tmp_path / "ws" / "plugins" / "keeper.py").write_text("")
    assert document(cms("contacts", "erase", "ana@example.com", "--json"))["complete"]
