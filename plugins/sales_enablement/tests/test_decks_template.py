"""Copies of a template: whatever is picked, in whatever order, with whatever values, the file is whole and says what it should."""

import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pptx import Presentation

from cms_core import Invalid
from cms_sales_enablement.pptx.lint import check_file
from cms_sales_enablement.pptx.package import PackageRefused
from cms_sales_enablement.pptx.template import DeckTemplate

from .decks import changed, make, swap

COUNT = 7
JUMPS = {0: 3, 1: 6, 3: 0, 5: 1}
SECTIONS = """<p:extLst><p:ext uri="{521415D9-36F7-43E2-AB2F-B90AF26B5E84}"><p14:sectionLst
 xmlns:p14="http://schemas.microsoft.com/office/powerpoint/2010/main">
<p14:section name="One" id="{6A7B6F0E-0000-4000-8000-000000000001}"><p14:sldIdLst>
<p14:sldId id="256"/><p14:sldId id="257"/><p14:sldId id="258"/></p14:sldIdLst></p14:section>
<p14:section name="Two" id="{6A7B6F0E-0000-4000-8000-000000000002}"><p14:sldIdLst><p14:sldId id="259"/><p14:sldId id="260"/>
<p14:sldId id="261"/><p14:sldId id="262"/></p14:sldIdLst></p14:section></p14:sectionLst></p:ext></p:extLst></p:presentation>"""
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    plain = make(folder / "plain.pptx", COUNT, JUMPS)
    end = b"</p:presentation>"
    return changed(
        plain,
        folder / "template.pptx",
        {"ppt/presentation.xml": lambda data: data.replace(end, SECTIONS.encode())},
    )


@pytest.fixture(scope="module")
def template(path: Path) -> Iterator[DeckTemplate]:
    with DeckTemplate(path) as opened:
        yield opened


def texts(path: Path) -> list[list[str]]:
    """What python-pptx reads on each slide."""
    slides = Presentation(str(path)).slides
    return [[shape.text_frame.text for shape in slide.shapes if shape.has_text_frame] for slide in slides]


def said(value: str) -> str:
    """A value as a run says it: in one line, without what XML cannot hold."""
    one_line = value.replace("\r\n", " ").replace("\r", " ").replace("\n", " ")
    return "".join(
        each for each in one_line if each == "\t" or 0x20 <= ord(each) < 0xFFFE or ord(each) > 0xFFFF
    )


def test_slides_are_read(template: DeckTemplate) -> None:
    assert [each.title for each in template.slides] == [f"Slide {n + 1}" for n in range(COUNT)]
    assert {each.fields for each in template.slides} == {("company.name", "client", "deal.amount")}
    assert [each.jumps for each in template.slides] == [(4,), (7,), (), (1,), (), (2,), ()]
    assert template.slides[1].notes == "Tell {{ company.name }} of 2"
    assert len({each.id for each in template.slides}) == COUNT


@settings(max_examples=60, deadline=None)
@given(
    picked=st.permutations(range(COUNT)).flatmap(lambda all_: st.integers(1, COUNT).map(lambda n: all_[:n])),
    company=TEXT,
    amount=TEXT,
)
def test_a_copy_is_whole_and_says_what_was_picked(
    template: DeckTemplate,
    path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    picked: list[int],
    company: str,
    amount: str,
) -> None:
    out = tmp_path_factory.mktemp("copy") / "copy.pptx"
    values = {"company.name": company, "deal.amount": amount}
    copied = template.write(out, [template.slides[n].id for n in picked], values)
    assert check_file(out) == []
    line = f"Dear {said(company)}, and you, we offer {said(amount)}"
    found = texts(out)
    assert [each[0] for each in found] == [f"Slide {n + 1}" for n in picked]
    assert {each[1] for each in found} == {line}
    assert copied.missing == tuple(
        name for name, value in (("company.name", company), ("deal.amount", amount)) if not value.strip()
    )
    assert_others_are_the_same(path, out)


