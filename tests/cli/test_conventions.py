"""What holds for every command: one document with --json also when it is called wrongly, and who acts must exist."""

import ast
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import cms_core.cli

Cms = Callable[..., Result]
PLAN = "when,channel,connection,asset\n2026-05-04 09:00,site,web,hello\n"


@pytest.fixture
def ready(cms: Cms, tmp_path: Path) -> Cms:
    done = cms(
        "init", str(tmp_path / "ws"), "--admin-email", "a@example.com", "--admin-password", "canary-pass"
    )
    assert done.exit_code == 0
    return cms


@pytest.mark.parametrize(
    "arguments",
    [
        ("nope",),
        ("content", "nope"),
        ("content", "list", "--nope"),
        ("contacts", "import", "missing.csv"),
        ("worker", "--until-idle", "--now", "soon"),
        ("worker", "--until-idle", "--now", "2026-05-04T09:00"),
        ("campaigns", "create", "X", "--start", "soon", "--end", "later", "--tz", "UTC"),
    ],
)
def test_wrong_usage_with_json_is_one_document_and_ends_with_2(
    ready: Cms, arguments: tuple[str, ...]
) -> None:
    result = ready(*arguments, "--json")
    assert result.exit_code == 2
    assert set(json.loads(result.stdout)["error"]) == {"message", "remedy"}
    assert "Usage:" in result.stderr


@pytest.mark.parametrize("command", [("content", "list"), ("connections", "add", "site", "web")])
def test_user_named_with_as_must_exist_to_read_and_to_write(ready: Cms, command: tuple[str, ...]) -> None:
    result = ready("--as", "nobody@example.com", *command, "--json")
    assert result.exit_code == 1
    assert "nobody@example.com" in json.loads(result.stdout)["error"]["message"]


REFUSED_TO_A_VIEWER = [
    ("publications", "cancel", "ID"),
    ("publications", "withdraw", "ID"),
    ("publications", "resolve", "ID", "--not-published"),
    ("deliveries", "resolve", "ID", "--accepted"),
    ("calendar", "arm", "ID"),
    ("calendar", "move", "ID", "--to", "2026-05-04 09:00"),
    ("campaigns", "move", "C", "--by", "1"),
    ("campaigns", "create", "X", "--start", "2026-05-04", "--end", "2026-05-05", "--tz", "UTC"),
    ("contacts", "merge", "a@example.com", "b@example.com"),
    ("contacts", "erase", "a@example.com"),
    ("contacts", "export", "a@example.com"),
    ("segments", "create", "All", "email is not empty"),
    ("content", "approve", "hello"),
    ("content", "archive", "hello"),
    ("connections", "list"),
    ("users", "list"),
    ("tokens", "list"),
    ("report", "rebuild"),
]


@pytest.mark.parametrize("command", REFUSED_TO_A_VIEWER, ids=" ".join)
def test_who_acts_must_have_the_permission(ready: Cms, command: tuple[str, ...]) -> None:
    assert (
        ready("users", "add", "v@example.com", "--role", "viewer", "--password", "canary-pass").exit_code == 0
    )
    refused = ready("--as", "v@example.com", *command, "--json")
    assert refused.exit_code == 1, refused.output
    assert "v@example.com (viewer) may not do this" in json.loads(refused.stdout)["error"]["message"]


def test_every_command_names_the_permission_that_it_needs() -> None:
    """Only two rooms leave it to what they call: whose token, whose notice."""
    folder = Path(cms_core.cli.__file__).parent
    asked = {
        (file.stem, ast.unparse(call.args[0]) if call.args else "")
        for file in folder.glob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("reading", "writing")
        and ast.unparse(call.func.value) == "state"
    }
    assert {room for room, permission in asked if permission in ("", "None")} == {"tokens", "notices"}
    assert len(asked) > 20


