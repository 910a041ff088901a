"""``cms connections``: what is said is checked and kept, secrets never come back."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Cms = Callable[..., Result]

TOY = """
from marshmallow import Schema, fields
from cms_core import Channel, Idempotency, IdempotencyRule, Identity, NotConnected, Preview, Prepared, Receipt, Retryable, hookimpl

class Settings(Schema):
    host = fields.String(required=True)
    port = fields.Integer(load_default=25)
    token = fields.String(required=True, metadata={"secret": True})

class Toy(Channel):
    name, label, group, asset_kinds = "toy", "Toy", "social", ("article",)
    connection_schema = Settings
    idempotency = IdempotencyRule(Idempotency.NONE)
    def test(self, link):
        if link.settings["host"] == "bad.example":
            raise NotConnected("the token is wrong")
        if link.settings["host"] == "away.example":
            raise Retryable("no answer")
        return Identity(f"user of {link.settings['host']}", rights=("write",))
    def check(self, placement): return ()
    def preview(self, placement): return Preview("")
    def prepare(self, link, placement, progress): return Prepared({})
    def publish(self, link, prepared, key, previous): return Receipt("1")
    def reconcile(self, link, prepared, key): return None

@hookimpl
def register_channels():
    return [Toy()]
"""


@pytest.fixture
def ready(cms: Cms, tmp_path: Path) -> Cms:
    home = tmp_path / "ws"
    assert (
        cms("init", str(home), "--admin-email", "a@example.com", "--admin-password", "canary-pass").exit_code
        == 0
    )
    (home / "plugins" / "toy.py").write_text(TOY)
    return cms


def add(cms: Cms, name: str, *pairs: str, channel: str = "toy") -> Result:
    return cms("connections", "add", channel, name, *(part for pair in pairs for part in ("--set", pair)))


def test_a_connection_is_added_without_connecting_and_listed_without_secrets(ready: Cms) -> None:
    assert add(ready, "main", "host=bad.example", "token=canary=1").exit_code == 0
    listed = ready("connections", "list", "--json")

    [row] = json.loads(listed.stdout)
    assert (row["channel"], row["name"], row["state"]) == ("toy", "main", "new")
    assert "canary" not in listed.output + ready("connections", "list").output


def test_a_value_may_come_from_a_file_or_start_with_an_at_sign(ready: Cms, tmp_path: Path) -> None:
    secret = tmp_path / "token.txt"
    secret.write_text("canary-from-file\n")
    assert add(ready, "file", "host=@@handle", f"token=@{secret}").exit_code == 0
    assert "user of @handle" in ready("connections", "test", "file").stdout
    missing = add(ready, "gone", "host=x", "token=@/no/such/file")
    assert missing.exit_code == 1
    assert "--set token=@/no/such/file: No such file" in missing.stderr
    secret.write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in add(ready, "binary", "host=x", f"token=@{secret}").stderr


@pytest.mark.parametrize(
    ("pairs", "code", "words"),
    [
        (("host",), 2, "--set takes KEY=VALUE"),
        (("=x",), 2, "--set takes KEY=VALUE"),
        (("host=a", "host=b"), 2, "given twice"),
        (("hots=a", "token=canary"), 1, "hots: Unknown field"),
        (("host=a",), 1, "token: Missing data"),
        (("host=a", "token=canary", "port=many"), 1, "port: Not a valid integer"),
    ],
)
def test_what_cannot_be_used_saves_nothing(ready: Cms, pairs: tuple[str, ...], code: int, words: str) -> None:
    result = add(ready, "main", *pairs)

    assert result.exit_code == code
    assert words in result.stderr
    assert "canary" not in result.output
    assert json.loads(ready("connections", "list", "--json").stdout) == []


def test_an_unknown_channel_names_those_there_are(ready: Cms) -> None:
    result = add(ready, "main", channel="smoke")
    assert result.exit_code == 1
    assert "there is no channel 'smoke'" in result.stderr
    assert "toy" in result.stderr


@pytest.mark.parametrize(
    ("host", "code", "state"),
    [("good.example", 0, "ok"), ("bad.example", 6, "broken"), ("away.example", 75, "new")],
)
def test_a_test_ends_with_the_code_of_its_outcome_and_is_remembered(
    ready: Cms, host: str, code: int, state: str
) -> None:
    add(ready, "main", f"host={host}", "token=canary-1")
    result = ready("connections", "test", "toy:main", "--json")

    document = json.loads(result.stdout)
    assert result.exit_code == code
    assert document.get("identity") == "user of good.example" if code == 0 else "message" in document["error"]
    assert json.loads(ready("connections", "list", "--json").stdout)[0]["state"] == state
    assert "canary" not in result.output


def test_only_admins_connect_accounts(ready: Cms) -> None:
    add(ready, "main", "host=good.example", "token=canary-1")
    ready("users", "add", "m@example.com", "--role", "marketer", "--password", "canary-pass")
    for arguments in (
        ("connections", "add", "toy", "x", "--set", "host=a", "--set", "token=b"),
        ("connections", "test", "main"),
    ):
        result = ready("--as", "m@example.com", *arguments)
        assert result.exit_code == 1
        assert "may not do this" in result.stderr


def test_the_database_keeps_no_secret_in_the_clear(ready: Cms, tmp_path: Path) -> None:
    add(ready, "main", "host=good.example", "token=canary-token-9")
    ready("connections", "test", "main")
    for path in (tmp_path / "ws").rglob("*"):
        if path.is_file():
            assert b"canary-token-9" not in path.read_bytes(), path
