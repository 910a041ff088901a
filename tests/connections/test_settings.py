"""Settings of plugins: defaults, over them what is stored, over it the environment; secrets encrypted."""

from datetime import time

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from cms_core.connections.models import PluginSettings
from cms_core.connections.settings import (
    environment_name,
    load_settings,
    locked_by,
    save_settings,
    settings_schema,
)
from cms_core.connections.values import InvalidValues
from cms_core.errors import ConfigError, NotFound
from cms_core.workspace import Workspace

SITE = {"site": "https://example.com"}


def load(workspace: Workspace, session: Session, **environ: str) -> dict[str, object]:
    return load_settings(session, workspace.vault, workspace.plugins, environ, "toy-box")


def save(workspace: Workspace, session: Session, values: dict[str, object], **environ: str) -> None:
    save_settings(session, workspace.vault, workspace.plugins, environ, "toy-box", values)


def test_without_anything_the_defaults_of_the_schema_hold(workspace: Workspace, session: Session) -> None:
    assert load(workspace, session) == {"per_hour": 12, "domains": [], "utm": True}


def test_what_is_saved_is_loaded_with_its_types(workspace: Workspace, session: Session) -> None:
    values = {
        **SITE,
        "per_hour": "20",
        "quiet_from": "20:00",
        "domains": "a, b",
        "utm": False,
        "api_secret": "canary-1",
    }
    save(workspace, session, values)

    assert load(workspace, session) == {
        "site": "https://example.com",
        "per_hour": 20,
        "quiet_from": time(20),
        "domains": ["a", "b"],
        "utm": False,
        "api_secret": "canary-1",
    }
    rows = session.execute(text("select * from core_plugin_settings")).mappings().all()
    assert "canary" not in str([dict(row) for row in rows])


def test_the_environment_goes_over_what_is_stored_and_is_not_stored(
    workspace: Workspace, session: Session
) -> None:
    environ = {
        "CMS_TOY_BOX_PER_HOUR": "30",
        "CMS_TOY_BOX_API_SECRET": "canary-env",
        "CMS_TOY_BOX_DOMAINS": "x,y",
    }
    save(workspace, session, {**SITE, "per_hour": "20"})
    loaded = load(workspace, session, **environ)
    assert (loaded["per_hour"], loaded["api_secret"], loaded["domains"]) == (30, "canary-env", ["x", "y"])

    save(workspace, session, {**SITE, "per_hour": "59", "utm": True}, **environ)
    row = session.get_one(PluginSettings, "toy-box")
    assert "per_hour" not in row.data
    assert row.secrets == ""
    assert load(workspace, session)["per_hour"] == 12


def test_the_environment_may_give_what_is_required(workspace: Workspace, session: Session) -> None:
    save(workspace, session, {"per_hour": "20"}, CMS_TOY_BOX_SITE="https://env.example")
    assert load(workspace, session, CMS_TOY_BOX_SITE="https://env.example")["site"] == "https://env.example"


def test_fixed_settings_are_named_with_their_variable(workspace: Workspace) -> None:
    schema = settings_schema(workspace.plugins, "toy-box")
    environ = {"CMS_TOY_BOX_UTM": "no", "CMS_SEO_UTM": "no"}
    assert locked_by(schema, environ, "toy-box") == {"utm": "CMS_TOY_BOX_UTM"}
    assert environment_name("sales_enablement", "max_size") == "CMS_SALES_ENABLEMENT_MAX_SIZE"


def test_a_value_of_the_environment_that_does_not_fit_is_named_by_its_variable(
    workspace: Workspace, session: Session
) -> None:
    with pytest.raises(ConfigError, match="plugin toy-box: CMS_TOY_BOX_PER_HOUR: Must be greater"):
        load(workspace, session, CMS_TOY_BOX_PER_HOUR="0")


def test_a_stored_value_that_no_longer_fits_is_named(workspace: Workspace, session: Session) -> None:
    save(workspace, session, SITE)
    row = session.get_one(PluginSettings, "toy-box")
    row.data = {**row.data, "per_hour": 99, "dropped_by_a_newer_version": 1}
    session.flush()
    with pytest.raises(ConfigError, match="the stored setting per_hour"):
        load(workspace, session)


def test_values_that_do_not_fit_change_nothing(workspace: Workspace, session: Session) -> None:
    save(workspace, session, {**SITE, "per_hour": "20"})
    for values in ({**SITE, "per_hour": "0"}, {**SITE, "nonsense": "1"}, {"per_hour": "1"}):
        with pytest.raises(InvalidValues, match="settings of the plugin toy-box"):
            save(workspace, session, dict(values))
    assert load(workspace, session)["per_hour"] == 20


def test_an_empty_secret_keeps_the_stored_one_and_a_missing_one_is_gone(
    workspace: Workspace, session: Session
) -> None:
    save(workspace, session, {**SITE, "api_secret": "canary-1"})
    save(workspace, session, {**SITE, "api_secret": ""})
    assert load(workspace, session)["api_secret"] == "canary-1"
    save(workspace, session, dict(SITE))
    assert "api_secret" not in load(workspace, session)


def test_a_plugin_without_settings_has_none(workspace: Workspace, session: Session) -> None:
    with pytest.raises(NotFound, match="'email' has no settings"):
        load_settings(session, workspace.vault, workspace.plugins, {}, "email")
