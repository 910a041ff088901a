"""S4, S5, S6: files that are not what they say, that unfold, or that want to lie somewhere else."""

import io
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from werkzeug.test import encode_multipart

from cms_core.content import media
from cms_core.errors import Invalid

from .house import House, picture

SCRIPT = b"<script>alert(1)</script>"
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">'
    + SCRIPT
    + b'<foreignObject/><a href="javascript:alert(1)"/></svg>'
)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, rows: int = 0) -> bytes:
    """A PNG that says it has this size; with as many rows of black as asked for."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    body = zlib.compressobj(9)
    line = b"\0" * (width + 1)
    data = b"".join(body.compress(line) for _ in range(rows)) + body.flush()
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def gif_of(frames: int) -> bytes:
    """A GIF of many small frames."""
    out = io.BytesIO()
    first, *rest = [Image.new("RGB", (8, 8), (n % 250, n // 250, 9)) for n in range(frames)]
    first.save(out, "GIF", save_all=True, append_images=rest, duration=20)
    return out.getvalue()


def upload(house: House, data: bytes, name: str) -> tuple[int, str]:
    client = house.signed_in("marketer")
    sent = {"file": (io.BytesIO(data), name), "csrf_token": client.token("/app/me")}
    answer = client.post("/app/content/media", data=sent)
    said = answer.get_json()
    return answer.status_code, said.get("markdown") or said.get("error") or ""


def path_in(markdown: str) -> str:
    found = re.search(r"\((/media/[^)]+)\)", markdown)
    assert found, markdown
    return found[1]


# --- S4: what a file is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"<!doctype html>" + SCRIPT, "picture.png"),
        (SCRIPT, "picture.svg"),
        (b"<!doctype html>" + SVG, "picture.svg"),
        (b"GIF89a" + SCRIPT, "picture.gif"),
        (b"\x89PNG\r\n\x1a\n" + SCRIPT, "picture.png"),
        (
            b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><svg>&x;</svg>",
            "x.svg",
        ),
        (b"<!DOCTYPE svg [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><svg>&b;</svg>", "x.svg"),
        (b"MZ" + b"\0" * 100, "setup.exe"),
        (b"#!/bin/sh\nid", "run.sh"),
        (b"", "empty.png"),
    ],
)
def test_what_is_no_accepted_file_is_refused_whatever_its_name(house: House, data: bytes, name: str) -> None:
    before = stored(house)
    status, said = upload(house, data, name)
    assert status == 422, said
    assert stored(house) == before


def stored(house: House) -> list[Path]:
    return sorted(each for each in house.workspace.config.media_dir.rglob("*") if each.is_file())


def test_what_a_browser_could_run_is_a_download_without_any_right(house: House) -> None:
    pdf = b"%PDF-1.4\n1 0 obj << /OpenAction << /S /JavaScript /JS (app.alert(1)) >> >>"
    for data, name, mime in ((SVG, "logo.svg", "image/svg+xml"), (pdf, "paper.pdf", "application/pdf")):
        status, said = upload(house, data, name)
        assert status == 200, said
        with house.client().get(path_in(said)) as answer:
            assert answer.status_code == 200
            assert answer.mimetype == mime
            assert answer.headers["Content-Disposition"].startswith("attachment")
            assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("form", ["PNG", "GIF", "JPEG", "WEBP"])
def test_a_picture_that_is_a_script_as_well_is_only_a_picture_afterwards(house: House, form: str) -> None:
    status, said = upload(house, picture(form) + SCRIPT, "both.html")
    assert status == 200, said
    path = path_in(said)
    assert not path.endswith(".html")
    with house.client().get(path) as answer:
        assert SCRIPT not in answer.data
        assert answer.mimetype == f"image/{form.lower()}"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    with house.client().get(path.rpartition("/")[0] + "/evil.html") as renamed:
        assert renamed.mimetype == f"image/{form.lower()}"


# --- S5: what unfolds ---------------------------------------------------------------------------------------------------


@pytest.fixture
def bounded() -> Iterator[None]:
    """Whatever is sent, this process stays within 150 MB of what it was."""
    before = _resident()
    yield
    assert _resident() - before < 150 * 1024 * 1024


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.usefixtures("bounded")
def test_bombs_are_refused_and_the_app_goes_on(house: House) -> None:
    bombs = {
        "65500 x 65500 head": png_of(65_500, 65_500),
        "8000 x 8000 body": png_of(8_000, 8_000, 8_000),
        "600 frames": gif_of(600),
        "truncated": picture("PNG", (500, 500))[:-40],
        "ico": b"\x00\x00\x01\x00" + b"\xff" * 400,
    }
    for what, data in bombs.items():
        status, said = upload(house, data, "bomb.png")
        assert status == 422, f"{what}: {said}"
    assert house.signed_in("marketer").get("/app/content").status_code == 200


@pytest.mark.usefixtures("bounded")
def test_bodies_that_are_too_large_are_refused_by_a_page(house: House) -> None:
    client = house.signed_in("marketer")
    token = client.token("/app/me")
    form = client.post("/app/me", data={"csrf_token": token, "name": "x" * 10_000_000, "timezone": "UTC"})
    assert form.status_code == 413
    assert "too large" in form.text.lower()
    for fields in ({"name": "x" * 10_000_000}, {f"f{n}": "" for n in range(5000)}):
        boundary, parts = encode_multipart({"csrf_token": token, **fields})
        kind = f"multipart/form-data; boundary={boundary}"
        assert client.post("/app/me", data=parts, content_type=kind).status_code == 413
    with pytest.raises(Invalid, match="at most"):
        media.take_in(
            house.workspace.config.media_dir, b"\x89PNG\r\n\x1a\n" + b"\0" * 26 * 1024 * 1024, "large.png"
        )
    stranger = house.client().post("/app/login", data={"email": "x" * 10_000_000})
    assert stranger.status_code == 413
    token_address = f"/t/{house.tokens()['ann@people.test']}/u"
    assert house.client().post(token_address, data={"x": "y" * 10_000_000}).status_code == 413


def zipped(members: dict[str, bytes], *, link: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        if link:
            info = zipfile.ZipInfo("link.png")
            info.external_attr = 0o120777 << 16
            archive.writestr(info, link)
    return out.getvalue()


def import_zip(house: House, data: bytes) -> tuple[int, str]:
    client = house.signed_in("marketer")
    sent = {"files": (io.BytesIO(data), "words.zip"), "do": "save", "csrf_token": client.token("/app/me")}
    answer = client.post("/app/content/import", data=sent, follow_redirects=True)
    return answer.status_code, answer.text


@pytest.mark.usefixtures("bounded")
def test_an_archive_writes_nothing_outside_and_unfolds_no_further_than_allowed(
    house: House, tmp_path: Path
) -> None:
    good = b"# A title\n\nWords"
    outside = tmp_path / "escaped.md"
    for name in (
        "../../escaped.md",
        str(outside),
        "..\\..\\escaped.md",
        "C:\\escaped.md",
        "a/../../escaped.md",
    ):
        status, _ = import_zip(house, zipped({"good.md": good, name: good}))
        assert status == 422, name
    assert not outside.exists()
    status, shown = import_zip(
        house,
        zipped(
            {"a.md": b"# Linked\n\n![x](link.png)\n\n![y](/etc/passwd)\n\n![z](../../../../etc/passwd)"},
            link="/etc/passwd",
        ),
    )
    assert status == 200
    assert "root:" not in shown
    status, said = import_zip(house, zipped({f"{n}.md": b" " * 60_000_000 for n in range(6)}))
    assert status == 422
    assert "larger than" in said
    assert import_zip(house, b"PK\x03\x04" + b"\xff" * 100)[0] == 422
    nested = zipped({"deep.zip": zipped({"x.md": good})})
    assert import_zip(house, nested)[0] == 422


# --- S6: paths ----------------------------------------------------------------------------------------------------------

UP = (
    "../",
    "..%2f",
    "%2e%2e%2f",
    "%2e%2e/",
    "%252e%252e%252f",
    "..%c0%af",
    "..\\",
    "..%5c",
    "....//",
    "%2e%2e%5c",
    "/",
    "%2f",
    "//",
)
WANTED = (".env", "cms.toml", "cms.db", "etc/passwd", ".git/config", "%00.env", "CON", "a" * 300)


def test_no_address_leaves_the_places_that_are_served(house: House) -> None:
    client, admin = house.client(), house.signed_in("admin")
    secrets = ("CMS_SECRET_KEY", "root:", "SQLite format", "base_url =")
    bases = (
        "/",
        "/media/",
        f"/media/{'a' * 64}/",
        "/app/static/",
        "/static/seo/",
        "/static/seo/v/",
        "/app/content/preview/",
        "/uploads/",
    )
    for base in bases:
        for up in UP:
            for wanted in WANTED:
                address = f"{base}{up * 4}{wanted}"
                for browser in (client, admin) if base.startswith("/app") else (client,):
                    with browser.get(address) as answer:
                        assert answer.status_code in (301, 303, 308, 400, 404), address
                        assert all(secret not in answer.get_data(as_text=True) for secret in secrets), address


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.png",
        "..\\..\\evil.png",
        "/etc/passwd",
        "C:\\evil.png",
        "a.png\0.py",
        "CON",
        ".htaccess",
        "x" * 300 + ".png",
        "\u202egnp.exe",
        "%2e%2e%2fevil.png",
        "é" * 50,
        '"><img>.png',
    ],
)
def test_a_stored_file_lies_under_its_hash_whatever_it_was_called(house: House, name: str) -> None:
    stored_file = media.take_in(house.workspace.config.media_dir, picture(), name)
    assert re.fullmatch(r"[a-z0-9-]{1,120}\.png", stored_file.filename), stored_file.filename
    assert media.path_of(house.workspace.config.media_dir, stored_file.sha256).is_file()
    assert all(re.fullmatch(r"[0-9a-f]{64}", each.name) for each in stored(house))


def test_the_longest_text_that_may_be_written_fits_through_the_form(house: House) -> None:
    text = "é" * (900 * 1024)
    answer = house.signed_in("marketer").submit(
        "/app/content/new", {"kind": "article", "title": "Long", "text": text}
    )
    assert answer.status_code == 303
