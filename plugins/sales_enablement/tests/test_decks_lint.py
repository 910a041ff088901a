"""Whether a presentation is whole: each fault that is planted is found, and sound files have none."""

import json
import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from cms_sales_enablement.pptx.lint import check_file
from cms_sales_enablement.pptx.package import LIMITS, Package, PackageRefused

from .decks import changed, make, swap

SLIDE, PRESENTATION, TYPES = "ppt/slides/slide1.xml", "ppt/presentation.xml", "[Content_Types].xml"
RELS = "ppt/slides/_rels/slide1.xml.rels"
VBA = "http://schemas.microsoft.com/office/2006/relationships/vbaProject"
HYPERLINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"
IMAGE = HYPERLINK.replace("hyperlink", "image")


def codes(path: Path) -> set[str]:
    return {each.code for each in check_file(path)}


@pytest.fixture(scope="module")
def deck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("decks") / "deck.pptx", 3, {0: 2})


def relation(type_: str, target: str, *, external: bool = True) -> Callable[[bytes], bytes]:
    mode = ' TargetMode="External"' if external else ""
    return swap(
        b"</Relationships>",
        f'<Relationship Id="rId99" Type="{type_}" Target="{target}"{mode}/></Relationships>'.encode(),
    )


SECTION = (
    b'<p:extLst><p:ext uri="{521415D9-36F7-43E2-AB2F-B90AF26B5E84}"><p14:sectionLst xmlns:p14='
    b'"http://schemas.microsoft.com/office/powerpoint/2010/main"><p14:section name="One" id="{0}"><p14:sldIdLst>'
    b'<p14:sldId id="4711"/></p14:sldIdLst></p14:section></p14:sectionLst></p:ext></p:extLst></p:presentation>'
)
FAULTS: dict[str, tuple[dict[str, Callable[[bytes], bytes] | None], dict[str, bytes]]] = {
    "dangling_relationship": ({RELS: relation(IMAGE, "../media/gone.png", external=False)}, {}),
    "duplicate_relationship": ({RELS: swap(b'Id="rId2"', b'Id="rId1"')}, {}),
    "unknown_relationship": ({SLIDE: swap(b'r:embed="rId', b'r:embed="rId777')}, {}),
    "type_without_part": ({"docProps/app.xml": None}, {}),
    "part_without_type": ({}, {"ppt/strange.thing": b"?"}),
    "orphan_part": ({}, {"ppt/media/nobody.jpg": b"?"}),
    "duplicate_shape_id": ({SLIDE: swap(b'<p:cNvPr id="3"', b'<p:cNvPr id="2"')}, {}),
    "duplicate_slide_id": ({PRESENTATION: swap(b'<p:sldId id="257"', b'<p:sldId id="256"')}, {}),
    "stale_section": ({PRESENTATION: swap(b"</p:presentation>", SECTION)}, {}),
    "macro": ({RELS: relation(VBA, "v.bin", external=False)}, {"ppt/slides/v.bin": b"?"}),
    "ole": (
        {RELS: relation(IMAGE.replace("image", "package"), "o.xlsx", external=False)},
        {"ppt/slides/o.xlsx": b"?"},
    ),
    "active_x": ({RELS: relation(IMAGE.replace("image", "control"), "c.xml", external=False)}, {"ppt/slides/c.xml": b"<x/>"}),
    "external": ({RELS: relation(IMAGE, "https://track.example/pixel.png")}, {}),
    "bad_link": ({RELS: relation(HYPERLINK, "javascript:alert(1)")}, {}),
    "no_presentation": ({PRESENTATION: swap(b"<p:presentation ", b"<p:presentation2 ")}, {}),
    "bad_xml": ({SLIDE: lambda data: data[:-9]}, {}),
    "doctype": ({SLIDE: swap(b"<p:sld ", b'<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><p:sld ')}, {}),
    "bad_name": ({}, {"../../etc/cron.d/deck": b"?"}),
    "duplicate_part": ({}, {"ppt/Slides/Slide1.xml": b"<x/>"}),
    "bomb": ({}, {"ppt/media/bomb.jpg": bytes(20 << 20)}),
}  # fmt: skip


def test_a_sound_deck_has_no_findings(deck: Path) -> None:
    assert check_file(deck) == []


