"""The pages of decks and presentations."""

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pptx import Presentation

from cms_core.testing.client import FormClient
from cms_sales_enablement import deck_view, decks, presentations, values
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.models import Deck

from .decks import make

AT = "/app/p/sales_enablement/decks"
SHELF = "/app/p/sales_enablement/presentations"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return make(tmp_path / "Pitch.pptx", 4)


@pytest.fixture
def template(desk: Any, file: Path) -> str:
    found = presentations.add(desk.services("marketer"), file.read_bytes(), file.name)
    desk.approve(found.saved.slug)
    return found.saved.slug


@pytest.fixture
def deck(desk: Any, template: str) -> Deck:
    return decks.make(desk.services(), template, Wanted(("258", "256"), {"client": "Ann"}, subject="Acme"))


@pytest.fixture
def rep(as_role: Callable[[str], FormClient]) -> FormClient:
    return as_role("rep")


def form_of(deck: Deck, **more: Any) -> dict[str, Any]:
    """What the page of a deck sends."""
    return {"version": deck.version, "pick": [each.uid for each in deck.slides], **more}


def test_a_marketer_adds_a_presentation_that_waits_for_approval(
    as_role: Callable[[str], FormClient], file: Path, desk: Any, rep: FormClient
) -> None:
    marketer = as_role("marketer")
    assert "PowerPoint file" in marketer.get(f"{SHELF}/new").text
    sent = {"file": (io.BytesIO(file.read_bytes()), "Pitch.pptx"), "title": "Our pitch"}
    assert marketer.submit(f"{SHELF}/new", sent).location.endswith("/our-pitch")
    assert "No presentation yet" in rep.get(AT + "/").text
    desk.approve("our-pitch")
    assert "Our pitch" in rep.get(AT + "/").text
    page = rep.get(f"{SHELF}/our-pitch").text
    assert "4 slides, version 1" in page
    assert "deal.amount" in page
    assert "Add the next version" not in page, "that is for marketing"
    assert rep.get(f"{SHELF}/new").status_code == 403


@pytest.mark.parametrize("data", [b"", b"PK nothing"])
def test_what_is_no_presentation_is_told_with_a_remedy(
    as_role: Callable[[str], FormClient], data: bytes
) -> None:
    answer = as_role("marketer").submit(f"{SHELF}/new", {"file": (io.BytesIO(data), "x.pptx")})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_a_value_for_no_field_is_told_on_the_page(rep: FormClient, template: str, desk: Any) -> None:
    deck = decks.make(desk.services(), template, Wanted(said={"clinet": "Ann"}))
    assert "No slide has a field clinet: is client meant?" in rep.get(f"{AT}/{deck.public_id}").text


def test_a_page_fills_what_the_file_fills(desk: Any, deck: Deck) -> None:
    fill = deck_view.filler(desk.services(), deck)
    assert fill("{{ client }}, {{ 7 + client }}") == "Ann, {{ 7 + client }}"


def test_a_rep_makes_a_deck_for_a_company(rep: FormClient, template: str, desk: Any) -> None:
    answer = rep.submit(f"{AT}/", {"source": template, "for": "Acme"})
    assert answer.status_code == 303
    page = rep.get(answer.location).text
    assert "Pitch for Acme" in page
    assert "4 slides" in page
    assert "1 field left" in page
    assert page.index("Deal amount") < page.index("Company name"), "what is missing comes first"
    assert "From the company · slides 1, 2, 3, 4" in page
    assert "Pitch for Acme" in rep.get(f"{AT}/").text
    assert rep.submit(f"{AT}/", {"source": "nothing"}).status_code == 404


def test_slides_are_picked_ordered_and_filled(rep: FormClient, deck: Deck, desk: Any) -> None:
    at = f"{AT}/{deck.public_id}"
    sent = form_of(deck, pick=["257", "258", "259"], **{"v:deal.amount": "9", "v:company.name": "Acme"})
    assert rep.submit(at, sent).status_code == 303
    found = decks.find(desk.services(), deck.public_id)
    assert [each.uid for each in found.slides] == ["257", "258", "259"]
    known = values.restored(found.values)
    assert known["deal.amount"] == values.Value("9", values.SAID)
    assert known["company.name"].source == "company", "what was not changed is still known from the company"
    assert rep.submit(at, form_of(found, move="up:259")).status_code == 303
    again = decks.find(desk.services(), deck.public_id)
    assert [each.uid for each in again.slides] == ["257", "259", "258"]
    late = rep.submit(at, form_of(found))
    assert late.status_code == 409
    assert "meanwhile" in late.text


