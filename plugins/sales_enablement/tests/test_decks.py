"""Decks: what a rep picks and fills, for whom, and what is said of fields that stay empty."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pptx import Presentation

from cms_core.contract import Company, Contact, PersonalRecord
from cms_core.errors import Forbidden, Invalid, NotFound
from cms_core.services import Services
from cms_core.workspace import Workspace
from cms_leads.deals import Facts, create
from cms_sales_enablement import deck_files, decks, presentations, printing, values
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.pptx.findings import is_sound
from cms_sales_enablement.pptx.lint import check_file

from .decks import make


@dataclass
class Deals:
    """Deals of the plugin that keeps them."""

    svc: Services

    def add(self, name: str, company: str, contact: str) -> str:
        """A deal over 48,000 EUR with somebody of a company; returns its id."""
        owner, _ = self.svc.upsert_company(Company("", company))
        people = tuple(self.svc.upsert_contacts([Contact("", contact, "Dana")]))
        return create(self.svc, Facts(name, owner, people, 48_000_000_000, "EUR")).public_id


@pytest.fixture
def deals(workspace: Workspace, desk: Any) -> Deals:
    return Deals(Services(workspace, "leads", (desk.people["rep"].id, "web")))


@pytest.fixture
def template(desk: Any, tmp_path: Path) -> str:
    path = make(tmp_path / "Pitch.pptx", 4)
    found = presentations.add(desk.services("marketer"), path.read_bytes(), path.name)
    desk.approve(found.saved.slug)
    return found.saved.slug


def texts(path: Path) -> list[list[str]]:
    """What each slide says, as another program reads it."""
    deck = Presentation(str(path))
    return [
        [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame] for slide in deck.slides
    ]


def test_a_deck_holds_the_picked_slides_in_order_filled(desk: Any, template: str, tmp_path: Path) -> None:
    rep, out = desk.services(), tmp_path / "out.pptx"
    said = {"company.name": "Acme & Söhne", "deal.amount": "48,000"}
    deck = decks.make(rep, template, Wanted(("258", "256"), said))
    written = printing.write_as(rep, deck, out)
    words = "Dear Acme & Söhne, and you, we offer 48,000"
    assert texts(out) == [["Slide 3", words], ["Slide 1", words]]
    assert written.copied.missing == ()
    assert is_sound(check_file(out))


def test_what_has_no_value_is_listed_and_shows_nothing(desk: Any, template: str, tmp_path: Path) -> None:
    rep, out = desk.services(), tmp_path / "out.pptx"
    deck = decks.make(rep, template, Wanted(("256",)))
    assert printing.write_as(rep, deck, out).copied.missing == ("company.name", "deal.amount")
    assert texts(out) == [["Slide 1", "Dear , and you, we offer "]]


def test_a_company_fills_its_fields_and_names_the_deck(desk: Any, template: str) -> None:
    rep = desk.services()
    known, _ = rep.upsert_company(Company("", "Acme", "acme.test", {}))
    deck = decks.make(rep, template, Wanted(subject="acme.test"))
    assert (deck.company, deck.deal, deck.name) == (known, None, "Pitch for Acme")
    found = values.restored(deck.values)
    assert found["company.name"] == values.Value("Acme", "company")
    assert found["rep.email"] == values.Value("rep@example.com", "rep")
    assert deck_files.look(rep, deck).copied.missing == ("deal.amount",)


def test_a_name_that_nobody_knows_is_a_new_company(desk: Any, template: str) -> None:
    rep = desk.services()
    decks.make(rep, template, Wanted(subject=" Brightwell  Health "))
    assert rep.find_company("brightwell health").name == "Brightwell Health"


def test_a_deal_brings_its_values_its_company_and_its_person(desk: Any, template: str, deals: Deals) -> None:
    rep, deal = desk.services(), deals.add("Big", "Acme", "dana@acme.test")
    deck = decks.make(rep, template, Wanted(subject="big"))
    found = values.restored(deck.values)
    assert (deck.company, deck.deal, deck.name) == (rep.find_company("Acme").id, deal, "Pitch for Big")
    assert found["company.name"].value == "Acme"
    assert found["contact.first_name"] == values.Value("Dana", "contact")
    assert found["deal.amount"] == values.Value("48000", "deal")
    assert "deal.stage" not in found
    said = decks.make(rep, template, Wanted(subject=deal, said={"deal.amount": "more"}))
    assert values.restored(said.values)["deal.amount"] == values.Value("more", values.SAID)
    deals.add("Big", "Bcme", "eve@bcme.test")
    with pytest.raises(Invalid, match="2 are called"):
        decks.make(rep, template, Wanted(subject="Big"))


def test_what_a_deck_knows_of_a_person_is_told_and_erased(
    desk: Any, template: str, deals: Deals, workspace: Workspace
) -> None:
    rep = desk.services()
    deals.add("Big", "Acme", "dana@acme.test")
    deck = decks.make(
        rep, template, Wanted(subject="Big", said={"client": "Ann", "contact.first_name": "Dany"})
    )
    person = rep.find_contact("dana@acme.test")
    assert person is not None

    def told(erase: bool) -> list[Any]:
        found = workspace.plugins.each("personal_data", PersonalRecord, contacts=[person], erase=erase)
        return [each for plugin, answers in found if plugin == "sales_enablement" for each in answers]

    (record,) = told(False)
    assert record.data["contact.first_name"] == "Dany"
    told(True)
    known = decks.find(rep, deck.public_id).values
    assert not any(name.startswith("contact.") for name in known)
    assert known["client"]["value"] == "Ann"
    assert told(False) == []


def test_a_deck_is_made_of_a_deck_with_changes(desk: Any, template: str, deals: Deals) -> None:
    rep, _ = desk.services(), deals.add("Big", "Bcme", "dana@bcme.test")
    first = decks.make(rep, template, Wanted(("258", "256"), {"client": "Ann"}, subject="Acme"))
    assert decks.make(rep, first.public_id, Wanted()).public_id == first.public_id
    second = decks.make(rep, first.public_id, Wanted(subject="Big"))
    assert second.public_id != first.public_id
    assert [each.uid for each in second.slides] == ["258", "256"]
    found = values.restored(second.values)
    assert (found["client"].value, found["deal.amount"].value) == ("Ann", "48000")
    assert found["company.name"].value == "Bcme", "what was known of somebody else does not stay"


def test_a_deck_is_changed_as_it_stands(desk: Any, template: str) -> None:
    rep = desk.services()
    deck = decks.make(rep, template, Wanted(("256",), {"client": "Ann"}, subject="Acme"))
    changed = decks.change(rep, deck.public_id, Wanted(("257", "256"), {"client": "", "deal.amount": "9"}))
    assert (changed.public_id, changed.version) == (deck.public_id, 2)
    found = values.restored(decks.find(rep, deck.public_id).values)
    assert [each.uid for each in changed.slides] == ["257", "256"]
    assert "client" not in found
    assert (found["deal.amount"].value, found["company.name"].value) == ("9", "Acme")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(("999",)), "no slide '999'"),
        (Wanted(("256", "256")), "picked twice"),
        (Wanted(said={"a": "x" * 20_001}), "20,000"),
        (Wanted(said={"a": "\0"}), "no text holds"),
        (Wanted(said={str(n): "x" for n in range(501)}), "too many"),
        (Wanted(pictures={"logo": b"no picture"}), "the picture for logo is neither PNG nor JPEG"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_kept(
    desk: Any, template: str, wanted: Wanted, said: str
) -> None:
    rep = desk.services()
    with pytest.raises(Invalid, match=said):
        decks.make(rep, template, wanted)
    assert decks.listed(rep) == []


def test_a_logo_is_kept_encoded_again_and_without_an_address(desk: Any, template: str) -> None:
    data = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 0, 0)).save(data, "PNG")
    rep = desk.services()
    deck = decks.make(rep, template, Wanted(pictures={"logo": data.getvalue()}))
    assert rep.file(deck.pictures["logo"]).url == ""
    moving = io.BytesIO()
    Image.new("RGB", (8, 8)).save(moving, "GIF")
    with pytest.raises(Invalid, match="neither PNG nor JPEG"):
        decks.make(rep, template, Wanted(pictures={"logo": moving.getvalue()}))


def test_reps_see_their_own_decks_and_marketers_everybodys(desk: Any, template: str) -> None:
    deck = decks.make(desk.services(), template, Wanted())
    decks.make(desk.services("admin"), template, Wanted())
    assert [each.public_id for each in decks.listed(desk.services())] == [deck.public_id]
    assert len(decks.listed(desk.services("marketer"))) == 2
    assert decks.find(desk.services("marketer"), deck.public_id).public_id == deck.public_id
    other = decks.listed(desk.services("admin"))[0]
    with pytest.raises(NotFound):
        decks.find(desk.services(), other.public_id)
    with pytest.raises(Forbidden):
        decks.make(desk.services("viewer"), template, Wanted())


def test_a_presentation_that_was_put_away_makes_no_decks(desk: Any, template: str, tmp_path: Path) -> None:
    rep = desk.services()
    deck = decks.make(rep, template, Wanted())
    desk.archive(template)
    with pytest.raises(NotFound, match=f"no approved presentation {template!r}"):
        deck_files.write(rep, deck, tmp_path / "out.pptx")


@pytest.mark.parametrize("name", ["out.ppt", "out", "out.pptx.exe"])
def test_a_file_of_another_kind_is_not_written(desk: Any, template: str, tmp_path: Path, name: str) -> None:
    rep = desk.services()
    with pytest.raises(Invalid, match="neither"):
        printing.write_as(rep, decks.make(rep, template, Wanted()), tmp_path / name)
    assert not (tmp_path / name).exists()
