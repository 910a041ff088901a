"""From Markdown files and a plan to posts on networks and their likes in the report, by the commands alone."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cms_core.clock import FrozenClock
from cms_core.testing.network import FakeNetwork
from cms_social.sandbox_bluesky import Bluesky
from cms_social.sandbox_mastodon import Mastodon

POST = """---
title: The launch, announced
slug: launch-post
kind: social-post
locale: en-GB
channels:
  mastodon: {content_warning: Good news, visibility: unlisted}
---
We have launched! Read https://acme.test/launch #launch

![A rocket that leaves](rocket.png)

---

Thank you, everybody.
"""
GUIDE = (
    """---
title: How to launch
slug: guide
kind: article
summary: Eleven steps, none of them skipped
channels:
  bluesky: {link: "https://acme.test/guide"}
  mastodon: {text: "Our guide in eleven steps: https://acme.test/guide"}
---
# How to launch

A text that is much longer than a post may be. """
    + "It goes on. " * 60
)
PLAN = """when,tz,channel,connection,asset,campaign,segment,title,kind,end,budget
2026-05-04 09:00,Europe/Paris,mastodon,toot,launch-post,Launch,,,,,
2026-05-04 09:00,Europe/Paris,bluesky,sky,launch-post,Launch,,,,,
2026-05-04 09:30,Europe/Paris,mastodon,toot,guide,Launch,,,,,
2026-05-04 09:30,Europe/Paris,bluesky,sky,guide,Launch,,,,,
"""
DUE = "2026-05-04T08:00:00+00:00"


@pytest.fixture
def run(
    cms: Callable[..., Any],
    tmp_path: Path,
    mastodon_network: FakeNetwork,
    bluesky_network: FakeNetwork,
    picture: bytes,
) -> Callable[..., Any]:
    """Run a command in a workspace with both networks connected; answers its JSON."""

    def play(*arguments: str, ends_with: int = 0) -> Any:
        result = cms(*arguments)
        assert result.exit_code == ends_with, result.output
        return json.loads(result.stdout) if "--json" in arguments else result.stdout

    folder = tmp_path / "content"
    folder.mkdir()
    for name, text in (("launch-post.md", POST), ("guide.md", GUIDE)):
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "rocket.png").write_bytes(picture)
    (tmp_path / "plan.csv").write_text(PLAN, encoding="utf-8")
    play(
        "init",
        str(tmp_path / "ws"),
        "--admin-email",
        "admin@acme.test",
        "--admin-password",
        "correct horse battery",
    )
    play("connections", "add", "mastodon", "toot", *_set(base_url=mastodon_network.url, access_token="abc"))
    handle = _set(service_url=bluesky_network.url, handle="Acme.test", app_password="abc")
    play("connections", "add", "bluesky", "sky", *handle)
    play(
        "campaigns",
        "create",
        "Launch",
        "--start",
        "2026-05-01",
        "--end",
        "2026-05-31",
        "--tz",
        "Europe/Paris",
    )
    return play


def _set(**settings: str) -> list[str]:
    return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]


def test_connections_are_tested_over_the_wire(run: Callable[..., Any]) -> None:
    assert run("connections", "test", "toot", "--json")["rights"] == [
        "500 characters a post",
        "4 files a post",
    ]
    assert run("connections", "test", "bluesky:sky", "--json")["identity"] == "@acme.test"
    listed = {each["channel"]: each["state"] for each in run("connections", "list", "--json")}
    assert listed == {"mastodon": "ok", "bluesky": "ok"}


def test_wrong_credentials_are_told_and_shown_nowhere(
    run: Callable[..., Any], bluesky_network: FakeNetwork
) -> None:
    run(
        "connections",
        "add",
        "bluesky",
        "bad",
        *_set(service_url=bluesky_network.url, handle="x.test", app_password="wrong"),
    )
    failed = run("connections", "test", "bad", "--json", ends_with=6)
    assert "Invalid identifier or password" in failed["error"]["message"]
    assert {each["name"]: each["state"] for each in run("connections", "list", "--json")}["bad"] == "broken"


def test_approved_posts_go_out_once_and_their_likes_come_back(
    run: Callable[..., Any],
    tmp_path: Path,
    mastodon: Mastodon,
    bluesky: Bluesky,
    their_clock: FrozenClock,
) -> None:
    imported = run(
        "content", "import", str(tmp_path / "content"), "--approve-as", "admin@acme.test", "--json"
    )
    assert (imported["created"], imported["errors"]) == (2, [])
    for channel in ("mastodon", "bluesky"):
        for slug in ("launch-post", "guide"):
            assert run("content", "check", slug, "--channel", channel, "--json") == []
    planned = run("calendar", "import", str(tmp_path / "plan.csv"), "--arm", "--json")
    assert (planned["saved"], planned["faulty"]) == (4, [])

    assert run("worker", "--until-idle", "--now", DUE, "--json")["published"] == 4
    first, second, guide = sorted(mastodon.statuses.values(), key=lambda each: int(each["id"]))
    assert first["text"].startswith(
        "We have launched! Read https://acme.test/launch?utm_source=toot&utm_medium=mastodon"
    )
    assert (first["spoiler_text"], first["visibility"], first["language"]) == ("Good news", "unlisted", "en")
    assert mastodon.media[first["media"][0]]["description"] == "A rocket that leaves"
    assert (second["text"], second["in_reply_to_id"]) == ("Thank you, everybody.", first["id"])
    assert guide["text"].startswith("Our guide in eleven steps: https://acme.test/guide?utm_source=toot")

    records = {row["value"]["text"]: row["value"] for row in bluesky.records.values()}
    assert len(records) == len(bluesky.records) == 3
    card = records["How to launch\n\nEleven steps, none of them skipped"]["embed"]["external"]
    assert card["title"] == "How to launch"
    assert card["uri"].startswith("https://acme.test/guide?utm_source=sky")
    assert records["Thank you, everybody."]["reply"]["root"]["uri"].startswith("at://did:plc:")

    shown = run("publications", "list", "--json")
    assert {each["state"] for each in shown} == {"published"}
    assert all(each["url"].startswith("http") for each in shown)

    their_clock.at += timedelta(hours=1)
    assert run("worker", "--until-idle", "--now", DUE, "--json")["published"] == 0
    assert (len(mastodon.statuses), len(bluesky.records)) == (3, 3)
    report = run("report", "campaign", "Launch", "--json")
    assert report["totals"]["likes"] == 6 * 180
    channels = {each["channel"]: each for each in report["by_channel"]}
    assert channels["mastodon"]["replies"] == channels["bluesky"]["replies"] == 3 * 20


def test_post_that_is_too_long_is_refused_before_it_is_armed(run: Callable[..., Any], tmp_path: Path) -> None:
    long = tmp_path / "content" / "long.md"
    long.write_text(
        "---\ntitle: Long\nslug: long\nkind: social-post\n---\n" + "word " * 100, encoding="utf-8"
    )
    run("content", "import", str(tmp_path / "content"), "--approve-as", "admin@acme.test", "--json")
    (found,) = run("content", "check", "long", "--channel", "bluesky", "--json")
    assert (found["level"], found["field"]) == ("error", "text")
    assert "499 characters as Bluesky counts; at most 300 fit" in found["message"]
    assert run("content", "check", "long", "--channel", "mastodon", "--json") == []
    (tmp_path / "plan.csv").write_text(
        PLAN.splitlines()[0] + "\n2026-05-04 09:00,UTC,bluesky,sky,long,,,,,,\n"
    )
    planned = run("calendar", "import", str(tmp_path / "plan.csv"), "--arm", "--json", ends_with=1)
    assert "300" in planned["faulty"][0]["reason"]
