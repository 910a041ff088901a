"""Slides that are told, as pages of our own: what they say and show, in which size and order, and what they do not do."""

import http.server
import io
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from PIL import Image
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls
from pptx.util import Inches

from cms_core.errors import Invalid, TryLater
from cms_sales_enablement import children, told
from cms_sales_enablement.pptx.authoring import authored
from cms_sales_enablement.pptx.block import CHART_KINDS, Block
from cms_sales_enablement.pptx.composing import compose
from cms_sales_enablement.pptx.data import Chart
from cms_sales_enablement.pptx.template import DeckTemplate
from cms_sales_enablement.told import numbers, texts
from cms_sales_enablement.told.charts import Scale
from cms_sales_enablement.told.media import Media
from cms_sales_enablement.told.pages import printed
from cms_sales_enablement.told.press import Press
from cms_sales_enablement.told.styles import Body, Style, Texts
from cms_sales_enablement.told.theme import Theme

from .decks import make, picture

FIGURES = Chart.parse("Quarter,Before,After\nQ1,40,12\nQ2,42,\nQ3,-5,9")
HOSTILE = (
    "<script>alert(1)</script> <img src=http://127.0.0.1:9/x> &lt; &amp; \"'> "
    "url(file:///etc/passwd) @import '/etc/passwd'; </style></section>"
)


def written(folder: Path, blocks: Mapping[str, Block], values: Mapping[str, str] = {}) -> Path:
    """A file of these blocks alone, on the layouts of a presentation."""
    base, whole, out = (folder / f"{name}.pptx" for name in ("base", "whole", "told"))
    stub = folder / "stub.pptx"
    template = DeckTemplate(base if base.exists() else make(base, 1))
    template.write(stub, [template.slides[0].id])
    with authored(stub, blocks, folder / "authored.pptx") as slides:
        named = compose(base, slides, whole).named
    with DeckTemplate(whole, None, named) as ready:
        ready.write(out, list(blocks), values)
    return out


def pages(folder: Path, *blocks: Block, **values: str) -> "pypdfium2.PdfDocument":
    """The pages of these blocks."""
    named = {f"block-{at}": block for at, block in enumerate(blocks)}
    out = folder / "told.pdf"
    told.to_pdf(written(folder, named, values), out, [block.title for block in blocks])
    return pypdfium2.PdfDocument(out.read_bytes())


def text_of(document: Any, number: int = 0) -> str:
    return " ".join(str(document[number].get_textpage().get_text_range()).split())


def colours_of(document: Any, number: int = 0) -> set[tuple[int, ...]]:
    """The colours that more than a hundredth of a page has."""
    shown = document[number].render().to_pil().convert("RGB")
    counted = shown.getcolors(shown.width * shown.height) or []
    return {colour for count, colour in counted if count > shown.width * shown.height / 100}


# --- what is told ---------------------------------------------------------------------------------------------------


def test_a_child_that_draws_imports_neither_the_database_nor_the_web() -> None:
    """It is started for each file, and those two take ten times as long to import as all that it needs."""
    loaded = "import sys, cms_sales_enablement.told.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", loaded], capture_output=True, text=True, check=True)
    assert {"lxml", "sqlalchemy", "flask"} & set(done.stdout.split()) == {"lxml"}


def test_each_kind_says_what_was_told_on_a_page_of_its_own(tmp_path: Path) -> None:
    found = pages(
        tmp_path,
        Block(title="Opening words", subtitle="Below it", opening=True, notes="Between us"),
        Block(title="Points", lines=("First", "\tDeeper", "שלום עולם", "漢字かな"), notes="Between us"),
        Block(title="Heard", quote="We sleep", by="Dana, CFO"),
        Block(title="Shown", picture=picture((64, 32), "PNG"), alt="Not seen", lines=("Beside it",)),
        Block(title="Rows", rows=(("Plan", "Price"), ("Small", "€ 100"))),
        *(Block(title=kind, chart=FIGURES, chart_kind=kind) for kind in CHART_KINDS[:-1]),
        Block(title="pie", chart=Chart.parse("What,Part\nAudit,3\nClose,1"), chart_kind="pie"),
        Block(
            title="Case",
            subtitle="In a line",
            lines=("Saved hours",),
            picture=picture((9, 9), "JPEG"),
            alt="x",
        ),
    )
    said = [text_of(found, at) for at in range(len(found))]
    assert len(said) == 10
    wanted = (
        ("Opening words", "Below it"),
        ("Points", "• First", "– Deeper", "שלום עולם", "漢字かな"),
        ("Heard", "“We sleep”", "— Dana, CFO"),
        ("Shown", "Beside it"),
        ("Rows", "Plan Price", "Small € 100"),
        *((kind, "Q1", "Q3", "Before", "After", "40", "−10") for kind in CHART_KINDS[:-1]),
        ("pie", "Audit", "Close"),
        ("Case", "In a line", "• Saved hours"),
    )
    for page, words in zip(said, wanted, strict=True):
        assert [each for each in words if each not in page] == [], page
    assert not [page for page in said if "Between us" in page], "notes are for nobody who reads it"
    assert (200, 10, 10) in colours_of(found, 3), "the picture"
    assert {(79, 129, 189), (192, 80, 77)} <= colours_of(found, 8), "both parts of the pie, in the accents"


