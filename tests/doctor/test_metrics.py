"""``/metrics``: figures in Prometheus' format, for this machine, for networks that were named, and for tokens."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text, update

from cms_core.app import create_app
from cms_core.connections.models import Connection
from cms_core.errors import ConfigError
from cms_core.publishing.models import Worker
from cms_core.workspace import Workspace
from tests.doctor.conftest import Cms, arm_one

COMMENT = re.compile(r"# (HELP|TYPE) (cms_[a-z_]+) (.+)")
SAMPLE = re.compile(r'(cms_[a-z_]+)(?:\{([a-z_]+)="([^"\\\n]*)"\})? (-?[0-9.e+]+)')


def figures(body: str) -> dict[str, float]:
    """The samples by name and label; every line must be of the format."""
    found: dict[str, float] = {}
    kinds: set[str] = set()
    assert body.endswith("\n")
    for line in body.splitlines():
        if comment := COMMENT.fullmatch(line):
            kinds.add(f"{comment[1]} {comment[2]}")
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, line
        assert {f"HELP {sample[1]}", f"TYPE {sample[1]}"} <= kinds, line
        name = sample[1] if sample[3] is None else f"{sample[1]}:{sample[3]}"
        assert name not in found, line
        found[name] = float(sample[4])
    return found


def client_of(workspace: Workspace, **changes: str) -> FlaskClient:
    return create_app(workspace=replace(workspace, config=replace(workspace.config, **changes))).test_client()  # type: ignore[arg-type]


def test_the_figures_tell_what_is_going_on(ready: Cms, opened: Workspace, tmp_path: Path) -> None:
    arm_one(ready, tmp_path, datetime.now(UTC) - timedelta(minutes=10))
    at = datetime.now(UTC) - timedelta(seconds=30)
    with opened.db.transaction() as session:
        session.add(Worker(name="w1", version="1", started_at=at, seen_at=at))
        session.execute(update(Connection).values(probe_at=at, failures=5))
    answer = client_of(opened).get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    found = figures(answer.text)
    assert 590 <= found["cms_oldest_due_seconds"] <= 700
    assert 29 <= found["cms_worker_heartbeat_age_seconds"] <= 90
    expected = {
        "cms_due": 1,
        "cms_publications:scheduled": 1,
        "cms_publications:unknown": 0,
        "cms_deliveries:accepted": 0,
        "cms_sent_today": 0,
        "cms_worker_alive": 1,
        "cms_fence_closed": 0,
        "cms_connections_resting": 1,
        "cms_connections_broken": 0,
        "cms_webhook_messages_pending": 0,
        "cms_mails_pending": 0,
        "cms_plugins_in_error": 0,
    }
    assert expected.items() <= found.items()


def test_without_a_worker_there_is_no_age_of_its_heart(opened: Workspace) -> None:
    found = figures(client_of(opened).get("/metrics").text)
    assert "cms_worker_heartbeat_age_seconds" not in found
    assert found["cms_worker_alive"] == 0


def test_a_closed_fence_is_a_figure(opened: Workspace) -> None:
    opened.fence.close("copied")
    assert figures(client_of(opened).get("/metrics").text)["cms_fence_closed"] == 1


# --- who may read them ------------------------------------------------------------------------------------------------


def status(client: FlaskClient, address: str, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get("/metrics", environ_base={"REMOTE_ADDR": address}, headers=named).status_code


def test_this_machine_and_named_networks_may_read_them_and_nobody_else(opened: Workspace) -> None:
    here = client_of(opened)
    assert status(here, "127.0.0.1") == status(here, "::1") == 200
    assert status(here, "10.1.2.3") == status(here, "") == 401
    assert status(here, "10.1.2.3", X_Forwarded_For="127.0.0.1") == 401
    named = client_of(opened, metrics_allow="10.0.0.0/8")
    assert status(named, "10.1.2.3") == 200
    assert status(named, "127.0.0.1") == 401
    assert status(client_of(opened, metrics_allow=""), "127.0.0.1") == 401


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_who_comes_through_a_proxy_that_nobody_trusts_is_not_taken_for_this_machine(
    opened: Workspace, header: str
) -> None:
    here = client_of(opened)
    answer = here.get("/metrics", headers={header: "198.51.100.7"})
    assert answer.status_code == 401
    assert "Bearer" in answer.headers["WWW-Authenticate"]


def test_behind_a_trusted_proxy_the_client_counts(opened: Workspace) -> None:
    behind = client_of(opened, trusted_proxies="127.0.0.1", metrics_allow="10.0.0.0/8")
    assert status(behind, "127.0.0.1", X_Forwarded_For="10.1.2.3") == 200
    assert status(behind, "127.0.0.1", X_Forwarded_For="198.51.100.7") == 401


def test_a_token_that_may_read_reports_is_enough_and_no_other(ready: Cms, opened: Workspace) -> None:
    def token(*scopes: str) -> str:
        words = [word for scope in scopes for word in ("--scope", scope)]
        result = ready("tokens", "add", "--user", "a@example.com", *words, "--json")
        return str(json.loads(result.stdout)["token"])

    far, client = "198.51.100.7", client_of(opened)
    assert status(client, far, Authorization=f"Bearer {token('reports:read')}") == 200
    assert status(client, far, Authorization=f"Bearer {token('content:read')}") == 403
    assert status(client, far, Authorization="Bearer cms_00000000_" + "a" * 43) == 401
    of_rep = token("reports:read")
    with opened.db.transaction() as session:
        session.execute(text("UPDATE core_user SET role = 'rep'"))
    assert status(client, far, Authorization=f"Bearer {of_rep}") == 403


def test_a_network_that_is_none_is_said_at_the_start(opened: Workspace) -> None:
    with pytest.raises(ConfigError, match="CMS_METRICS_ALLOW"):
        client_of(opened, metrics_allow="everybody")
