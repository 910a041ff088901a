"""What the docs say is run: their files are written, their commands succeed."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiosmtpd.controller import Controller
from pptx import Presentation

from cms_core.testing.databases import PostgresServer
from tests.commands import forked

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
KEPT = re.compile(r"(\w+)=\$\((cms .*) \| jq -r \.(\w+)\)")
FILE = re.compile(r"\A(?:# file: (\S+)|<!-- file: (\S+) -->)\n")


class Mailbox:
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, bytes]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails += [(address, envelope.content) for address in envelope.rcpt_tos]
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    handler = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


def play(page: str, folder: Path, environ: dict[str, str]) -> dict[str, str]:
    """Write the files and run the commands of a page, in its order; gives what each command printed."""
    printed = {}
    for kind, text in BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8")):
        named = FILE.match(text)
        if named:
            path = folder / (named[1] or named[2])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text[named.end() :], encoding="utf-8")
        if kind == "console":
            for line in re.findall(r"^\$ (.*)$", text, re.MULTILINE):
                if kept := KEPT.fullmatch(line):
                    environ[kept[1]] = str(json.loads(run(kept[2], folder, environ))[kept[3]])
                else:
                    printed[line] = run(line, folder, environ)
    return printed


def run(line: str, folder: Path, environ: dict[str, str]) -> str:
    words = [
        os.path.expandvars(word)
        for word in shlex.split(re.sub(r"\$(\w+)", lambda m: environ.get(m[1], m[0]), line))
    ]
    assert words[0] == "cms", f"a command of the docs is {words[0]!r}"
    # The first of each page is a process from its first byte.
    start = started if words[1] == "init" else forked
    done = start(words[1:], folder, {**os.environ, **environ})
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def started(words: list[str], folder: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cms_core.cli", *words]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


def test_first_campaign_does_what_its_page_says(tmp_path: Path, mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    environ = {"CMS_HOME": str(tmp_path / "ws"), "CMS_OUTBOUND_ALLOW": "127.0.0.1", "SMTP_PORT": str(port)}
    printed = play("first-campaign.md", tmp_path, environ)
    worked = next(json.loads(text) for line, text in printed.items() if line.startswith("cms worker"))
    assert worked["published"] == 2
    assert worked["deliveries"] == {"accepted": 2, "skipped": 1}
    assert sorted(address for address, _ in box.mails) == ["ana@example.com", "bob@example.com"]
    subjects = sorted(str(message_from_bytes(raw)["Subject"]) for _, raw in box.mails)
    assert subjects == ["Month-end in a day, Ana", "Month-end in a day, Bob"]
    totals = next(json.loads(text) for line, text in printed.items() if line.startswith("cms report"))[
        "totals"
    ]
    assert (
        totals["addressed"] == totals["sent"] + totals["failed"] + totals["unknown"] + totals["skipped"] == 3
    )


def test_decks_are_made_as_their_page_says(tmp_path: Path) -> None:
    deck = Presentation()
    for title, words in (
        ("{{ company.name }}", "{{ rep.name }}"),
        ("Security", "ISO 27001"),
        ("The close takes {{ days_to_close }} days", '{{ main_worry | default("the audit trail") }}'),
    ):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text_frame.text = title, words
    for name in ("pitch", "prices"):
        deck.save(str(tmp_path / f"{name}.pptx"))
        deck.slides[0].shapes.title.text = "Prices"
    environ = {"CMS_HOME": str(tmp_path / "ws")}
    printed = play("decks.md", tmp_path, environ)

    def said(beginning: str) -> Any:
        return next(
            json.loads(text) for line, text in printed.items() if line.startswith(f"cms sales {beginning}")
        )

    assert [each["id"] for each in said("templates add")["slides"]] == ["256", "257", "258"]
    german = said("decks make pitch --locale")
    assert [each["id"] for each in german["slides"]] == ["257", "258"], "the translation for its original"
    assert (said("show")["rating"], said("show")["wish"]) == (4.0, 1)
    made = said("decks make pitch --pick")
    assert ([each["id"] for each in made["slides"]], made["missing"], made["findings"]) == (
        ["256", "258"],
        [],
        [],
    )
    assert said("decks check") == {"ok": True, "findings": []}
    slides = Presentation(str(tmp_path / "brightwell.pptx")).slides
    assert [slide.shapes.title.text for slide in slides] == ["Brightwell Health", "The close takes 9 days"]
    slides = Presentation(str(tmp_path / "more.pptx")).slides
    assert [slide.shapes.title.text for slide in slides] == [
        "Brightwell Health",
        "What we heard at Brightwell Health",
        "The close takes  days",
        "Hours back",
        "Security",
    ]
    assert [each["id"] for each in said("search")[0]["slides"]] == ["258"]
    assert said("recommend")[0]["slug"] == "pitch"
    link = json.loads(
        run(
            f"cms sales shares add {made['id']} --for dana@brightwell.example --expires 14d --json",
            tmp_path,
            environ,
        )
    )
    assert json.loads(run(f"cms sales shares show {link['id']} --json", tmp_path, environ))["views"] == []
    room = said("rooms add")
    assert [each["title"] for each in room["items"]] == ["Pitch for Brightwell Health"]
    shared = json.loads(run(f"cms sales rooms share {room['id']} --expires 14d --json", tmp_path, environ))
    assert shared["url"].partition("/d/")[2]
    steps = (
        f"cms sales rooms steps {room['id']} --add 'Bring in the works council' --who them --due 2026-12-01"
    )
    assert [each["who"] for each in json.loads(run(f"{steps} --json", tmp_path, environ))] == ["them"]
    assert json.loads(run(f"cms sales rooms questions {room['id']} --json", tmp_path, environ)) == []
    newer = run("cms sales templates add pitch.pptx --replace pitch --json", tmp_path, environ)
    assert json.loads(newer)["behind"] == []
    training = said("training add")["id"]
    assert json.loads(run(f"cms sales training people {training} --json", tmp_path, environ)) == []


def test_limits_of_sending_are_set_as_their_page_says(tmp_path: Path) -> None:
    environ = {"CMS_HOME": str(tmp_path / "ws"), "SMTP_PORT": "2525"}
    run(
        "cms init ws --admin-email you@example.com --admin-password 'correct horse battery'",
        tmp_path,
        environ,
    )
    printed = play("sending.md", tmp_path, environ)
    caps = json.loads(printed["cms caps list --json"])
    assert [(each["most"], each["days"], each["channel"]) for each in caps] == [(1, 1, "email"), (3, 7, None)]
    hours = json.loads(printed["cms quiet-hours list --json"])
    assert hours == [{"channel": "email", "from": "21:00", "to": "08:00"}]


def test_moving_in_does_what_its_page_says(tmp_path: Path, empty_database_url: str | None) -> None:
    environ = {"CMS_HOME": str(tmp_path / "ws")}
    if empty_database_url:
        environ["CMS_DATABASE_URL"] = empty_database_url
    printed = play("moving-in.md", tmp_path, environ)

    def said(line: str) -> Any:
        return json.loads(printed[line])

    site = said("cms content import wordpress.xml --approve-as you@example.com --json")
    assert (site["created"], site["scheduled"], site["by_kind"]) == (3, 1, {"article": 2, "landing-page": 1})
    assert {"from": "/2025/month-end", "to": "/month-end"} in site["redirects"]
    people = said("cms contacts import hubspot.csv --json")
    assert (people["format"], people["created"], people["skipped"]) == ("hubspot", 4, [])
    rows = json.loads(run("cms contacts list --json", tmp_path, environ))
    assert {row["email"][:3]: row["consent"] for row in rows} == {
        "ana": "yes",
        "bob": "unsubscribed",
        "eve": "unsubscribed",
        "dan": "no",
    }
    assert said("cms calendar import plan.csv --arm --json")["saved"] == 3
    listed = said("cms calendar list --from 2026-05-01 --to 2026-05-31 --json")
    assert [(row["title"], row["state"]) for row in listed] == [
        ("Month-end in a day", "armed"),
        ("About us", "armed"),
        ("Print the flyers", "planned"),
        ("The next release", "planned"),
    ]
    assert said("cms calendar import posts.csv --tz Europe/Paris --json")["unchanged"] == 2


def test_operations_do_what_their_page_says(tmp_path: Path) -> None:
    environ = {"CMS_HOME": str(tmp_path / "ws"), "RESTORED": str(tmp_path / "restored")}
    printed = play("operations.md", tmp_path, environ)
    made, again = (
        next(text for line, text in printed.items() if line.endswith(end))
        for end in ("--with-key --json", "restore with-key.backup")
    )
    assert f"{json.loads(made)['rows']:,} rows" in again
    closed = next(json.loads(text) for line, text in printed.items() if line.endswith("fence status --json"))
    assert closed["closed"] is True
    assert (tmp_path / "larkfield.backup").is_file()


def test_several_machines_are_made_as_their_page_says(tmp_path: Path, postgres: PostgresServer) -> None:
    url = postgres.create()
    play("several-machines.md", tmp_path, {"CMS_HOME": str(tmp_path / "ws"), "DATABASE_URL": url})
    postgres.drop(url)
    units = sorted(tmp_path.glob("*.service"))
    assert len(units) == 3
    lines = [
        line.split()[1:]
        for unit in units
        for line in re.findall("^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
    ]
    services = yaml.safe_load((tmp_path / "compose.yaml").read_text())["services"]
    lines += [each["command"][1:] for each in services.values() if "command" in each]
    lines.append(
        json.loads(re.findall("^CMD (.*)$", (tmp_path / "Containerfile").read_text(), re.MULTILINE)[0])[1:]
    )
    assert {line[0] for line in lines} == {"web", "scheduler", "worker"}
    for name, *options in lines:
        known = run(f"cms {name} --help", tmp_path, {})
        assert all(option in known for option in options if option.startswith("--"))
    if shutil.which("systemd-analyze"):
        told = subprocess.run(
            ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
        )
        assert "Unknown" not in told.stderr, told.stderr


def test_plugin_of_the_docs_works_and_keeps_its_promises(tmp_path: Path) -> None:
    workspace = tmp_path / "ws"
    environ = {"CMS_HOME": str(workspace), "CMS_OUTBOUND_ALLOW": "127.0.0.1"}
    run(
        'cms init $CMS_HOME --admin-email you@example.com --admin-password "a good passphrase"',
        tmp_path,
        environ,
    )
    printed = play("writing-a-plugin.md", workspace, environ)
    assert "outbox" in printed["cms plugins list"]
    assert "nothing is wrong with it" in printed["cms plugins check outbox"]
    assert "nothing is wrong with it, quality gold" in printed["cms plugins check welcome"]
    greets_once(workspace)
    assert "1 published" in publish_one("outbox,main", workspace, environ)
    (post,) = (workspace / "posts").iterdir()
    assert json.loads(post.read_text())["title"] == "Hello"
    (workspace / "outbox.py").write_text((workspace / "plugins" / "outbox.py").read_text())
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "cms_core.testing",
        "-p",
        "no:cacheprovider",
        "test_outbox.py",
    ]
    done = subprocess.run(
        command,
        cwd=workspace,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(workspace)},
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def greets_once(home: Path) -> None:
    """The job of the page's second plugin, run twice, is one stream with one message."""
    from cms_core import services
    from cms_core.audience.upsert import Incoming, upsert_batch
    from cms_core.auth.service import acting_user
    from cms_core.config import load_config
    from cms_core.connections import service as connections
    from cms_core.content import service as content
    from cms_core.content.drafts import Draft
    from cms_core.content.review import approve_newest
    from cms_core.contract import JobContext
    from cms_core.publishing import listing
    from cms_core.workspace import open_workspace

    opened = open_workspace(load_config(str(home), {}))
    with opened.db.transaction() as session:
        upsert_batch(session, [Incoming("ana@example.com", {}, {})], source="test")
        user = acting_user(session, None)
        draft = Draft(kind="email", title="Welcome", slug="welcome", body={"text": "Hello"})
        asset = content.save(session, opened.plugins, None, draft, user).asset
        approve_newest(session, opened, asset, user)
        values = {
            "host": "127.0.0.1",
            "port": "25",
            "from_address": "a@example.com",
            "postal_address": "1 Main St",
        }
        connections.add(session, opened.vault, opened.plugins, "email", "news", values)
    (job,) = [job for plugin, job in opened.plugins.jobs if plugin == "welcome"]
    for _ in range(2):
        job.run(JobContext(opened.db.clock.now(), services.Services(opened, "welcome")))
    with opened.db.session() as session:
        (row,) = listing.publications(session)
        assert row["source"] == "welcome:greeting"
        assert listing.delivery_counts(session) == {"pending": 1}
    opened.db.dispose()


