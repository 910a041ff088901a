"""Presentations: files that are taken in as assets, slide by slide, and what a new version of one means for decks."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pptx import Presentation

from cms_core.errors import Conflict, Forbidden, Invalid, NotFound
from cms_sales_enablement import deck_files, decks, presentations, search
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.pptx import reading
from cms_sales_enablement.pptx.package import PackageRefused

from .decks import changed, make, picture

Add = Callable[..., presentations.Added]


@pytest.fixture
def deck_file(tmp_path: Path) -> Path:
    return make(tmp_path / "First_meeting.pptx", 4)


@pytest.fixture
def add(desk: Any) -> Add:
    """Take a file in, in the name of a marketer, and approve it."""

    def added(path: Path, **more: Any) -> presentations.Added:
        found = presentations.add(desk.services("marketer"), path.read_bytes(), path.name, **more)
        desk.approve(found.saved.slug)
        return found

    return added


def retitled(source: Path, target: Path, number: int, title: str) -> Path:
    """The same file, saved anew with another title on one slide."""
    deck = Presentation(str(source))
    deck.slides[number - 1].shapes.title.text = title
    deck.save(str(target))
    return target


def test_a_file_becomes_an_asset_whose_slides_have_ids(add: Add, desk: Any, deck_file: Path) -> None:
    found = add(deck_file)
    assert (found.saved.slug, found.saved.revision, found.behind) == ("first-meeting", 1, [])
    kept = presentations.find(desk.services(), "first-meeting")
    assert [slide.uid for slide in kept.slides] == ["256", "257", "258", "259"]
    assert (kept.asset.kind, kept.asset.title) == ("presentation", "First meeting")
    assert kept.slides[0].title == "Slide 1"
    assert kept.slides[1].notes == "Tell {{ company.name }} of 2"
    assert kept.slides[0].fields == ["company.name", "client", "deal.amount"]
    assert Path(kept.file.path).read_bytes() == deck_file.read_bytes()
    assert presentations.find(desk.services(), found.saved.id).asset.slug == "first-meeting"


def test_its_file_has_no_address(add: Add, deck_file: Path, desk: Any, as_role: Any) -> None:
    add(deck_file)
    kept = presentations.find(desk.services(), "first-meeting")
    assert kept.file.url == ""
    address = kept.asset.body["file"]
    assert as_role("admin").get(address).status_code == 404
    page = as_role("marketer").get("/app/content/first-meeting").text
    assert address not in page
    assert "How it looks" not in page, "there is nothing to show"


def test_what_slides_and_notes_say_is_found(add: Add, deck_file: Path, desk: Any) -> None:
    add(deck_file)
    assert desk.found("client") == ["first-meeting"]
    assert desk.found("tell") == ["first-meeting"], "the notes are for reps"
    (hit,) = search.search(desk.services(), search.Wanted("tell")).hits
    assert [(each.id, each.number) for each in hit.slides] == [("257", 2), ("259", 4)]
    (hit,) = search.search(desk.services(), search.Wanted("slide 3")).hits
    assert [each.title for each in hit.slides] == ["Slide 3"]
    assert search.search(desk.services(), search.Wanted()).hits[0].slides == []


def test_whoever_may_not_approve_alone_asks_for_review(desk: Any, deck_file: Path) -> None:
    found = presentations.add(desk.services("marketer"), deck_file.read_bytes(), deck_file.name)
    assert found.saved.state == "in_review"
    with pytest.raises(NotFound, match="no approved presentation"):
        presentations.find(desk.services(), "first-meeting")
    with pytest.raises(Forbidden):
        presentations.add(desk.services("rep"), deck_file.read_bytes(), deck_file.name)


@pytest.mark.parametrize("name", ["First meeting.potx", "First meeting.PPTM", "First meeting"])
def test_it_may_be_a_template_or_a_show(deck_file: Path, desk: Any, name: str) -> None:
    found = presentations.add(desk.services("marketer"), deck_file.read_bytes(), name)
    desk.approve(found.saved.slug)
    assert len(presentations.find(desk.services(), "first-meeting").slides) == 4


def test_the_same_file_again_is_the_same_presentation(add: Add, desk: Any, deck_file: Path) -> None:
    first = add(deck_file)
    desk.found()
    again = add(deck_file)
    assert (again.saved.id, again.saved.revision) == (first.saved.id, 1)


def test_one_file_is_one_presentation_whatever_it_is_called_and_before_it_is_approved(
    desk: Any, deck_file: Path
) -> None:
    marketer, data = desk.services("marketer"), deck_file.read_bytes()
    first = presentations.add(marketer, data, "a.pptx", "One name")
    again = presentations.add(marketer, data, "b.pptx", "Another name")
    assert again.saved == first.saved
    assert first.saved.state == "in_review"
    desk.archive(first.saved.slug)
    anew = presentations.add(marketer, data, "b.pptx", "Another name")
    assert anew.saved.id != first.saved.id, "what was put away is not brought back by itself"


def test_the_file_of_an_earlier_version_is_a_presentation_of_its_own(
    add: Add, desk: Any, deck_file: Path, tmp_path: Path
) -> None:
    first = add(deck_file)
    add(retitled(deck_file, tmp_path / "other.pptx", 3, "New third"), replaces="first-meeting")
    desk.found()
    again = presentations.add(desk.services("marketer"), deck_file.read_bytes(), "again.pptx")
    assert again.saved.id != first.saved.id


def test_four_who_add_one_file_at_once_make_one_presentation(desk: Any, deck_file: Path) -> None:
    data = deck_file.read_bytes()

    def add_one(number: int) -> str:
        return presentations.add(desk.services("marketer"), data, f"{number}.pptx", f"Name {number}").saved.id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(add_one, range(4)))) == 1


def test_a_new_version_names_the_decks_that_are_behind(
    add: Add, desk: Any, deck_file: Path, tmp_path: Path
) -> None:
    add(deck_file)
    rep = desk.services()
    touched = decks.make(rep, "first-meeting", Wanted(("258",)))
    decks.make(rep, "first-meeting", Wanted(("256",)))
    newer = retitled(deck_file, tmp_path / "other.pptx", 3, "New third")
    found = add(newer, replaces="first-meeting")
    assert (found.saved.slug, found.saved.revision) == ("first-meeting", 2)
    assert [deck.public_id for deck in found.behind] == [touched.public_id]
    kept = presentations.find(rep, "first-meeting")
    assert (kept.asset.title, kept.slides[2].title) == ("First meeting", "New third")


def test_a_slide_that_is_gone_is_left_out_and_told(
    add: Add, desk: Any, deck_file: Path, tmp_path: Path
) -> None:
    add(deck_file)
    rep = desk.services()
    deck = decks.make(rep, "first-meeting", Wanted(("256", "259")))
    lost = decks.make(rep, "first-meeting", Wanted(("259",)))
    add(make(tmp_path / "short.pptx", 3), replaces="first-meeting")
    written = deck_files.write(rep, deck, tmp_path / "out.pptx")
    assert [slide.id for slide in written.copied.slides] == ["256"]
    assert [(each.code, each.where) for each in written.findings] == [("slide_gone", "259")]
    with pytest.raises(Invalid, match="none of its slides"):
        deck_files.write(rep, lost, tmp_path / "out.pptx")


MACRO = (
    b'<Relationship Id="rId99" Type="http://schemas.microsoft.com/office/2006/relationships/vbaProject" '
    b'Target="vbaProject.bin"/></Relationships>'
)


def with_macro(source: Path, target: Path) -> Path:
    def named(data: bytes) -> bytes:
        return data.replace(b"</Relationships>", MACRO)

    def typed(data: bytes) -> bytes:
        return data.replace(
            b"<Override", b'<Default Extension="bin" ContentType="application/x"/><Override', 1
        )

    changes = {"ppt/_rels/presentation.xml.rels": named, "[Content_Types].xml": typed}
    return changed(source, target, changes, {"ppt/vbaProject.bin": b"macro"})


def test_programs_in_a_file_are_told_or_refused_as_the_settings_say(
    add: Add, desk: Any, deck_file: Path, tmp_path: Path
) -> None:
    path = with_macro(deck_file, tmp_path / "macro.pptx")
    found = add(path)
    assert [(each["level"], each["code"]) for each in found.presentation.findings] == [("warning", "macro")]
    desk.services("admin").save_settings({"foreign": "refuse"})
    with pytest.raises(Invalid, match="macro"):
        presentations.add(desk.services("marketer"), path.read_bytes(), "again.pptx")


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"no presentation", b"%PDF-1.4"])
def test_what_is_no_presentation_is_refused_and_not_kept(desk: Any, data: bytes) -> None:
    with pytest.raises(Invalid):
        presentations.add(desk.services("marketer"), data, "x.pptx")
    assert not list(desk.workspace.config.media_dir.rglob("*")) or desk.found() == []


def test_a_presentation_without_slides_is_refused(desk: Any, tmp_path: Path) -> None:
    with pytest.raises(PackageRefused, match="no slides"):
        presentations.add(desk.services("marketer"), make(tmp_path / "empty.pptx", 0).read_bytes(), "e.pptx")


def test_only_a_presentation_can_be_replaced(desk: Any, deck_file: Path) -> None:
    desk.write("pricing")
    with pytest.raises(NotFound, match="pricing"):
        presentations.add(desk.services("marketer"), deck_file.read_bytes(), "x.pptx", replaces="pricing")


def test_the_child_reads_what_this_process_reads(deck_file: Path) -> None:
    assert reading.read_in_child(deck_file) == reading.read(deck_file)


def test_the_child_has_limits(deck_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SECONDS", 0.01)
    with pytest.raises(PackageRefused, match="seconds to read"):
        reading.read_in_child(deck_file)


def test_a_digest_follows_the_looks_of_a_slide(deck_file: Path, tmp_path: Path) -> None:
    before = reading.read(deck_file).slides
    after = reading.read(retitled(deck_file, tmp_path / "b.pptx", 2, "Other")).slides
    assert [a.digest == b.digest for a, b in zip(before, after, strict=True)] == [True, False, True, True]


def test_a_deck_that_was_changed_meanwhile_is_not_written_over(add: Add, desk: Any, deck_file: Path) -> None:
    add(deck_file)
    rep = desk.services()
    deck = decks.make(rep, "first-meeting", Wanted())
    decks.change(rep, deck.public_id, Wanted(said={"client": "Acme"}), version=1)
    with pytest.raises(Conflict, match="meanwhile"):
        decks.change(
            rep,
            deck.public_id,
            Wanted((), {"client": "Bcme"}, picture((9, 9), "PNG"), "Nobody Ltd"),
            version=1,
        )
    assert rep.find_company("Nobody Ltd") is None, "a conflict leaves nothing behind"
    assert not [each for each in desk.workspace.config.media_dir.rglob("*") if each.suffix == ".png"]
    assert decks.find(rep, deck.public_id).version == 2


@pytest.mark.parametrize("make_or_change", [decks.make, decks.change])
def test_a_deck_that_is_refused_leaves_no_company(
    add: Add, desk: Any, deck_file: Path, make_or_change: Callable[..., Any]
) -> None:
    add(deck_file)
    rep = desk.services()
    deck = decks.make(rep, "first-meeting", Wanted())
    wanted = Wanted(("256",), pictures={"logo": b"no picture"}, subject="Nobody Ltd")
    source = "first-meeting" if make_or_change is decks.make else deck.public_id
    with pytest.raises(Invalid):
        make_or_change(rep, source, wanted)
    assert rep.find_company("Nobody Ltd") is None


def test_of_two_who_change_a_deck_at_once_one_is_told(add: Add, desk: Any, deck_file: Path) -> None:
    add(deck_file)
    deck = decks.make(desk.services(), "first-meeting", Wanted())

    def change(number: int) -> bool:
        try:
            decks.change(desk.services(), deck.public_id, Wanted(said={"client": str(number)}), version=1)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(change, range(4))) == 1
