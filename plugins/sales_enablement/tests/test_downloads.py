"""The file of a deck: only where the link gives it, only in a look that is under way, told once; and watermarks instead of it."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops
from pptx import Presentation
from sqlalchemy import select, update

from cms_core.services import Services
from cms_sales_enablement import decks, documents, drawing, material, office, pictures, shares, watermarks
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.models import Picture, Share, Slide
from cms_sales_enablement.views import LONGEST


@pytest.fixture
def deck(rep: Services, slides: list[Slide], by_hand: list[list[str]]) -> str:
    """A deck of two slides; they are drawn by hand when ``drawing`` is asked."""
    return decks.make(rep, "pitch", Wanted(("256", "257"), {"client": "Ann"})).public_id


def view_of(reader: Any, url: str) -> str:
    found: str = reader.get(url).text.partition('data-view="')[2].partition('"')[0]
    return found


def status(reader: Any, url: str, **more: Any) -> int:
    with reader.get(url, **more) as answer:
        return int(answer.status_code)


# --- files ------------------------------------------------------------------------------------------------------------


def test_without_the_switch_no_address_gives_the_file(desk: Any, deck: str, reader: Any) -> None:
    """Security rule 10: a file is given where that was said, and nowhere else."""
    made = desk.share(deck)
    view = view_of(reader, made.url)
    assert "/file/" not in reader.get(made.url).text
    for kind in ("pptx", "pdf", "", "x", "../file"):
        assert status(reader, f"{made.url}/file/{kind}?view={view}") == 404
    desk.write("calm")
    article = desk.share("calm")
    assert status(reader, f"{article.url}/file/pptx?view={view_of(reader, article.url)}") == 404


def test_with_the_switch_the_page_offers_the_file_and_it_is_told_once_a_look(
    desk: Any, deck: str, reader: Any
) -> None:
    made = desk.share(deck, contact="dana@acme.test", download=True)
    page = reader.get(made.url).text
    assert "/file/pptx" in page
    assert "/file/pdf" not in page, "it is not made yet"
    view = page.partition('data-view="')[2].partition('"')[0]
    url = f"{made.url}/file/pptx?view={view}"
    assert status(reader, url, method="HEAD") == 200
    assert desk.events("share_downloaded") == []
    for _ in range(2):
        with reader.get(url) as answer:
            assert answer.status_code == 200
            assert answer.headers["Content-Disposition"].startswith("attachment")
            assert "no-store" in answer.headers["Cache-Control"]
            assert len(Presentation(io.BytesIO(answer.data)).slides) == 2
    (event,) = desk.events("share_downloaded")
    assert (event.agent_class, event.contact_id is None) == ("human", False)
    (look,) = [each for each in told_of(desk, made) if each["downloaded"]]
    assert look["visitor"] == "dana@acme.test"
    assert status(reader, f"{made.url}/file/pptx?view={view_of(reader, made.url)}") == 200
    assert len(desk.events("share_downloaded")) == 2


def told_of(desk: Any, made: shares.Made) -> list[dict[str, Any]]:
    svc = desk.services()
    found: list[dict[str, Any]] = documents.link_with_views(svc, shares.find(svc, made.id))["views"]
    return found


def test_the_pdf_is_offered_once_it_is_made(desk: Any, deck: str, rep: Services, reader: Any) -> None:
    made = desk.share(deck, download=True)
    view = view_of(reader, made.url)
    assert status(reader, f"{made.url}/file/pdf?view={view}") == 404
    found = decks.find(rep, deck)
    key = pictures.paper_key_of(rep, material.of_deck(rep, found).of(found), found)
    kept = rep.keep_file(b"%PDF-1.4", "deck.pdf", "application/pdf")
    with rep.transaction() as session:
        asked = update(Picture).where(Picture.key == key).values(wide=kept.sha256).returning(Picture.key)
        assert session.scalar(asked) == key, "the page has asked for it"
    assert "/file/pdf" in reader.get(made.url).text
    with reader.get(f"{made.url}/file/pdf?view={view}") as answer:
        assert (answer.status_code, answer.data) == (200, b"%PDF-1.4")
    assert len(desk.events("share_downloaded")) == 1


def test_a_file_is_for_who_passed_and_has_the_page_open(
    desk: Any, deck: str, reader: Any, new_reader: Any
) -> None:
    """Security rule 3: asked again with each file and picture."""
    made, other = desk.share(deck, gate="email", download=True), desk.share(deck, download=True)
    reader.post(made.url, email="ann@acme.test")
    drawing.draw_next(desk.services())
    view = view_of(reader, made.url)
    while drawing.draw_next(desk.services()):
        pass
    file, slide = (f"{made.url}/{end}?view={view}" for end in ("file/pptx", "slides/256/1600"))
    assert [status(reader, each) for each in (file, slide)] == [200, 200]
    assert [status(new_reader(), each) for each in (file, slide)] == [404, 404]
    assert status(reader, f"{made.url}/file/pptx") == 404
    assert status(reader, f"{made.url}/file/pptx?view={view_of(reader, other.url)}") == 404
    with desk.workspace.db.transaction() as session:
        session.execute(update(Share).where(Share.public_id == made.id).values(password_hash="x"))
    assert [status(reader, each) for each in (file, slide)] == [404, 404]
    with desk.workspace.db.transaction() as session:
        session.execute(update(Share).where(Share.public_id == made.id).values(password_hash=""))
    desk.clock.at += LONGEST + timedelta(seconds=1)
    assert [status(reader, each) for each in (file, slide)] == [404, 404]
    fresh = view_of(reader, made.url)
    shares.revoke(desk.services(), made.id)
    for end in ("file/pptx", "slides/256/1600"):
        assert status(reader, f"{made.url}/{end}?view={fresh}") == 404


def test_the_last_look_of_a_link_keeps_its_pictures_and_no_other_does(
    desk: Any, deck: str, new_reader: Any
) -> None:
    made = desk.share(deck, max_views=1)
    reader, late = new_reader(), new_reader()
    views = [view_of(each, made.url) for each in (reader, late)]
    while drawing.draw_next(desk.services()):
        pass
    desk.clock.at += timedelta(seconds=5)
    assert reader.post(f"{made.url}/seen", view=views[0], n="1", ms="4000").status_code == 204
    assert [status(reader, f"{made.url}/slides/256/480?view={view}") for view in views] == [200, 404]


# --- watermarks -------------------------------------------------------------------------------------------------------


def test_with_a_watermark_slides_are_marked_pictures_and_no_words(
    desk: Any, deck: str, rep: Services, reader: Any
) -> None:
    made = desk.share(deck, gate="email", watermark=True)
    reader.post(made.url, email="ann@acme.test")
    waiting = reader.get(made.url).text
    assert waiting.count("This slide is being prepared.") == 2
    early = reader.get(made.url, Sec_Purpose="prefetch").text
    while drawing.draw_next(rep):
        pass
    page = reader.get(made.url)
    for text in (waiting, early, page.text):
        assert not [words for words in ("Slide 1<", "Dear", "we offer", "Tell") if words in text]
    assert page.text.count("<img") == 2
    assert 'alt="Slide 2"' in page.text
    at = f"{made.url}/slides/256/1600?view={view_of(reader, made.url)}"
    with reader.get(at) as answer:
        marked = answer.data
        assert (answer.status_code, answer.mimetype) == (200, "image/webp")
        assert "no-store" in answer.headers["Cache-Control"]
    (row, *_) = _rows(rep)
    plain = rep.file(row.wide)
    assert plain is not None
    assert marked == watermarks.drawn(plain.path, "ann@acme.test")
    assert marked != Path(plain.path).read_bytes()


def _rows(rep: Services) -> list[Picture]:
    with rep.session() as session:
        return list(session.scalars(select(Picture).where(Picture.slide == "256")))


def test_where_a_watermark_cannot_be_drawn_nothing_is_shown(
    desk: Any, deck: str, rep: Services, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = desk.share(deck, contact="dana@acme.test", watermark=True)
    while drawing.draw_next(rep):
        pass
    view = view_of(reader, made.url)
    at = f"{made.url}/slides/256/1600?view={view}"
    while drawing.draw_next(rep):
        pass
    assert status(reader, at) == 200
    with desk.workspace.db.transaction() as session:
        session.execute(update(Share).values(contact_email=""))
    assert status(reader, at) == 404, "nobody is known whose address could be drawn"
    monkeypatch.setattr(office, "program", lambda: None)
    page = reader.get(made.url).text
    assert page.count("This slide cannot be shown.") == 2
    assert "Dear" not in page


@pytest.mark.parametrize("ground", [(255, 255, 255), (0, 0, 0), (128, 128, 128), (200, 40, 40)])
def test_a_watermark_is_seen_on_any_ground_wherever_it_is_cropped(
    tmp_path: Path, ground: tuple[int, int, int]
) -> None:
    path = tmp_path / "slide.webp"
    Image.new("RGB", (1600, 900), ground).save(path, "WEBP", lossless=True)
    with Image.open(io.BytesIO(watermarks.drawn(str(path), "ann.with-a-long-name@acme.test"))) as found:
        marked = found.convert("RGB")
    assert marked.size == (1600, 900)
    differences = ImageChops.difference(marked, Image.new("RGB", marked.size, ground)).convert("L")
    for left in range(0, 1600, 320):
        for top in range(0, 900, 180):
            counts = differences.crop((left, top, left + 320, top + 180)).histogram()
            assert sum(counts[10:]) > 150, f"nothing is seen at {left}, {top}"
            assert sum(counts[60:]) == 0, "it stays faint"


def test_marks_of_others_differ_and_odd_addresses_can_be_drawn(tmp_path: Path) -> None:
    path = tmp_path / "slide.webp"
    Image.new("RGB", (480, 270), "white").save(path, "WEBP")
    addresses = (
        "ann@acme.test",
        "ben@acme.test",
        "jörg@müller.test",
        "王@例え.test",
        "x" * 64 + "@acme.test",
    )
    assert len({watermarks.drawn(str(path), address) for address in addresses}) == len(addresses)
