"""Presentations that take slides of others in, and slides that nobody drew: whole files, in the looks of the one."""

import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pptx import Presentation

from cms_core import Invalid
from cms_sales_enablement.pptx.authoring import authored
from cms_sales_enablement.pptx.block import CHART_KINDS, Block
from cms_sales_enablement.pptx.composing import compose
from cms_sales_enablement.pptx.data import Chart
from cms_sales_enablement.pptx.findings import is_sound
from cms_sales_enablement.pptx.lint import check_file
from cms_sales_enablement.pptx.package import PackageRefused
from cms_sales_enablement.pptx.template import Copied, DeckTemplate

from .decks import cells, changed, make, picture, swap
from .test_decks_filled import WORDS, figures

COUNT = 4
PICTURE = picture((90, 30), "PNG")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A presentation, and another of the same brand; slides of both have the same ids, names of parts and jumps."""
    folder = tmp_path_factory.mktemp("composed")
    return make(folder / "base.pptx", COUNT, {0: 3}), make(folder / "other.pptx", 6, {1: 2, 2: 5})


@pytest.fixture(scope="module")
def other(files: tuple[Path, Path]) -> Iterator[DeckTemplate]:
    with DeckTemplate(files[1]) as opened:
        yield opened


def composed(base: Path, added: Any, whole: Path) -> Mapping[str, str]:
    """Put slides in; gives what they are called, by part."""
    return compose(base, added, whole).named


def said(path: Path) -> list[list[str]]:
    """What each slide says, as another program reads it."""
    deck = Presentation(str(path))
    return [[each.text_frame.text for each in slide.shapes if each.has_text_frame] for slide in deck.slides]


def written(base: Path, out: Path, named: Mapping[str, str], whole: Path, picks: list[str]) -> Copied:
    """A copy of the whole with these slides."""
    with DeckTemplate(whole, named=named) as template:
        return template.write(out, picks, {"company.name": "Acme"})


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    own=st.lists(st.integers(0, COUNT - 1), unique=True, max_size=COUNT),
    foreign=st.lists(st.integers(0, 5), unique=True, min_size=1, max_size=4),
    data=st.data(),
)
def test_slides_of_two_presentations_stand_in_one_deck_in_any_order(
    files: tuple[Path, Path],
    other: DeckTemplate,
    tmp_path: Path,
    own: list[int],
    foreign: list[int],
    data: Any,
) -> None:
    refs = [f"other:{256 + number}" for number in foreign]
    whole, out = tmp_path / "whole.pptx", tmp_path / "out.pptx"
    named = composed(files[0], [other.foreign(ref.partition(":")[2], ref) for ref in refs], whole)
    assert check_file(whole) == []
    picks = data.draw(st.permutations([str(256 + number) for number in own] + refs))
    copied = written(files[0], out, named, whole, picks)
    assert [slide.id for slide in copied.slides] == picks
    assert check_file(out) == []
    titles = [f"Slide {int(ref.rpartition(':')[2]) - 255}" for ref in picks]
    assert [texts[0] for texts in said(out)] == titles
    masters = {slide.slide_layout.slide_master.part.partname for slide in Presentation(str(out)).slides}
    assert len(masters) == 1, "all stand in the looks of one presentation"


def test_what_belongs_to_a_slide_comes_along_and_what_does_not_stays(
    files: tuple[Path, Path], other: DeckTemplate, tmp_path: Path
) -> None:
    whole, out = tmp_path / "whole.pptx", tmp_path / "out.pptx"
    named = composed(files[0], [other.foreign(each, f"o:{each}") for each in ("257", "258", "259")], whole)
    written(files[0], out, named, whole, ["o:259", "o:257", "o:258"])
    slides = list(Presentation(str(out)).slides)
    assert slides[0].notes_slide.notes_text_frame.text == "Tell Acme of 4"
    (chart,) = [each.chart for each in slides[0].shapes if each.has_chart]
    assert list(chart.plots[0].series[0].values) == [4.0, 1.0]
    assert cells(chart.part.chart_workbook.xlsx_part.blob)["B2"] == 4.0
    target = slides[1].shapes[0].click_action.target_slide
    assert target.slide_id == slides[2].slide_id, "a jump to a slide that came too leads there"
    assert slides[2].shapes[0].click_action.target_slide is None, "one to a slide that stayed behind is gone"


def test_pictures_that_are_there_already_are_not_doubled(
    files: tuple[Path, Path], other: DeckTemplate, tmp_path: Path
) -> None:
    whole = tmp_path / "whole.pptx"
    compose(files[0], [other.foreign("257", "o:257")], whole)
    with zipfile.ZipFile(files[0]) as before, zipfile.ZipFile(whole) as after:
        media = [[name for name in each.namelist() if "/media/" in name] for each in (before, after)]
        untouched = set(before.namelist()) - {
            "[Content_Types].xml",
            "ppt/presentation.xml",
            "ppt/_rels/presentation.xml.rels",
        }
        assert all(before.read(name) == after.read(name) for name in untouched)
    assert sorted(media[0]) == sorted(media[1])


def test_a_layout_that_is_not_there_is_refused_by_its_name(files: tuple[Path, Path], tmp_path: Path) -> None:
    layout = {
        "ppt/slideLayouts/slideLayout2.xml": swap(b'name="Title and Content"', b'name="Ours &amp; only"')
    }
    path = changed(files[1], tmp_path / "t.pptx", layout)
    with DeckTemplate(path) as template:
        assert template.layout("256") == "Ours & only"
        with pytest.raises(Invalid, match="Ours & only"):
            compose(files[0], [template.foreign("256", "o:256")], tmp_path / "whole.pptx")
    assert not (tmp_path / "whole.pptx").exists()


def test_decks_of_others_take_blocks_and_give_slides(files: tuple[Path, Path], tmp_path: Path) -> None:
    folder = Path(os.environ.get("CMS_CONFORMANCE_DATA", "missing")) / "pptx"
    if not folder.is_dir():
        pytest.skip("CMS_CONFORMANCE_DATA names no folder with the decks of python-pptx and openpyxl")
    taken = 0
    for path in sorted(folder.glob("*.pptx")):
        try:
            template = DeckTemplate(path)
        except PackageRefused:
            continue
        with template:
            if template.slides:
                taken += 1
                assert_takes_and_gives(template, path, files[0], tmp_path)
    assert taken > 8


def assert_takes_and_gives(template: DeckTemplate, path: Path, base: Path, tmp_path: Path) -> None:
    """A block is poured into it, and its first slide put into another one where there is a layout for it."""
    known = {each.code for each in check_file(path)}
    first = template.slides[0]
    template.write(tmp_path / "stub.pptx", [first.id])
    blocks = {"b": Block("Hello", lines=("One", "\tTwo"), rows=(("a", "b"), ("1", "2")))}
    with authored(tmp_path / "stub.pptx", blocks, tmp_path / "authored.pptx") as slides:
        named = composed(path, slides, tmp_path / "whole.pptx")
    written(path, tmp_path / "out.pptx", named, tmp_path / "whole.pptx", ["b", first.id])
    assert {each.code for each in check_file(tmp_path / "out.pptx")} <= known
    assert said(tmp_path / "out.pptx")[0][0] == "Hello"
    with DeckTemplate(base) as into:
        fits = into.has_layout(template.layout(first.id))
    if fits:
        named = composed(base, [template.foreign(first.id, "x")], tmp_path / "into.pptx")
        written(base, tmp_path / "copy.pptx", named, tmp_path / "into.pptx", ["x"])
        assert {each.code for each in check_file(tmp_path / "copy.pptx")} <= known
    else:
        with pytest.raises(Invalid, match="layout"):
            compose(base, [template.foreign(first.id, "x")], tmp_path / "into.pptx")


# --- blocks -------------------------------------------------------------------------------------------------------------

TEXTS = WORDS.map(lambda text: text.replace("{{", "{ {").replace("{%", "{ %"))


ROWS = st.lists(st.lists(TEXTS, min_size=1, max_size=3).map(tuple), min_size=1, max_size=4).map(tuple)


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    words = {name: draw(TEXTS) for name in ("title", "subtitle", "quote", "by", "alt", "notes")}
    lines = tuple("\t" * draw(st.integers(0, 6)) + draw(TEXTS) for _ in range(draw(st.integers(0, 3))))
    thing = draw(st.sampled_from(["", "picture", "rows", "chart"]))
    chart = draw(figures()) if thing == "chart" else None
    kinds = CHART_KINDS if chart is None or len(chart.series) == 1 else CHART_KINDS[:-1]  # a pie has one
    return Block(
        **words,
        lines=lines,
        opening=draw(st.booleans()),
        picture=PICTURE if thing == "picture" else b"",
        rows=draw(ROWS) if thing == "rows" else (),
        chart=chart,
        chart_kind=draw(st.sampled_from(kinds)),
    )  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(blocks(), min_size=1, max_size=3))
def test_whatever_is_told_becomes_a_sound_file(
    files: tuple[Path, Path], tmp_path: Path, told: list[Block]
) -> None:
    out = poured(files[0], tmp_path, told)
    assert is_sound(check_file(out))
    for slide, block in zip(Presentation(str(out)).slides, told, strict=True):
        assert sum(each.has_chart for each in slide.shapes) == (block.chart is not None)
        assert sum(each.has_table for each in slide.shapes) == bool(block.rows)


def poured(base: Path, folder: Path, told: list[Block]) -> Path:
    """A deck of blocks alone."""
    named_blocks = {f"b{number}": block for number, block in enumerate(told)}
    with DeckTemplate(base) as template:
        template.write(folder / "stub.pptx", [template.slides[0].id])
    with authored(folder / "stub.pptx", named_blocks, folder / "authored.pptx") as slides:
        named = composed(base, slides, folder / "whole.pptx")
    written(base, folder / "out.pptx", named, folder / "whole.pptx", list(named_blocks))
    return folder / "out.pptx"


def test_figures_that_look_like_formulas_stay_words(files: tuple[Path, Path], tmp_path: Path) -> None:
    chart = Chart(("=1+1", "http://x.test"), (("@cost", (1.5, None)),))
    (slide,) = Presentation(str(poured(files[0], tmp_path, [Block("Cost", chart=chart)]))).slides
    (drawn,) = [each.chart for each in slide.shapes if each.has_chart]
    assert list(drawn.plots[0].categories) == ["=1+1", "http://x.test"]
    assert list(drawn.plots[0].series[0].values) == [1.5, None]
    book = drawn.part.chart_workbook.xlsx_part.blob
    assert {cells(book)[at] for at in ("A2", "B1")} == {"=1+1", "@cost"}


def test_blocks_stand_on_the_layouts_that_fit_them(files: tuple[Path, Path], tmp_path: Path) -> None:
    told = [
        Block("Welcome", "For {{ company.name }}", opening=True),
        Block("Why", lines=("One", "\tdeeper", "Two")),
        Block("Cost", lines=("Less",), rows=(("a", "b"),)),
    ]
    slides = list(Presentation(str(poured(files[0], tmp_path, told))).slides)
    assert [each.slide_layout.name for each in slides] == ["Title Slide", "Title and Content", "Two Content"]
    assert slides[0].placeholders[1].text_frame.text == "For Acme"
    points = slides[1].placeholders[1].text_frame.paragraphs
    assert [(each.text, each.level) for each in points] == [("One", 0), ("deeper", 1), ("Two", 0)]
    assert all(
        each.has_text_frame is False or each.text_frame.text
        for slide in slides
        for each in slide.placeholders
    )