@pytest.mark.parametrize("code", FAULTS)
def test_a_planted_fault_is_found(deck: Path, tmp_path: Path, code: str) -> None:
    changes, added = FAULTS[code]
    if code == "no_presentation":  # the element ends as it begins
        changes = {PRESENTATION: lambda data: data.replace(b"p:presentation", b"p:presentation2")}
    assert code in codes(changed(deck, tmp_path / "faulty.pptx", changes, added))


@pytest.mark.parametrize(
    "content", [b"", b"PK\5\6" + bytes(18), b"\xd0\xcf\x11\xe0" * 200, b"PK\3\4" + b"\xff" * 4000]
)
def test_what_is_no_package_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no.pptx"
    path.write_bytes(content)
    (found,) = check_file(path)
    assert found.code == "not_a_package"
    assert found.message


def test_a_part_that_is_larger_than_it_says_is_not_read_beyond(deck: Path, tmp_path: Path) -> None:
    """The directory is made to lie: the bytes that follow are never inflated."""
    path = changed(deck, tmp_path / "liar.pptx", {SLIDE: lambda data: data + b" " * 5_000_000})
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo(SLIDE).file_size
    path.write_bytes(data.replace(struct.pack("<I", size), struct.pack("<I", 5_000)))
    assert codes(path) & {"damaged", "bad_xml"}


def test_parts_that_share_bytes_are_refused(deck: Path, tmp_path: Path) -> None:
    path = changed(deck, tmp_path / "shared.pptx", {})
    with zipfile.ZipFile(path) as archive:
        first, second = archive.infolist()[:2]
    data = path.read_bytes()
    entry = data.index(b"PK\1\2", data.index(b"PK\1\2") + 4)  # the second of the directory
    assert struct.unpack_from("<I", data, entry + 42)[0] == second.header_offset
    path.write_bytes(data[: entry + 42] + struct.pack("<I", first.header_offset) + data[entry + 46 :])
    assert codes(path) & {"bomb", "damaged"}


@pytest.mark.parametrize(
    "limits",
    [{"parts": 5}, {"part_bytes": 100}, {"all_bytes": 1000}, {"file_bytes": 1000}, {"xml_bytes": 100}],
)
def test_limits_hold(deck: Path, limits: dict[str, int]) -> None:

    with pytest.raises(PackageRefused) as refused, Package(deck, replace(LIMITS, **limits)) as package:
        package.xml(PRESENTATION)
    assert refused.value.code == "too_large"
    assert refused.value.remedy


def conformance() -> Iterator[Path]:
    folder = Path(os.environ.get("CMS_CONFORMANCE_DATA", "missing")) / "pptx"
    return folder.glob("*.pptx")


@pytest.mark.parametrize("path", sorted(conformance()), ids=lambda path: path.name)
def test_decks_of_other_programs_are_sound(path: Path) -> None:
    assert [each for each in check_file(path) if each.level == "error"] == []


def test_the_command_tells_what_it_finds(cms: Callable[..., Result], deck: Path, tmp_path: Path) -> None:
    assert (
        cms(
            "init", str(tmp_path / "ws"), "--admin-email", "a@example.com", "--admin-password", "canary-pass"
        ).exit_code
        == 0
    )
    sound = cms("sales", "decks", "check", str(deck), "--json")
    assert (sound.exit_code, json.loads(sound.stdout)) == (0, {"ok": True, "findings": []})
    changes, added = FAULTS["external"]
    faulty = changed(deck, tmp_path / "faulty.pptx", changes, added)
    told = cms("sales", "decks", "check", str(faulty), "--json")
    assert told.exit_code == 0
    document = json.loads(told.stdout)
    assert document["ok"] is False
    (found,) = document["findings"]
    assert (found["level"], found["code"], found["where"]) == ("error", "external", SLIDE)
    assert "track.example" in cms("sales", "decks", "check", str(faulty)).stdout


def test_an_address_that_no_parser_takes_is_a_finding(deck: Path, tmp_path: Path) -> None:
    for kind, code in ((IMAGE, "external"), (HYPERLINK, "bad_link")):
        target = "https://[half/1" if kind == IMAGE else "x[://half"
        assert codes(changed(deck, tmp_path / f"{code}.pptx", {RELS: relation(kind, target)})) == {code}
