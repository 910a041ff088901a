"""A logo goes where the template says, undistorted, once for all slides; what nothing leads to any more is not written."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pptx import Presentation
from pptx.util import Emu, Inches

from cms_core import Invalid
from cms_sales_enablement.pptx.lint import check_file
from cms_sales_enablement.pptx.pictures import Box, Picture
from cms_sales_enablement.pptx.slots import Kind, Slot
from cms_sales_enablement.pptx.template import DeckTemplate

from .decks import changed, make, picture, swap

LAYOUT, LAYOUT_RELS = "ppt/slideLayouts/slideLayout2.xml", "ppt/slideLayouts/_rels/slideLayout2.xml.rels"


def deck_with(path: Path, name: str, count: int = 2) -> Path:
    """Each slide has the picture that ``make`` puts there (2 by 2 inches), under this name."""
    deck = Presentation(str(make(path, count)))
    for slide in deck.slides:
        slide.shapes[2].name = name
    deck.save(str(path))
    return path


def shape(path: Path, slide: int = 0, at: int = 2) -> Any:
    return Presentation(str(path)).slides[slide].shapes[at]


def write(path: Path, out: Path, pictures: dict[str, bytes]) -> tuple[str, ...]:
    with DeckTemplate(path) as template:
        done = template.write(out, [], {"company.name": "A", "deal.amount": "1"}, pictures=pictures)
    assert check_file(out) == []
    return done.missing


@pytest.mark.parametrize("name", ["{{ logo }}", "{{company.logo}}", "logo", "Logo", " LOGO "])
def test_a_picture_that_is_a_field_is_replaced_in_its_box(tmp_path: Path, name: str) -> None:
    path, logo = deck_with(tmp_path / "t.pptx", name), picture((400, 100), "PNG")
    assert write(path, tmp_path / "c.pptx", {"logo": logo}) == ()
    for slide in range(2):
        found = shape(tmp_path / "c.pptx", slide)
        assert found.image.blob == logo
        assert (found.left, found.width) == (Inches(1), Inches(2))
        assert (found.top, found.height) == (Inches(4) + Inches(0.75), Inches(0.5))
    with zipfile.ZipFile(tmp_path / "c.pptx") as archive:
        assert len([each for each in archive.namelist() if "media" in each]) == 1


def test_the_picture_of_the_field_goes_before_the_logo(tmp_path: Path) -> None:
    path = deck_with(tmp_path / "t.pptx", "{{ company.logo }}")
    own, general = picture((10, 20), "JPEG"), picture((30, 20), "PNG")
    write(path, tmp_path / "c.pptx", {"logo": general, "company.logo": own})
    assert shape(tmp_path / "c.pptx").image.blob == own


@pytest.mark.parametrize(("name", "missing"), [("logo", ()), ("{{ logo }}", ("logo",)), ("other", ())])
def test_without_a_picture_that_of_the_template_stays(
    tmp_path: Path, name: str, missing: tuple[str, ...]
) -> None:
    path = deck_with(tmp_path / "t.pptx", name)
    assert write(path, tmp_path / "c.pptx", {}) == missing
    assert shape(tmp_path / "c.pptx").image.blob == shape(path).image.blob


def test_a_text_that_is_a_field_is_replaced_too(tmp_path: Path) -> None:
    deck = Presentation(str(make(tmp_path / "t.pptx", 1)))
    box = deck.slides[0].shapes.add_textbox(*map(Inches, (1, 1, 4, 1)))
    box.text_frame.text = "{{ company.logo }}"
    number = box.shape_id
    deck.slides[0].placeholders[1].text_frame.text = "{{ badge }}"  # in the box of its layout
    place = deck.slides[0].placeholders[1]
    expected = Box(place.left, place.top, place.width, place.height).fit(Picture(b"", 50, 50, "", ""))
    deck.save(str(tmp_path / "t.pptx"))
    logo, badge = picture((100, 50), "PNG"), picture((50, 50), "JPEG")
    with DeckTemplate(tmp_path / "t.pptx") as template:
        kinds = dict.fromkeys(template.slides[0].slots)
        assert Slot("company.logo", Kind.PICTURE) in kinds
        assert Slot("badge", Kind.TEXT) in kinds
        assert template.slides[0].fields == tuple(each.name for each in kinds)
    write(tmp_path / "t.pptx", tmp_path / "c.pptx", {"company.logo": logo, "badge": badge})
    shapes = list(Presentation(str(tmp_path / "c.pptx")).slides[0].shapes)
    assert [each.image.blob for each in (shapes[-1], shapes[1])] == [logo, badge]
    assert shapes[-1].shape_id == number
    assert (shapes[-1].left, shapes[-1].width, shapes[-1].height) == (Inches(2), Inches(2), Inches(1))
    found = (shapes[1].left, shapes[1].top, shapes[1].width, shapes[1].height)
    assert found == (expected.x, expected.y, expected.width, expected.height)


def test_a_text_stays_a_text_without_a_picture(tmp_path: Path) -> None:
    deck = Presentation(str(make(tmp_path / "t.pptx", 1)))
    deck.slides[0].placeholders[1].text_frame.text = "{{ badge }}"
    deck.save(str(tmp_path / "t.pptx"))
    with DeckTemplate(tmp_path / "t.pptx") as template:
        done = template.write(tmp_path / "c.pptx", [], {"badge": "Gold"})
        assert template.write(tmp_path / "d.pptx").missing == ("badge",)
    assert done.missing == ()
    assert shape(tmp_path / "c.pptx", at=1).text_frame.text == "Gold"


BUILDS = (
    '<p:timing><p:tnLst><p:par><p:cTn id="1" nodeType="tmRoot"><p:childTnLst><p:set><p:cBhvr><p:cTn id="2"/><p:tgtEl>'
    '<p:spTgt spid="3"><p:txEl><p:pRg st="0" end="0"/></p:txEl></p:spTgt></p:tgtEl></p:cBhvr></p:set></p:childTnLst></p:cTn>'
    '</p:par></p:tnLst><p:bldLst><p:bldP spid="3" grpId="0" build="p"/></p:bldLst></p:timing></p:sld>'
)


def test_a_picture_is_animated_as_a_whole(tmp_path: Path) -> None:
    """Where its text was built paragraph by paragraph."""
    deck = Presentation(str(make(tmp_path / "plain.pptx", 1)))
    place = deck.slides[0].placeholders[1]
    place.text_frame.text, number = "{{ badge }}", place.shape_id
    assert number == 3
    deck.save(str(tmp_path / "plain.pptx"))
    slide = "ppt/slides/slide1.xml"
    path = changed(tmp_path / "plain.pptx", tmp_path / "t.pptx", {slide: swap(b"</p:sld>", BUILDS.encode())})
    for pictures, there in (({}, True), ({"badge": picture((5, 5), "PNG")}, False)):
        write(path, tmp_path / "c.pptx", pictures)
        with zipfile.ZipFile(tmp_path / "c.pptx") as archive:
            xml = archive.read(slide)
        assert b'spid="3"' in xml
        assert [each in xml for each in (b"txEl", b"bldLst")] == [there, there]


def test_a_picture_of_the_layout_is_replaced_and_asked_for(tmp_path: Path) -> None:
    deck = Presentation(str(make(tmp_path / "plain.pptx", 2)))
    image, id_ = deck.slide_layouts[1].part.get_or_add_image_part(io.BytesIO(picture((9, 9), "PNG")))
    del image
    deck.save(str(tmp_path / "plain.pptx"))
    xml = (
        '<p:pic><p:nvPicPr><p:cNvPr id="90" name="x" descr="{{ brand.logo }}"/><p:cNvPicPr/><p:nvPr/></p:nvPicPr><p:blipFill>'
        f'<a:blip r:embed="{id_}"/><a:srcRect l="1000"/><a:stretch/></p:blipFill><p:spPr><a:xfrm><a:off x="0" y="0"/>'
        '<a:ext cx="100" cy="100"/></a:xfrm><a:prstGeom prst="rect"/></p:spPr></p:pic></p:spTree>'
    )
    path = changed(tmp_path / "plain.pptx", tmp_path / "t.pptx", {LAYOUT: swap(b"</p:spTree>", xml.encode())})
    with DeckTemplate(path) as template:
        assert Slot("brand.logo", Kind.PICTURE) in template.slides[0].slots
    assert write(path, tmp_path / "kept.pptx", {}) == ("brand.logo",)
    logo = picture((20, 10), "PNG")
    assert write(path, tmp_path / "c.pptx", {"logo": logo}) == ()
    found = Presentation(str(tmp_path / "c.pptx")).slide_layouts[1].shapes[-1]
    assert found.image.blob == logo
    assert (found.left, found.top, found.width, found.height) == (0, 25, 100, 50)
    assert found.crop_left == 0


def test_a_part_that_led_nowhere_leads_to_its_picture(tmp_path: Path) -> None:
    """A slide of a careless program, without any relationship."""
    deck = Presentation(str(make(tmp_path / "plain.pptx", 1)))
    for each in list(deck.slides[0].shapes)[2:]:
        each._element.getparent().remove(each._element)
    deck.slides[0].shapes.add_textbox(*map(Inches, (1, 1, 4, 1))).text_frame.text = "{{ logo }}"
    deck.save(str(tmp_path / "plain.pptx"))
    changes = {"ppt/slides/_rels/slide1.xml.rels": None}
    path, logo = changed(tmp_path / "plain.pptx", tmp_path / "t.pptx", changes), picture((9, 9), "PNG")
    with DeckTemplate(path) as template:
        template.write(tmp_path / "c.pptx", pictures={"logo": logo})
    with zipfile.ZipFile(tmp_path / "c.pptx") as archive:
        assert b"ppt/media/" in archive.read("ppt/slides/_rels/slide1.xml.rels").replace(b"../", b"ppt/")
        assert [archive.read(name) for name in archive.namelist() if "ppt/media/" in name] == [logo]
    assert not {each.code for each in check_file(tmp_path / "c.pptx")} & {
        "unknown_relationship",
        "orphan_part",
    }


def test_groups_that_stretch_do_not_distort(tmp_path: Path) -> None:
    deck = Presentation(str(make(tmp_path / "t.pptx", 1)))
    group = deck.slides[0].shapes.add_group_shape()
    inner = group.shapes.add_picture(io.BytesIO(picture((9, 9), "PNG")), 0, 0, Inches(1), Inches(1))
    inner.name = "logo"
    group.height = Emu(group.height * 2)  # twice as tall as what it holds
    deck.save(str(tmp_path / "t.pptx"))
    write(tmp_path / "t.pptx", tmp_path / "c.pptx", {"logo": picture((50, 50), "PNG")})
    found = shape(tmp_path / "c.pptx", at=-1).shapes[0]
    assert (found.width, found.height) == (Inches(1), Inches(0.5))


@pytest.mark.parametrize(
    "data", [b"", b"<svg/>", b"GIF89a" + bytes(40), picture((9, 9), "GIF"), picture((9, 9), "PNG")[:30]]
)
def test_other_files_are_refused_by_field(tmp_path: Path, data: bytes) -> None:
    path = deck_with(tmp_path / "t.pptx", "logo", 1)
    with DeckTemplate(path) as template, pytest.raises(Invalid, match=r"company\.logo") as refused:
        template.write(tmp_path / "c.pptx", pictures={"company.logo": data})
    assert refused.value.field == "company.logo"
    assert not (tmp_path / "c.pptx").exists()


def test_a_copy_may_be_a_template_again(tmp_path: Path) -> None:
    path, logo = deck_with(tmp_path / "t.pptx", "logo"), picture((40, 10), "PNG")
    write(path, tmp_path / "c.pptx", {"logo": logo})
    write(tmp_path / "c.pptx", tmp_path / "d.pptx", {"logo": logo})
    assert shape(tmp_path / "d.pptx").image.blob == logo
    write(tmp_path / "d.pptx", tmp_path / "e.pptx", {"logo": picture((10, 40), "JPEG")})
    assert shape(tmp_path / "e.pptx").image.blob != logo


SIZE = st.integers(1, 10_000_000)


@given(width=SIZE, height=SIZE, across=st.integers(1, 5000), down=st.integers(1, 5000))
def test_a_picture_fits_in_the_middle_without_distortion(
    width: int, height: int, across: int, down: int
) -> None:
    box = Box(7, 9, width, height).fit(Picture(b"", across, down, "", ""))
    assert box.width <= width
    assert box.height <= height
    assert box.width == width or box.height == height
    assert abs(box.width * down - box.height * across) <= across + down
    assert abs((box.x - 7) * 2 + box.width - width) <= 1
    assert abs((box.y - 9) * 2 + box.height - height) <= 1
