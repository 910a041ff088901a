"""``cms dev sandbox`` serves a plugin's network in a process of its own, with the faults of a file."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., tuple[str, str]]]:
    """Starts a sandbox on a free port; gives its address and the line that tells how to connect."""
    running: list[subprocess.Popen[str]] = []

    def start(name: str, *faults: dict[str, Any]) -> tuple[str, str]:
        file = tmp_path / "faults.json"
        file.write_text(json.dumps(faults), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "cms_core.cli",
            "dev",
            "sandbox",
            name,
            "--port",
            "0",
            "--faults",
            str(file),
        ]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        running.append(process)
        assert process.stdout is not None
        address, hint = process.stdout.readline().split()[-1], process.stdout.readline()
        return address, hint

    yield start
    for process in running:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stdout is not None
        process.stdout.close()


def post(address: str, **headers: str) -> requests.Response:
    sent = {"Authorization": "Bearer any", "Connection": "close", **headers}
    return requests.post(f"{address}/api/v1/statuses", json={"status": "Hello"}, headers=sent, timeout=10)


def test_sandbox_accepts_then_drops_and_tells_how_to_connect(served: Callable[..., tuple[str, str]]) -> None:
    address, hint = served("mastodon", {"on": "publish", "nth": 1, "do": "accept-then-drop"})
    assert (
        hint.strip() == f"cms connections add mastodon NAME --set base_url={address} --set access_token=any"
    )
    with pytest.raises(requests.ConnectionError):
        post(address, **{"Idempotency-Key": "k"})
    assert post(address, **{"Idempotency-Key": "k"}).status_code == 200
    listed = requests.get(f"{address}/api/v1/timelines/public", headers={"Connection": "close"}, timeout=10)
    assert [each["content"] for each in listed.json()] == ["<p>Hello</p>"]
    assert "Hello" in requests.get(address, headers={"Connection": "close"}, timeout=10).text


def test_sandbox_of_the_plugin_serves_both_networks(served: Callable[..., tuple[str, str]]) -> None:
    address, _ = served("social")
    assert post(address).status_code == 200
    words = {"identifier": "acme.test", "password": "any"}
    login = requests.post(
        f"{address}/xrpc/com.atproto.server.createSession",
        json=words,
        headers={"Connection": "close"},
        timeout=10,
    )
    assert login.json()["handle"] == "acme.test"


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ("{}", "not a list of faults"),
        ("[1]", "not a list of faults"),
        ("nonsense", "is not JSON"),
        ('[{"do": "explode"}]', "there is no fault 'explode'"),
        ('[{"do": "drop"}, {"do": "drop", "when": 1}]', "entry 2, 'when': Unknown field."),
        ('[{"do": "drop", "when": 1}]', "keys of a fault: do, on, nth"),
        ('[{"do": "drop", "seen": 1}]', "entry 1, 'seen': Unknown field."),
        ('[{"do": "drop", "nth": "x"}]', "entry 1, 'nth': Not a valid integer."),
    ],
)
def test_faults_that_cannot_be_used_are_refused(
    cms: Callable[..., Any], tmp_path: Path, faults: str, words: str
) -> None:
    file = tmp_path / "faults.json"
    file.write_text(faults, encoding="utf-8")
    result = cms("dev", "sandbox", "mastodon", "--faults", str(file))
    assert result.exit_code == 1
    assert words in result.output


def test_unknown_sandbox_names_those_there_are(cms: Callable[..., Any]) -> None:
    result = cms("dev", "sandbox", "myspace")
    assert result.exit_code == 1
    assert "bluesky, mastodon, social" in result.output