def test_pages_are_as_large_as_slides_and_look_like_the_brand(tmp_path: Path) -> None:
    path = make(tmp_path / "base.pptx", 1)
    brand = Presentation(str(path))
    brand.slide_width, brand.slide_height = Inches(13.333), Inches(7.5)
    master = brand.slide_masters[0]
    master.background.fill.solid()
    master.background.fill.fore_color.rgb = RGBColor(18, 38, 63)
    (style,) = master._element.iterfind("{*}txStyles/{*}titleStyle/{*}lvl1pPr/{*}defRPr")
    (ink,) = style.iterfind("{*}solidFill/{*}schemeClr")
    ink.set("val", "accent6")
    brand.save(str(path))
    found = pages(tmp_path, Block(title="■■■■■■■■■■■■", lines=("x",)))
    width, height = found.get_page_size(0)
    assert (round(width), round(height)) == (960, 540)
    _, low, _, high = found[0].get_textpage().get_charbox(0)
    assert abs(height - (low + high) / 2 - 66.6) < 8, (
        "in the middle of the place of titles, as the layout has it"
    )
    assert {(18, 38, 63), (247, 150, 70)} <= colours_of(found), (
        "the ground of the master, and the colour of titles"
    )


def test_fields_are_filled_and_a_missing_one_shows_nothing(tmp_path: Path) -> None:
    block = Block(
        title="For {{ client }}",
        lines=("Dear {{ client }}, {{ nobody }}.", "In {{ days | default('9') }} days"),
        rows=(("{{ client }}", "a"),),
    )
    said = text_of(pages(tmp_path, block, client="Böll & <b>Co</b>"))
    assert "For Böll & <b>Co</b>" in said
    assert "Dear Böll & <b>Co</b>, ." in said
    assert "In 9 days" in said
    assert "{{" not in said
    assert "undefined" not in said


def test_too_many_words_are_made_smaller_and_then_cut(tmp_path: Path) -> None:
    lines = tuple(f"Point {at} takes its time to arrive at what it wants to say" for at in range(12))
    found = pages(
        tmp_path,
        Block(title="word " * 40, lines=lines),
        Block(title="x", lines=("y" * 10_000, "the end")),
        Block(
            title="big", rows=tuple(tuple(f"r{row}c{column}" for column in range(12)) for row in range(30))
        ),
        Block(title="long", rows=(("z" * 10_000, "w " * 10_000), ("under", "it"))),
    )
    assert len(found) == 4
    assert all(f"Point {at} " in text_of(found) for at in range(12)), "smaller, but all of it"
    long = text_of(found, 1)
    assert "…" in long
    assert "the end" not in long
    assert all(each in text_of(found, 2) for each in ("r0c0", "r29c11"))
    assert "under it" in text_of(found, 3)


def test_odd_figures_are_drawn(tmp_path: Path) -> None:
    odd = ((1e308, -1e308), (5e-324, 0), (0, 0), (None, None), (-3, -7), (123456789, 1))
    blocks = [
        Block(title="Odd", chart=Chart(("First", ""), (("A", values),)), chart_kind=kind)
        for kind in CHART_KINDS[:-1]
        for values in odd
    ]
    found = pages(tmp_path, *blocks)
    said = [text_of(found, at) for at in range(len(blocks))]
    assert not [each for each in said if "First" not in each or "nan" in each or "inf" in each]


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=300)
LETTERS = st.text("abcdefghij", min_size=1, max_size=20)


