"""Training: lessons, a quiz, a certificate that runs out; without it no deck of what it guards."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from marshmallow import ValidationError
from sqlalchemy import event
from werkzeug.test import Client

from cms_core.errors import Forbidden, Invalid, NotFound
from cms_core.testing.calls import caller_of
from cms_core.testing.client import FormClient
from cms_sales_enablement import decks, presentations, training
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.models import Deck, DeckSlide
from cms_sales_enablement.schemas import TrainingForm
from cms_sales_enablement.training_models import Initiative

from .decks import make

SAID: dict[str, Any] = {
    "name": "Autumn launch",
    "lessons": ["pricing", "security"],
    "guards": ["pitch"],
    "questions": [
        {"question": "What is new?", "options": ["* The price", "The name"]},
        {"question": "Since when?", "options": ["May", "*June", "July"]},
    ],
    "pass_percent": 100,
    "valid_days": 90,
}


@pytest.fixture
def shelf(desk: Any, tmp_path: Path) -> None:
    """Two lessons and a presentation."""
    desk.write("pricing")
    desk.write("security")
    path = make(tmp_path / "Pitch.pptx", 2)
    presentations.add(desk.services("marketer"), path.read_bytes(), path.name)
    desk.approve("pitch")


@pytest.fixture
def initiative(desk: Any, shelf: None) -> Initiative:
    return training.create(desk.services("marketer"), TrainingForm().load(SAID))


def learn(svc: Any, initiative: Initiative) -> None:
    for slug in ("pricing", "security"):
        training.read(svc, initiative, slug)


def test_without_a_certificate_no_deck_is_made_and_the_lesson_is_named(
    desk: Any, initiative: Initiative
) -> None:
    rep = desk.services()
    with pytest.raises(Forbidden, match="Autumn launch” is needed first") as refused:
        decks.make(rep, "pitch", Wanted())
    assert "read the lesson “On pricing”" in refused.value.remedy
    training.read(rep, initiative, "pricing")
    with pytest.raises(Forbidden) as refused:
        decks.make(rep, "pitch", Wanted())
    assert "“On security”" in refused.value.remedy
    training.read(rep, initiative, "security")
    assert training.standing(rep, initiative).word == "ready"
    with pytest.raises(Forbidden) as refused:
        decks.make(rep, "pitch", Wanted())
    assert refused.value.remedy.startswith("take the quiz")
    assert training.answer(rep, initiative, [1, 2]).passed
    deck = decks.make(rep, "pitch", Wanted())
    desk.clock.at += timedelta(days=91)
    assert training.standing(rep, initiative).word == "expired"
    with pytest.raises(Forbidden, match="has run out"):
        decks.change(rep, deck.public_id, Wanted(name="x"))
    assert training.answer(rep, initiative, [1, 2]).passed, "what was read stays read"
    decks.change(rep, deck.public_id, Wanted(name="x"))


def test_marketing_and_what_is_not_guarded_need_none(
    desk: Any, initiative: Initiative, tmp_path: Path
) -> None:
    assert decks.make(desk.services("marketer"), "pitch", Wanted())
    path = make(tmp_path / "Other.pptx", 1)
    presentations.add(desk.services("marketer"), path.read_bytes(), path.name)
    desk.approve("other")
    assert decks.make(desk.services(), "other", Wanted())
    training.close(desk.services("marketer"), initiative.public_id)
    assert decks.make(desk.services(), "pitch", Wanted())
    learn(desk.services(), initiative)
    ended = training.find(desk.services(), initiative.public_id)
    with pytest.raises(Invalid, match="has ended"):
        training.answer(desk.services(), ended, [1, 2])


@pytest.mark.parametrize(
    ("answers", "percent", "passed"),
    [([1, 2], 100, True), ([1, 1], 100, False), ([1, 1], 50, True), ([2, 1], 1, False), ([1, 1], 51, False)],
)
def test_a_quiz_is_passed_with_enough_right_answers(
    desk: Any, shelf: None, answers: list[int], percent: int, passed: bool
) -> None:
    said = TrainingForm().load({**SAID, "pass_percent": percent, "valid_days": None})
    found = training.create(desk.services("marketer"), said)
    learn(desk.services(), found)
    marked = training.answer(desk.services(), found, answers)
    assert (marked.passed, marked.expires_at) == (passed, None)
    assert training.standing(desk.services(), found).certified is passed


def test_the_quiz_comes_after_the_lessons(desk: Any, initiative: Initiative) -> None:
    rep = desk.services()
    with pytest.raises(Invalid, match="“On pricing” was not read yet"):
        training.answer(rep, initiative, [1, 2])
    learn(rep, initiative)
    for answers in ([1], [1, 2, 3], [0, 1], [1, 4]):
        with pytest.raises(Invalid, match="2 questions"):
            training.answer(rep, initiative, answers)
    with pytest.raises(NotFound, match="no lesson"):
        training.read(rep, initiative, "pitch")


def test_a_lesson_that_changed_is_told_and_takes_no_certificate_away(
    desk: Any, initiative: Initiative
) -> None:
    rep = desk.services()
    learn(rep, initiative)
    training.answer(rep, initiative, [1, 2])
    desk.write("pricing", "New prices.")
    found = training.standing(rep, initiative)
    assert [each.changed for each in found.lessons] == [True, False]
    assert found.certified
    training.read(rep, initiative, "pricing")
    assert not any(each.changed for each in training.standing(rep, initiative).lessons)


def test_managers_see_the_newest_try_of_each(desk: Any, initiative: Initiative) -> None:
    rep, marketer = desk.services(), desk.services("marketer")
    learn(rep, initiative)
    training.answer(rep, initiative, [2, 2])
    training.answer(rep, initiative, [1, 2])
    (newest,) = training.attempts(marketer, initiative)
    assert (newest.right, newest.passed) == (2, True)
    with pytest.raises(Forbidden):
        training.attempts(rep, initiative)


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"lessons": []},
        {"questions": []},
        {"questions": [{"question": "?", "options": ["*a"]}]},
        {"questions": [{"question": "?", "options": ["a", "b"]}]},
        {"questions": [{"question": "?", "options": ["*a", "*b"]}]},
        {"pass_percent": 0},
        {"valid_days": 0},
    ],
)
def test_a_training_that_is_none_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TrainingForm().load({**SAID, **change})


def test_lessons_are_approved_and_what_is_guarded_is_a_presentation(desk: Any, shelf: None) -> None:
    for change, said in (
        ({"lessons": ["nothing"]}, "no approved content"),
        ({"guards": ["pricing"]}, "no presentation"),
    ):
        with pytest.raises(Invalid, match=said):
            training.create(desk.services("marketer"), TrainingForm().load({**SAID, **change}))
    with pytest.raises(Forbidden):
        training.create(desk.services(), TrainingForm().load(SAID))


def test_a_rep_learns_and_passes_on_the_pages(
    desk: Any, initiative: Initiative, as_role: Callable[[str], FormClient]
) -> None:
    at = f"{training.AT}/{initiative.public_id}"
    rep = as_role("rep")
    index = "/app/p/sales_enablement/decks/"
    refused = rep.submit(index, {"source": "pitch"})
    assert refused.status_code == 403
    assert "On pricing" in refused.text
    assert "2 lessons to read" in rep.get(f"{training.AT}/").text
    for slug in ("pricing", "security"):
        assert rep.submit(f"{at}/read/{slug}", {}, at).location.endswith(f"/a/{slug}")
    wrong = rep.submit(f"{at}/answers", {"q0": "2", "q1": "2"}, at)
    assert "1 of 2 are right: that is not enough" in rep.get(wrong.location).text
    assert rep.submit(f"{at}/answers", {"q0": "9"}, at).status_code == 422
    rep.submit(f"{at}/answers", {"q0": "1", "q1": "2"}, at)
    assert "You have passed" in rep.get(at).text
    assert rep.submit(index, {"source": "pitch"}).status_code == 303
    assert "2 of 2" in as_role("marketer").get(at).text
    assert "Who has passed" not in rep.get(at).text
    assert rep.get(f"{training.AT}/new").status_code == 403


def test_marketing_begins_and_ends_one_on_the_pages(
    desk: Any, shelf: None, as_role: Callable[[str], FormClient]
) -> None:
    marketer, new = as_role("marketer"), f"{training.AT}/new"
    said = {
        "name": "Autumn launch",
        "lessons": "pricing\nsecurity",
        "guards": "pitch",
        "questions.0.question": "What is new?",
        "questions.0.options": "* The price\nThe name",
        "pass_percent": "80",
        "valid_days": "",
        "due_on": "2026-12-01",
    }
    made = marketer.submit(new, said)
    assert made.status_code == 303, made.text
    page = marketer.get(made.location).text
    assert "What is new?" in page or "Read all lessons first" in page
    wrong = marketer.submit(new, {**said, "questions.0.options": "a\nb"})
    assert wrong.status_code == 422
    assert "Begin the one right answer with *" in wrong.text
    assert "nothing" in marketer.submit(new, {**said, "lessons": "nothing"}).text
    marketer.submit(f"{made.location}/close", {}, made.location)
    assert "Nothing to learn now" in marketer.get(f"{training.AT}/").text


def test_the_same_over_http(app: Flask, desk: Any, shelf: None) -> None:
    marketer, rep = caller_of(app, "marketer"), caller_of(app, "rep")
    at = "/sales_enablement/training"
    made = marketer.again(at, SAID)
    assert made.status_code == 201, made.text
    where = f"{at}/{made.json['id']}"
    shown = rep("GET", where).json
    assert [each["options"] for each in shown["questions"]] == [
        ["The price", "The name"],
        ["May", "June", "July"],
    ]
    assert "right" not in json.dumps(shown["questions"][0])
    refused = rep("POST", "/sales_enablement/decks", {"source": "pitch"})
    assert (refused.status_code, "On pricing" in refused.json["error"]["remedy"]) == (403, True)
    for slug in ("pricing", "security"):
        assert rep("POST", f"{where}/read", {"slug": slug}).json["text"] == "Calm pays."
    assert rep("POST", f"{where}/answers", {"answers": [1, 2]}).json["passed"] is True
    assert rep("GET", at).json["items"][0]["state"] == "certified"
    (person,) = marketer("GET", f"{where}/people").json["items"]
    assert (person["right"], person["certified"]) == (2, True)
    assert rep("GET", f"{where}/people").status_code == 403
    assert marketer("POST", f"{where}/close").json["closed_at"]


def test_without_a_certificate_nothing_of_a_deck_leaves_by_any_door(
    desk: Any, initiative: Initiative, app: Flask, as_role: Callable[[str], FormClient], tmp_path: Path
) -> None:
    rep, call, browser = desk.services(), caller_of(app, "rep"), as_role("rep")
    learn(rep, initiative)
    training.answer(rep, initiative, [1, 2])
    deck = decks.make(rep, "pitch", Wanted())
    page, path = (
        f"/app/p/sales_enablement/decks/{deck.public_id}",
        f"/sales_enablement/decks/{deck.public_id}",
    )
    share = {"asset": deck.public_id}
    assert call("POST", "/sales_enablement/shares", share).status_code == 201
    made = desk.share(deck.public_id, download=True)
    with browser.get(f"{page}/file") as got:
        assert got.status_code == 200
    desk.clock.at += timedelta(days=91)

    for answer in (browser.get(f"{page}/file"), browser.get(f"{page}/paper")):
        assert answer.status_code == 403
        assert "Autumn launch" in answer.text
    for answer in (call("GET", f"{path}/file"), call("POST", "/sales_enablement/shares", share)):
        assert answer.status_code == 403
        assert "has run out" in answer.json["error"]["message"]
        assert "take the quiz" in answer.json["error"]["remedy"]
    refused = browser.submit(page, {"share": "1", "version": "1"}, page)
    assert refused.status_code == 403
    with pytest.raises(Forbidden, match="has run out"):
        decks.make(rep, deck.public_id, Wanted())
    assert browser.get(page).status_code == 200, "one may look at it"

    reader = Client(app)
    shown = reader.get("/" + made.url.split("/", 3)[3])
    assert "Slide 1" in shown.text, "who was given a link keeps it"
    marketer = desk.services("marketer")
    assert decks.find_to_give(marketer, deck.public_id).public_id == deck.public_id


def test_the_certificates_of_all_that_decks_are_of_are_asked_for_in_one_statement(
    desk: Any, shelf: None
) -> None:
    rep, asset = desk.services(), desk.services().asset("pitch").id
    for number in range(3):
        made = training.create(
            desk.services("marketer"), TrainingForm().load({**SAID, "name": f"No. {number}"})
        )
        learn(rep, made)
        training.answer(rep, made, [1, 2])
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "quiz_attempt" in statement or "initiative" in statement:
            asked.append(statement)

    engine = desk.workspace.db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        slides = [DeckSlide(uid=f"{number}:256") for number in range(20)]
        decks.require_certified(rep, Deck(asset=asset, slides=slides), Deck(asset="other"))
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(asked) == 1
