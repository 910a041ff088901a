"""``cms content list|show|approve|check``."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Run = Callable[..., tuple[int, Any]]


@pytest.fixture(autouse=True)
def two_assets(run: Run, folder: Path) -> None:
    (folder / "one.md").write_text("# One\n\nText", encoding="utf-8")
    (folder / "two.md").write_text("---\nkind: email\n---\n# Two", encoding="utf-8")
    run("content", "import", folder)


def test_list_has_the_promised_keys(run: Run) -> None:
    code, rows = run("content", "list")
    assert code == 0
    assert {row["slug"] for row in rows} == {"one", "two"}
    for row in rows:
        assert {"id", "slug", "kind", "title", "state", "revision", "updated_at"} <= set(row)
        assert datetime.fromisoformat(row["updated_at"]).tzinfo is not None


def test_show_has_words_hash_and_history(run: Run) -> None:
    shown = run("content", "show", "one")[1]
    assert shown["body"] == {"text": "Text"}
    assert len(shown["content_hash"]) == 64
    assert (shown["owner"], shown["reviews"], shown["revisions"][0]["author"]) == (
        "ann@example.com",
        [],
        "ann@example.com",
    )


def test_approve_takes_all_or_none(run: Run) -> None:
    code, done = run("content", "approve", "one", "tow")
    assert (code, "two" in done["error"]["remedy"]) == (1, True)
    assert {row["state"] for row in run("content", "list")[1]} == {"draft"}
    code, rows = run("content", "approve", "one", "two")
    assert (code, [row["state"] for row in rows]) == (0, ["approved", "approved"])
    assert run("content", "approve", "one")[0] == 0, "again is no error"
    review = run("content", "show", "one")[1]["reviews"][0]
    assert (review["state"], review["decided_by"]) == ("approved", "ann@example.com")


def test_nobody_approves_their_own_once_there_are_two(run: Run, add_user: Callable[[str, str], None]) -> None:
    add_user("cleo@example.com", "approver")
    assert run("content", "approve", "one")[0] == 1
    assert run("--as", "cleo@example.com", "content", "approve", "one")[0] == 0
    assert (
        run("content", "list")[1][0]["state"] == "approved"
        or run("content", "list")[1][1]["state"] == "approved"
    )


@pytest.mark.parametrize("arguments", [("one", "--channel", "nowhere"), ("nothing", "--channel", "nowhere")])
def test_check_names_what_is_missing(run: Run, arguments: tuple[str, ...]) -> None:
    code, done = run("content", "check", *arguments)
    assert code == 1
    assert set(done["error"]) == {"message", "remedy"}


@pytest.mark.parametrize("arguments", [("list",), ("show", "one"), ("approve", "one"), ("import", "in")])
def test_people_get_plain_text(cms: Callable[..., Result], folder: Path, arguments: tuple[str, ...]) -> None:
    result = cms("content", *(str(folder) if each == "in" else each for each in arguments))
    assert result.exit_code == 0
    assert "one" in result.stdout or "unchanged" in result.stdout
    assert not result.stdout.lstrip().startswith(("{", "["))


def test_history_compare_and_restore(run: Run, folder: Path) -> None:
    run("content", "approve", "one")
    (folder / "one.md").write_text("# One\n\nOther text", encoding="utf-8")
    run("content", "import", folder)
    code, rows = run("content", "history", "one")
    assert (code, [(row["n"], row["state"]) for row in rows]) == (0, [(2, "draft"), (1, "approved")])
    code, found = run("content", "compare", "one", 1, 2)
    assert (code, found["from"], found["to"]) == (0, 1, 2)
    (change,) = found["changes"]
    assert (change["field"], change["before"], change["after"]) == ("body.text", "Text", "Other text")
    assert "".join(each["text"] for each in change["runs"] if each["op"] != "gone") == "Other text"

    code, restored = run("content", "restore", "one", 1)
    assert (code, restored["revision"], restored["state"], restored["restored"]) == (0, 3, "draft", 1)
    shown = run("content", "show", "one")[1]
    assert (shown["body"]["text"], shown["approved_revision"]) == ("Text", 1)
    assert run("content", "restore", "one", 9)[0] == 1
    assert run("content", "compare", "one", 1, 9)[1]["error"]["remedy"] == "it has revisions 1 to 3"