@st.composite
def told_block(draw: st.DrawFn) -> Block:
    """A block of any kind, with a title that can be read out of a page."""
    shown = draw(st.sampled_from(["", "rows", "chart", "quote"]))
    number = st.floats(-1e12, 1e12) | st.none()
    series = st.lists(st.tuples(WORDS, st.tuples(number, number)), min_size=1, max_size=8)
    chart = Chart(("a", draw(WORDS)), tuple(draw(series))) if shown == "chart" else None
    return Block(
        title=draw(LETTERS),
        subtitle=draw(WORDS),
        lines=tuple(draw(st.lists(WORDS, max_size=12))),
        quote=draw(WORDS) if shown == "quote" else "",
        rows=tuple(draw(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=30)))
        if shown == "rows"
        else (),
        chart=chart,
        chart_kind=draw(st.sampled_from(CHART_KINDS[:-1])),
        opening=draw(st.booleans()) and not shown,
    )


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(blocks=st.lists(told_block(), min_size=1, max_size=3))
def test_whatever_is_told_has_one_page_each_with_its_title(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[Block]
) -> None:
    folder = tmp_path_factory.mktemp("told")
    path = written(folder, {f"block-{at}": block for at, block in enumerate(blocks)})
    made, count = printed(path)
    assert count == len(blocks)
    found = pypdfium2.PdfDocument(made)
    assert len(found) == len(blocks)
    for at, block in enumerate(blocks):
        assert block.title in text_of(found, at).replace(" ", "")


# --- what they do not do ----------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """An address that somebody listens at, and what was asked for there."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            return

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}", asked
        serving.shutdown()
        thread.join()


def test_hostile_words_are_words(tmp_path: Path) -> None:
    found = pages(
        tmp_path,
        Block(
            title=HOSTILE[:60], lines=(HOSTILE,), picture=picture((9, 9), "PNG"), alt=f'" onload="{HOSTILE}'
        ),
        Block(title="Rows", rows=((HOSTILE, "x"), ("{{ client }}", "y"))),
        Block(
            title="Chart",
            chart=Chart(("</svg><b>", "b"), (("<script>x", (1, 2)), ("z", (1, 2)))),
            chart_kind="bar",
        ),
        client=HOSTILE,
    )
    joined = "".join(HOSTILE.split())  # lines may break anywhere
    assert joined in text_of(found).replace(" ", "")
    assert text_of(found, 1).replace(" ", "").count(joined) == 2
    assert all(each in text_of(found, 2) for each in ("</svg><b>", "<script>x"))
    assert "root:" not in "".join(text_of(found, at) for at in range(3))
    assert len(found) == 3


def test_nothing_is_fetched_whatever_a_page_asks_for(tmp_path: Path, server: tuple[str, list[str]]) -> None:
    at, asked = server
    secret = tmp_path / "secret.css"
    secret.write_text("p::before{content:'SECRET'}")
    page = Markup(
        '<link rel="stylesheet" href="{0}/a.css"><link rel="stylesheet" href="file://{1}">'
        "<style>@import url({0}/b.css);@import url(file://{1});@font-face{{font-family:x;src:url({0}/f.woff)}}"
        'p{{background:url({0}/c.png);font-family:x}}</style><img src="{0}/d.png"><img src="data:image/png;base64,AAAA">'
        '<object data="file://{1}"></object><embed src="{0}/e.svg"><svg><image href="{0}/g.png"/><use href="{0}/h.svg#x"/>'
        '</svg><a rel="attachment" href="file://{1}">words</a><p>words</p>'
    ).format(at, secret)
    document = Press(Media()).document(page, 200, 200)
    document.write_pdf(str(tmp_path / "out.pdf"))
    assert asked == []
    assert "words" in text_of(pypdfium2.PdfDocument(tmp_path / "out.pdf"))
    assert "SECRET" not in text_of(pypdfium2.PdfDocument(tmp_path / "out.pdf"))
    assert b"EmbeddedFile" not in (tmp_path / "out.pdf").read_bytes()


def test_a_very_large_picture_is_shown_as_large_as_it_is_seen(tmp_path: Path) -> None:
    began = time.monotonic()
    found = pages(tmp_path, Block(title="Large", picture=picture((8000, 5000), "PNG"), alt="x"))
    assert (200, 10, 10) in colours_of(found)
    assert (tmp_path / "told.pdf").stat().st_size < 300_000
    assert time.monotonic() - began < 60


def test_what_is_no_picture_is_left_out() -> None:
    media = Media()
    assert media.keep(b"<svg/>", 10, 10) == ""
    assert media.keep(picture((900, 900), "PNG"), 10, 10) == "told:0"
    with Image.open(io.BytesIO(media.kept["told:0"][0])) as kept:
        assert kept.size == (30, 30)


