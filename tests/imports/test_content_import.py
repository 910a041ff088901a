"""``cms content import``: somebody's folder of Markdown becomes content, once, and every fault is named."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Run = Callable[..., tuple[int, Any]]

LAUNCH = """---
title: Launch day
slug: launch
kind: email
summary: We launch.
tags: launch, news
funnel_stage: awareness
persona: CFO
locale: en-GB
channels:
  email: {subject: 'Hi {{ contact.first_name | default("there") }}', preheader: Soon}
  social: {text: Short}
  short: {subject: Hi}
---
# Launch day

Hello ![A red square](img/red%20dot.png).
"""


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    out = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(out, "PNG")
    path.write_bytes(out.getvalue())


def reasons(document: Any) -> dict[str, tuple[int, str]]:
    return {each["file"]: (each["line"], each["reason"]) for each in document["errors"]}


def test_a_document_arrives_whole(run: Run, folder: Path, home: Path) -> None:
    write(folder, a=LAUNCH)
    picture(folder / "img" / "red dot.png")
    code, done = run("content", "import", folder)
    assert code == 0
    assert {
        key: done[key] for key in ("created", "updated", "unchanged", "scheduled", "errors", "by_kind")
    } == {
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "scheduled": 0,
        "errors": [],
        "by_kind": {"email": 1},
    }
    assert [(note["line"], note["reason"]) for note in done["notes"]] == [
        (10, "channels: 'short' is kept as a variant of that name; no channel or group is called so")
    ]
    _, shown = run("content", "show", "launch")
    assert (shown["title"], shown["kind"], shown["summary"], shown["locale"], shown["persona"], shown["funnel_stage"]) == (
        "Launch day", "email", "We launch.", "en-GB", "CFO", "awareness",
    )  # fmt: skip
    assert shown["tags"] == ["launch", "news"]
    assert shown["variants"]["email"]["subject"] == 'Hi {{ contact.first_name | default("there") }}'
    (media,) = shown["media"]
    assert (media["alt"], media["filename"]) == ("A red square", "red-dot.png")
    assert shown["body"] == {"text": f"Hello ![A red square]({media['path']})."}
    assert (home / "media" / media["sha256"][:2] / media["sha256"][2:4] / media["sha256"]).is_file()


def test_imported_twice_adds_nothing_and_a_change_is_an_update(run: Run, folder: Path) -> None:
    write(folder, a=LAUNCH, b="# Other\n\nText")
    picture(folder / "img" / "red dot.png")
    assert run("content", "import", folder)[1]["created"] == 2
    before = run("content", "show", "launch")[1]
    code, again = run("content", "import", folder)
    assert (code, again["created"], again["updated"], again["unchanged"]) == (0, 0, 0, 2)
    assert run("content", "show", "launch")[1] == before
    write(folder, b="# Other\n\nNew text")
    assert run("content", "import", folder)[1]["updated"] == 1
    assert run("content", "show", "b")[1]["revision"] == 2


def test_a_folder_of_anybodys_markdown(run: Run, folder: Path) -> None:
    write(
        folder,
        hugo="---\ntitle: Hugo\ndate: 2024-01-01\ndraft: true\ncategories: [x]\n---\nText {{< figure >}}",
        jekyll="---\nlayout: post\ntitle: 'Jekyll'\n---\n{% highlight %}",
        plain="Just text",
        README="About this folder",
        heading="Intro\n\n## The first heading\n",
        ünï="# Ünï",
    )
    (folder / "bundle").mkdir()
    write(folder / "bundle", index="# A bundle")
    for hidden in (".git", ".hidden"):
        (folder / hidden).mkdir()
        write(folder / hidden, secret="# No")
    write(folder, **{".draft": "# No"})
    (folder / "notes.txt").write_text("not Markdown", encoding="utf-8")
    code, done = run("content", "import", folder)
    assert (code, done["errors"], done["created"]) == (0, [], 6)
    listed = {row["slug"]: row["title"] for row in run("content", "list")[1]}
    assert listed == {
        "hugo": "Hugo",
        "jekyll": "Jekyll",
        "plain": "Plain",
        "heading": "The first heading",
        "uni": "Ünï",
        "bundle": "A bundle",
    }
    notes = {(each["file"], each["reason"]) for each in done["notes"]}
    assert ("hugo.md", "not used: date, draft, categories") in notes
    assert ("README.md", "left out: a README without front matter") in notes


def test_faulty_files_are_left_out_and_named(run: Run, folder: Path) -> None:
    write(
        folder,
        good="# Good",
        kind="---\ntitle: K\nkind: nonsense\n---\n",
        yaml="---\ntitle: [a\n---\n",
        twin="---\nslug: good\n---\nText",
        reserved="---\nslug: app\n---\nText",
        empty="",
        when="---\ntitle: W\npublish_at: soon\n---\nText",
        where="---\ntitle: W\npublish_at: 2026-05-04 09:00 Europe/Paris\npublish_to: email:Nobody\n---\nText",
        target="---\npublish_to: [email]\n---\nText",
        tags="---\ntags: {a: b}\n---\nText",
        channels="---\nchannels: email\n---\nText",
        overrides="---\ntitle: x\nchannels:\n  email: Hi\n---\nText",
        locale="---\nlocale: the Queen's\n---\nText",
    )
    (folder / "latin.md").write_bytes(b"caf\xe9")
    code, done = run("content", "import", folder)
    found = reasons(done)
    assert (code, done["created"]) == (5, 1)
    assert {name: line for name, (line, _) in found.items()} == {
        "kind.md": 3, "yaml.md": 2, "twin.md": 2, "reserved.md": 2, "empty.md": 1, "when.md": 3, "where.md": 4, "target.md": 2,
        "tags.md": 2, "channels.md": 2, "overrides.md": 3, "locale.md": 2, "latin.md": 1,
    }  # fmt: skip
    assert "email" in found["kind.md"][1]
    assert "good.md" in found["twin.md"][1]
    assert "twin.md" in found["twin.md"][1]
    assert [row["slug"] for row in run("content", "list")[1]] == ["good"]


def test_all_faulty_saves_nothing_and_says_so(run: Run, folder: Path) -> None:
    write(folder, a="", b="+++\n+++\n")
    code, done = run("content", "import", folder)
    assert (code, done["created"], len(done["errors"])) == (1, 0, 2)
    assert done["error"]["message"]
    assert run("content", "list")[1] == []


@pytest.mark.parametrize("what", ["nothing", "empty", "text"])
def test_nothing_to_import_is_a_failure(run: Run, folder: Path, what: str) -> None:
    (folder / "a.txt").write_text("x", encoding="utf-8")
    path = {"nothing": folder / "missing", "empty": folder, "text": folder / "a.txt"}[what]
    code, done = run("content", "import", path)
    assert code == (2 if what == "nothing" else 1)  # a path that is not there is misused, as in every command
    assert set(done["error"]) == {"message", "remedy"}


def test_a_dry_run_saves_neither_words_nor_files(run: Run, folder: Path, home: Path) -> None:
    write(folder, a=LAUNCH, b="")
    picture(folder / "img" / "red dot.png")
    code, done = run("content", "import", folder, "--dry-run", "--approve-as", "ann@example.com")
    assert (code, done["created"], len(done["errors"])) == (5, 1, 1)
    assert run("content", "list")[1] == []
    assert not list((home / "media").iterdir())


def test_a_single_file_is_imported_with_its_pictures(run: Run, folder: Path) -> None:
    write(folder, a=LAUNCH, other="# Other")
    picture(folder / "img" / "red dot.png")
    assert run("content", "import", folder / "a.md")[1]["created"] == 1
    assert len(run("content", "show", "launch")[1]["media"]) == 1


def test_nothing_outside_the_folder_is_read(run: Run, folder: Path, tmp_path: Path) -> None:
    picture(tmp_path / "outside.png")
    picture(folder / ".hidden" / "a.png")
    (tmp_path / "secret.md").write_text("# Secret", encoding="utf-8")
    (folder / "link.md").symlink_to(tmp_path / "secret.md")
    (folder / "tree").symlink_to(tmp_path, target_is_directory=True)
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "fake.png").write_text("<html>", encoding="utf-8")
    places = (
        "../outside.png",
        "link.png",
        "/../outside.png",
        "%2e%2e/outside.png",
        ".hidden/a.png",
        "fake.png",
    )
    write(folder, a="# A\n\n" + " ".join(f"![]({place})" for place in places))
    code, done = run("content", "import", folder)
    assert (code, done["created"]) == (0, 1)
    shown = run("content", "show", "a")[1]
    assert shown["media"] == []
    assert "![](../outside.png)" in shown["body"]["text"]
    assert len([note for note in done["notes"] if note["file"] == "a.md"]) == 6


def test_pictures_are_found_however_they_are_written(run: Run, folder: Path) -> None:
    for name in ("a b.png", "c.png", "d.png", "e.png", "static/f.png"):
        picture(folder / name)
    write(
        folder,
        a="![1](<a b.png>) ![2](a%20b.png) ![3][c] <img src='d.png' alt=x>\n\n[c]: c.png 'Title'\n\n"
        '[file](e.png "T") ![4](/static/f.png) ![5](https://x.example/c.png) ![6](data:image/png;base64,AA) ![7]({{ x }})',
    )
    done = run("content", "import", folder)[1]
    assert done["notes"] == []
    text = run("content", "show", "a")[1]["body"]["text"]
    assert text.count("/media/") == 6
    for gone in ("(a%20b.png)", "<a b.png>", "'d.png'", ": c.png", "(e.png", "(/static"):
        assert gone not in text
    assert "https://x.example/c.png" in text


def test_slugs_that_cannot_be_addresses_are_mended_with_a_note(run: Run, folder: Path) -> None:
    write(folder, a="---\nslug: /Blog/My Post/\n---\nText")
    done = run("content", "import", folder)[1]
    assert [note["reason"] for note in done["notes"]] == ["slug '/Blog/My Post/' became 'blog-my-post'"]


def test_imports_are_approved_on_request(run: Run, folder: Path) -> None:
    write(folder, a="# A\n\nText")
    assert run("content", "import", folder)[0] == 0
    assert run("content", "list")[1][0]["state"] == "draft"
    code, done = run("content", "import", folder, "--approve-as", "ann@example.com")
    assert (code, done["unchanged"]) == (0, 1)
    assert run("content", "list")[1][0]["state"] == "approved"


def test_who_may_not_approve_stops_the_whole_import(
    run: Run, folder: Path, add_user: Callable[[str, str], None]
) -> None:
    add_user("bob@example.com", "marketer")
    add_user("cleo@example.com", "approver")
    write(folder, a="# A")
    for email in ("bob@example.com", "ann@example.com", "nobody@example.com"):
        code, done = run("content", "import", folder, "--approve-as", email)
        assert (code, bool(done["error"]["remedy"])) == (1, True)
    assert run("content", "list")[1] == []
    assert run("content", "import", folder, "--approve-as", "cleo@example.com")[0] == 0
    assert run("content", "list")[1][0]["state"] == "approved"
    assert run("--as", "cleo@example.com", "content", "import", folder)[0] == 1, "an approver does not write"


def test_a_time_makes_a_planned_entry_once(run: Run, folder: Path) -> None:
    write(
        folder,
        a="---\ntitle: A\npublish_at: 2026-05-04 09:00 Europe/Paris\n---\nText",
        b="---\ntitle: B\npublish_at: 2026-05-04T09:00:00+02:00\n---\nText",
        c="---\ntitle: C\npublish_to: [email:News]\n---\nText",
    )
    code, done = run("content", "import", folder)
    assert (code, done["scheduled"]) == (0, 2)
    assert [each["file"] for each in done["notes"] if "plans nothing" in each["reason"]] == ["c.md"]
    assert run("content", "import", folder)[1]["scheduled"] == 0