@pytest.mark.parametrize("url", ["nonsense", "mysql://user:canary-secret@host/db", "sqlite"])
def test_database_that_is_not_known_is_a_fault_of_the_configuration(
    ready: Cms, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("CMS_DATABASE_URL", url)
    result = ready("status", "--json")
    assert result.exit_code == 3
    assert "CMS_DATABASE_URL" in json.loads(result.stdout)["error"]["message"]
    assert "canary" not in result.output


@pytest.mark.sqlite
def test_file_that_is_no_database_is_said_in_words(ready: Cms, tmp_path: Path) -> None:
    for left in (tmp_path / "ws").glob("cms.db*"):
        left.unlink()
    (tmp_path / "ws" / "cms.db").write_bytes(b"no database at all" * 400)
    result = ready("status", "--json")
    assert result.exit_code == 1
    assert "a fault of cms-core" not in result.output


def test_folder_that_cannot_be_made_is_said_in_words(cms: Cms) -> None:
    result = cms("init", "/proc/ws", "--admin-email", "a@example.com", "--admin-password", "canary-pass")
    assert result.exit_code == 1
    assert "Error: /proc/ws: " in result.stderr


def test_server_says_that_its_port_is_taken(ready: Cms, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        program = process(tmp_path, "run", "--port", str(taken.getsockname()[1]))
        result = subprocess.run(program, check=False, capture_output=True, text=True, timeout=20)
    assert result.returncode == 1
    assert "cannot listen on 127.0.0.1" in result.stderr


@pytest.mark.parametrize("command", [("worker",), ("run", "--port", "0")])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_interrupted_ends_with_130_and_asked_to_stop_with_0(
    ready: Cms, tmp_path: Path, command: tuple[str, ...], number: signal.Signals, code: int
) -> None:
    if command[0] == "run":
        with socket.create_server(("127.0.0.1", 0)) as free:
            command = ("run", "--port", str(free.getsockname()[1]))
    program = process(tmp_path, *command)
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert running.stderr.readline(), "it is ready"
        running.send_signal(number)
        assert running.wait(20) == code


EARLY = """
import os, signal, sys
from cms_core import logs
from cms_core.cli import main
logs._announcer = lambda *_, **__: lambda _: os.kill(os.getpid(), signal.SIGINT)
main(sys.argv[1:])
"""


def test_an_interrupt_before_the_first_request_counts(ready: Cms, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = process(tmp_path, "run", "--port", str(port))[3:]
    ended = subprocess.run([sys.executable, "-c", EARLY, *words], check=False, timeout=30)
    assert ended.returncode == 130


def test_changing_commands_tell_in_json_what_they_made_of_it(ready: Cms, tmp_path: Path) -> None:
    entry = planned(ready, tmp_path)
    armed = document(ready("calendar", "arm", entry, "--json"))[0]
    assert armed["state"] == "armed"
    for verb, state in (("hold", "held"), ("resume", "scheduled"), ("cancel", "cancelled")):
        told = document(ready("publications", verb, armed["publication"], "--json"))
        assert (told["id"], told["state"]) == (armed["publication"], state)


def test_any_publication_of_a_page_names_what_is_public_now(ready: Cms, tmp_path: Path) -> None:
    first = document(ready("calendar", "arm", planned(ready, tmp_path), "--json"))[0]["publication"]
    assert ready("worker", "--until-idle", "--now", "2026-05-04T09:00:01+00:00").exit_code == 0
    for words in ("Better", "Best"):
        (tmp_path / "hello.md").write_text(f"---\ntitle: Hello\n---\n{words}\n")
        assert ready("content", "import", str(tmp_path / "hello.md")).exit_code == 0
        assert ready("content", "approve", "hello").exit_code == 0
        updated = document(ready("publications", "update", first, "--json"))
    assert (updated["revision"], updated["state"]) == (3, "published")
    withdrawn = document(ready("publications", "withdraw", first, "--json"))
    assert (withdrawn["id"], withdrawn["state"]) == (updated["id"], "withdrawn")


def test_uses_are_listed_by_what_they_are(ready: Cms, tmp_path: Path) -> None:
    planned(ready, tmp_path)
    (use,) = ready("content", "uses", "hello").stdout.splitlines()[1:]
    assert use.split()[0] == "entry"


@pytest.mark.parametrize("rows", [1, 2])
def test_a_failed_plan_counts_its_faults(ready: Cms, tmp_path: Path, rows: int) -> None:
    (tmp_path / "plan.csv").write_text("when,title,kind\n" + "never,X,task\n" * rows)
    failed = ready("calendar", "import", str(tmp_path / "plan.csv"), "--json")
    words = "1 fault" if rows == 1 else "2 faults"
    assert json.loads(failed.stdout)["error"]["message"] == f"{words}; nothing was saved"


def test_a_server_that_does_not_answer_is_named_as_one(ready: Cms, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("CMS_DATABASE_URL", f"postgresql://nobody@127.0.0.1:{port}/none")
    told = ready("status", "--json")
    assert told.exit_code == 75
    assert "whether its server runs and its address (CMS_DATABASE_URL) is right" in told.stdout
    assert "disk" not in told.stdout


def process(folder: Path, *arguments: str) -> list[str]:
    """What starts ``cms`` in a process of its own."""
    return [sys.executable, "-m", "cms_core.cli", "--home", str(folder / "ws"), *arguments]


def planned(cms: Cms, folder: Path) -> str:
    """The id of a planned entry for an approved article on a site."""
    (folder / "hello.md").write_text("---\ntitle: Hello\n---\nWords\n")
    (folder / "plan.csv").write_text(PLAN)
    site = document(
        cms("connections", "add", "site", "web", "--set", "base_url=http://127.0.0.1:8000", "--json")
    )
    assert (site["channel"], site["name"], site["state"]) == ("site", "web", "new")
    cms("content", "import", str(folder / "hello.md"))
    cms("content", "approve", "hello")
    assert cms("calendar", "import", str(folder / "plan.csv")).exit_code == 0
    entries = document(cms("calendar", "list", "--from", "2026-05-04", "--to", "2026-05-04", "--json"))
    return str(entries[0]["id"])


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)
