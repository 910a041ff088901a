"""The quality scale of bundled plugins: each rule for each plugin."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest
from marshmallow import Schema

from cms_core.plugins import Plugins

ROOT = Path(__file__).parent.parent / "plugins"
APP_STYLES = ROOT.parent / "cms_core" / "web" / "static"
_CLASS = re.compile(r"\.([a-zA-Z][\w-]*)")
_SELECTORS = re.compile(r"([^{}@;]+)\{(?![^{}]*\{)")
NAMES = sorted(path.name for path in ROOT.iterdir() if path.is_dir() and list(path.glob("cms_*")))


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def package(name: str) -> Path:
    return ROOT / name / f"cms_{name}"


def test_readme_says_what_it_adds_how_it_is_set_and_how_to_remove_it(name: str) -> None:
    text = (ROOT / name / "README.md").read_text(encoding="utf-8").lower()
    for part in ("add|publish|send", "setting", "remov"):
        assert re.search(part, text), part


def test_hooks_are_one_to_five_lines(name: str) -> None:
    tree = ast.parse((package(name) / "plugin.py").read_text(encoding="utf-8"))
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        body = [
            node
            for node in function.body
            if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        ]
        assert len(body) <= 5, function.name


def test_it_states_the_api_it_was_made_for(name: str) -> None:
    assert import_module(f"cms_{name}.plugin").api == "1"


def test_templates_stand_in_a_folder_of_its_name(name: str) -> None:
    folder = package(name) / "templates"
    assert not [path for path in folder.rglob("*.html") if path.relative_to(folder).parts[0] != name]


def test_its_styles_in_the_app_have_names_of_their_own(name: str) -> None:
    """Each selector has a class that the app does not know, or what the app says of its own class would come on top."""
    app = {each for path in APP_STYLES.glob("*.css") for each in _CLASS.findall(path.read_text("utf-8"))}
    sheets = [path.read_text("utf-8") for path in package(name).glob("static/*.css")]
    selectors = [
        each.strip()
        for sheet in sheets
        if "@layer plugin" in sheet  # others are for pages that stand alone
        for block in _SELECTORS.findall(sheet)
        for each in block.split(",")
    ]
    assert [each for each in selectors if not set(_CLASS.findall(each)) - app] == []


def test_tables_have_its_prefix(name: str) -> None:
    models = package(name) / "models.py"
    tables = (
        re.findall(r'__tablename__ = "(\w+)"', models.read_text(encoding="utf-8")) if models.exists() else []
    )
    assert not [table for table in tables if not table.startswith(f"{name}_")]
    assert not tables or list((package(name) / "migrations" / "versions").glob("*.py"))


def test_its_channels_are_held_to_the_contract(name: str) -> None:
    if "register_channels" not in (package(name) / "plugin.py").read_text(encoding="utf-8"):
        return
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / name / "tests").glob("test_*.py"))
    assert "ChannelContract)" in tests


def test_every_setting_has_a_label(name: str) -> None:
    plugins = Plugins(only=[name])
    schemas = [channel.connection_schema for channel in plugins.channels.values()] + [
        *plugins.settings_schemas.values()
    ]
    for schema in schemas:
        made: Schema = schema()
        assert not [key for key, spec in made.fields.items() if not spec.metadata.get("label")]
