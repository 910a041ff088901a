"""``cms plugins``: every way in which a plugin can fail to load is one line, and the command itself does not fail."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from cms_core.config import write_config

Cms = Callable[..., Result]
HOOK = "from cms_core import hookimpl\n@hookimpl\n"

FAULTS = {
    "importing": ("import no_such_module", "could not be imported: ModuleNotFoundError"),
    "leaving": ("import sys; sys.exit('bye')", "could not be imported: SystemExit"),
    "broken_syntax": ("def f(:", "could not be imported: SyntaxError"),
    "unknown_hook": (f"{HOOK}def reveiw_content(asset): ...", "unknown hook 'reveiw_content'"),
    "bad_argument": (f"{HOOK}def review_content(asset, nonsense): ...", "nonsense"),
    "star_arguments": (f"{HOOK}def review_content(**kwargs): ...", "takes *args or **kwargs"),
    "wrong_api": ("api = '99'", "asks for plugin API 99, this is 1"),
    "missing_requirement": ("requires = ('nothing_here',)", "needs the plugin nothing_here"),
    "raising_channels": (
        f"{HOOK}def register_channels(): raise RuntimeError('boom')",
        "register_channels failed: RuntimeError",
    ),
    "raising_settings": (
        f"{HOOK}def register_settings(): raise RuntimeError('boom')",
        "register_settings failed: RuntimeError",
    ),
    "odd_channels": (
        f"{HOOK}def register_channels(): return ['mail']",
        "register_channels failed: TypeError",
    ),
    "odd_settings": (f"{HOOK}def register_settings(): return 7", "register_settings failed: TypeError"),
    "raising_jobs": (f"{HOOK}def register_jobs(): yield 1 / 0", "register_jobs failed: ZeroDivisionError"),
    "raising_specs": (
        f"{HOOK}def register_hookspecs(): raise RuntimeError('boom')",
        "register_hookspecs failed",
    ),
    "taken_name": (
        "from cms_core import AssetKind, hookimpl\n@hookimpl\ndef register_asset_kinds(): return [AssetKind('article', 'Mine')]",
        "'article' is taken by the plugin core",
    ),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_config(tmp_path / "ws", None, None)
    return tmp_path / "ws"


def listing(cms: Cms) -> dict[str, dict[str, Any]]:
    result = cms("plugins", "list", "--json")
    assert result.exit_code == 0
    return {row["name"]: row for row in json.loads(result.stdout)}


def test_every_fault_is_listed_by_plugin_and_the_others_run(cms: Cms, home: Path) -> None:
    for name, (source, _) in FAULTS.items():
        (home / "plugins" / f"{name}.py").write_text(source)
    (home / "plugins" / "good.py").write_text(
        "def helper(): ...\n" + f"{HOOK}def calendar_marks(start, end): return []"
    )
    rows = listing(cms)

    for name, (_, words) in FAULTS.items():
        assert rows[name]["state"] == "error", name
        assert words in rows[name]["error"], name
        assert "\n" not in rows[name]["error"]
    assert (rows["good"]["state"], rows["good"]["error"], rows["good"]["hooks"]) == (
        "on",
        "",
        ["calendar_marks"],
    )
    assert not (home / "cms.db").exists()


def test_a_second_plugin_of_a_name_is_left_out_and_named(cms: Cms, home: Path) -> None:
    (home / "plugins" / "email.py").write_text("raise RuntimeError('must not be imported')")
    assert "a second plugin called 'email' was left out" in listing(cms)["email"]["error"]


def test_the_core_itself_is_not_listed(cms: Cms, home: Path) -> None:
    assert "core" not in listing(cms)
    assert cms("plugins", "check", "core").exit_code == 1


def test_a_disabled_plugin_is_not_imported(cms: Cms, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = home / "imported"
    (home / "plugins" / "quiet.py").write_text(f"open({str(marker)!r}, 'w').close()")
    monkeypatch.setenv("CMS_DISABLE_PLUGINS", "quiet")

    assert listing(cms)["quiet"]["state"] == "disabled"
    assert not marker.exists()


def test_what_a_plugin_prints_does_not_spoil_the_document(cms: Cms, home: Path) -> None:
    (home / "plugins" / "chatty.py").write_text("print('hello from the plugin')")
    assert listing(cms)["chatty"]["state"] == "on"


def test_the_table_needs_neither_workspace_nor_database(cms: Cms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CMS_HOME")
    result = cms("plugins", "list")
    assert result.exit_code == 0
    assert result.stdout.startswith("NAME")
    assert cms("--home", "/no/such/folder", "plugins", "list").exit_code == 3


def test_check_says_what_is_wrong_and_ends_with_1(cms: Cms, home: Path) -> None:
    (home / "plugins" / "broken.py").write_text("raise RuntimeError('line one')")
    (home / "plugins" / "nested.py").write_text(
        "from cms_core import hookimpl\nfrom marshmallow import Schema, fields\n"
        "class S(Schema):\n    inner = fields.Dict()\n@hookimpl\ndef register_settings(): return S"
    )
    (home / "plugins" / "good.py").write_text(f"{HOOK}def calendar_marks(start, end): return []")
    broken = cms("plugins", "check", "broken")
    assert broken.exit_code == 1
    assert "could not be imported: RuntimeError: line one" in broken.stderr
    assert "Traceback" in broken.stderr
    nested = json.loads(cms("plugins", "check", "nested", "--json").stdout)
    assert not nested["ok"]
    assert "settings: TypeError: field 'inner': a form cannot show Dict" in nested["problems"]
    good = cms("plugins", "check", "good")
    assert good.exit_code == 0
    assert "good is on" in good.stdout
    assert "plugins: " in cms("plugins", "check", "nothing").stderr


def test_hooks_are_listed_in_their_order_with_who_uses_them(cms: Cms, home: Path) -> None:
    (home / "plugins" / "good.py").write_text(f"{HOOK}def calendar_marks(start, end): return []")
    rows = json.loads(cms("plugins", "hooks", "--json").stdout)
    names = [row["name"] for row in rows]

    assert names.index("register_hookspecs") < names.index("review_content") < names.index("published")
    assert len(names) == 18
    [marks] = json.loads(cms("plugins", "hooks", "calendar_marks", "--json").stdout)
    assert marks["arguments"] == ["start", "end"]
    assert marks["plugins"] == ["good"]
    assert "calendar_marks(start, end)" in cms("plugins", "hooks", "good").stdout
    assert cms("plugins", "hooks", "nothing").exit_code == 1


def test_check_rates_a_plugin(cms: Cms, home: Path) -> None:
    rated = json.loads(cms("plugins", "check", "seo", "--json").stdout)
    assert rated["quality"] == "gold", rated["rules"]
    assert {rule["level"] for rule in rated["rules"]} == {"bronze", "silver", "gold"}
    (home / "plugins" / "bare.py").write_text("")
    bare = json.loads(cms("plugins", "check", "bare", "--json").stdout)
    assert bare["ok"]
    assert bare["quality"] == "", "it does not say for which plugin API it is made"
    assert "quality gold" in cms("plugins", "check", "email").stdout


def test_purge_takes_away_what_a_removed_plugin_left(
    cms: Cms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tables, not those of a plugin whose longer name begins alike, and not while it runs."""
    from sqlalchemy import inspect, text

    from cms_core.config import load_config
    from cms_core.workspace import open_workspace

    assert (
        cms(
            "init",
            str(tmp_path / "ws"),
            "--admin-email",
            "a@example.com",
            "--admin-password",
            "correct horse",
        ).exit_code
        == 0
    )
    running = cms("plugins", "purge", "seo", "--yes", "--json")
    assert running.exit_code == 1
    assert "is running" in json.loads(running.stdout)["error"]["message"]
    monkeypatch.setenv("CMS_DISABLE_PLUGINS", "seo")
    opened = open_workspace(load_config(str(tmp_path / "ws")))
    with opened.db.engine.begin() as connection:
        connection.execute(text("CREATE TABLE seo_more_kept (id INTEGER)"))
        connection.execute(text("CREATE TABLE alembic_version_seo_more (version_num TEXT)"))
    would = json.loads(cms("plugins", "purge", "seo", "--json").stdout)
    assert not would["purged"]
    assert "alembic_version_seo" in would["tables"]
    assert "seo_more_kept" not in would["tables"]
    done = json.loads(cms("plugins", "purge", "seo", "--yes", "--json").stdout)
    assert done["tables"] == would["tables"]
    left = inspect(opened.db.engine).get_table_names()
    opened.db.dispose()
    assert not set(done["tables"]) & set(left)
    assert {"seo_more_kept", "alembic_version_seo_more", "core_contact"} <= set(left)
    assert cms("plugins", "purge", "seo", "--yes").exit_code == 1
    assert cms("plugins", "purge", "core", "--yes").exit_code == 1
    monkeypatch.delenv("CMS_DISABLE_PLUGINS")
    assert cms("db", "upgrade").exit_code == 0