def assert_others_are_the_same(source: Path, out: Path) -> None:
    """Charts, workbooks, pictures, layouts, themes: byte for byte, packed as they were."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out) as new:
        assert new.testzip() is None
        for info in new.infolist():
            if not info.filename.startswith(
                (
                    "ppt/slides/",
                    "ppt/notesSlides/",
                    "ppt/presentation",
                    "ppt/_rels",
                    "_rels/",
                    "docProps",
                    "[",
                )
            ):
                before = old.getinfo(info.filename)
                assert (info.CRC, info.compress_size, info.file_size) == (
                    before.CRC,
                    before.compress_size,
                    before.file_size,
                ), info.filename


def test_charts_keep_their_numbers(template: DeckTemplate, tmp_path: Path) -> None:
    out = tmp_path / "charts.pptx"
    template.write(out, [template.slides[n].id for n in (3, 0)])
    found = [
        shape.chart for slide in Presentation(str(out)).slides for shape in slide.shapes if shape.has_chart
    ]
    assert [list(chart.plots[0].series[0].values) for chart in found] == [[4.0, 1.0], [1.0, 1.0]]


def test_without_picks_all_slides_are_there_and_what_is_missing_is_named(
    template: DeckTemplate, tmp_path: Path
) -> None:
    copied = template.write(tmp_path / "all.pptx")
    assert len(copied.slides) == COUNT
    assert copied.missing == ("company.name", "deal.amount")
    assert texts(tmp_path / "all.pptx")[0][1] == "Dear , and you, we offer "


def test_values_are_never_read_as_fields_or_as_markup(template: DeckTemplate, tmp_path: Path) -> None:
    evil = "{{ deal.amount }}</a:t><a:t>&amp; {% if 1 %}"
    template.write(tmp_path / "evil.pptx", values={"company.name": evil, "deal.amount": "9"})
    assert texts(tmp_path / "evil.pptx")[0][1] == f"Dear {evil}, and you, we offer 9"


def test_what_is_not_in_the_language_is_told_and_stays(tmp_path: Path) -> None:
    deck = Presentation(str(make(tmp_path / "plain.pptx", 1)))
    for at, words in enumerate(("Title", "{{ 7 + company.name }}, {{ client }} and {{ x.y() }}")):
        deck.slides[0].shapes[at].text_frame.text = words
    deck.save(str(tmp_path / "t.pptx"))
    with DeckTemplate(tmp_path / "t.pptx") as opened:
        found = opened.findings
        assert [(each.code, each.where) for each in found] == [("bad_field", "ppt/slides/slide1.xml")] * 2
        assert [each.message.partition(":")[0] for each in found] == ["{{ 7 + company.name }}", "{{ x.y() }}"]
        assert opened.slides[0].fields == ("client",)
        assert opened.write(tmp_path / "c.pptx", values={"client": "Ann"}).findings == found
    assert texts(tmp_path / "c.pptx")[0][1] == "{{ 7 + company.name }}, Ann and {{ x.y() }}"


def test_a_jump_stays_while_its_target_does(template: DeckTemplate, tmp_path: Path) -> None:
    ids = [each.id for each in template.slides]
    template.write(tmp_path / "jumps.pptx", [ids[0], ids[3], ids[1]])
    slides = list(Presentation(str(tmp_path / "jumps.pptx")).slides)
    targets = [slide.shapes[0].click_action.target_slide for slide in slides]
    assert [target and target.shapes.title.text for target in targets] == ["Slide 4", "Slide 1", None]


@pytest.mark.parametrize(
    ("picks", "words"), [(["nobody"], "no slide 'nobody'"), (["first", "first"], "picked twice")]
)
def test_slides_that_are_none_are_refused_and_nothing_is_written(
    template: DeckTemplate, tmp_path: Path, picks: list[str], words: str
) -> None:
    named = [template.slides[0].id if each == "first" else each for each in picks]
    with pytest.raises(Invalid, match=words):
        template.write(tmp_path / "no.pptx", named)
    assert not (tmp_path / "no.pptx").exists()


@pytest.mark.parametrize(("old", "new"), [(b'id="257"', b'id="256"'), (b'r:id="rId8"', b'r:id="rId7"')])
def test_a_file_that_lists_a_slide_twice_is_refused(
    path: Path, tmp_path: Path, old: bytes, new: bytes
) -> None:
    twice = changed(
        path,
        tmp_path / "twice.pptx",
        {"ppt/presentation.xml": swap(b"<p:sldId " + old, b"<p:sldId " + new)}
        if old.startswith(b"id")
        else {"ppt/presentation.xml": swap(old, new)},
    )
    with pytest.raises(PackageRefused) as refused:
        DeckTemplate(twice)
    assert refused.value.code == "duplicate_slide_id"


def test_many_threads_write_at_once(template: DeckTemplate, tmp_path: Path) -> None:
    def write(number: int) -> list[str]:
        out = tmp_path / f"{number}.pptx"
        template.write(out, [template.slides[number % COUNT].id], {"company.name": f"<{number}>"})
        assert check_file(out) == []
        return [each[1] for each in texts(out)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(write, range(24)))
    assert found == [[f"Dear <{n}>, and you, we offer "] for n in range(24)]


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.pptx").write_bytes(b"no")
    with pytest.raises(PackageRefused):
        DeckTemplate(tmp_path / "no.pptx")