def test_what_takes_too_long_or_breaks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, {"block-1": Block(title="x")})
    with pytest.raises(Invalid, match="cannot be drawn") as refused:
        told.to_pdf(path, tmp_path / "out.pdf", ["x", "y"])
    assert refused.value.remedy
    (tmp_path / "none.pptx").write_bytes(b"PK")
    with pytest.raises(Invalid, match="one of its slides cannot be drawn"):
        told.to_pdf(tmp_path / "none.pptx", tmp_path / "out.pdf", ["x"])
    assert not (tmp_path / "out.pdf").exists() or (tmp_path / "out.pdf").stat().st_size
    with pytest.raises(OSError, match="No space left"):
        told.to_pdf(path, Path("/dev/full"), ["x"])
    monkeypatch.setattr(children, "SECONDS", 0.01)
    with pytest.raises(Invalid, match="seconds to draw"):
        told.to_pdf(path, tmp_path / "out.pdf", ["x"])


def test_the_slide_that_cannot_be_drawn_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, {"block-1": Block(title="Good"), "block-2": Block(title="Bad", lines=("x",))})
    show = Presentation(str(path))
    show.slides[1].placeholders[0]._element.find("{*}spPr").append(
        parse_xml(f'<a:xfrm {nsdecls("a")} rot="askew"><a:off x="0" y="0"/><a:ext cx="1" cy="1"/></a:xfrm>')
    )
    show.save(str(path))
    with pytest.raises(Invalid, match="the told slide 'Bad' cannot be drawn"):
        told.to_pdf(path, tmp_path / "out.pdf", ["Good", "Bad"])


def test_a_child_that_is_killed_says_nothing_of_the_slides() -> None:
    with pytest.raises(TryLater, match="killed"):
        children.run("timeit", ["-n1", "-r1", "import os; os.kill(os.getpid(), 9)"], Invalid("slow"))


def test_greys_of_sixteen_bits_are_shown() -> None:
    deep = io.BytesIO()
    Image.frombytes("I;16", (64, 1), b"".join((x * 1024).to_bytes(2, "little") for x in range(64))).save(
        deep, "PNG"
    )
    media = Media()
    media.keep(deep.getvalue(), 64, 1)
    with Image.open(io.BytesIO(media.kept["told:0"][0])) as shown:
        greys = [shown.convert("L").getpixel((x, 0)) for x in (0, 16, 32, 48)]
    assert greys == [0, 64, 128, 192]


def test_figures_as_large_as_numbers_go_have_an_axis() -> None:
    scale = Scale.of([("A", (1e308, 5.0)), ("B", (-1e308, 1.0))])
    assert scale.ticks == [-1e308, -5e307, 0.0, 5e307, 1e308]
    assert [scale.at(each) for each in (-1e308, 0.0, 1e308)] == [0, 0.5, 1]


def test_a_brand_without_colours_can_be_read() -> None:
    theme = Theme({}, {}, {})
    assert (theme.named("lt1"), theme.named("dk1"), theme.named("accent1")) == (
        "#ffffff",
        "#000000",
        "#000000",
    )


# --- the marks of a brand ---------------------------------------------------------------------------------------------


def mark(number: int, properties: str, words: str = "", named: str = "") -> Any:
    """A shape as it stands on masters."""
    body = f"<p:txBody><a:bodyPr/><a:p><a:r><a:t>{words}</a:t></a:r></a:p></p:txBody>" if words else ""
    return parse_xml(
        f'<p:sp {nsdecls("p", "a", "r")}><p:nvSpPr><p:cNvPr id="{number}" name="mark" {named}/><p:cNvSpPr/><p:nvPr/></p:nvSpPr>'
        f'<p:spPr><a:xfrm><a:off x="0" y="5400000"/><a:ext cx="9144000" cy="914400"/></a:xfrm>{properties}</p:spPr>{body}</p:sp>'
    )


def solid(colour: str) -> str:
    return f'<a:solidFill><a:srgbClr val="{colour}"/></a:solidFill>'


