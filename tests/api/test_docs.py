"""What docs/rest.md says is done: each request gives the answer that stands below it."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from click.testing import Result
from flask import Flask
from openapi_spec_validator import validate

from cms_core.app import create_app
from cms_core.config import load_config
from cms_core.webhooks.signing import headers_of, new_secret

PAGE = Path(__file__).parent.parent.parent / "docs" / "rest.md"
BLOCK = re.compile(r"^```http\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANSWER = re.compile(r"\n(\d{3})(?: (\{.*\}))?\n\Z")


def within(said: Any, told: Any) -> bool:
    """Whether everything that the page says of an answer is in it."""
    if isinstance(said, dict):
        return all(key in told and within(value, told[key]) for key, value in said.items())
    return bool(said == told)


@pytest.fixture
def served(cms: Callable[..., Result], tmp_path: Path) -> tuple[Flask, str]:
    home = tmp_path / "ws"
    cms("init", str(home), "--admin-email", "you@example.com", "--admin-password", "long enough")
    token = json.loads(cms("tokens", "add", "--user", "you@example.com", "--json").stdout)["token"]
    return create_app(load_config(home)), token


def answers_as_said(page: Path, app: Flask, token: str) -> int:
    """Send every request of a page and hold its answer against the one that stands there; how many there are."""
    client = app.test_client()
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    for block in blocks:
        found = ANSWER.search(block)
        assert found, block
        head, _, body = block[: found.start()].partition("\n\n")
        (first, *lines) = head.splitlines()
        method, path = first.split()
        headers = {"Authorization": f"Bearer {token}", **dict(line.split(": ", 1) for line in lines)}
        answer = client.open(f"/api/v1{path}", method=method, headers=headers, data=body.strip())
        assert answer.status_code == int(found[1]), f"{block}\n{answer.text}"
        assert within(json.loads(found[2] or "{}"), answer.json), f"{block}\n{answer.text}"
    return len(blocks)


def test_every_request_of_the_page_is_answered_as_it_says(served: tuple[Flask, str]) -> None:
    assert answers_as_said(PAGE, *served) >= 9


def test_the_calls_of_the_plugin_of_the_docs_are_answered_as_its_page_says(
    cms: Callable[..., Result], tmp_path: Path
) -> None:
    page, home = PAGE.parent / "writing-a-plugin.md", tmp_path / "ws"
    cms("init", str(home), "--admin-email", "you@example.com", "--admin-password", "long enough")
    code = re.search(
        r"^```python\n# file: plugins/hello.py\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert code
    (home / "plugins").mkdir(exist_ok=True)
    (home / "plugins" / "hello.py").write_text(code[1], encoding="utf-8")
    token = json.loads(cms("tokens", "add", "--user", "you@example.com", "--json").stdout)["token"]
    app = create_app(load_config(home))
    assert answers_as_said(page, app, token) == 2
    described = app.test_client().get("/api/v1/openapi.json").json
    validate(described)
    assert described["paths"]["/api/v1/hello/greetings"]["post"]["x-permission"] == "hello.edit"
    narrow = cms("tokens", "add", "--user", "you@example.com", "--scope", "hello:read", "--json").stdout
    headers = {"Authorization": f"Bearer {json.loads(narrow)['token']}"}
    refused = app.test_client().post(
        "/api/v1/hello/greetings", json={"email": "b@example.com"}, headers=headers
    )
    assert refused.status_code == 403


def test_the_commands_of_the_page_are_there(served: tuple[Flask, str], cms: Callable[..., Result]) -> None:
    import shlex

    lines = re.findall(r"^\$ cms (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert lines
    for line in lines:
        assert cms(*shlex.split(line)).exit_code == 0, line


def test_the_receiver_of_the_page_tells_what_is_genuine() -> None:
    text = PAGE.read_text(encoding="utf-8")
    code = re.search(r"^```python\n# file: check.py\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert code
    names: dict[str, Any] = {}
    exec(code[1], names)  # noqa: S102  # the page's own words
    at, secret = datetime(2026, 5, 4, tzinfo=UTC), new_secret()
    headers = headers_of(secret, "id", at, b"{}")
    with time_machine.travel(at, tick=False):
        assert names["is_genuine"](secret, headers, b"{}")
        assert not names["is_genuine"](secret, headers, b"{ }")
        assert not names["is_genuine"](new_secret(), headers, b"{}")
