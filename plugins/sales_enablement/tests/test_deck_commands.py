"""``cms sales`` as a rep and a marketer type it, with the keys that others build on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from pptx import Presentation

from .decks import make


class Shell:
    """Runs ``cms sales …``."""

    def __init__(self, cms: Callable[..., Result]) -> None:
        self.cms = cms

    def json(self, *arguments: str) -> Any:
        done = self.cms("sales", *arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def refused(self, *arguments: str) -> dict[str, Any]:
        done = self.cms("sales", *arguments, "--json")
        assert done.exit_code == 1, done.output
        found: dict[str, Any] = json.loads(done.stdout)["error"]
        return found


@pytest.fixture
def sales(cms: Callable[..., Result], tmp_path: Path) -> Shell:
    home = str(tmp_path / "ws")
    made = cms("init", home, "--admin-email", "a@example.com", "--admin-password", "canary-pass-word")
    assert made.exit_code == 0
    return Shell(cms)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return make(tmp_path / "First_meeting.pptx", 3)


def test_a_deck_from_the_file_to_who_read_it(sales: Shell, file: Path, tmp_path: Path) -> None:
    added = sales.json("templates", "add", str(file))
    assert [(each["id"], each["title"]) for each in added["slides"]] == [
        ("256", "Slide 1"),
        ("257", "Slide 2"),
        ("258", "Slide 3"),
    ]
    assert added["slides"][0]["fields"] == ["company.name", "client", "deal.amount"]
    assert (added["findings"], added["state"], added["slug"]) == ([], "approved", "first-meeting")
    assert [each["slug"] for each in sales.json("templates", "list")] == ["first-meeting"]
    assert len(sales.json("templates", "show", added["id"])["slides"]) == 3

    out = tmp_path / "acme.pptx"
    made = sales.json(
        "decks",
        "make",
        added["id"],
        "--pick",
        "258, 256",
        "--set",
        "client=Ann=Lee",
        "--for",
        "Acme",
        "-o",
        str(out),
    )
    assert [each["id"] for each in made["slides"]] == ["258", "256"]
    assert (made["missing"], made["findings"]) == (["deal.amount"], [])
    assert (
        Presentation(str(out)).slides[0].placeholders[1].text_frame.text
        == "Dear Acme, and Ann=Lee, we offer "
    )
    assert sales.json("decks", "check", str(out)) == {"ok": True, "findings": []}
    again = sales.json("decks", "make", made["id"], "--set", "deal.amount=9", "-o", str(out))
    assert (again["missing"], again["id"] == made["id"]) == ([], False)
    assert {each["id"] for each in sales.json("decks", "list")} == {made["id"], again["id"]}
    shown = sales.json("decks", "show", again["id"])
    assert {"field": "company.name", "value": "Acme", "source": "company"} in shown["values"]

    link = sales.json(
        "shares", "add", again["id"], "--for", "dana@acme.test", "--expires", "14d", "--password", "secret"
    )
    assert set(link) == {"id", "url"}
    assert sales.json("shares", "show", link["id"])["views"] == []

    (hit,) = sales.json("search", "slide 3")
    assert [each["id"] for each in hit["slides"]] == ["258"]
    assert sales.json("recommend", "--stage", "evaluation")[0]["reasons"]


def test_a_field_that_is_not_there_is_told(sales: Shell, file: Path, tmp_path: Path) -> None:
    sales.json("templates", "add", str(file))
    out = str(tmp_path / "x.pptx")
    made = sales.json("decks", "make", "first-meeting", "--set", "clinet=Ann", "-o", out)
    (found,) = made["findings"]
    assert (found["level"], found["code"], found["where"]) == ("warning", "unknown_field", "clinet")
    assert "is client meant?" in found["message"]
    printed = sales.cms("sales", "decks", "make", made["id"], "--set", "clinet=Ben", "-o", out)
    assert (printed.exit_code, "unknown_field" in printed.stdout) == (0, True)


def test_rules_are_said_and_kept(sales: Shell, file: Path, tmp_path: Path) -> None:
    sales.json("templates", "add", str(file))
    said = sales.json(
        "templates", "rule", "first-meeting", "257", "--locked", "--pin", "last", "--until", "2099-12-31"
    )
    assert said == {
        "slide": "257",
        "required": False,
        "locked": True,
        "forbidden": False,
        "pinned": "last",
        "until": "2099-12-31",
    }
    assert (
        sales.json("templates", "rule", "first-meeting", "257", "--pin", "none", "--until", "none")["until"]
        is None
    )
    assert sales.json("templates", "limits", "first-meeting", "--least", "2")["least"] == 2
    shown = sales.json("templates", "show", "first-meeting")
    assert ([each["slide"] for each in shown["rules"]], shown["least"]) == (["257"], 2)
    out = str(tmp_path / "x.pptx")
    refused = sales.refused("decks", "make", "first-meeting", "--pick", "256,258", "-o", out)
    assert refused["remedy"] == "pick it too: 257"
    assert not Path(out).exists()


def test_what_is_wrong_is_said_with_its_place(sales: Shell, file: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.pptx"
    text.write_text("no presentation")
    assert "no presentation" in sales.refused("templates", "add", str(text))["message"]
    sales.json("templates", "add", str(file))
    out = str(tmp_path / "x.pptx")
    for arguments, said in (
        (("--pick", "999"), "no slide '999'"),
        (("--set", "nothing"), "no field with a value"),
        (("--logo", str(text)), "neither PNG nor JPEG"),
    ):
        found = sales.refused("decks", "make", "first-meeting", *arguments, "-o", out)
        assert said in found["message"]
        assert found["remedy"]
    for name, said in (("x.doc", "neither"), ("no/x.pptx", "no folder")):
        assert said in sales.refused("decks", "make", "first-meeting", "-o", str(tmp_path / name))["message"]
    assert sales.json("decks", "list") == [], "a deck whose file cannot be written is not made"
    assert sales.refused("decks", "make", "nothing", "-o", out)["remedy"]
    assert (
        sales.refused("templates", "rule", "first-meeting", "256", "--until", "soon")["message"]
        == "'soon' is not a day"
    )
    assert not list(tmp_path.glob("x.*"))


def test_people_read_it_too(sales: Shell, file: Path, tmp_path: Path, cms: Callable[..., Result]) -> None:
    added = cms("sales", "templates", "add", str(file)).stdout
    assert "first-meeting: revision 1, approved." in added
    made = cms("sales", "decks", "make", "first-meeting", "-o", str(tmp_path / "x.pptx")).stdout
    assert "Without a value: company.name, deal.amount" in made
    assert "3 slides, deck" in made
    assert "first-meeting" in cms("sales", "templates", "list").stdout
    assert "company.name, client" in cms("sales", "templates", "show", "first-meeting").stdout
