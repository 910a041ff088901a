"""What leaves the house: slides that may not be used any more are in nothing that others see."""

import io
import os
import tempfile
import time
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pptx import Presentation
from sqlalchemy import func, select

from cms_core.errors import Conflict, Forbidden, Invalid, NotFound
from cms_core.services import Services
from cms_sales_enablement import (
    blocks,
    builder,
    deck_files,
    decks,
    documents,
    drawing,
    feedback,
    material,
    own_slides,
    pictures,
    presentations,
    rooms,
    rules,
    shares,
    slide_facets,
    training,
    translating,
    variants,
)
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.models import Deck, Picture, Slide
from cms_sales_enablement.pptx.findings import is_sound
from cms_sales_enablement.pptx.lint import check_file
from cms_sales_enablement.pptx.template import DeckTemplate

from .decks import changed, make, swap

TRAINING = {
    "name": "Prices", "lessons": ["lesson"], "pass_percent": 80, "valid_days": None, "due_on": None,
    "questions": [{"question": "?", "options": ["*a", "b"]}],
}  # fmt: skip


@pytest.fixture
def add(desk: Any, tmp_path: Path) -> Callable[..., str]:
    """Takes a presentation of so many slides in; gives its slug."""

    def added(name: str, count: int) -> str:
        path = make(tmp_path / f"{name}.pptx", count)
        found = presentations.add(desk.services("marketer"), path.read_bytes(), path.name)
        desk.approve(found.saved.slug)
        return found.saved.slug

    return added


def paper_key(slides: list[Slide], deck: Deck) -> str:
    return pictures.paper_key(pictures.key_of(slide, deck) for slide in slides)


def forbid(desk: Any, slug: str, uid: str) -> None:
    marketer = desk.services("marketer")
    rules.set_rule(marketer, presentations.find(marketer, slug), uid, {"forbidden": True})


def test_a_link_shows_no_slide_that_may_not_be_used_any_more(
    desk: Any, rep: Services, add: Callable[..., str], reader: Any
) -> None:
    add("Pitch", 3)
    deck = decks.make(rep, "pitch", Wanted(("256", "257")))
    link = desk.share(deck.public_id)
    assert "Slide 1" in reader.get(link.url).text
    before = paper_key(variants.leaving(rep, material.of_deck(rep, deck), deck), deck)
    forbid(desk, "pitch", "256")
    page = reader.get(link.url).text
    assert "Slide 1" not in page
    assert "Slide 2" in page
    left = variants.leaving(rep, material.of_deck(rep, deck), deck)
    assert [slide.uid for slide in left] == ["257"]
    assert paper_key(left, deck) != before, "a PDF of before is not given any more"
    view = page.partition('data-view="')[2].partition('"')[0]
    assert reader.get(f"{link.url}/slides/256/480?view={view}").status_code == 404


def test_a_translation_of_a_slide_that_is_barred_is_barred_elsewhere_too(
    desk: Any, rep: Services, add: Callable[..., str]
) -> None:
    add("Pitch", 2), add("Prices", 3)
    marketer = desk.services("marketer")
    kept = presentations.find(marketer, "prices")
    slide_facets.say(marketer, kept, {"256": {"locale": ["en"]}})
    translating.set_variant(marketer, kept, "257", "256", "de")
    forbid(desk, "prices", "256")
    with pytest.raises(Invalid, match="forbidden"):
        decks.make(rep, "pitch", Wanted(("256", "prices:257")))


def test_slides_of_a_presentation_that_is_over_leave_decks_of_others(
    desk: Any, rep: Services, add: Callable[..., str]
) -> None:
    add("Pitch", 2), add("Prices", 3)
    deck = decks.make(rep, "pitch", Wanted(("256", "prices:257")))
    until = rep.now().date() - timedelta(days=1)
    feedback.set_until(desk.services("marketer"), rep.asset("prices").id, until)
    assert [slide.uid for slide in material.of_deck(rep, deck).of(deck)] == ["256"]
    with pytest.raises(Invalid, match="no longer"):
        decks.make(rep, "pitch", Wanted(("prices:257",)))