def test_a_deck_is_saved_and_shared_in_one_step(rep: FormClient, deck: Deck, reader: Any) -> None:
    at = f"{AT}/{deck.public_id}"
    answer = rep.submit(at, form_of(deck, share="1", contact="dana@acme.test", **{"v:deal.amount": "9"}))
    assert answer.status_code == 200
    url = answer.text.partition('readonly value="')[2].partition('"')[0]
    assert "we offer 9" in reader.get(url).text
    assert "Nobody has looked yet" in rep.get(at).text
    wrong = rep.submit(at, form_of(deck, version=2, share="1", contact="no address"))
    assert wrong.status_code == 422
    assert "Not a valid email address" in wrong.text


def test_who_looks_at_which_slide_is_shown(rep: FormClient, deck: Deck, desk: Any, reader: Any) -> None:
    made = desk.share(deck.public_id, contact="dana@acme.test")
    view = reader.get(made.url).text.partition('data-view="')[2].partition('"')[0]
    desk.clock.at += timedelta(seconds=70)
    told = {"view": view, "n": "1", "ms": "65000", "slides": "258:5000 256:60000", "slide": "256"}
    reader.post(f"{made.url}/seen", **told)
    page = rep.get(f"{AT}/{deck.public_id}").text
    assert "1 min 5 s" in page
    assert "dana@acme.test is on slide 2" in page
    assert "“Slide 1” held them longest" in page
    desk.clock.at += timedelta(minutes=2)
    assert "is on slide" not in rep.get(f"{AT}/{deck.public_id}").text


def test_marketing_hears_of_a_slide_that_is_off(
    rep: FormClient, deck: Deck, as_role: Callable[[str], FormClient]
) -> None:
    at = f"{AT}/{deck.public_id}"
    answer = rep.submit(at + "/off", {"slide": "258", "words": "Old prices"}, at)
    assert answer.status_code == 303
    assert "slide 3 “Slide 3”: Old prices" in as_role("marketer").get("/app/content/pitch").text
    assert "slide 3" in rep.get(f"{SHELF}/pitch").text
    assert rep.submit(at + "/off", {"slide": "no"}, at).status_code == 404


def test_what_helps_at_the_stage_of_the_deal_is_shown(rep: FormClient, template: str, desk: Any) -> None:
    from cms_core.services import Services
    from cms_leads.deals import Facts, create

    desk.write("evaluation-guide", funnel_stage="Evaluation")
    leads = Services(desk.workspace, "leads", (desk.people["rep"].id, "web"))
    create(leads, Facts("Big", None, (), 1_000_000, "EUR", "evaluation"))
    made = rep.submit(f"{AT}/", {"source": template, "for": "Big"})
    page = rep.get(made.location).text
    assert "Helps at this stage" in page
    assert "For the stage Evaluation" in page


def test_the_file_is_the_deck(rep: FormClient, deck: Deck) -> None:
    with rep.get(f"{AT}/{deck.public_id}/file") as answer:
        assert answer.headers["Content-Disposition"].endswith('"Pitch for Acme.pptx"')
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert len(Presentation(io.BytesIO(answer.data)).slides) == 2


def test_a_new_version_shows_on_the_deck(
    rep: FormClient, deck: Deck, desk: Any, tmp_path: Path, as_role: Callable[[str], FormClient]
) -> None:
    changed = Presentation(str(make(tmp_path / "x.pptx", 3)))
    changed.slides[0].shapes.title.text = "New first"
    changed.save(str(tmp_path / "x.pptx"))
    found = presentations.add(
        desk.services("marketer"), (tmp_path / "x.pptx").read_bytes(), "x.pptx", replaces="pitch"
    )
    desk.approve(found.saved.slug)
    page = rep.get(f"{AT}/{deck.public_id}").text
    assert "looks different now" in page
    assert "New first" in page
    assert "1 deck shows slides that look different now" in as_role("marketer").get(f"{SHELF}/pitch").text


def test_whose_deck_it_is(
    as_role: Callable[[str], FormClient], deck: Deck, desk: Any, template: str, rep: FormClient
) -> None:
    other = decks.make(desk.services("admin"), template, Wanted()).public_id
    for path in (
        f"{AT}/{other}",
        f"{AT}/{other}/file",
        f"{AT}/{other}/slides/256/480",
        f"{AT}/{other}/paper",
    ):
        assert rep.get(path).status_code == 404
    assert rep.submit(f"{AT}/{other}", {"pick": "256"}, f"{AT}/{deck.public_id}").status_code == 404
    assert as_role("viewer").get(f"{AT}/{deck.public_id}").status_code == 403
    assert as_role("marketer").get(f"{AT}/{deck.public_id}").status_code == 200


def test_naughty_words_are_words(rep: FormClient, desk: Any, template: str, naughty: list[str]) -> None:
    for text in naughty[:60]:
        clean = text.replace("\0", "")
        if not clean.strip():
            continue
        deck = decks.make(desk.services(), template, Wanted(("256",), {"client": clean}, name=clean[:200]))
        assert rep.get(f"{AT}/{deck.public_id}").status_code == 200
        with rep.get(f"{AT}/{deck.public_id}/file") as answer:
            assert Presentation(io.BytesIO(answer.data)).slides
