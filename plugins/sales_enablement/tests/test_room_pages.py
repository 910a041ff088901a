"""Rooms in the app: what a rep sees and does there."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from cms_core.testing.client import FormClient
from cms_sales_enablement import decks, feedback, room_questions, room_steps, rooms, shares, training
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.models import Slide
from cms_sales_enablement.schemas import TrainingForm

from .rooms import Kept, enter, keep, view_of

SignIn = Callable[[str], FormClient]


@pytest.fixture
def kept(desk: Any, slides: list[Slide]) -> Kept:
    desk.write("calm")
    deck = decks.make(desk.services(), "pitch", Wanted(subject="Acme")).public_id
    return keep(desk, "calm", deck)


@pytest.fixture
def at(kept: Kept) -> str:
    return f"{rooms.AT}/{kept.id}"


def test_a_rep_makes_a_room_and_fills_it(desk: Any, kept: Kept, as_role: SignIn) -> None:
    rep = as_role("rep")
    refused = rep.submit(f"{rooms.AT}/", {"name": "Ours", "for": ""})
    assert refused.status_code == 422
    assert 'value="Ours"' in refused.text
    made = rep.submit(f"{rooms.AT}/", {"name": "Ours", "for": "Brightwell"})
    where = made.location
    assert "Nothing yet" in rep.get(where).text
    added = rep.submit(f"{where}/items", {"add": "calm"}, where)
    assert added.location.endswith("#items")
    rep.submit(f"{where}/items", {"add": "pitch", "download": "1"}, where)
    page = rep.get(where).text
    assert page.index("On calm</b>") < page.index("Pitch for Brightwell</b>")
    wrong = rep.submit(f"{where}/items", {"add": "nothing"}, where)
    assert (wrong.status_code, "no approved content" in wrong.text) == (422, True)
    rep.submit(where, {"name": "Brightwell and us", "welcome": "Hello."}, where)
    assert "Brightwell and us" in rep.get(f"{rooms.AT}/").text


def test_what_needs_a_certificate_is_refused_on_the_page(
    desk: Any, kept: Kept, at: str, as_role: SignIn
) -> None:
    question = {"question": "Why?", "options": ["*Calm", "Haste"]}
    said = {"name": "Launch", "lessons": ["calm"], "guards": ["pitch"], "questions": [question]}
    training.create(desk.services("marketer"), TrainingForm().load(said))
    refused = as_role("rep").submit(f"{at}/items", {"add": "pitch"}, at)
    assert (refused.status_code, "Launch" in refused.text, "To look at" in refused.text) == (403, True, True)
    assert len(kept.items) == 2


def test_pieces_are_moved_and_taken_out_by_buttons_alone(kept: Kept, at: str, as_role: SignIn) -> None:
    rep, ids = as_role("rep"), [each.public_id for each in kept.items]
    sent: dict[str, Any] = {"item": ids, "move": f"down:{ids[0]}"}
    assert rep.submit(f"{at}/items", sent, at).status_code == 303
    assert [each.public_id for each in kept.items] == ids[::-1]
    rep.submit(f"{at}/items", {"item": ids[::-1], "remove": ids[0]}, at)
    assert [each.public_id for each in kept.items] == ids[1:]
    stale = rep.submit(f"{at}/items", {"item": ids, "move": f"up:{ids[1]}"}, at)
    assert (stale.status_code, "look at the room again" in stale.text) == (422, True)


def test_steps_are_added_changed_done_and_removed(desk: Any, kept: Kept, at: str, as_role: SignIn) -> None:
    rep, svc = as_role("rep"), desk.services()
    rep.submit(f"{at}/steps", {"what": "Sign", "who": "them", "due": "2026-12-01"}, at)
    (step,) = room_steps.listed(svc, [kept.room])[kept.room.id]
    where = f"{at}/steps/{step.public_id}"
    rep.submit(where, {"do": "done"}, at)
    assert "done by Rep" in rep.get(at).text
    rep.submit(where, {"do": "undone"}, at)
    rep.submit(where, {"do": "save", "what": "Sign it", "who": "us", "due": ""}, at)
    (step,) = room_steps.listed(svc, [kept.room])[kept.room.id]
    assert (step.what, step.who, step.due, step.done_at) == ("Sign it", "us", None, None)
    for wrong in (
        {"do": "save", "what": "", "who": "us"},
        {"do": "save", "what": "x", "who": "us", "due": "x"},
    ):
        assert rep.submit(where, wrong, at).status_code == 422
    rep.submit(where, {"do": "remove"}, at)
    assert room_steps.listed(svc, [kept.room])[kept.room.id] == []


def test_a_question_is_answered_where_it_is_read(
    desk: Any, kept: Kept, at: str, as_role: SignIn, reader: Any
) -> None:
    url = kept.share(gate="email")
    reader.post(url, email="ann@acme.test")
    reader.post(
        f"{url}/questions", view=view_of(reader.get(url)), words="<i>When</i>?", about=kept.items[1].public_id
    )
    rep = as_role("rep")
    assert "1 question waits" in rep.get(f"{rooms.AT}/").text
    page = rep.get(at).text
    for words in ("&lt;i&gt;When&lt;/i&gt;?", "ann@acme.test", "unverified", "about Pitch for Acme"):
        assert words in page
    (question,) = room_questions.listed(desk.services(), [kept.room])[kept.room.id]
    where = f"{at}/questions/{question.public_id}"
    assert rep.submit(where, {"answer": " "}, at).status_code == 422
    assert rep.submit(where, {"answer": "Now."}, at).location.endswith("#questions")
    assert "Now." in reader.get(url).text
    rep.submit(where, {"do": "remove"}, at)
    assert "Nobody has asked anything yet." in rep.get(at).text


def test_a_link_is_shown_once_and_who_looked_stays(
    desk: Any, kept: Kept, at: str, as_role: SignIn, reader: Any
) -> None:
    rep = as_role("rep")
    made = rep.submit(f"{at}/links", {"contact": "dana@acme.test"}, at)
    url = made.text.partition('readonly value="')[2].partition('"')[0]
    enter(reader, url, 1, seconds=4)
    page = rep.get(at).text
    assert url not in page
    assert "dana@acme.test" in page
    assert "Pitch for Acme" in page.partition("Who looked at what")[2]
    wrong = rep.submit(f"{at}/links", {"contact": "nobody"}, at)
    assert (wrong.status_code, "aria-invalid" in wrong.text) == (422, True)
    assert "Acme and us" in rep.get("/app/p/sales_enablement/shares").text
    link = f"/app/p/sales_enablement/shares/{kept.items[1].public_id}"
    assert "The room" in rep.get(link).text
    (share,) = shares.listed(desk.services())
    assert "See the room" in rep.get(f"/app/p/sales_enablement/shares/{share.public_id}").text


def test_what_is_not_shown_now_is_said(desk: Any, kept: Kept, at: str, as_role: SignIn) -> None:
    rep = as_role("rep")
    assert "not shown now" not in rep.get(at).text
    feedback.set_until(desk.services("marketer"), kept.items[0].asset, desk.clock.now().date() - timedelta(1))
    assert rep.get(at).text.count("not shown now") == 1
    shares.revoke(desk.services(), kept.items[1].public_id)
    assert rep.get(at).text.count("not shown now") == 2


def test_a_closed_room_can_be_read_and_not_changed(kept: Kept, at: str, as_role: SignIn) -> None:
    rep = as_role("rep")
    assert rep.submit(f"{at}/close", {}, at).status_code == 303
    page = rep.get(at)
    assert "This room is closed" in page.text
    assert "Make the link" not in page.text
    token = {"what": "x", "who": "us"}
    assert rep.submit(f"{at}/steps", token, f"{rooms.AT}/").status_code == 422
    assert rep.submit(f"{at}/reopen", {}, at).status_code == 303
    assert "Make the link" in rep.get(at).text


def test_a_rep_sees_no_other_reps_room(desk: Any, kept: Kept, as_role: SignIn) -> None:
    theirs = rooms.make(desk.services("marketer"), rooms.Wanted("Theirs", "Acme")).public_id
    rep, index = as_role("rep"), f"{rooms.AT}/"
    assert "Theirs" not in rep.get(index).text
    where = f"{rooms.AT}/{theirs}"
    assert rep.get(where).status_code == 404
    for end in ("", "/items", "/steps", "/steps/x", "/questions/x", "/links", "/close", "/reopen"):
        answer = rep.submit(where + end, {"name": "Mine", "add": "calm", "what": "x"}, index)
        assert (answer.status_code, "Theirs" in answer.text) == (404, False), end
    assert "Acme and us" in as_role("marketer").get(index).text
