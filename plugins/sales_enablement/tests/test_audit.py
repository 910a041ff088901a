"""Copies by the rules of the Open XML SDK (openxml-audit): none has a kind of fault that its template did not have.

Other programs write what the schema refuses too (python-pptx: axes of charts with negative ids), so a copy is compared with its
source, never with nothing.
"""

import os
import random
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from openxml_audit import OpenXmlValidator
from pptx import Presentation

from cms_sales_enablement.pptx.data import Chart
from cms_sales_enablement.pptx.slots import Kind
from cms_sales_enablement.pptx.template import DeckTemplate

from .decks import changed, make, picture, swap

FOLDER = Path(os.environ.get("CMS_CONFORMANCE_DATA", "missing")) / "pptx"
FILES = sorted(FOLDER.glob("*.pptx"))
FIGURES = Chart(("2024", "2025", "2026"), (("cost", (3.0, -5.5, 9.25)),))
ROWS = [["Step", "Days"], ["Books", "4"], ["Close & audit", "9"]]

Fault = tuple[str, str, str]


def faults(path: Path) -> set[Fault]:
    """The kinds of fault in a file: what is wrong with which element in which kind of part, whatever its number or value."""
    found = OpenXmlValidator(max_errors=100_000).validate(str(path)).errors
    return {
        (
            re.sub(r"-?\d+|'[^']*'", "#", each.description),
            str(each.node),
            re.sub(r"\d+", "#", each.part_uri or ""),
        )
        for each in found
    }


def copies(source: Path, folder: Path, count: int) -> Iterable[Path]:
    """Copies of random slides in random order, each field filled with what it takes."""
    chance = random.Random(source.name)
    with DeckTemplate(source) as template:
        ids = [each.id for each in template.slides]
        slots = {slot for slide in template.slides for slot in slide.slots}
        named = {kind: [slot.name for slot in slots if slot.kind is kind] for kind in Kind}
        for number in range(count if ids else 0):
            out = folder / f"{number}.pptx"
            template.write(
                out,
                chance.sample(ids, chance.randint(1, len(ids))),
                dict.fromkeys(named[Kind.TEXT], "a < b & “c”"),
                pictures=dict.fromkeys(named[Kind.PICTURE], picture((40, 20), "PNG")),
                charts=dict.fromkeys(named[Kind.CHART], FIGURES),
                tables=dict.fromkeys(named[Kind.TABLE], ROWS),
            )
            yield out


def new_faults(source: Path, folder: Path, count: int) -> set[Fault]:
    """The kinds of fault that some copy has and its source has not."""
    known = faults(source)
    return {each for copy in copies(source, folder, count) for each in faults(copy)} - known


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A presentation with fields of each kind, links between slides, notes and charts."""
    path = make(tmp_path / "own.pptx", 7, {0: 3, 3: 0, 5: 1})
    deck = Presentation(str(path))
    slides = list(deck.slides)
    for slide in slides:
        for shape in slide.shapes:
            if shape.has_chart:
                shape.name = "{{ savings }}"
    slides[1].shapes[-1].name = "{{ logo }}"
    table = slides[2].shapes.add_table(3, 2, 0, 0, 3_000_000, 1_000_000)
    table.name = "{{ plan }}"
    table.table.cell(0, 0).text = "Step"
    deck.save(str(path))
    return path


def test_the_presentation_of_this_test_asks_for_all_kinds(own: Path) -> None:
    with DeckTemplate(own) as template:
        assert {slot.kind for slide in template.slides for slot in slide.slots} == set(Kind)


def test_a_fault_that_is_put_in_is_seen(own: Path, tmp_path: Path) -> None:
    wrong = changed(
        own, tmp_path / "wrong.pptx", {"ppt/slides/slide2.xml": swap(b"<p:spTree>", b"<p:spTree><p:no/>")}
    )
    assert faults(wrong) - faults(own)


def test_copies_of_our_own_have_no_new_faults(own: Path, tmp_path: Path) -> None:
    assert new_faults(own, tmp_path, 3) == set()


@pytest.mark.skipif(not FILES, reason="data not present: CMS_CONFORMANCE_DATA names no folder with pptx/")
@pytest.mark.parametrize("source", FILES, ids=lambda path: path.stem)
def test_copies_of_others_have_no_new_faults(source: Path, tmp_path: Path) -> None:
    assert new_faults(source, tmp_path, 1) == set()


@pytest.mark.long
@pytest.mark.skipif(not FILES, reason="data not present: CMS_CONFORMANCE_DATA names no folder with pptx/")
@pytest.mark.parametrize("source", FILES, ids=lambda path: path.stem)
def test_many_copies_of_others_have_no_new_faults(source: Path, tmp_path: Path) -> None:
    assert new_faults(source, tmp_path, 12) == set()


@pytest.mark.long
def test_many_copies_of_our_own_have_no_new_faults(own: Path, tmp_path: Path) -> None:
    assert new_faults(own, tmp_path, 25) == set()
