"""Fonts that slides would be drawn without: told where a file is taken in."""

import io
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_sales_enablement import fonts, presentations
from cms_sales_enablement.pptx import reading

from .decks import changed, make, swap

THEME, SHOW = "ppt/theme/theme1.xml", "ppt/presentation.xml"
EMBEDDED = b'<p:embeddedFontLst><p:embeddedFont><p:font typeface="Grand Display"/></p:embeddedFont></p:embeddedFontLst>'
AFTER = b"<p:defaultTextStyle>"
REAL = fonts.installed


@pytest.fixture
def grand(tmp_path: Path) -> Path:
    """A file whose titles are in a font that nobody has."""
    return changed(
        make(tmp_path / "x.pptx", 2), tmp_path / "Grand.pptx", {THEME: swap(b'"Calibri"', b'"Grand Display"')}
    )


def told(desk: Any, path: Path) -> list[tuple[str, str, str]]:
    found = presentations.add(desk.services("marketer"), path.read_bytes(), path.name).presentation.findings
    return [(each["level"], each["code"], each["where"]) for each in found]


def test_a_font_that_is_nowhere_is_told(desk: Any, grand: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "installed", lambda: frozenset({"carlito"}))
    assert told(desk, grand) == [("warning", "missing_font", "Grand Display")]
    found = presentations.add(desk.services("marketer"), grand.read_bytes(), grand.name).presentation.findings
    assert "Install it where slides are drawn" in found[0]["message"]


def test_a_font_that_is_installed_or_in_the_file_is_not(
    desk: Any, grand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "installed", lambda: frozenset({"carlito"}))
    inside = changed(grand, tmp_path / "Inside.pptx", {SHOW: swap(AFTER, EMBEDDED + AFTER)})
    assert reading.read(inside).embedded == ("Grand Display",)
    assert told(desk, inside) == []
    monkeypatch.setattr(fonts, "installed", lambda: frozenset({"carlito", "grand display"}))
    other = changed(grand, tmp_path / "Other.pptx", {"docProps/core.xml": lambda data: data + b" "})
    assert told(desk, other) == []


def test_where_nobody_can_tell_nothing_is_said(desk: Any, grand: Path) -> None:
    assert told(desk, grand) == []


def test_fontconfig_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(command, 0, b"DejaVu Sans,DejaVu Sans Light\nCarlito\n\n")

    monkeypatch.setattr(fonts.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(fonts.subprocess, "run", run)
    assert REAL() == {"dejavu sans", "dejavu sans light", "carlito"}

    def fails(command: list[str], **_: Any) -> None:
        raise subprocess.TimeoutExpired(command, 10)

    monkeypatch.setattr(fonts.subprocess, "run", fails)
    assert REAL() is None
    monkeypatch.setattr(fonts.shutil, "which", lambda name: None)
    assert REAL() is None


def test_fonts_of_the_same_widths_stand_in() -> None:
    there = {"carlito", "caladea", "liberation sans", "liberation serif", "liberation mono"}
    names = ["Calibri", "CAMBRIA", "Arial", "Times New Roman", "Courier New", "Calibri Light"]
    assert fonts.missing(names, (), there) == ["Calibri Light"]
    assert fonts.missing(names, (), ()) == names


NAMES = st.lists(st.sampled_from(["Arial", "Inter", "inter", "Noto Sans", "Grand"]), unique=True)


@given(NAMES, NAMES, NAMES)
def test_what_is_missing_is_in_neither_place(names: list[str], embedded: list[str], there: list[str]) -> None:
    installed = {each.casefold() for each in there}
    found = fonts.missing(names, embedded, installed)
    assert set(found) <= set(names)
    for name in names:
        known = name.casefold() in installed | {each.casefold() for each in embedded}
        assert (name in found) == (not known)


def test_a_file_without_that_part_is_read(tmp_path: Path) -> None:
    path = make(tmp_path / "x.pptx", 1)
    assert reading.read(path).embedded == ()
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        assert SHOW in archive.namelist()
