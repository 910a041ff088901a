"""Real processes around one database: machines with folders of their own, the wall that their channels write on, what is armed."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cms_core.auth.service import create_user
from cms_core.campaigns.service import Plan, plan
from cms_core.campaigns.when import Mode, When
from cms_core.config import load_config
from cms_core.connections import service as connections
from cms_core.publishing import arming
from cms_core.testing.network import Answer, FakeNetwork, Request
from cms_core.workspace import Workspace, open_workspace
from tests.publishing.conftest import approve_words

HERE = Path(__file__).parent
KINDS = ("keyed", "natural", "lookup", "plain")
LEASE = "2"


@dataclass
class Wall:
    """What was written on the wall: how often each key of each channel stands there, and when the job ran."""

    written: Counter[tuple[str, str]] = field(default_factory=Counter)
    beats: int = 0
    seconds: float = 0.0  # that each post takes, half of them before anything is written
    answering: Callable[[tuple[str, str]], None] = lambda _: None  # told of each post before it is answered
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Answer:
        """Write, or search."""
        _, channel, *rest = request.path.split("/")
        time.sleep(self.seconds / 2 if request.method == "POST" else 0)
        with self.lock:
            if channel == "beat":
                self.beats += 1
                return Answer()
            if request.method == "GET":
                return Answer(document={"id": rest[0] if self.written["lookup", rest[0]] else None})
            name = (
                channel,
                str(request.json["publication"] if channel == "natural" else request.json["key"]),
            )
            if channel not in ("keyed", "natural") or not self.written[name]:
                self.written[name] += 1
        self.answering(name)
        time.sleep(self.seconds / 2)
        return Answer(document={"id": name[1]})


class Street(FakeNetwork):
    """The way to the wall: many may be on it at once, so that one can search for what another is about to write."""

    def answer(self, request: Request) -> tuple[Answer, None]:
        """What the wall says."""
        return self._respond(request), None


@dataclass
class Cluster:
    """Machines that share a database."""

    homes: Sequence[Path]
    workspace: Workspace
    wall: Wall
    network: FakeNetwork
    environ: dict[str, str] = field(default_factory=dict)
    said: "dict[subprocess.Popen[str], Path]" = field(default_factory=dict)

    def start(self, *command: str, machine: int = 0) -> "subprocess.Popen[str]":
        """Start ``cms …`` on a machine; ``ready`` waits for it."""
        environ = {
            **os.environ,
            "CMS_HOME": str(self.homes[machine]),
            "CMS_LEASE_SECONDS": LEASE,
            "CMS_OUTBOUND_ALLOW": "127.0.0.1",
            **self.environ,
        }
        logs = self.homes[machine].with_name("logs")  # apart: a home may become full, or read-only
        logs.mkdir(exist_ok=True)
        said = logs / f"{command[0]}-{len(self.said)}.log"
        with said.open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "cms_core.cli", *command],
                env=environ,
                stderr=log,
                stdout=log,
                text=True,
            )
        self.said[process] = said
        return process

    def ready(self) -> None:
        """Wait until all that was started says that it is ready."""
        for process, said in self.said.items():
            while not any(word in said.read_text() for word in ("ready", "serves")):
                assert process.poll() is None, f"{process.args!r} ended: {said.read_text()}"
                time.sleep(0.02)

    def arm(self, count: int, at: datetime, kinds: Sequence[str] = KINDS) -> list[str]:
        """So many publications at an instant, over these channels in turn; gives their ids."""
        with self.workspace.db.transaction() as session:
            asset = approve_words(session, self.workspace, "wall", "Hello")
            channels = {kind: connections.find(session, kind, "main") for kind in kinds}
            when = When(Mode.ABSOLUTE, instant=at, tz="UTC")
            made = []
            for number in range(count):
                kind = kinds[number % len(kinds)]
                wanted = Plan(when, f"Item {number}", asset=asset, channel=kind, connection=channels[kind])
                made.append(arming.arm(session, self.workspace, plan(session, wanted)).public_id)
        return made


@contextmanager
def cluster(home: Path, machines: int = 1, **environ: str) -> Iterator[Cluster]:
    """A workspace whose tables are there, on so many machines; whatever still runs at the end is killed."""
    (home / "plugins").mkdir(exist_ok=True)
    shutil.copyfile(HERE / "walls.py", home / "plugins" / "walls.py")
    homes = [home]
    for number in range(1, machines):
        homes.append(home.with_name(f"{home.name}-{number}"))
        shutil.copytree(home, homes[-1])
    for each in homes:  # as a person does on each machine that is to publish
        accepting = open_workspace(load_config(each, {}), plugins=[])
        accepting.fence.accept()
        accepting.db.dispose()
    opened = open_workspace(load_config(home, {"CMS_OUTBOUND_ALLOW": "127.0.0.1"}))
    wall = Wall()
    with Street(wall) as network:
        with opened.db.transaction() as session:
            create_user(session, "admin@example.com", "Ada", "admin", "correct horse battery")
            for kind in KINDS:
                connections.add(session, opened.vault, opened.plugins, kind, "main", {"url": network.url})
        made = Cluster(homes, opened, wall, network, environ)
        try:
            yield made
        finally:
            for process in made.said:
                process.kill()
                process.wait()
            opened.db.dispose()
