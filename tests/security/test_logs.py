"""Logs: one line for each record, none that others have written, and no secret in them or in anything else that is told."""

import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from click.testing import Result
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from cms_core import logs
from cms_core.app import create_app
from cms_core.config import load_config
from cms_core.contract import Retryable
from cms_core.db import Base
from cms_core.errors import ConfigError
from cms_core.workspace import Workspace, open_workspace

Cms = Callable[..., Result]
CANARIES = {
    "password": "canary-smtp-4711",
    "access_token": "canary-mastodon-4712",
    "secret_key": "canary-workspace-key-4713-" + "x" * 20,
    "webhook": "canary-chat-4714",
    "mail_url": "canary-mail-4715",
}
KEPT = [f"core_{name}" for name in "audit publication attempt connection notice mail webhook_message".split()]
ADMIN = ("--admin-email", "a@example.com", "--admin-password", "canary-admin-4716")


@contextmanager
def capturing(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> Iterator[list[str]]:
    """Gives the lines that were written inside."""
    lines: list[str] = []
    capsys.readouterr()
    with logs.written(workspace, as_json=as_json):
        yield lines
    lines += capsys.readouterr().err.splitlines()


log = logging.getLogger("cms_core.somewhere")
FORGED = 'hello\r\n2026-05-04T07:00:00Z ERROR cms_core: forged\n\x1b[31m{"forged": true}\u2028next\x85end'


def test_each_record_is_one_line_of_json_whatever_stands_in_it(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with capturing(workspace, capsys, as_json=True) as lines:
        log.warning("%s", FORGED)
        try:
            raise ValueError(FORGED)
        except ValueError:
            log.exception("it failed")
    found = [json.loads(line) for line in lines]
    assert [each["event"] for each in found] == [FORGED, "it failed"]
    assert [sorted(each) for each in found] == [
        ["event", "level", "logger", "timestamp"],
        ["event", "exception", "level", "logger", "timestamp"],
    ]
    assert found[1]["exception"].startswith("Traceback")
    assert datetime.fromisoformat(found[0]["timestamp"]).tzinfo


def test_a_database_that_is_away_is_one_line_and_a_fault_of_ours_has_its_trace(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with capturing(workspace, capsys, as_json=True) as lines:
        for fault in (
            OperationalError("SELECT 1", None, Exception("gone\n\tIs it running?")),
            ValueError("ours"),
        ):
            try:
                raise fault
            except Exception as caught:
                logs.tell_fault(log, "it failed", caught)
    away, ours = (json.loads(line) for line in lines)
    assert (away["level"], away["event"]) == ("warning", "it failed: gone Is it running?")
    assert "exception" not in away
    assert (ours["level"], ours["event"]) == ("error", "it failed")
    assert "ValueError: ours" in ours["exception"]


def test_no_text_begins_a_line_of_its_own(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    with capturing(workspace, capsys, as_json=False) as lines:
        log.warning("%s", FORGED)
        try:
            raise ValueError(FORGED)
        except ValueError:
            log.exception("it failed")
    begun = [line for line in lines if not line.startswith("    | ")]
    assert [line.split(" ", 1)[1].split(":")[0] for line in begun] == [
        "WARNING cms_core.somewhere",
        "ERROR cms_core.somewhere",
    ]
    assert "\x1b" not in "".join(lines)


def test_whatever_was_decrypted_here_is_hidden(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed = workspace.vault.encrypt({"token": "canary-token-1"})
    again = open_workspace(workspace.config, clock=workspace.db.clock)
    again.vault.decrypt(sealed)
    with capturing(again, capsys, as_json=True) as lines:
        log.warning("refused: %s", Retryable("token canary-token-1 is unknown"))
        log.warning("key %s", workspace.config.secret_key)
        try:
            raise ValueError("canary-token-1")
        except ValueError:
            log.exception("canary-token-1")
    text = "\n".join(lines)
    assert "canary" not in text
    assert workspace.config.secret_key not in text
    assert text.count("(hidden)") == 5, "two messages, one with its exception and the line it came from"
    again.db.dispose()


def test_the_last_words_of_a_thread_are_a_record_too(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    def ends() -> None:
        raise RuntimeError("no more")

    with capturing(workspace, capsys, as_json=True) as lines:
        thread = threading.Thread(target=ends, name="cms-lease")
        thread.start()
        thread.join()
    (line,) = lines
    assert json.loads(line)["event"] == "cms-lease ended"
    assert "RuntimeError: no more" in json.loads(line)["exception"]


def test_outside_nothing_is_written(workspace: Workspace) -> None:
    before = list(logging.getLogger().handlers)
    with logs.written(workspace, as_json=True):
        assert len(logging.getLogger().handlers) == len(before) + 1
    assert logging.getLogger().handlers == before


@pytest.mark.parametrize(("name", "value"), [("CMS_LOG", "xml"), ("CMS_LOG_LEVEL", "loud")])
def test_a_setting_that_is_none_is_said(workspace: Workspace, name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load_config(workspace.config.home, {name: value})


# --- requests ---------------------------------------------------------------------------------------------------------


def requests(workspace: Workspace, capsys: pytest.CaptureFixture[str], *asked: dict[str, Any]) -> list[Any]:
    """What is logged of these requests at level INFO, and the ids that their answers told."""
    with capturing(workspace, capsys, as_json=True) as lines:
        logging.getLogger().setLevel(logging.INFO)
        client = create_app(workspace=workspace).test_client()
        told = [client.get(**each).headers["X-Request-ID"] for each in asked]
    found = [json.loads(line) for line in lines if "request_log" in line]
    assert [each["request"] for each in found] == told
    return found


def test_a_request_is_told_by_its_rule_and_not_by_its_address(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    addresses = (
        "/app/reset/canary-reset-1",
        "/calendar/canary-feed-2.ics",
        "/t/canary-3/u",
        "/healthz?x=canary-4",
    )
    found = requests(
        workspace,
        capsys,
        *({"path": each, "headers": {"User-Agent": "canary-agent"}} for each in addresses),
    )
    assert len(found) == 4
    assert found[0]["event"].startswith("GET /app/reset/<token> ")
    assert "canary" not in json.dumps(found)
    assert len({each["request"] for each in found}) == 4


def test_only_a_trusted_proxy_names_a_request(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {
        "path": "/healthz",
        "headers": {"X-Request-ID": "abc-12345678", "X-Forwarded-For": "198.51.100.7"},
    }
    (found,) = requests(workspace, capsys, asked)
    assert found["request"] != "abc-12345678"
    object.__setattr__(workspace.config, "trusted_proxies", "127.0.0.1")
    assert requests(workspace, capsys, asked)[0]["request"] == "abc-12345678"
    asked["headers"]["X-Request-ID"] = "not one: too strange"  # type: ignore[index]
    assert requests(workspace, capsys, asked)[0]["request"] != "not one: too strange"


# --- canaries in every credential ---------------------------------------------------------------------------------------


class Repeats(BaseHTTPRequestHandler):
    """A network that repeats what it was sent in its refusals, tokens included."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps({"error": f"no: {self.headers.get('Authorization')} on {self.path}"}).encode()
        self.send_response(422 if "statuses" in self.path else 500)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *_: object) -> None: ...


class Refuses:
    """An SMTP server that repeats the password in its refusal."""

    def __call__(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        said = f"535 no such account {data.login.decode()} with {data.password.decode()}"
        return AuthResult(success=False, handled=False, message=said)


@pytest.fixture
def remotes() -> Iterator[tuple[int, int]]:
    """The ports of the network and of the mail server."""
    web = ThreadingHTTPServer(("127.0.0.1", 0), Repeats)
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mail = Controller(
        object(),
        hostname="127.0.0.1",
        port=port,
        authenticator=Refuses(),
        auth_require_tls=False,
    )
    mail.start()
    yield web.server_port, port
    mail.stop()
    web.shutdown()
    thread.join()
    web.server_close()


def test_no_canary_is_told_anywhere(
    cms: Cms, tmp_path: Path, remotes: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    web, mail = remotes
    home = tmp_path / "ws"
    monkeypatch.setenv("CMS_SECRET_KEY", CANARIES["secret_key"])
    monkeypatch.setenv("CMS_MAIL_URL", f"smtp://cms:{CANARIES['mail_url']}@127.0.0.1:{mail}?security=none")
    monkeypatch.setenv("CMS_MAIL_FROM", "cms@example.com")
    assert cms("init", home, *ADMIN).exit_code == 0
    told = [fill(cms, tmp_path, web, mail)]
    told += publish_in_vain(cms)
    told += look_everywhere(cms, tmp_path, home)
    text = "\n".join(told)
    assert "(hidden)" in text, "the remotes have repeated what they were sent"
    for name, canary in CANARIES.items():
        assert canary not in text, f"{name}: {text[max(0, text.find(canary) - 300) :][:600]}"


def publish_in_vain(cms: Cms) -> list[str]:
    """What a worker prints and logs until each account has refused something."""
    command = [sys.executable, "-m", "cms_core.cli", "worker", "--log-json"]
    environ = {**os.environ, "CMS_LOG_LEVEL": "DEBUG"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environ, stdout=pipe, stderr=pipe, text=True) as worker:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            listed = json.loads(cms("publications", "list", "--json").stdout)
            if all(each["attempts"] or each["reason"] for each in listed):
                break
            time.sleep(0.5)
        time.sleep(2)  # the chat is told, and asked again
        worker.terminate()
        out, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, err
    assert all(json.loads(line)["event"] for line in err.splitlines())
    return [out, err]


def fill(cms: Cms, tmp_path: Path, web: int, mail: int) -> str:
    """Two accounts with canaries, and something due on each; a chat with one in its address."""
    (tmp_path / "hello.md").write_text("---\nkind: social-post\n---\n# Hello\n\nWords.\n")
    (tmp_path / "letter.md").write_text("---\nkind: email\n---\n# Letter\n\nWords.\n")
    (tmp_path / "people.csv").write_text("email,consent\nann@example.com,yes\n")
    when = f"{datetime.now(UTC) - timedelta(minutes=5):%Y-%m-%dT%H:%M}+00:00"
    (tmp_path / "plan.csv").write_text(
        f"when,channel,connection,asset,segment\n{when},mastodon,toots,hello,\n{when},email,news,letter,All\n"
    )
    settings = {
        "host": "127.0.0.1",
        "port": mail,
        "security": "none",
        "from_address": "n@example.com",
        "username": "acme",
        "postal_address": "1 Main St",
    }
    sets = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    asked = [
        ("connections", "add", "email", "news", *sets, "--set", f"password={CANARIES['password']}"),
        ("connections", "add", "mastodon", "toots", "--set", f"base_url=http://127.0.0.1:{web}",
         "--set", f"access_token={CANARIES['access_token']}"),
        ("contacts", "import", tmp_path / "people.csv"),
        ("segments", "create", "All", "email is not empty"),
        ("content", "import", tmp_path / "hello.md", tmp_path / "letter.md", "--approve-as", "a@example.com"),
        ("webhooks", "add", f"http://127.0.0.1:{web}/hooks/{CANARIES['webhook']}", "--chat"),
        ("connections", "test", "news"),
        ("connections", "test", "toots"),
    ]  # fmt: skip
    told = []
    for words in asked:
        if words[:2] == ("content", "import"):
            told += [cms("content", "import", path, *words[4:]).output for path in words[2:4]]
            continue
        result = cms(*words)
        if words[0] != "webhooks":  # adding one shows its address once, to whoever typed it
            told.append(result.output)
    result = cms("calendar", "import", tmp_path / "plan.csv", "--arm", "--json")
    assert json.loads(result.stdout)["saved"] == 2, result.output
    return "\n".join(told)


def look_everywhere(cms: Cms, tmp_path: Path, home: Path) -> list[str]:
    """Documents, figures, the audit log, every column that holds words, an export and a backup."""
    told = [
        cms(*words, "--json").output
        for words in (
            ("publications", "list"),
            ("connections", "list"),
            ("doctor", "--offline"),
            ("status",),
            ("notices", "list"),
            ("events", "export"),
        )
    ]
    listed = json.loads(cms("publications", "list", "--json").stdout)
    told += [cms("publications", "show", each["id"], "--json").output for each in listed]
    opened = open_workspace(load_config(home))
    client = create_app(workspace=opened).test_client()
    told += [client.get(path).text for path in ("/healthz", "/metrics", "/app/nothing", "/app/reset/x")]
    with opened.db.session() as session:
        for name in KEPT:
            told += [str(row) for row in session.execute(select(Base.metadata.tables[name])).mappings()]
    opened.db.dispose()
    for command in ("export", "backup"):
        result = cms(command, tmp_path / f"{command}.zip")
        assert result.exit_code == 0, result.output
        told.append(result.output)
        told.append(unpacked(tmp_path / f"{command}.zip", without="core_webhook.jsonl"))
    return told


def unpacked(path: Path, without: str) -> str:
    """All that stands in a file; the address of a chat, a key to it, is in the table of webhooks of a backup alone."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith(without)]
        return "\n".join(archive.read(name).decode("utf-8", "replace") for name in names)