def test_channel_of_the_readme_publishes(tmp_path: Path) -> None:
    environ = {"CMS_HOME": str(tmp_path / "ws")}
    run(
        'cms init $CMS_HOME --admin-email you@example.com --admin-password "a good passphrase"',
        tmp_path,
        environ,
    )
    for kind, text in BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8")):
        named = FILE.match(text)
        assert kind == "python"
        assert named
        (tmp_path / "ws" / named[1]).write_text(text[named.end() :])
    assert "nothing is wrong with it" in run("cms plugins check console", tmp_path, environ)
    run("cms connections add console here", tmp_path, environ)
    printed = publish_one("console,here", tmp_path, environ)
    assert "Hello" in printed
    assert "1 published" in printed


def publish_one(target: str, folder: Path, environ: dict[str, str]) -> str:
    """Publish an article there (channel,connection); gives what the worker printed."""
    (folder / "hello.md").write_text("# Hello\n\nWords.\n")
    (folder / "plan.csv").write_text(f"when,channel,connection,asset\n2026-05-04 09:00,{target},hello\n")
    run("cms content import hello.md --approve-as you@example.com", folder, environ)
    run("cms calendar import plan.csv --arm", folder, environ)
    return run("cms worker --until-idle --now 2026-05-04T09:00:00+00:00", folder, environ)
