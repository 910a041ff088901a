"""Rooms over HTTP and as commands, each by both with the same words."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from cms_core.testing.calls import Caller, caller_of
from cms_sales_enablement import decks
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.models import Slide

from .decks import make
from .rooms import keep, view_of
from .test_deck_commands import Shell, sales  # noqa: F401  # a fixture

AT = "/sales_enablement/rooms"


@pytest.fixture
def calls(app: Flask, desk: Any) -> Callable[..., Caller]:
    return partial(caller_of, app)


@pytest.fixture
def rep(calls: Callable[..., Caller]) -> Caller:
    return calls("rep")


@pytest.fixture
def deck(desk: Any, slides: list[Slide]) -> str:
    return str(decks.make(desk.services(), "pitch", Wanted(subject="Acme")).public_id)


def test_a_room_from_its_making_to_its_end(rep: Caller, desk: Any, deck: str, reader: Any) -> None:
    desk.write("calm")
    body = {"name": "Acme and us", "for": "Acme", "welcome": "Hello.", "items": ["calm", deck]}
    answer = rep.again(AT, body)
    assert answer.status_code == 201, answer.text
    room, where = answer.json, answer.headers["Location"].removeprefix("/api/v1")
    assert (room["name"], room["for"], room["state"], room["welcome"]) == (
        "Acme and us",
        "Acme",
        "open",
        "Hello.",
    )
    assert [each["title"] for each in room["items"]] == ["On calm", "Pitch for Acme"]
    article, slides = (each["id"] for each in room["items"])
    changed = rep(
        "POST", f"{where}/items", {"order": [slides, article], "add": [deck], "download": True}
    ).json
    assert [each["download"] for each in changed["items"]] == [False, False, True]
    assert [each["id"] for each in changed["items"]][:2] == [slides, article]
    last = changed["items"][2]["id"]
    assert rep("POST", f"{where}/items", {"remove": [last]}).json["item_count"] == 2
    assert rep("POST", f"{where}/words", {"name": "Ours"}).json["name"] == "Ours"
    step = rep("POST", f"{where}/steps", {"what": "Sign", "who": "them", "due": "2026-12-01"}).json
    done = rep("POST", f"{where}/steps/{step['id']}", {"done": True}).json
    assert (done["done"], done["done_by"], done["due"]) == (True, "Rep", "2026-12-01")
    link = rep("POST", f"{where}/links", {"gate": "email", "expires": "14d"})
    assert link.status_code == 201
    url = link.json["url"]
    reader.post(url, email="ann@acme.test")
    reader.post(f"{url}/questions", view=view_of(reader.get(url)), words="When?", about=slides)
    (question,) = rep("GET", f"{where}/questions").json["items"]
    assert (question["question"], question["asked_by"], question["verified"]) == (
        "When?",
        "ann@acme.test",
        False,
    )
    assert question["item"] == slides
    answered = rep("POST", f"{where}/questions/{question['id']}/answer", {"answer": "Now."}).json
    assert answered["answer"] == "Now."
    shown = rep("GET", where).json
    assert ([each["answer"] for each in shown["questions"]], shown["questions_open"]) == (["Now."], 0)
    assert [each["id"] for each in shown["links"]] == [link.json["id"]]
    assert [(each["visitor"], each["item"]) for each in shown["looks"]] == [("ann@acme.test", None)]
    (listed,) = rep("GET", AT).json["items"]
    assert (listed["id"], listed["steps_left"]) == (room["id"], 0)
    assert rep("POST", f"{where}/steps/{step['id']}/remove").json["steps"] == []
    assert rep("POST", f"{where}/questions/{question['id']}/remove").json["questions"] == []
    assert rep("POST", f"{where}/close").json["state"] == "closed"
    assert reader.get(url).status_code == 404
    assert rep("POST", f"{where}/reopen").json["state"] == "open"
    assert reader.get(url).status_code == 200


def test_faults_name_their_place(rep: Caller, desk: Any) -> None:
    desk.write("calm")

    def refused(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = rep("POST", path, body)
        assert answer.status_code == 422, answer.text
        found: dict[str, Any] = answer.json["error"]
        return found

    assert refused(AT, {"name": "x", "for": "Acme", "items": ["nothing"]})["field"] == "items"
    assert "for" in refused(AT, {"name": "x"})["errors"]
    where = f"{AT}/{keep(desk, 'calm').id}"
    assert refused(f"{where}/items", {"order": ["x"]})["field"] == "order"
    assert "who" in refused(f"{where}/steps", {"what": "x", "who": "me"})["errors"]
    assert "download" in refused(f"{where}/links", {"download": True})["errors"], "that is said of a piece"
    assert refused(f"{where}/links", {"allow": ["@acme.test"]})["field"] == "allow"


def test_whose_room_it_is(calls: Callable[..., Caller], rep: Caller, desk: Any) -> None:
    theirs = calls("marketer")("POST", AT, {"name": "Theirs", "for": "Acme"}).json["id"]
    for method, end, body in (
        ("GET", "", None),
        ("GET", "/questions", None),
        ("POST", "/words", {"name": "Mine"}),
        ("POST", "/links", {}),
        ("POST", "/items", {"remove": ["x"]}),
        ("POST", "/steps", {"what": "x"}),
        ("POST", "/steps/x", {"done": True}),
        ("POST", "/steps/x/remove", None),
        ("POST", "/questions/x/answer", {"answer": "x"}),
        ("POST", "/questions/x/remove", None),
        ("POST", "/close", None),
        ("POST", "/reopen", None),
    ):
        assert rep(method, f"{AT}/{theirs}{end}", body).status_code == 404, end
    assert rep("GET", AT).json["items"] == []
    assert calls("viewer")("GET", AT).status_code == 403
    assert calls("admin")("GET", f"{AT}/{theirs}").json["name"] == "Theirs"


def test_the_same_by_commands(sales: Shell, tmp_path: Path) -> None:  # noqa: F811
    sales.json("templates", "add", str(make(tmp_path / "Pitch.pptx", 2)))
    deck = sales.json("decks", "make", "pitch", "--for", "Acme", "-o", str(tmp_path / "acme.pptx"))["id"]
    room = sales.json("rooms", "add", "Acme and us", "--for", "Acme", "--item", deck)
    assert [each["deck"] for each in room["items"]] == [deck]
    at = room["id"]
    added = sales.json("rooms", "items", at, "--add", "pitch", "--download")
    order = ",".join(each["id"] for each in reversed(added))
    assert [each["download"] for each in sales.json("rooms", "items", at, "--order", order)] == [True, False]
    assert len(sales.json("rooms", "items", at, "--remove", added[0]["id"])) == 1
    (step,) = sales.json("rooms", "steps", at, "--add", "Sign", "--who", "them", "--due", "2026-12-01")
    assert (step["what"], step["who"], step["due"]) == ("Sign", "them", "2026-12-01")
    changed = sales.json("rooms", "steps", at, "--change", step["id"], "--words", "Sign it")[0]
    assert (changed["what"], changed["due"]) == ("Sign it", "2026-12-01")
    for option, done in (("--done", True), ("--undone", False)):
        assert sales.json("rooms", "steps", at, option, step["id"])[0]["done"] is done
    assert "one change" in sales.refused("rooms", "steps", at, "--add", "x", "--done", step["id"])["message"]
    assert sales.json("rooms", "steps", at, "--remove", step["id"]) == []
    assert sales.json("rooms", "change", at, "--welcome", "Hello.")["welcome"] == "Hello."
    link = sales.json("rooms", "share", at, "--password", "open sesame", "--expires", "14d")
    assert "/d/" in link["url"]
    assert sales.json("rooms", "questions", at) == []
    assert "question" in sales.refused("rooms", "answer", at, "x", "Now.")["message"]
    assert [each["name"] for each in sales.json("rooms", "list")] == ["Acme and us"]
    assert [each["id"] for each in sales.json("rooms", "show", at)["links"]] == [link["id"]]
    assert sales.json("shares", "list")[0]["room"] == at
    assert sales.json("rooms", "close", at)["state"] == "closed"
    assert "closed" in sales.refused("rooms", "share", at)["message"]
    for command in (("list",), ("show", at), ("items", at), ("steps", at), ("questions", at)):
        assert sales.cms("sales", "rooms", *command).exit_code == 0
    assert sales.json("rooms", "reopen", at)["state"] == "open"
    assert json.dumps(sales.refused("rooms", "show", "nothing"))
