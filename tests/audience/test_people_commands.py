"""``cms contacts`` and ``cms segments`` as scripts see them: documents, keys and exit codes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from cms_core import migrations
from cms_core.auth import service as auth
from cms_core.config import load_config, write_config
from cms_core.workspace import open_workspace

Cms = Callable[..., Result]


@pytest.fixture
def people(cms: Cms, tmp_path: Path) -> Cms:
    """The ``cms`` command on a workspace with an admin."""
    home = tmp_path / "ws"
    write_config(home, None, None)
    workspace = open_workspace(load_config(home))
    migrations.upgrade(workspace.db.engine, workspace.plugins)
    with workspace.db.transaction() as session:
        auth.create_user(session, "admin@example.com", "Admin", "admin", "correct horse battery")
    workspace.db.dispose()
    return cms


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        path = tmp_path / "people.csv"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def document(result: Result) -> Any:
    return json.loads(result.stdout)


def test_import_list_and_count(people: Cms, file: Callable[[str], str]) -> None:
    path = file("Mail;Land;stage;consent\n Ann@X.de;FR;intent;yes\nb@x.de;FR;;\nc@x.de;DE;;unsubscribed\n")
    done = people("contacts", "import", path, "--map", "Mail=email", "--map", "Land=country", "--json")
    assert done.exit_code == 0
    assert document(done) | {"notes": []} == {
        "format": "csv", "encoding": "utf-8", "delimiter": ";", "created": 3, "updated": 0, "unchanged": 0,
        "skipped": [], "notes": [], "segments": [], "saved": True,
    }  # fmt: skip
    rows = document(people("contacts", "list", "--json"))
    assert [(row["email"], row["country"], row["consent"], row["fields"]) for row in rows] == [
        ("ann@x.de", "FR", "yes", {"stage": "intent"}),
        ("b@x.de", "FR", "no", {}),
        ("c@x.de", "DE", "unsubscribed", {}),
    ]
    assert len({row["id"] for row in rows}) == 3
    made = document(people("segments", "create", "French", 'country = "FR"', "--json"))
    assert (made["name"], made["count"]) == ("French", 2)
    assert document(people("segments", "count", "French", "--json")) == {"count": 2}
    assert document(people("segments", "count", 'not in segment "French"', "--json")) == {"count": 1}
    assert [
        (row["name"], row["kind"], row["rule"]) for row in document(people("segments", "list", "--json"))
    ] == [("French", "rule", 'country = "FR"')]
    assert "ann@x.de" in people("contacts", "list").stdout
    assert people("segments", "count", "French").stdout == "2\n"
    assert "French" in people("segments", "list").stdout


def test_partly_faulty_files_end_with_5(people: Cms, file: Callable[[str], str]) -> None:
    path = file("email\na@x.de\nbad\nA@x.de\n")
    for extra, saved in (["--dry-run"], False), ([], True):
        done = people("contacts", "import", path, "--json", *extra)
        assert (done.exit_code, document(done)["saved"]) == (5, saved)
        assert document(done)["skipped"] == [
            {"row": 3, "reason": "'bad' is not an e-mail address: it has no @-sign"},
            {"row": 4, "reason": "duplicate of row 2"},
        ]
    assert len(document(people("contacts", "list", "--json"))) == 1
    told = people("contacts", "import", path)
    assert (told.exit_code, told.stdout) == (5, "0 created, 0 updated, 1 unchanged, 2 left out\n")
    assert "row 4: duplicate of row 2" in told.stderr


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("email\nbad\nworse\n", (), "2 rows are faulty; nothing was saved"),
        ("email\na@x.de\nbad\n", ("--all-or-nothing",), "1 row is faulty; nothing was saved"),
        ("name\nAnn\n", (), "people.csv has no column of e-mail addresses; its columns are: name"),
        ("email\na@x.de\n", ("--map", "Who=email"), "people.csv has no column 'Who'; its columns are: email"),
    ],
)
def test_failures_end_with_1_and_save_nothing(
    people: Cms, file: Callable[[str], str], text: str, options: tuple[str, ...], message: str
) -> None:
    done = people("contacts", "import", file(text), "--json", *options)
    assert done.exit_code == 1
    assert document(done)["error"]["message"] == message
    assert document(done)["error"]["remedy"]
    assert document(done).get("created", 0) == 0
    assert document(people("contacts", "list", "--json")) == []
    assert message in people("contacts", "import", file(text), *options).stderr


def test_wrong_use_ends_with_2(people: Cms, file: Callable[[str], str]) -> None:
    assert people("contacts", "import", "/nowhere.csv").exit_code == 2
    assert people("contacts", "import", file("email\n"), "--map", "email").exit_code == 2


def test_faulty_rules_are_explained(people: Cms) -> None:
    done = people("segments", "create", "X", 'cuntry = "FR"', "--json")
    assert done.exit_code == 1
    assert document(done)["error"]["message"] == "rule, column 1: unknown field cuntry"
    assert document(done)["error"]["remedy"].startswith("did you mean country?")
    assert people("segments", "count", "X", "--json").exit_code == 1
    assert document(people("segments", "list", "--json")) == []


def test_header_alone_imports_nobody(people: Cms, file: Callable[[str], str]) -> None:
    done = people("contacts", "import", file("email,name\n"), "--json")
    assert (done.exit_code, document(done)["created"]) == (0, 0)
