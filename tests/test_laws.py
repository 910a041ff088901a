"""The laws of the house: layers, exports, documentation, sizes."""

import ast
import io
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import cms_core
from cms_core import contract, hookspecs

ROOT = Path(__file__).parent.parent
CORE = ROOT / "cms_core"
ROOMS = (
    "auth",
    "connections",
    "events",
    "audience",
    "content",
    "campaigns",
    "publishing",
    "reports",
    "notices",
)
LEVEL = {
    "auth": 0,
    "connections": 0,
    "events": 0,
    "audience": 0,
    "content": 1,
    "campaigns": 2,
    "publishing": 3,
    "reports": 4,
    "notices": 5,
}
EDGES = ("api", "board", "rules", "schemas", "tracking", "month", "trial")
KERNEL = ("contract.py", "hookspecs.py", "services.py", "plugins.py", "loader.py")
KERNEL_ROOMS = ("events", "content", "campaigns", "publishing")


def python_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "node_modules" not in path.parts)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_contract_imports_the_standard_library_only() -> None:
    assert not [
        name for name in imports(CORE / "contract.py") if name.startswith(("cms_core", "flask", "sqlalchemy"))
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_services_import_leftwards_only(room: str) -> None:
    wrong = []
    for path in python_files(CORE / room):
        if is_edge(path):
            continue
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "cms_core" and len(parts) > 1 and LEVEL.get(parts[1], -1) > LEVEL[room]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


@pytest.mark.parametrize("room", ROOMS)
def test_services_never_see_a_request(room: str) -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in python_files(CORE / room)
        if not is_edge(path) and any(name == "flask" or name.startswith("flask.") for name in imports(path))
    ]
    assert not wrong


@pytest.mark.parametrize("room", ROOMS)
def test_models_import_no_service_of_their_room(room: str) -> None:
    names = list(imports(CORE / room / "models.py"))
    assert not [
        name
        for name in names
        if name.startswith("cms_core.")
        and not name.startswith(("cms_core.db", "cms_core.ids"))
        and ".models" not in name
    ]


def test_core_imports_no_plugin() -> None:
    plugins = {path.name for path in (ROOT / "plugins").glob("*/cms_*")}
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in python_files(CORE)
        for name in imports(path)
        if name.split(".")[0] in plugins
    ]
    assert not wrong


def test_plugins_import_only_what_the_core_offers() -> None:
    wrong = []
    for path in python_files(ROOT / "plugins"):
        own = (
            next(part for part in path.parts if part.startswith("cms_")) if "tests" not in path.parts else ""
        )
        for name in imports(path):
            top = name.split(".")[0]
            if top == "cms_core" and name != "cms_core":
                offered = name.split(".")[1] in cms_core.__all__ and name.count(".") == 1
                testing = "tests" in path.parts or "sandbox" in path.stem
                if (
                    not offered
                    and not (testing and name.startswith("cms_core.testing"))
                    and "tests" not in path.parts
                ):
                    wrong.append(f"{path.relative_to(ROOT)} imports {name}")
            if (
                top.startswith("cms_")
                and top not in ("cms_core", own)
                and "tests" not in path.parts
                and not is_contract_of_required(own, name)
            ):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def is_contract_of_required(own: str, name: str) -> bool:
    """Plugins meet in hooks; of one that it requires, a plugin may import the types of those hooks."""
    plugin, _, rest = name.partition(".")
    return rest.partition(".")[0] == "contract" and plugin.removeprefix("cms_") in requires_of(own)


def requires_of(package: str) -> tuple[str, ...]:
    """What the module of a plugin states in ``requires``."""
    path = ROOT / "plugins" / package.removeprefix("cms_") / package / "plugin.py"
    for node in ast.parse(path.read_text(encoding="utf-8")).body if path.is_file() else ():
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "requires":
            return tuple(ast.literal_eval(node.value))
    return ()


def test_exports_exist_and_cover_the_contract() -> None:
    public = {
        name
        for name, value in vars(contract).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == contract.__name__
    }
    assert public <= set(cms_core.__all__)
    for name in cms_core.__all__:
        assert getattr(cms_core, name) is not None


def test_generated_pages_are_up_to_date(tmp_path: Path) -> None:
    """Written by a fresh process: click keeps the help names of the context in which it first met a command."""
    subprocess.run([sys.executable, "-m", "cms_core.docs", str(tmp_path)], check=True, cwd=ROOT)
    for page in ("hooks.md", "reference/commands.md", "reference/rest.md"):
        written = (ROOT / "docs" / page).read_text(encoding="utf-8")
        assert written == (tmp_path / page).read_text(encoding="utf-8"), "run `make docs`"


def test_every_hook_has_a_docstring_and_a_version() -> None:
    assert len(hookspecs.hooks()) == 18
    for name, function in hookspecs.hooks():
        assert ".. versionadded::" in (function.__doc__ or ""), name


def lines_of_code(path: Path) -> int:
    """Lines that do something: blank lines, comments and docstrings are not counted."""
    source = path.read_text(encoding="utf-8")
    documented: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            documented |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    silent = (
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    )
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    used = {
        line for each in tokens if each.type not in silent for line in range(each.start[0], each.end[0] + 1)
    }
    return len(used - documented)


def is_edge(path: Path) -> bool:
    """Pages, calls, forms and what only they and commands use: they may call any room, and are not the kernel."""
    return path.stem in EDGES or path.stem.endswith(("pages", "_api", "api_schemas"))


def test_kernel_stays_small() -> None:
    rooms = [path for room in KERNEL_ROOMS for path in python_files(CORE / room) if not is_edge(path)]
    kernel = [CORE / name for name in KERNEL] + rooms
    assert sum(map(lines_of_code, kernel)) < 10_200
    apart = {CORE / name for name in ("testing", "demo", "migrations", "cluster")}
    rest = [path for path in python_files(CORE) if not apart & set(path.parents)]
    assert sum(map(lines_of_code, rest)) < 37_000