def test_marks_of_the_brand_stand_behind_and_odd_ones_stop_nobody(tmp_path: Path) -> None:
    path = make(tmp_path / "base.pptx", 1)
    brand = Presentation(str(path))
    master = brand.slide_masters[0]
    outline = (
        '<a:custGeom><a:pathLst><a:path w="10" h="10"><a:moveTo><a:pt x="0" y="0"/></a:moveTo><a:lnTo><a:pt x="10" y="0"/></a:lnTo>'
        '<a:lnTo><a:pt x="10" y="10"/></a:lnTo><a:close/></a:path></a:pathLst></a:custGeom>'
    )
    box = '<a:prstGeom prst="rect"/>'
    odd = '<a:blipFill><a:blip r:embed="rId999"/><a:stretch/></a:blipFill>'
    for at, shape in enumerate((
        mark(90, box + solid("104060"), "Northwind"),
        mark(91, outline + solid("C00020")),
        mark(92, box + solid("00FF00"), named='hidden="1"'),
        mark(93, '<a:prstGeom prst="star5"/>' + solid("0000FF")),
        mark(94, box, "For {{ client }}"),
        mark(95, box + odd),
    )):  # fmt: skip
        master.shapes._spTree.insert(2 + at, shape)
    title = brand.slide_layouts[1].placeholders[0]._element.find("{*}spPr")
    title.append(parse_xml(f'<a:solidFill {nsdecls("a")}><a:srgbClr val="F0C000"/></a:solidFill>'))
    brand.save(str(path))
    told_file = written(tmp_path, {"block-1": Block(title="Ours", lines=("One",))})
    found = pypdfium2.PdfDocument(printed(told_file)[0])
    colours = colours_of(found)
    assert {(16, 64, 96), (192, 0, 32), (240, 192, 0)} <= colours
    assert not {(0, 255, 0), (0, 0, 255)} & colours, "one that is hidden, and one that would be no box"
    said = text_of(found)
    assert all(each in said for each in ("Northwind", "Ours", "One"))
    assert "{{" not in said


# --- odd files, and many slides -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "is_part", "are_points"),
    [
        ("50000", 0.5, 50000 / 12_700),
        ("50%", 0.5, 7.0),
        ("-5%", -0.05, 7.0),
        ("0.5in", 0.25, 36.0),
        ("2.54cm", 0.25, 72.0),
        ("-3pt", 0.25, -3.0),
        ("much", 0.25, 7.0),
        ("", 0.25, 7.0),
        (None, 0.25, 7.0),
    ],
)
def test_numbers_of_all_kinds_of_files_are_read(said: str | None, is_part: float, are_points: float) -> None:
    assert numbers.part(said, 0.25) == pytest.approx(is_part)
    assert numbers.points(said, 7.0) == pytest.approx(are_points)


def test_an_odd_number_in_a_brand_takes_no_page(tmp_path: Path) -> None:
    show = Presentation(str(make(tmp_path / "base.pptx", 1)))
    for layout in show.slide_layouts:
        for place in layout.placeholders:
            place._element.find("{*}txBody/{*}bodyPr").set("lIns", "0.1in")
    ground = parse_xml(
        f'<p:bg {nsdecls("p", "a")}><p:bgPr><a:gradFill><a:gsLst><a:gs pos="0%"><a:srgbClr val="102030"><a:alpha val="60%"/>'
        '</a:srgbClr></a:gs><a:gs pos="100%"><a:schemeClr val="accent1"><a:lumMod val="95%"/></a:schemeClr></a:gs></a:gsLst>'
        "</a:gradFill><a:effectLst/></p:bgPr></p:bg>"
    )
    tree = show.slide_master._element.find("{*}cSld")
    for old in tree.findall("{*}bg"):
        tree.remove(old)
    tree.insert(0, ground)
    show.save(str(tmp_path / "base.pptx"))
    assert "Points • First" in text_of(pages(tmp_path, Block(title="Points", lines=("First",))))


def test_a_picture_behind_all_slides_is_kept_once() -> None:
    media = Media()
    data = picture((40, 20), "PNG")
    assert media.keep(data, 72, 36) == media.keep(data, 72, 36) != media.keep(data, 36, 18)
    assert len(media.kept) == 2
    assert media.keep(b"none", 72, 36) == media.keep(b"none", 72, 36) == ""


def test_a_line_without_words_keeps_its_place() -> None:
    words = "".join(f"<a:p>{each and f'<a:r><a:t>{each}</a:t></a:r>'}</a:p>" for each in ("a", "", "b"))
    body = parse_xml(f"<p:txBody {nsdecls('p', 'a')}><a:bodyPr/>{words}</p:txBody>")
    theme = Theme({}, {}, {})
    said = texts.paragraphs_of(body, Texts(theme, (), Body()))
    assert texts.html_of(said, theme, 1, 99).count("<p") == 3


def test_what_is_cut_says_so_once() -> None:
    theme = Theme({}, {}, {})
    runs = tuple(texts.Run(each, Style()) for each in ("first", "second", "third"))
    drawn = texts.html_of([texts.Paragraph(runs, Style())], theme, 1, 4)
    assert drawn.count("…") == 1
    assert "second" not in drawn
