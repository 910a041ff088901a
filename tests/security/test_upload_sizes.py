"""Files, bodies and archives that unfold: refused within bounds, and what is allowed fits."""

import io
import os
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
from .uploads import upload


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


def test_the_longest_text_that_may_be_written_fits_through_the_form(house: House) -> None:
    text = "é" * (900 * 1024)
    answer = house.signed_in("marketer").submit(
        "/app/content/new", {"kind": "article", "title": "Long", "text": text}
    )
    assert answer.status_code == 303


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
