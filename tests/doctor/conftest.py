"""A workspace made by ``cms init``, what the doctor says of it, and a name server of our own."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
from click.testing import Result

from cms_core.config import load_config
from cms_core.workspace import Workspace, open_workspace

Cms = Callable[..., Result]
ADMIN = ("--admin-email", "a@example.com", "--admin-password", "canary-pass-1")


@pytest.fixture
def ready(cms: Cms, tmp_path: Path) -> Cms:
    assert cms("init", str(tmp_path / "ws"), *ADMIN).exit_code == 0
    return cms


@pytest.fixture
def opened(ready: Cms, tmp_path: Path) -> Iterator[Workspace]:
    """The workspace that ``ready`` works on."""
    found = open_workspace(load_config(tmp_path / "ws"))
    yield found
    found.db.dispose()


def arm_one(ready: Cms, tmp_path: Path, when: datetime) -> None:
    """Let a page be due at this instant."""
    (tmp_path / "hello.md").write_text("# Hello\n\nWords.\n")
    (tmp_path / "plan.csv").write_text(
        f"when,channel,connection,asset\n{when:%Y-%m-%dT%H:%M}+00:00,site,web,hello\n"
    )
    assert (
        ready("connections", "add", "site", "web", "--set", "base_url=http://127.0.0.1:8000").exit_code == 0
    )
    assert ready("content", "import", tmp_path / "hello.md", "--approve-as", "a@example.com").exit_code == 0
    assert ready("calendar", "import", tmp_path / "plan.csv", "--arm").exit_code == 0


Said = dict[str, list[tuple[str, str, str]]]


@pytest.fixture
def doctor(ready: Cms) -> Callable[..., tuple[int, Said]]:
    """Runs ``cms doctor --json``; gives the exit code, and (level, message, remedy) of what each check said."""

    def run(*options: str) -> tuple[int, Said]:
        result = ready("doctor", "--json", *(options or ("--offline",)))
        said: Said = {}
        for each in json.loads(result.stdout):
            assert list(each) == ["check", "level", "message", "remedy"]
            said.setdefault(each["check"], []).append((each["level"], each["message"], each["remedy"]))
        return result.exit_code, said

    return run


class NameServer:
    """Answers for TXT records that it was given; every other name does not exist."""

    def __init__(self) -> None:
        self.records: dict[str, str] = {}
        self.silent = False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])

    def serve(self) -> None:
        while True:
            query, peer = self.socket.recvfrom(4096)
            if not query:  # the sign to end
                return
            if not self.silent:
                self.socket.sendto(self._answer(dns.message.from_wire(query)).to_wire(), peer)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(query)
        name = query.question[0].name.to_text().rstrip(".")
        if name in self.records:
            answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "TXT", f'"{self.records[name]}"'))
        elif not any(each.endswith(f".{name}") for each in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer

    def end(self) -> None:
        self.socket.sendto(b"", ("127.0.0.1", self.port))


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    """The name server that everything on this machine asks."""
    server = NameServer()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], server.port
    monkeypatch.setattr(dns.resolver, "default_resolver", resolver)
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server
    server.end()
    thread.join()
    server.socket.close()
