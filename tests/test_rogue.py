"""Rogue plugins cost themselves only: every page answers, every fault is shown by the plugin's name."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from cms_core.app import create_app
from cms_core.auth.service import create_user
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.contract import Asset, Contact, Level
from cms_core.migrations import upgrade
from cms_core.testing.client import FormClient
from cms_core.workspace import Workspace, open_workspace
from tests import rogue
from tests.publishing.toys import Toys

PASSWORD = "correct horse battery"


@pytest.fixture
def workspace(config: Config, clock: FrozenClock) -> Iterator[Workspace]:
    opened = open_workspace(
        replace(config, strict_plugins=False), clock=clock, extra_plugins=list(rogue.plugins())
    )
    upgrade(opened.db.engine, opened.plugins)
    with opened.db.transaction() as session:
        create_user(session, "admin@example.com", "Ada", "admin", PASSWORD)
    yield opened
    opened.db.dispose()


@pytest.fixture
def client(workspace: Workspace) -> FormClient:
    app: Flask = create_app(workspace=workspace)
    app.test_client_class = FormClient
    made = app.test_client()
    assert isinstance(made, FormClient)
    made.sign_in("admin@example.com", PASSWORD)
    return made


def pages(app: Flask) -> list[str]:
    """Every address of the app that needs no name of a thing."""
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    return sorted(
        {rule.rule for rule in rules if not rule.arguments and rule.rule.startswith(("/app", "/healthz"))}
    )


def test_every_page_answers_beside_rogue_plugins(client: FormClient) -> None:
    found = pages(client.application)
    assert len(found) >= 15
    answers = {path: client.get(path, follow_redirects=True).status_code for path in found}
    assert {path: code for path, code in answers.items() if code != 200} == {}


def test_faults_are_shown_by_the_plugins_names(client: FormClient) -> None:
    client.get("/app/calendar")
    page = client.get("/app/plugins").text
    for name, _ in rogue.plugins():
        assert name in page
    assert "at the very start" in client.get("/app/plugins/rogue_early").text
    assert "rogue" in client.get("/app/plugins/rogue_raises").text


def test_sound_plugins_still_work(workspace: Workspace) -> None:
    assert {"email", "site"} <= set(workspace.plugins.channels)
    assert "article" in workspace.plugins.asset_kinds


# --- one that does not come back --------------------------------------------------------------------------------------


@pytest.fixture
def hung(config: Config, clock: FrozenClock) -> Iterator[Workspace]:
    opened = open_workspace(
        replace(config, strict_plugins=False),
        clock=clock,
        plugins=[],
        extra_plugins=[rogue.hanging(), ("toys", Toys())],
    )
    upgrade(opened.db.engine, opened.plugins)
    with opened.db.transaction() as session:
        create_user(session, "admin@example.com", "Ada", "admin", PASSWORD)
    rogue.released.clear()
    yield opened
    rogue.released.set()
    opened.db.dispose()


def signed_in(workspace: Workspace) -> FormClient:
    app: Flask = create_app(workspace=workspace)
    app.test_client_class = FormClient
    made = app.test_client()
    assert isinstance(made, FormClient)
    made.sign_in("admin@example.com", PASSWORD)
    return made


@pytest.mark.sqlite
def test_a_plugin_that_hangs_costs_its_answers_and_is_set_aside(hung: Workspace) -> None:
    admin = signed_in(hung)
    began = time.monotonic()
    page = admin.get("/app/calendar")
    assert page.status_code == 200
    assert "rogue_hangs did not answer within 2 s" in page.text
    assert time.monotonic() - began < 8
    admin.get("/app/calendar")
    began = time.monotonic()
    page = admin.get("/app/calendar")
    assert "rogue_hangs" in page.text
    assert time.monotonic() - began < 1.5, "nobody waits for one that is set aside"
    assert hung.plugins.deadlines.aside_for("rogue_hangs") > 60
    assert "Set aside: it did not answer in time" in admin.get("/app/plugins/rogue_hangs").text


@pytest.mark.sqlite
def test_what_it_would_have_to_check_is_held_with_its_name(hung: Workspace) -> None:
    """An answer that does not come might have been no."""
    asset = Asset("a", "a", "article", "A", "", {}, 1, "h", "approved")
    findings = hung.plugins.review_content(asset, [], seconds=0.1)
    assert [(each.level, each.message) for each in findings] == [
        (Level.HOLD, "rogue_hangs did not answer within 0.1 s")
    ]
    rogue.released.set()


def test_a_personal_record_that_fails_is_named(workspace: Workspace) -> None:
    found = {
        name: error for name, _, error in workspace.plugins.personal_data([Contact("c", None)], erase=True)
    }
    failed = {name for name, error in found.items() if error is not None}
    assert failed == {name for name in found if name.startswith("rogue_")}
    assert {"rogue_raises", "rogue_exits", "rogue_nonsense", "rogue_breaks", "rogue_waits"} <= set(found)
