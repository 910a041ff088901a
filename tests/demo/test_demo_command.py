"""``cms demo`` as somebody types it: plays to the end with sums that hold, or serves until Ctrl-C, and leaves nothing behind."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

CMS = Path(sys.executable).with_name("cms")
PATIENCE = 120  # seconds


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """An environment with an empty home, a temporary folder of its own, and a workspace that must not be touched."""
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    known = {name: value for name, value in os.environ.items() if not name.startswith("CMS_")}
    own = {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "CMS_HOME": str(tmp_path / "mine"),
    }
    return {**known, **own, "PYTHONWARNINGS": "error"}


def left_behind(surroundings: dict[str, str]) -> list[str]:
    folders = [Path(surroundings[name]) for name in ("HOME", "TMPDIR", "CMS_HOME")]
    return [str(path) for folder in folders if folder.exists() for path in folder.rglob("*")]


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def play_once(surroundings: dict[str, str], *arguments: str) -> tuple[dict[str, Any], str]:
    """Play it headless; gives the report from the last line, and what was said of the way."""
    done = subprocess.run(
        [CMS, "demo", "--once", *arguments],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    document: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    totals = document["totals"]
    assert (
        "{addressed} addressed = {sent} sent + {failed} failed + {unknown} unknown + {skipped} skipped".format(
            **totals
        )
        in (done.stdout)
    )
    return document, done.stderr


def test_once_ends_with_a_report_whose_sums_hold(surroundings: dict[str, str], taken_port: int) -> None:
    report, said = play_once(surroundings, "--port", str(taken_port))
    for row in (report["totals"], *report["by_channel"], *report["by_asset"]):
        assert row["addressed"] == row["sent"] + row["failed"] + row["unknown"] + row["skipped"]
        assert row["pending"] == 0
    totals, by_asset = report["totals"], {row["asset"]: row for row in report["by_asset"]}
    assert by_asset["launch-letter"]["addressed"] == 240
    assert (totals["unknown"], totals["failed"]) == (1, 4)
    # People and machines came through the real doors, and were told apart though all of them sit on this machine.
    assert totals["opened_people"] > totals["clicked_people"] > totals["conversions"] > 5
    assert totals["clicked_total"] < totals["visits"]  # some came from the social networks
    assert totals["machine_opens"] >= 8
    assert totals["machine_clicks"] > totals["machine_opens"]
    hits = sum(map(int, re.findall(r"(\d+) machine hits", said)))
    assert hits == totals["machine_opens"] + totals["machine_clicks"]
    by_channel = {row["channel"]: row for row in report["by_channel"]}
    assert set(by_channel) == {"ads", "bluesky", "email", "mastodon", "site"}
    for network in ("bluesky", "mastodon"):
        assert by_channel[network]["likes"] > by_channel[network]["reposts"] > 0
    assert by_channel["ads"]["cost"] == 50.63
    assert totals["cost"] == 640 + 45 + 50.63
    assert "Search ads: 50.63 of 60 EUR are spent" in said
    assert re.search(r"\S+@\S+\.example opened northmoor-bakeries", said)
    assert left_behind(surroundings) == []


class Served:
    """``cms demo`` while it serves."""

    def __init__(self, surroundings: dict[str, str], port: int) -> None:
        self._process = subprocess.Popen(
            [CMS, "demo", "--port", str(port)], env=surroundings, stderr=subprocess.PIPE, text=True
        )
        self.said = ""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.said += line
            if "Ctrl-C" in line:
                break
        found = re.search(r"Open (http://127\.0\.0\.1:\d+)/app/", self.said)
        assert found, self.said
        self.url = found[1]

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310
            return str(answer.read().decode())

    def interrupt(self, number: int) -> int:
        """End it; gives the exit code."""
        self._process.send_signal(number)
        _, rest = self._process.communicate(timeout=30)
        self.said += rest
        return self._process.returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_interrupted(
    surroundings: dict[str, str], taken_port: int, number: int
) -> None:
    served = Served(surroundings, taken_port)
    try:
        assert served.url.rpartition(":")[2] != str(taken_port)
        assert "Larkfield 4" in served.get("/larkfield-4")
        assert 'name="password"' in served.get("/app/login")
        assert served.get("/healthz")
        for role in ("admin", "marketer", "approver", "rep"):
            assert re.search(rf"^  {role} +\S+@larkfield\.example", served.said, re.MULTILINE)
        assert left_behind(surroundings)
        time.sleep(1.5)  # the worker has begun its rounds
    finally:
        code = served.interrupt(number)
    assert code == 0, served.said
    assert "Traceback" not in served.said
    assert served.said.endswith("The demo has ended.\n")
    assert left_behind(surroundings) == []


@pytest.mark.long
def test_the_last_letter_goes_out_by_itself_and_is_read(
    surroundings: dict[str, str], taken_port: int
) -> None:
    served = Served(surroundings, taken_port)
    try:
        (database,) = Path(surroundings["TMPDIR"]).glob("cms-demo-*/cms.db")
        query = (
            "SELECT count(*) FROM core_event JOIN core_asset ON core_asset.id = asset_id "
            "WHERE slug = 'office-hours' AND core_event.kind = 'clicked' AND agent_class = 'human'"
        )
        deadline = time.monotonic() + 360
        clicks = 0
        while not clicks and time.monotonic() < deadline:
            time.sleep(2)
            with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
                (clicks,) = connection.execute(query).fetchone()
        assert clicks
    finally:
        served.interrupt(signal.SIGINT)
    assert "Traceback" not in served.said


def test_a_folder_that_is_kept_must_be_empty(surroundings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    done = subprocess.run(
        [CMS, "demo", "--once", "--keep", tmp_path / "mine"],
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "not an empty folder; nothing was changed" in done.stderr
    assert left_behind(surroundings) == [str(tmp_path / "mine" / "notes.txt")]