def test_a_slide_of_a_presentation_that_is_gone_is_none_of_the_decks_own(
    desk: Any, rep: Services, add: Callable[..., str]
) -> None:
    add("Pitch", 2), add("Prices", 3)
    deck = decks.make(rep, "pitch", Wanted(("256", "prices:257")))
    desk.archive("prices")
    assert material.of_deck(rep, deck).source(deck.slides[1].uid) is None


def test_what_nobody_touched_stands_in_no_way(desk: Any, rep: Services, add: Callable[..., str]) -> None:
    add("Pitch", 4)
    deck = decks.make(rep, "pitch", Wanted(("256", "257")))
    marketer = desk.services("marketer")
    kept = presentations.find(marketer, "pitch")
    rules.set_limits(marketer, kept, 2, 9)
    rules.set_rule(marketer, kept, "259", {"required": True})
    forbid(desk, "pitch", "256")
    assert decks.change(rep, deck.public_id, Wanted(name="Ours")).name == "Ours"
    found, ref = own_slides.add_block(rep, deck.public_id, "title", {"title": "Hello"}, "257")
    assert [each.uid for each in found.slides] == ["257", ref, "259"], (
        "what is barred is out, what must be in is in"
    )


def test_a_copy_of_a_deck_whose_slides_are_all_barred_is_refused(
    desk: Any, rep: Services, add: Callable[..., str]
) -> None:
    add("Pitch", 3)
    deck = decks.make(rep, "pitch", Wanted(("256",)))
    forbid(desk, "pitch", "256")
    with pytest.raises(Invalid, match="none of its slides"):
        decks.make(rep, deck.public_id, Wanted(name="Again"))


