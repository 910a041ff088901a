"""What must not reach a buyer is in no copy: programs, foreign objects, what is fetched from outside. The rest stays whole."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pptx import Presentation
from pptx.enum.shapes import PROG_ID
from pptx.util import Inches

from cms_sales_enablement.pptx.lint import check_file
from cms_sales_enablement.pptx.template import Copied, DeckTemplate

from .decks import changed, make, swap

RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
VBA = "http://schemas.microsoft.com/office/2006/relationships/vbaProject"
SLIDE, RELS = "ppt/slides/slide1.xml", "ppt/slides/_rels/slide1.xml.rels"
LAYOUT, LAYOUT_RELS = "ppt/slideLayouts/slideLayout2.xml", "ppt/slideLayouts/_rels/slideLayout2.xml.rels"
NOTES, NOTES_RELS = "ppt/notesSlides/notesSlide1.xml", "ppt/notesSlides/_rels/notesSlide1.xml.rels"
CHART_RELS = "ppt/charts/_rels/chart1.xml.rels"
TYPES, PRESENTATION_RELS = "[Content_Types].xml", "ppt/_rels/presentation.xml.rels"
MACRO_MAIN = b"application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml"
PLAIN_MAIN = b"application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
Change = Callable[[bytes], bytes]
PICTURE = (
    '<p:pic><p:nvPicPr><p:cNvPr id="{id}" name="far"/><p:cNvPicPr/><p:nvPr/></p:nvPicPr><p:blipFill>'
    '<a:blip {names}/><a:stretch><a:fillRect/></a:stretch></p:blipFill><p:spPr><a:prstGeom prst="rect"/></p:spPr></p:pic>'
)
EFFECT = (
    '<p:par><p:cTn id="{id}" fill="hold"><p:childTnLst><p:set><p:cBhvr><p:cTn id="{id}0" dur="1"/><p:tgtEl>'
    '<p:spTgt spid="{shape}"/></p:tgtEl></p:cBhvr></p:set></p:childTnLst></p:cTn></p:par>'
)
TIMING = (
    '<p:timing><p:tnLst><p:par><p:cTn id="1" dur="indefinite" nodeType="tmRoot"><p:childTnLst><p:seq><p:cTn id="2" '
    'nodeType="mainSeq"><p:childTnLst>{effects}</p:childTnLst></p:cTn></p:seq></p:childTnLst></p:cTn></p:par></p:tnLst>'
    '<p:bldLst><p:bldP spid="77" grpId="0"/></p:bldLst></p:timing></p:sld>'
)


def relation(id_: str, kind: str, target: str, *, external: bool = True) -> Change:
    type_ = kind if "/" in kind else f"{RELATIONS}/{kind}"
    mode = ' TargetMode="External"' if external else ""
    row = f'<Relationship Id="{id_}" Type="{type_}" Target="{target}"{mode}/></Relationships>'
    return swap(b"</Relationships>", row.encode())


def in_tree(xml: str) -> Change:
    return swap(b"</p:spTree>", f"{xml}</p:spTree>".encode())


def picture(names: str, id_: int = 77) -> Change:
    return in_tree(PICTURE.format(id=id_, names=names))


def both(*changes: Change) -> Change:
    def change(data: bytes) -> bytes:
        for each in changes:
            data = each(data)
        return data

    return change


def after(word: bytes, xml: str) -> Change:
    return swap(word, word + xml.encode())


LINKED_RUN = swap(b'<a:rPr b="1"/>', b'<a:rPr b="1"><a:hlinkClick r:id="rId99"/></a:rPr>')
FILM = swap(
    b"<p:nvPr/></p:nvPicPr>",
    b'<p:nvPr><a:videoFile r:link="rId99"/><p:extLst><p:ext uri="{DAA4B4D4-6D71-4841-9C94-3DE7FCFB9230}"><p14:media xmlns:p14='
    b'"http://schemas.microsoft.com/office/powerpoint/2010/main" r:link="rId99"/></p:ext></p:extLst></p:nvPr></p:nvPicPr>',
)
CONTROLS = swap(
    b"</p:cSld>",
    b'<p:controls><p:control spid="1" name="Button" r:id="rId99" imgW="1" imgH="1"/></p:controls></p:cSld>',
)
BACKGROUND = swap(
    b"<p:spTree>",
    b'<p:bg><p:bgPr><a:blipFill><a:blip r:link="rId99"/><a:stretch/></a:blipFill><a:effectLst/></p:bgPr></p:bg><p:spTree>',
)
FAR = "https://track.example/pixel.png"
CASES: dict[str, tuple[str, dict[str, Change], dict[str, bytes]]] = {
    "a linked picture": ("external", {SLIDE: picture('r:link="rId99"'), RELS: relation("rId99", "image", FAR)}, {}),
    "a linked picture of a layout": (
        "external", {LAYOUT: picture('r:link="rId99"'), LAYOUT_RELS: relation("rId99", "image", FAR)}, {},
    ),
    "a linked picture of notes": (
        "external", {NOTES: picture('r:link="rId99"'), NOTES_RELS: relation("rId99", "image", FAR)}, {},
    ),
    "a linked background": ("external", {LAYOUT: BACKGROUND, LAYOUT_RELS: relation("rId99", "image", FAR)}, {}),
    "a film from outside": ("external", {SLIDE: FILM, RELS: relation("rId99", "video", "https://x.example/a.mp4")}, {}),
    "a workbook from outside": (
        "external", {CHART_RELS: swap(b'/package" Target="../embeddings/Microsoft_Excel_Sheet', b'/package" TargetMode="External" '
        b'Target="https://track.example/Sheet')}, {},
    ),
    "a template from outside": ("external", {PRESENTATION_RELS: relation("rId99", "attachedTemplate", "file:///x.potx")}, {}),
    "a script as a link": ("bad_link", {SLIDE: LINKED_RUN, RELS: relation("rId99", "hyperlink", "javascript:alert(1)")}, {}),
    "a file as a link": ("bad_link", {SLIDE: LINKED_RUN, RELS: relation("rId99", "hyperlink", r"\\host\share\x.exe")}, {}),
    "a control": (
        "active_x", {SLIDE: CONTROLS, RELS: relation("rId99", "control", "../activeX/a.xml", external=False)},
        {"ppt/activeX/a.xml": b"<ax/>"},
    ),
    "a macro": (
        "macro",
        {
            PRESENTATION_RELS: relation("rId99", VBA, "vbaProject.bin", external=False),
            TYPES: both(
                swap(PLAIN_MAIN, MACRO_MAIN),
                after(b"<Default ", 'Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/><Default '),
            ),
        },
        {"ppt/vbaProject.bin": b"Sub Evil"},
    ),
    "a macro as an action": (
        "macro", {SLIDE: both(LINKED_RUN, swap(b'r:id="rId99"', b'r:id="" action="ppaction://macro?name=x"'))}, {},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def deck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("strip") / "deck.pptx", 4, {0: 2})


def copied(path: Path, out: Path) -> Copied:
    with DeckTemplate(path) as template:
        done = template.write(out)
    assert check_file(out) == []
    Presentation(str(out))
    return done


def test_an_id_that_is_there_twice_hides_nothing(deck: Path, tmp_path: Path) -> None:
    layout = relation("rId99", "slideLayout", "../slideLayouts/slideLayout2.xml", external=False)
    for first, second in (
        (relation("rId99", "image", FAR), layout),
        (layout, relation("rId99", "image", FAR)),
    ):
        path = changed(deck, tmp_path / "bad.pptx", {RELS: both(first, second)})
        with DeckTemplate(path) as template:
            template.write(tmp_path / "copy.pptx")
        assert check_file(tmp_path / "copy.pptx") == []


@pytest.mark.parametrize("name", CASES)
def test_it_is_taken_out_and_told(deck: Path, tmp_path: Path, name: str) -> None:
    code, changes, added = CASES[name]
    path = changed(deck, tmp_path / "bad.pptx", dict(changes), added)
    done = copied(path, tmp_path / "copy.pptx")
    assert {each.code for each in done.findings} == {code}
    assert all(each.level == "warning" and "taken out" in each.message for each in done.findings)
    with zipfile.ZipFile(tmp_path / "copy.pptx") as archive:
        whole = b"".join(map(archive.read, archive.namelist()))
    for word in (
        b"rId99",
        b"track.example",
        b"javascript",
        b"macro",
        b"vbaProject",
        b"Sub Evil",
        b"<ax/>",
        b".exe",
    ):
        assert word not in whole
    with DeckTemplate(path) as template:
        assert code in {each.code for each in template.findings}
    shapes = [len(slide.shapes) for slide in Presentation(str(tmp_path / "copy.pptx")).slides]
    assert shapes == [len(slide.shapes) for slide in Presentation(str(deck)).slides]


def test_a_picture_that_is_there_too_only_loses_its_link(deck: Path, tmp_path: Path) -> None:
    changes = {SLIDE: swap(b"<a:blip ", b'<a:blip r:link="rId99" '), RELS: relation("rId99", "image", FAR)}
    path = changed(deck, tmp_path / "bad.pptx", changes)
    copied(path, tmp_path / "copy.pptx")
    (_, _, shape, *_) = Presentation(str(tmp_path / "copy.pptx")).slides[0].shapes
    assert shape.image.blob.startswith(b"\xff\xd8")


def test_good_links_and_workbooks_of_charts_stay(deck: Path, tmp_path: Path) -> None:
    changes = {SLIDE: LINKED_RUN, RELS: relation("rId99", "hyperlink", "https://www.example.com/")}
    done = copied(changed(deck, tmp_path / "good.pptx", changes), tmp_path / "copy.pptx")
    assert done.findings == ()
    slide = Presentation(str(tmp_path / "copy.pptx")).slides[0]
    run = slide.placeholders[1].text_frame.paragraphs[0].runs[0]
    assert run.hyperlink.address == "https://www.example.com/"
    assert slide.shapes[3].chart.part.chart_workbook.xlsx_part is not None


@pytest.mark.parametrize("kind", [PROG_ID.XLSX, "Package"])
def test_an_object_becomes_the_picture_that_it_shows(tmp_path: Path, kind: str) -> None:
    path = make(tmp_path / "plain.pptx", 1)
    deck = Presentation(str(path))
    frame = deck.slides[0].shapes.add_ole_object(io.BytesIO(b"program"), kind, *map(Inches, (1, 2, 3, 2)))
    number, name, place = frame.shape_id, frame.name, (frame.left, frame.top, frame.width, frame.height)
    deck.save(str(path))
    done = copied(path, tmp_path / "copy.pptx")
    assert {each.code for each in done.findings} == {"ole"}
    shape = Presentation(str(tmp_path / "copy.pptx")).slides[0].shapes[-1]
    assert (shape.shape_id, shape.name) == (number, name)
    assert (shape.left, shape.top, shape.width, shape.height) == place
    assert shape.image.blob
    with zipfile.ZipFile(tmp_path / "copy.pptx") as archive:
        assert not [each for each in archive.namelist() if "embed" in each and "Sheet" not in each]
        assert b"program" not in b"".join(map(archive.read, archive.namelist()))


def test_an_object_with_another_way_to_show_it_becomes_that_picture(tmp_path: Path) -> None:
    """Programs that know the first way would show nothing, if only that were taken out."""
    path = make(tmp_path / "plain.pptx", 1)
    deck = Presentation(str(path))
    frame = deck.slides[0].shapes.add_ole_object(
        io.BytesIO(b"program"), "Package", *map(Inches, (1, 2, 3, 2))
    )
    place = (frame.left, frame.top, frame.width, frame.height)
    deck.save(str(path))

    def in_two_ways(data: bytes) -> bytes:
        start = data.rindex(b"<p:graphicFrame>")
        end = data.index(b"</p:graphicFrame>", start) + len(b"</p:graphicFrame>")
        whole = data[start:end]
        without = whole[: whole.index(b"<p:pic>")] + whole[whole.index(b"</p:pic>") + len(b"</p:pic>") :]
        ways = (
            b'<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice xmlns:v='
            b'"urn:schemas-microsoft-com:vml" Requires="v">%b</mc:Choice><mc:Fallback>%b</mc:Fallback></mc:AlternateContent>'
        )
        return data[:start] + ways % (without, whole) + data[end:]

    copied(changed(path, tmp_path / "bad.pptx", {SLIDE: in_two_ways}), tmp_path / "copy.pptx")
    shape = Presentation(str(tmp_path / "copy.pptx")).slides[0].shapes[-1]
    assert (shape.left, shape.top, shape.width, shape.height) == place
    assert shape.image.blob


def test_an_object_without_a_picture_goes_with_its_animations(tmp_path: Path) -> None:
    frame = (
        '<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="77" name="o"/><p:cNvGraphicFramePr/><p:nvPr/></p:nvGraphicFramePr>'
        '<p:xfrm><a:off x="0" y="0"/><a:ext cx="9" cy="9"/></p:xfrm><a:graphic><a:graphicData uri="o"><p:oleObj r:id="rId99" '
        'progId="x"><p:embed/></p:oleObj></a:graphicData></a:graphic></p:graphicFrame>'
    )
    effects = EFFECT.format(id=5, shape=77) + EFFECT.format(id=6, shape=2)
    timing = swap(b"</p:sld>", TIMING.format(effects=effects).encode())
    rels = relation("rId99", "oleObject", "../embeddings/o.bin", external=False)
    types = after(b"<Default ", 'Extension="bin" ContentType="application/octet-stream"/><Default ')
    path = changed(
        make(tmp_path / "plain.pptx", 2),
        tmp_path / "bad.pptx",
        {SLIDE: both(in_tree(frame), timing), RELS: rels, TYPES: types},
        {"ppt/embeddings/o.bin": b"program"},
    )
    copied(path, tmp_path / "copy.pptx")
    with zipfile.ZipFile(tmp_path / "copy.pptx") as archive:
        slide = archive.read(SLIDE)
    assert b'spid="2"' in slide
    assert b"77" not in slide
    assert b"bldLst" not in slide


def test_no_animation_stays_where_the_only_one_goes(tmp_path: Path) -> None:
    timing = swap(b"</p:sld>", TIMING.format(effects=EFFECT.format(id=5, shape=77)).encode())
    changes = {SLIDE: both(picture('r:link="rId99"'), timing), RELS: relation("rId99", "image", FAR)}
    path = changed(make(tmp_path / "plain.pptx", 1), tmp_path / "bad.pptx", changes)
    copied(path, tmp_path / "copy.pptx")
    with zipfile.ZipFile(tmp_path / "copy.pptx") as archive:
        assert b"timing" not in archive.read(SLIDE)


def test_what_is_taken_out_of_a_slide_that_is_left_out_is_not_told(deck: Path, tmp_path: Path) -> None:
    changes = {SLIDE: picture('r:link="rId99"'), RELS: relation("rId99", "image", FAR)}
    with DeckTemplate(changed(deck, tmp_path / "bad.pptx", changes)) as template:
        done = template.write(tmp_path / "copy.pptx", [template.slides[1].id])
    assert done.findings == ()
