"""The import: files and archives are looked at first, and refused whole where they are hostile."""

import io
import zipfile

import pytest
from PIL import Image
from werkzeug.test import TestResponse

from cms_core.imports import unpack
from cms_core.testing.client import FormClient
from cms_core.workspace import Workspace

from .editor import head


def archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return out.getvalue()


def send(client: FormClient, do: str, *files: tuple[str, bytes]) -> TestResponse:
    sent = [(io.BytesIO(data), name) for name, data in files]
    data = {"csrf_token": client.token("/app/content/import"), "files": sent, "do": do}
    return client.post("/app/content/import", data=data)


def test_files_and_archives_are_looked_at_and_then_imported(
    marketer: FormClient, workspace: Workspace
) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(picture, "PNG")
    packed = archive(
        **{
            "site/one.md": b"# One\n\n![teal](img/a.png)\n",
            "site/img/a.png": picture.getvalue(),
            "site/bad.md": b"---\nkind: poem\n---\nx",
        }
    )
    files = [("site.zip", packed), ("two.md", b"# Two\n\nWords")]
    page = send(marketer, "check", *files).text
    assert "nothing is saved" in page
    assert "2 new" in page
    assert "site/bad.md" in page
    assert "No content yet" in marketer.get("/app/content").text

    assert "2 created" in send(marketer, "save", *files).text
    assert "/media/" in head(workspace, "one").body["text"]
    answer = send(marketer, "save", files[1])
    assert answer.status_code == 303
    assert head(workspace, "two").n == 1


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.zip", archive(**{"../../evil.md": b"# Evil"}), "outside itself"),
        ("a.zip", archive(**{"/etc/evil.md": b"# Evil"}), "outside itself"),
        ("a.zip", archive(**{"c:\\evil.md": b"# Evil"}), "outside itself"),
        ("a.zip", b"PK\x03\x04broken", "cannot be unpacked"),
        ("a.zip", archive(**{"a.txt": b"x"}), "no Markdown"),
        ("a.png", b"\x89PNG", "no Markdown"),
        ("a.zip", archive(**{f"{'x' * 300}.md": b"x"}), "cannot be unpacked"),
    ],
)
def test_an_archive_that_is_broken_or_hostile_is_refused_whole(
    marketer: FormClient, name: str, data: bytes, words: str
) -> None:
    answer = send(marketer, "save", (name, data))
    assert answer.status_code == 422
    assert words in answer.text
    assert "No content yet" in marketer.get("/app/content").text


def test_an_archive_is_not_unpacked_beyond_its_limit(
    marketer: FormClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "MAX_BYTES", 10_000)
    answer = send(marketer, "save", ("a.zip", archive(**{"a.md": b"0" * 10_001})))
    assert "larger than 10,000 bytes" in answer.text
