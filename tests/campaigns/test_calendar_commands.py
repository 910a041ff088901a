"""The calendar on the command line: series, blackouts, slots, overlaps, the feed, whole campaigns."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from click.testing import Result

Cms = Callable[..., "Result"]
TASKS = "when,tz,title,kind\n"


@pytest.fixture
def ws(cms: Cms, tmp_path: Path) -> Cms:
    made = cms(
        "init",
        tmp_path / "ws",
        "--admin-email",
        "ada@example.com",
        "--admin-password",
        "correct horse battery",
    )
    assert made.exit_code == 0, made.output
    return cms


def say(result: "Result", code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def plan(ws: Cms, tmp_path: Path, rows: str, code: int = 0) -> list[dict[str, Any]]:
    file = tmp_path / "plan.csv"
    file.write_text(rows, "utf-8")
    say(ws("calendar", "import", file, "--json"), code)
    listed: list[dict[str, Any]] = say(
        ws("calendar", "list", "--from", "2030-01-01", "--to", "2030-12-31", "--json")
    )
    return listed


def test_a_series_is_made_moved_ended_and_shown(ws: Cms) -> None:
    made = say(
        ws("calendar", "series", "create", "--rrule", "FREQ=WEEKLY;COUNT=3", "--start", "2026-05-04 09:00", "--tz",
           "Europe/Paris", "--title", "Weekly", "--kind", "task", "--json")
    )  # fmt: skip
    assert [each["when"] for each in made["entries"]] == [
        f"2026-05-{day}T09:00:00+02:00" for day in ("04", "11", "18")
    ]
    second = made["entries"][1]["id"]
    moved = say(ws("calendar", "move", second, "--to", "2026-05-12 09:00", "--scope", "one", "--json"))
    assert [each["when"] for each in moved] == ["2026-05-12T09:00:00+02:00"]
    shown = say(ws("calendar", "series", "show", second, "--json"))
    assert [each["moved"] for each in shown["entries"]] == [False, True, False]
    changed = say(ws("calendar", "series", "change", made["id"], "--rrule", "FREQ=WEEKLY;COUNT=4", "--json"))
    assert len(changed["entries"]) == 4
    assert say(ws("calendar", "series", "end", made["id"], "--json")) == [
        {"id": each["id"], "state": "dropped"} for each in changed["entries"] if each["when"] > now_text()
    ]
    assert [each["id"] for each in say(ws("calendar", "series", "list", "--json"))] == [made["id"]]
    assert ws("calendar", "series", "show", "nothing").exit_code == 1


def test_recipients_own_time_is_listed_as_a_wall_clock_and_moved(ws: Cms, tmp_path: Path) -> None:
    (row,) = plan(ws, tmp_path, "when,tz,title\nlocal 2030-05-04 09:00,Asia/Tokyo,Morning\n")
    assert (row["when"], row["tz"]) == ("2030-05-04T09:00:00", "recipient")
    (moved,) = say(ws("calendar", "move", row["id"], "--to", "local 2030-05-05 10:30", "--json"))
    assert moved["when"] == "2030-05-05T10:30:00"
    (moved,) = say(ws("calendar", "move", row["id"], "--to", "2030-05-05 10:30", "--json"))
    assert moved["when"] == "2030-05-05T10:30:00+09:00", (
        "from now on for all at once, in the zone of those whose own is unknown"
    )


def test_what_a_blackout_refuses_of_a_series_is_told(ws: Cms) -> None:
    say(ws("calendar", "blackouts", "add", "Nights", "--policy", "block", "--from", "2026-01-01 22:00", "--to",
           "2026-01-02 06:00", "--rrule", "FREQ=DAILY", "--tz", "Europe/Paris", "--json"))  # fmt: skip
    made = ws("calendar", "series", "create", "--rrule", "FREQ=DAILY;COUNT=1", "--start", "2026-12-14 23:30", "--tz",
              "Europe/Paris", "--title", "Late", "--json")  # fmt: skip
    (problem,) = say(made)["problems"]
    assert "'Nights'" in problem
    assert f"stays planned: {problem}" in made.stderr


def now_text() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat()


def test_blackouts_are_added_listed_and_removed(ws: Cms) -> None:
    added = say(
        ws("calendar", "blackouts", "add", "Freeze", "--policy", "block", "--from", "2030-12-24", "--to", "2030-12-26",
           "--tz", "Europe/Paris", "--json")
    )  # fmt: skip
    assert (added["from"], added["to"]) == ("2030-12-24 00:00", "2030-12-27 00:00")
    say(ws("calendar", "blackouts", "add", "France", "--policy", "warn", "--country", "fr", "--json"))
    assert [each["name"] for each in say(ws("calendar", "blackouts", "list", "--json"))] == [
        "France",
        "Freeze",
    ]
    assert ws("calendar", "blackouts", "remove", "France").exit_code == 0
    refused = say(ws("calendar", "blackouts", "add", "Freeze", "--policy", "stop", "--json"), 1)
    assert "remedy" in refused["error"]


def test_slots_are_set_and_an_entry_takes_one(ws: Cms, tmp_path: Path) -> None:
    ws("connections", "add", "site", "www", "--set", "base_url=https://www.example.com")
    row = say(
        ws(
            "calendar",
            "slots",
            "site:www",
            "--set",
            "mon 09:00",
            "--tz",
            "Europe/Paris",
            "--next",
            "2",
            "--json",
        )
    )
    assert row["slots"] == "mon 09:00"
    assert len(row["next"]) == 2
    (entry,) = plan(ws, tmp_path, "when,tz,title,connection,channel\n2030-05-04 09:00,UTC,Post,www,site\n")
    moved = say(ws("calendar", "move", entry["id"], "--to", "slot", "--json"))
    assert moved[0]["when"] == row["next"][0]
    assert say(ws("calendar", "slots", "site:www", "--json"))["next"][0] == row["next"][1], "one less is free"


def test_what_a_task_holds_up_goes_on_when_it_is_ticked_off(ws: Cms, tmp_path: Path) -> None:
    entries = plan(ws, tmp_path, TASKS + "2030-05-04 09:00,UTC,Print,task\nafter:2+1d,UTC,Ship,task\n")
    assert say(ws("calendar", "done", entries[0]["id"], "--json")) == [
        {"id": entries[0]["id"], "state": "done"}
    ]
    assert ws("calendar", "done", entries[0]["id"]).exit_code == 1
    assert say(ws("calendar", "drop", entries[1]["id"], "--json"))[0]["state"] == "dropped"
    assert ws("calendar", "drop", entries[0]["id"]).exit_code == 1, "what is done stays"


def test_overlaps_are_counted_with_the_limit_of_the_workspace(
    ws: Cms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "people.csv").write_text(
        "email,consent\na@example.com,yes\nb@example.com,yes\nc@example.com,no\n"
    )
    ws("contacts", "import", tmp_path / "people.csv")
    ws("segments", "create", "Everybody", "email is not empty")
    ws("connections", "add", "email", "news", "--set", "host=127.0.0.1", "--set", "from_address=n@example.com",
       "--set", "from_name=N", "--set", "postal_address=1 Mill Lane")  # fmt: skip
    rows = "".join(f"2030-05-0{day} 09:00,UTC,email,news,Everybody,Mail {day}\n" for day in (1, 2, 3, 4))
    plan(ws, tmp_path, "when,tz,channel,connection,segment,title\n" + rows)
    found = say(ws("calendar", "check", "--from", "2030-05-01", "--to", "2030-05-31", "--json"))
    assert (found["limit"], found["days"], found["people"]) == (3, 7, 2)
    assert [(each["title"], each["people"], each["most"]) for each in found["overlaps"]] == [("Mail 4", 2, 4)]
    monkeypatch.setenv("CMS_CORE_WEEKLY_LIMIT", "4")
    assert say(ws("calendar", "check", "--from", "2030-05-01", "--to", "2030-05-31", "--json"))["people"] == 0


def test_the_feed_has_a_secret_address(ws: Cms) -> None:
    first, second = (say(ws("calendar", "feed", "--json"))["url"] for _ in range(2))
    assert first != second
    assert first.startswith("http://127.0.0.1:8000/calendar/")
    assert say(ws("calendar", "feed", "--revoke", "--json")) == {"url": None}


def test_a_campaign_is_moved_and_copied(ws: Cms, tmp_path: Path) -> None:
    ws(
        "campaigns",
        "create",
        "Spring",
        "--start",
        "2030-03-25",
        "--end",
        "2030-04-20",
        "--tz",
        "Europe/Paris",
    )
    entries = plan(
        ws,
        tmp_path,
        "when,campaign,title,kind\n2030-03-29 09:00,Spring,Print,task\nafter:2+1d,Spring,Ship,task\n",
    )
    ids = [each["id"] for each in entries]
    dry = say(ws("campaigns", "move", "Spring", "--by", "7", "--dry-run", "--json"))
    assert [(each["id"], each["old"], each["new"]) for each in dry["moved"]] == [
        (ids[0], "2030-03-29T09:00:00+01:00", "2030-04-05T09:00:00+02:00"),
        (ids[1], "2030-03-30T09:00:00+01:00", "2030-04-06T09:00:00+02:00"),
    ]
    assert say(ws("campaigns", "list", "--json"))[0]["start"] == "2030-03-25", "a dry run changes nothing"
    done = say(ws("campaigns", "move", "Spring", "--start", "2030-04-01", "--json"))
    assert (done["by"], done["start"], done["stays"]) == (7, "2030-04-01", [])
    copied = say(ws("campaigns", "copy", "Spring", "Summer", "--start", "2030-07-01", "--json"))
    assert [each["new"] for each in copied["entries"]] == [
        "2030-07-05T09:00:00+02:00",
        "2030-07-06T09:00:00+02:00",
    ]
    assert {each["state"] for each in copied["entries"]} == {"planned"}
    assert ws("campaigns", "move", "Spring").exit_code == 2
    assert say(ws("campaigns", "copy", "Spring", "Summer", "--start", "2030-07-01", "--json"), 1)["error"]
