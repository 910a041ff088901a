"""``hit``: the open pixel against the same route without a write; ``hit-kill``: what is lost when the server is killed."""

import sys
import time
from pathlib import Path

import place
from load import Load
from measure import Row, compare, free_port, say, serving, take_turns
from sqlalchemy import func, select

from cms_core.events.models import Event
from cms_core.publishing.models import Delivery
from cms_core.publishing.tokens import Tokens
from cms_core.worker import Worker
from cms_core.workspace import Workspace

PEOPLE = 2_000
SECONDS = 3
ROUNDS = 4
QUICK = {"PEOPLE": 20, "SECONDS": 1, "ROUNDS": 1}
HERE = Path(__file__).parent
PIXEL, UNWRITTEN = "/t/", "/bench/"


def rows() -> list[Row]:
    """Both rows, on one workspace whose newsletter has been sent."""
    with place.workspace(PEOPLE) as workspace:
        tokens = _sent(workspace)
        return [_against_unwritten(workspace, tokens), _killed(workspace, tokens)]


def _sent(workspace: Workspace) -> Path:
    """Send the newsletter; gives the file with the token of each delivery."""
    port = free_port()
    place.connect(workspace, "newsletter", port)
    publication = place.arm(workspace, "newsletter")
    with serving([sys.executable, str(HERE / "sink.py"), str(port)], port):
        Worker(workspace).run_one(publication)
    tokens = Tokens(workspace.vault.derive("token"))
    file = workspace.config.home / "tokens"
    with workspace.db.session() as session:
        file.write_text("".join(f"{tokens.make(key)}\n" for key in session.scalars(select(Delivery.id))))
    return file


def _against_unwritten(workspace: Workspace, tokens: Path) -> Row:
    port = free_port()
    say(f"hit: {SECONDS} s each")
    with serving(_server(workspace, port), port):
        for prefix in (PIXEL, UNWRITTEN):
            Load(port, prefix, tokens, 1).wait()
        cases = {
            "pixel": lambda: Load(port, PIXEL, tokens, SECONDS).wait().rate,
            "unwritten": lambda: Load(port, UNWRITTEN, tokens, SECONDS).wait().rate,
        }
        found = take_turns(cases, ROUNDS)
    against = "the same route without a write"
    return compare("hit", found["pixel"], found["unwritten"], unit="hits/s", against=against, goal=0.6)


def _killed(workspace: Workspace, tokens: Path) -> Row:
    """kill -9 in mid-load: answered hits that are not in the ledger."""
    port = free_port()
    before = _stored(workspace)
    with serving(_server(workspace, port), port) as server:
        load = Load(port, PIXEL, tokens, SECONDS)
        time.sleep(SECONDS / 2)
        server.kill()
        answered = load.wait().count
    stored = _stored(workspace) - before
    say(f"hit-kill: {answered} answered, {stored} stored")
    lost = max(0, answered - stored)
    return Row("hit-kill", lost, answered, "hits", "answered before kill -9, and lost", 0.0, at_most=True)


def _server(workspace: Workspace, port: int) -> list[str]:
    return [sys.executable, str(HERE / "hit_server.py"), str(workspace.config.home), str(port)]


def _stored(workspace: Workspace) -> int:
    with workspace.db.session() as session:
        return session.scalar(select(func.count(Event.id)).where(Event.kind == "opened")) or 0