def test_two_who_add_slides_at_once_lose_none(
    rep: Services, add: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add("Pitch", 2), add("Prices", 3)
    deck = decks.make(rep, "pitch", Wanted(("256",)))
    change = decks.change

    def slower(*given: Any) -> Any:
        monkeypatch.setattr(decks, "change", change)
        own_slides.add_slides(rep, deck.public_id, ["prices:256"])
        return change(*given)

    monkeypatch.setattr(decks, "change", slower)
    with pytest.raises(Conflict):
        own_slides.add_slides(rep, deck.public_id, ["prices:257"])
    assert len(decks.find(rep, deck.public_id).slides) == 2


def test_a_new_link_to_a_room_asks_for_the_certificates_of_what_is_in_it(
    desk: Any, rep: Services, add: Callable[..., str]
) -> None:
    add("Pitch", 1)
    room = rooms.make(rep, rooms.Wanted("Acme", "Acme", pieces=["pitch"]))
    assert rooms.share(rep, room.public_id, {}).url
    desk.write("lesson")
    training.create(desk.services("marketer"), {**TRAINING, "guards": ["pitch"]})
    with pytest.raises(Forbidden, match="Prices"):
        rooms.share(rep, room.public_id, {})
    rooms.close(rep, room.public_id)
    with pytest.raises(Forbidden, match="Prices"):
        rooms.reopen(rep, room.public_id)
    assert rooms.find(rep, room.public_id).closed_at is not None
    with pytest.raises(Forbidden):
        rooms.make(rep, rooms.Wanted("Late", "Nobody Ltd", pieces=["pitch"]))
    assert rep.find_company("Nobody Ltd") is None


def test_slides_that_look_the_same_all_have_their_picture(
    desk: Any, rep: Services, slides: list[Slide], by_hand: list[list[str]]
) -> None:
    twin = Slide(
        uid="999",
        number=9,
        title="x",
        text="",
        notes="",
        slots=[],
        jumps=[],
        hidden=False,
        digest=slides[0].digest,
    )
    twin.slots = slides[0].slots
    asset = presentations.find(rep, "pitch").asset.id
    asked = pictures.ask_for(rep, asset, [slides[0], twin], None)
    assert set(asked) == {slides[0].uid, "999"}


def test_a_presentation_that_was_put_away_is_not_found(
    desk: Any, rep: Services, add: Callable[..., str]
) -> None:
    add("Pitch", 1)
    desk.archive("pitch")
    with pytest.raises(NotFound):
        decks.make(rep, "pitch", Wanted())


def test_who_sees_their_own_decks_reads_no_names_of_others(
    desk: Any, rep: Services, add: Callable[..., str], as_role: Callable[[str], Any], tmp_path: Path
) -> None:
    add("Pitch", 2)
    decks.make(desk.services("marketer"), "pitch", Wanted(name="For Secret Ltd"))
    other = {"ppt/slides/slide1.xml": swap(b"Slide 1", b"Slide I")}
    path = changed(make(tmp_path / "two.pptx", 2), tmp_path / "b.pptx", other)
    presentations.add(desk.services("marketer"), path.read_bytes(), path.name, replaces="pitch")
    desk.approve("pitch")
    at = "/app/p/sales_enablement/presentations/pitch"
    assert "Secret Ltd" in as_role("marketer").get(at).text
    assert "Secret Ltd" not in as_role("rep").get(at).text


# --- what others get --------------------------------------------------------------------------------------------------


def test_a_file_for_others_has_no_notes_and_no_hidden_slides(
    desk: Any, rep: Services, reader: Any, tmp_path: Path
) -> None:
    path = make(tmp_path / "Pitch.pptx", 4)
    hide = {"ppt/slides/slide3.xml": swap(b"<p:sld ", b'<p:sld show="0" ')}
    found = presentations.add(
        desk.services("marketer"), changed(path, tmp_path / "h.pptx", hide).read_bytes(), "Pitch.pptx"
    )
    desk.approve(found.saved.slug)
    deck = decks.make(rep, "pitch", Wanted(said={"company.name": "Acme"}))
    link = desk.share(deck.public_id, download=True)
    page = reader.get(link.url).text
    assert "Slide 2" in page
    assert "Slide 3" not in page
    assert "//slides" not in page
    view = page.partition('data-view="')[2].partition('"')[0]
    with reader.get(f"{link.url}/file/pptx?view={view}") as answer:
        theirs = Presentation(io.BytesIO(answer.data))
    assert [slide.shapes.title.text for slide in theirs.slides] == ["Slide 1", "Slide 2", "Slide 4"]
    assert not any(slide.has_notes_slide for slide in theirs.slides)
    room = rooms.make(rep, rooms.Wanted("Us", "Acme", pieces=(deck.public_id,)))
    assert "3 slides" in reader.get(rooms.share(rep, room.public_id, {}).url).text
    assert [each.hidden for each in builder.of(rep, deck).shown] == [False, False, True, False]
    deck_files.write(rep, deck, tmp_path / "ours.pptx")
    ours = Presentation(str(tmp_path / "ours.pptx")).slides
    assert len(ours) == 4
    assert ours[1].notes_slide.notes_text_frame.text == "Tell Acme of 2"


def test_a_told_deck_for_others_has_no_notes_either(
    desk: Any, rep: Services, add: Callable[..., str], tmp_path: Path
) -> None:
    add("Pitch", 2)
    told = {"block-1": blocks.checked(rep, "title", {"title": "Hello", "notes": "They owe us"})}
    deck = decks.make(rep, "pitch", Wanted(("block-1",), blocks=told))
    deck_files.write(rep, deck, tmp_path / "theirs.pptx", outside=True)
    assert not Presentation(str(tmp_path / "theirs.pptx")).slides[0].has_notes_slide
    assert is_sound(check_file(tmp_path / "theirs.pptx"))


def test_slides_of_another_size_are_refused_and_not_offered(
    desk: Any, rep: Services, add: Callable[..., str], tmp_path: Path
) -> None:
    add("Pitch", 2)
    wide = {"ppt/presentation.xml": swap(b'cx="9144000"', b'cx="12192000"')}
    path = changed(make(tmp_path / "x.pptx", 3), tmp_path / "Wide.pptx", wide)
    found = presentations.add(desk.services("marketer"), path.read_bytes(), path.name)
    desk.approve(found.saved.slug)
    with pytest.raises(Invalid, match=r"13\.33 by 7\.5 inches"):
        decks.make(rep, "pitch", Wanted(("wide:256",)))
    deck = decks.make(rep, "pitch", Wanted())
    assert own_slides.offer(rep, deck, "wide").slides == []


def test_what_is_taken_out_of_slides_of_others_is_told(
    desk: Any, rep: Services, add: Callable[..., str], tmp_path: Path
) -> None:
    add("Pitch", 2)
    far = (
        b'<Relationship Id="rId99" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink" '
        b'Target="javascript:x" TargetMode="External"/></Relationships>'
    )
    bad = {
        "ppt/slides/slide1.xml": swap(
            b'<a:rPr b="1"/>', b'<a:rPr b="1"><a:hlinkClick r:id="rId99"/></a:rPr>'
        ),
        "ppt/slides/_rels/slide1.xml.rels": swap(b"</Relationships>", far),
    }
    path = changed(make(tmp_path / "x.pptx", 3), tmp_path / "Odd.pptx", bad)
    found = presentations.add(desk.services("marketer"), path.read_bytes(), path.name)
    desk.approve(found.saved.slug)
    deck = decks.make(rep, "pitch", Wanted(("odd:256", "256")))
    asset = rep.asset("odd").id
    assert [(each.code, each.where) for each in deck_files.look(rep, deck).findings] == [
        ("bad_link", f"{asset}:256")
    ]


@pytest.mark.parametrize(
    ("kind", "told", "said"),
    [
        ("case-study", {"asset": "pitch"}, "no approved content"),
        ("chart", {"figures": "Q,A\na,-1\nb,2", "chart_kind": "pie"}, "parts of a whole"),
        ("chart", {"figures": "Q,A\na,0", "chart_kind": "pie"}, "parts of a whole"),
    ],
)
def test_what_makes_no_sense_on_a_slide_is_refused(
    rep: Services, add: Callable[..., str], kind: str, told: dict[str, str], said: str
) -> None:
    add("Pitch", 1)
    with pytest.raises(Invalid, match=said):
        blocks.checked(rep, kind, told)


def test_fields_that_nobody_fills_are_told(tmp_path: Path) -> None:
    path = make(tmp_path / "p.pptx", 1)
    odd = {
        "ppt/charts/chart1.xml": swap(b"before", b"{{ x }}"),
        "ppt/slideLayouts/slideLayout2.xml": swap(b"Click to edit Master title style", b"{{ lay }}"),
        "ppt/slides/slide1.xml": swap(b"Slide 1", b"{{ half"),
    }
    names = [
        name for name in zipfile.ZipFile(path).namelist() if "/charts/chart" in name and name.endswith(".xml")
    ]
    odd[names[0]] = odd.pop("ppt/charts/chart1.xml")
    with DeckTemplate(changed(path, tmp_path / "o.pptx", odd)) as template:
        found = sorted(each.where for each in template.findings if each.code == "unfilled_field")
    assert found == sorted([names[0], "ppt/slideLayouts/slideLayout2.xml", "ppt/slides/slide1.xml"])


def test_a_copy_does_not_say_who_made_its_presentation(tmp_path: Path) -> None:
    path = make(tmp_path / "p.pptx", 2)
    written = Presentation(str(path))
    for name in ("title", "author", "comments", "keywords", "category", "subject", "last_modified_by"):
        setattr(written.core_properties, name, f"Secret {name}")
    written.save(str(path))
    named = swap(b"</Properties>", b"<Company>Secret AG</Company><Manager>Secret Sue</Manager></Properties>")
    changed(path, tmp_path / "o.pptx", {"docProps/app.xml": named})
    with DeckTemplate(tmp_path / "o.pptx") as template:
        template.write(tmp_path / "copy.pptx", [each.id for each in template.slides])
    with zipfile.ZipFile(tmp_path / "copy.pptx") as copy:
        parts = {name: copy.read(name) for name in copy.namelist()}
    assert [name for name, data in parts.items() if b"Secret" in data] == []
    assert [name for name in parts if "thumbnail" in name or "printerSettings" in name] == []
    assert Presentation(str(tmp_path / "copy.pptx")).core_properties.author == ""
    assert check_file(tmp_path / "copy.pptx") == []


def test_a_field_over_a_line_break_or_in_an_address_is_told(tmp_path: Path) -> None:
    broken = b"{{ days</a:t></a:r><a:br/><a:r><a:t>_to_close }}"
    link = b'<Relationship Id="rIdL" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink" '
    link += b'Target="https://example.com/?q=%7B%7B%20company.name%20%7D%7D" TargetMode="External"/></Relationships>'
    odd = {
        "ppt/slides/slide1.xml": swap(b"Slide 1", broken),
        "ppt/slides/_rels/slide2.xml.rels": swap(b"</Relationships>", link),
    }
    path = make(tmp_path / "p.pptx", 2)
    with DeckTemplate(changed(path, tmp_path / "o.pptx", odd)) as template:
        found = [(each.where, each.message) for each in template.findings if each.code == "unfilled_field"]
    assert [where for where, _ in found] == ["ppt/slides/slide1.xml", "ppt/slides/slide2.xml"]
    assert "in one line" in found[0][1]
    assert "the address https://example.com/" in found[1][1]


def test_looks_are_told_with_the_titles_that_were_read(
    desk: Any, rep: Services, add: Callable[..., str], reader: Any
) -> None:
    add("Pitch", 1)
    told = {"block-1": blocks.checked(rep, "title", {"title": "For {{ company.name }}"})}
    deck = decks.make(rep, "pitch", Wanted(("block-1",), {"company.name": "Acme"}, blocks=told))
    link = desk.share(deck.public_id)
    page = reader.get(link.url).text
    view = page.partition('data-view="')[2].partition('"')[0]
    reader.clock.at += timedelta(seconds=3)
    reader.post(f"{link.url}/seen", view=view, n="1", ms="3000", slides="block-1:3000", slide="block-1")
    (look,) = documents.link_with_views(rep, shares.find(rep, link.id))["views"]
    assert look["slides"] == [{"slide": "block-1", "title": "For Acme", "seconds": 3}]


def test_a_link_has_its_slides_drawn_at_once(
    desk: Any, rep: Services, add: Callable[..., str], by_hand: Any
) -> None:
    add("Pitch", 2)
    deck = decks.make(rep, "pitch", Wanted())
    desk.share(deck.public_id)
    with rep.session() as session:
        assert session.scalar(select(func.count()).select_from(Picture)) == 2


def test_limits_of_today_are_told_of_decks_of_before(
    desk: Any, rep: Services, add: Callable[..., str]
) -> None:
    add("Pitch", 3)
    deck = decks.make(rep, "pitch", Wanted())
    marketer = desk.services("marketer")
    rules.set_limits(marketer, presentations.find(marketer, "pitch"), 1, 2)
    assert [each.code for each in deck_files.look(rep, deck).findings] == ["too_many_slides"]
    rules.set_limits(marketer, presentations.find(marketer, "pitch"), 4, 9)
    assert [each.code for each in deck_files.look(rep, deck).findings] == ["too_few_slides"]


def test_who_picks_both_languages_gets_them_in_the_order_of_the_picks(
    desk: Any, rep: Services, add: Callable[..., str]
) -> None:
    add("Pitch", 3)
    marketer = desk.services("marketer")
    kept = presentations.find(marketer, "pitch")
    slide_facets.say(marketer, kept, {"256": {"locale": ["en"]}})
    translating.set_variant(marketer, kept, "258", "256", "de")
    deck = decks.make(rep, "pitch", Wanted(("256", "257", "258")))
    assert [each.uid for each in deck.slides] == ["256", "257", "258"]


@pytest.mark.parametrize(
    ("kind", "told"),
    [("image", {"picture": "0" * 64, "alt": "{{ x }}"}), ("chart", {"figures": "Q,{{ x }}\na,1"})],
)
def test_fields_are_refused_where_they_are_not_filled(
    rep: Services, add: Callable[..., str], kind: str, told: dict[str, str]
) -> None:
    add("Pitch", 1)
    with pytest.raises(Invalid, match="not filled here"):
        blocks.checked(rep, kind, told)


def test_what_a_killed_process_left_is_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name, hours in (
        ("cms-slides-a", 2),
        ("cms-slides-b", 0),
        ("cms-office-c", 2),
        ("cms-office-d", 30),
        ("other", 99),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "deck.pptx").write_bytes(b"x")
        then = time.time() - hours * 3600
        os.utime(tmp_path / name, (then, then))
    drawing._sweep()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cms-office-c", "cms-slides-b", "other"]
