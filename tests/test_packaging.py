"""The house: what pyproject says is true of the folders, what is locked is all there is, and the wheel holds it."""

import email
import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = sorted(path for path in ROOT.glob("plugins/*/cms_*") if path.is_dir())
LOCKS = ("constraints.txt", "constraints-node.txt")


def tracked(*folders: str) -> list[str]:
    """The files that git knows and that are there, as POSIX paths."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def unpacked_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, unpacked: what an installation looks like."""
    made = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(made)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = made.glob("cms_core-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(made / "site")
    return made / "site"


def test_there_are_plugins_to_check() -> None:
    assert {path.name for path in PLUGINS} >= {"cms_email", "cms_seo"}


@pytest.mark.parametrize("package", PLUGINS, ids=lambda path: path.name)
def test_each_plugin_folder_is_packed_and_found(package: Path, pyproject: dict[str, Any]) -> None:
    name = package.name.removeprefix("cms_")
    assert package.parent.name == name
    assert f"plugins/{name}/cms_{name}" in pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert pyproject["project"]["entry-points"]["cms_core"].get(name) == f"cms_{name}.plugin"


@pytest.mark.parametrize("package", [ROOT / "cms_core", *PLUGINS], ids=lambda path: path.name)
def test_each_package_is_typed_and_checked(package: Path, pyproject: dict[str, Any]) -> None:
    assert (package / "py.typed").is_file()
    assert package.name in pyproject["tool"]["mypy"]["packages"]
    assert package.name in pyproject["tool"]["coverage"]["run"]["source_pkgs"]


def test_nothing_is_packed_that_is_not_there(pyproject: dict[str, Any]) -> None:
    packages = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {str(path.relative_to(ROOT)) for path in PLUGINS} | {"cms_core"} == set(packages)
    assert set(pyproject["project"]["entry-points"]["cms_core"]) == {path.parent.name for path in PLUGINS}


def test_the_email_of_the_standard_library_is_not_shadowed() -> None:
    assert email.__file__
    assert Path(email.__file__).is_relative_to(sysconfig.get_path("stdlib"))
    assert not (ROOT / "plugins" / "__init__.py").exists()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_one_version_and_hashes_and_nothing_else_is_said(lock: str) -> None:
    text = re.sub(r"^\s*#.*\n", "", (ROOT / lock).read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line.strip()]
    assert entries
    wrong = [
        line
        for line in entries
        if not re.fullmatch(r"[a-z0-9._-]+==\S+(\s+--hash=sha256:[0-9a-f]{64})+", line)
    ]
    assert wrong == []


def test_the_lock_serves_every_dependency_that_the_project_names(pyproject: dict[str, Any]) -> None:
    project = pyproject["project"]
    named = [*pyproject["build-system"]["requires"], *project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        named += extra
    pins = re.findall(
        r"^([a-z0-9._-]+)==(\S+)", (ROOT / "constraints.txt").read_text("utf-8"), flags=re.MULTILINE
    )
    locked = {canonicalize_name(name): version for name, version in pins}
    for requirement in map(Requirement, named):
        if requirement.name != project["name"]:
            version = locked.get(canonicalize_name(requirement.name), "")
            assert version in requirement.specifier, (
                f"{requirement}: locked is {version!r}; run `make constraints`"
            )


def test_every_front_end_package_is_locked_by_hash_and_names_no_address() -> None:
    declared = json.loads((ROOT / "package.json").read_text("utf-8"))
    locked = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    wanted = declared["dependencies"] | declared["devDependencies"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    for name, entry in locked.items():
        assert "resolved" not in entry, name
        assert name == "" or entry["integrity"].startswith("sha512-"), name


def test_no_file_names_the_host_of_a_package_registry() -> None:
    hosts = [
        ".".join(parts)
        for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
    ]
    found = [name for name in tracked() if any(host.encode() in (ROOT / name).read_bytes() for host in hosts)]
    assert found == []


def test_the_icons_are_listed_once_in_order_and_those_that_are_used_are_listed() -> None:
    listed = (ROOT / "cms_core/web/icons.txt").read_text("utf-8").split()
    assert listed == sorted(set(listed))
    sources = [ROOT / name for name in tracked("cms_core", "plugins") if name.endswith((".html", ".py"))]
    used = {
        name
        for path in sources
        for name in re.findall(r"""\bicon(?:\(|=)["']([a-z0-9-]+)["']""", path.read_text("utf-8"))
    }
    assert used
    assert used - set(listed) == set()


def test_the_wheel_holds_every_file_of_the_packages_and_no_test(unpacked_wheel: Path) -> None:
    wanted = {
        re.sub(r"^plugins/[^/]+/", "", name) for name in tracked("cms_core", *(str(path) for path in PLUGINS))
    }
    packed = {
        path.relative_to(unpacked_wheel).as_posix() for path in unpacked_wheel.rglob("*") if path.is_file()
    }
    assert wanted - packed == set()
    assert {path.name for path in PLUGINS} | {"cms_core", "cms_core-0.1.0.dist-info"} == {
        name.split("/")[0] for name in packed
    }
    assert [name for name in packed if "/tests/" in name or "node_modules" in name] == []


def test_the_wheel_brings_the_front_end_with_its_licences(unpacked_wheel: Path) -> None:
    vendor = unpacked_wheel / "cms_core/web/static/vendor"
    if not vendor.is_dir() and not os.environ.get("CMS_REQUIRE_FRONT_END"):
        pytest.skip("the front-end build was left out here (no npm)")
    for record in json.loads((vendor / "manifest.json").read_text("utf-8"))["files"]:
        assert (vendor / record["file"]).stat().st_size > 0
        assert (vendor / record["licence_file"]).stat().st_size > 0


def test_the_wheel_declares_the_command_the_plugins_and_the_licence(unpacked_wheel: Path) -> None:
    info = unpacked_wheel / "cms_core-0.1.0.dist-info"
    points = ConfigParser()
    points.read(info / "entry_points.txt", "utf-8")
    assert points["console_scripts"]["cms"] == "cms_core.cli:main"
    assert dict(points["cms_core"]) == {path.parent.name: f"{path.name}.plugin" for path in PLUGINS}
    assert (info / "licenses/LICENSE").read_text("utf-8") == (ROOT / "LICENSE").read_text("utf-8")


def test_the_wheel_runs_without_the_checkout(unpacked_wheel: Path, tmp_path: Path) -> None:
    program = "import cms_core, cms_email, cms_seo; print(cms_core.__file__); from cms_core.cli import main; main(['--help'])"
    run = [sys.executable, "-c", program]
    env = {**os.environ, "PYTHONPATH": str(unpacked_wheel)}
    done = subprocess.run(run, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    where, _, said = done.stdout.partition("\n")
    assert Path(where).is_relative_to(unpacked_wheel)
    assert "Usage: " in said
