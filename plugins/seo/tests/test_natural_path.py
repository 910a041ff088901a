"""From a Markdown folder and a plan to a public page, by the commands alone; and the plugin's tables by its own migrations."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select

from cms_core import migrations, models
from cms_core.config import Config
from cms_core.events.models import Event
from cms_core.workspace import open_workspace
from cms_seo.plugin import register_channels

ARTICLE = """---
title: The launch
slug: launch
kind: article
summary: What is new in May
tags: [news]
channels:
  site: {meta_title: "The launch of May"}
---
Dear {{ contact.first_name | default("reader") }}, read about [the price](/price).
"""
PLAN = """when,tz,channel,connection,asset,campaign,segment,title,kind,end,budget
2026-05-04 09:00,Europe/Paris,site,www,launch,Launch,,,,,
"""


@pytest.fixture
def play(cms: Callable[..., Any]) -> Callable[..., Any]:
    """Run a command that must succeed; answers its JSON, or its text."""

    def run(*arguments: str) -> Any:
        result = cms(*arguments)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout) if "--json" in arguments else result.stdout

    return run


def test_folder_and_plan_become_a_counted_page(play: Callable[..., Any], tmp_path: Path) -> None:
    from cms_core.app import create_app
    from cms_core.config import load_config

    (tmp_path / "launch.md").write_text(ARTICLE, encoding="utf-8")
    (tmp_path / "plan.csv").write_text(PLAN, encoding="utf-8")
    play(
        "init",
        str(tmp_path / "ws"),
        "--admin-email",
        "a@acme.test",
        "--admin-password",
        "correct horse battery",
    )
    play("connections", "add", "site", "www", "--set", "base_url=https://www.acme.test")
    assert "www.acme.test" in play("connections", "test", "www")
    play(
        "campaigns",
        "create",
        "Launch",
        "--start",
        "2026-05-01",
        "--end",
        "2026-05-31",
        "--tz",
        "Europe/Paris",
    )
    play("content", "import", str(tmp_path / "launch.md"), "--approve-as", "a@acme.test", "--json")
    levels = {
        finding["level"] for finding in play("content", "check", "launch", "--channel", "site", "--json")
    }
    assert levels == {"note"}
    assert play("calendar", "import", str(tmp_path / "plan.csv"), "--arm", "--json")["saved"] == 1
    assert play("worker", "--until-idle", "--now", "2026-05-04T06:59:00+00:00", "--json")["published"] == 0
    assert play("worker", "--until-idle", "--now", "2026-05-04T07:00:30+00:00", "--json")["published"] == 1
    (row,) = play("publications", "list", "--json")
    assert (row["state"], row["url"]) == ("published", "https://www.acme.test/launch")

    app = create_app(load_config(tmp_path / "ws"))
    answer = app.test_client().get("/launch", headers={"User-Agent": "Mozilla/5.0 Firefox/140.0"})
    assert "Dear reader" in answer.text
    assert "<title>The launch of May · www.acme.test</title>" in answer.text
    with app.extensions["cms"].db.session() as session:
        (visit,) = session.scalars(select(Event).where(Event.kind == "visited"))
    assert (visit.campaign, visit.agent_class) == ("launch", "human")


def test_migrations_make_the_tables_of_the_models(config: Config) -> None:
    workspace = open_workspace(config)
    assert list(register_channels())
    migrations.upgrade(workspace.db.engine, workspace.plugins)
    assert migrations.current(workspace.db.engine, workspace.plugins)["seo"] == ("seo0001", "seo0001")
    assert {"seo_page", "seo_moved"} <= set(inspect(workspace.db.engine).get_table_names())
    with workspace.db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or name.startswith("seo_"),
            },
        )
        wanted = [change for change in compare_metadata(context, models.metadata) if "seo_" in str(change)]
    assert wanted == []
    workspace.db.dispose()
