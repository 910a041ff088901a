"""Files: typed by content, encoded again, stored under their hash."""

import hashlib
import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core.content import images
from cms_core.content.media import (
    MAX_BYTES,
    Stored,
    clean_filename,
    find_upload,
    path_of,
    record,
    take_in,
    url_path,
)
from cms_core.content.models import Media
from cms_core.errors import Invalid

SCRIPT = b"<script>alert(1)</script>"


def image(kind: str = "PNG", size: tuple[int, int] = (8, 6), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, kind, **options)
    return out.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A small file whose header promises a giant picture."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_pictures_are_known_by_content_and_encoded_again(tmp_path: Path, kind: str) -> None:
    stored = take_in(tmp_path, image(kind) + SCRIPT, "../..\\evil.php")
    data = path_of(tmp_path, stored.sha256).read_bytes()
    assert (stored.mime.upper(), stored.width, stored.height, stored.size) == (
        f"IMAGE/{kind}",
        8,
        6,
        len(data),
    )
    assert hashlib.sha256(data).hexdigest() == stored.sha256
    assert SCRIPT not in data
    assert stored.filename == f"evil.{kind.lower().replace('jpeg', 'jpg')}"


def test_metadata_does_not_survive_but_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "taken at home"
    stored = take_in(tmp_path, image("JPEG", exif=exif, comment=SCRIPT), "photo.jpg")
    data = path_of(tmp_path, stored.sha256).read_bytes()
    assert (stored.width, stored.height) == (6, 8)
    assert b"taken at home" not in data
    assert SCRIPT not in data


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_nothing_hidden_survives(tmp_path: Path, kind: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    notes = PngInfo()
    notes.add_text("Comment", SCRIPT.decode())
    options = {"pnginfo": notes} if kind == "PNG" else {"xmp": SCRIPT}
    uploaded = image(kind, exif=exif, **options)
    assert b"taken at home" in uploaded
    assert SCRIPT in uploaded
    data = path_of(tmp_path, take_in(tmp_path, uploaded, "a").sha256).read_bytes()
    assert b"taken at home" not in data
    assert SCRIPT not in data


def test_moving_pictures_keep_moving(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "green", "blue")]
    out = io.BytesIO()
    frames[0].save(
        out, "GIF", save_all=True, append_images=frames[1:], duration=[10, 200, 30], loop=0, comment=SCRIPT
    )
    stored = take_in(tmp_path, out.getvalue(), "a.gif")
    with Image.open(path_of(tmp_path, stored.sha256)) as kept:
        assert (kept.n_frames, kept.info["loop"]) == (3, 0)  # type: ignore[attr-defined]
    assert SCRIPT not in path_of(tmp_path, stored.sha256).read_bytes()


def test_transparency_is_kept(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("RGBA", (2, 2), (1, 2, 3, 4)).save(out, "PNG")
    with Image.open(path_of(tmp_path, take_in(tmp_path, out.getvalue(), "a").sha256)) as kept:
        assert kept.getpixel((0, 0)) == (1, 2, 3, 4)


def test_a_picture_that_unfolds_too_far_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"65500 × 65500 pixels"):
        take_in(tmp_path, png_claiming(65_500, 65_500), "bomb.png")


def test_a_film_of_too_many_frames_is_refused(tmp_path: Path) -> None:
    frames = [Image.new("1", (2, 2), n % 2) for n in range(images.MAX_FRAMES + 2)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=20)
    with pytest.raises(Invalid, match="more than 500 frames"):
        take_in(tmp_path, out.getvalue(), "long.gif")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"<html>" + SCRIPT, "page.png"),
        (SCRIPT, "a.svg"),
        (b"", "empty.png"),
        (b"MZ\x90\0", "a.exe"),
        (b"PK\x03\x04", "a.zip"),
        (b"\x89PNG\r\n\x1a\n" + SCRIPT, "half.png"),
        (b"GIF89a" + SCRIPT, "poly.gif"),
        (b"\xff\xd8\xff" + SCRIPT, "poly.jpg"),
        (image("PNG")[:50], "cut.png"),
        (image("BMP"), "old.bmp"),
        (
            b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
            "xxe.svg",
        ),
    ],
)
def test_what_is_not_of_an_accepted_type_is_refused_and_not_kept(
    tmp_path: Path, data: bytes, name: str
) -> None:
    with pytest.raises(Invalid) as caught:
        take_in(tmp_path, data, name)
    assert caught.value.remedy
    assert name in caught.value.message
    assert not list(tmp_path.iterdir())


def test_files_over_the_limit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="at most"):
        take_in(tmp_path, b"%PDF-" + b"x" * MAX_BYTES, "big.pdf")


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (b"%PDF-1.7 /JS", "application/pdf"),
        (b"\0\0\0\x18ftypmp42....", "video/mp4"),
        (b'<svg onload="alert(1)">', "image/svg+xml"),
        (
            b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- made by -->\n<svg xmlns='http://www.w3.org/2000/svg'/>",
            "image/svg+xml",
        ),
    ],
)
def test_what_is_only_downloaded_is_kept_as_it_is(tmp_path: Path, data: bytes, mime: str) -> None:
    stored = take_in(tmp_path, data, "file")
    assert stored.mime == mime
    assert path_of(tmp_path, stored.sha256).read_bytes() == data


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd", "passwd.png"),
        ("C:\\fakepath\\Summer Día.PNG", "summer-dia.png"),
        (".htaccess", "file.png"),
        ("a.png\0.py", "a-png.png"),
        ("\u202egnp.exe", "gnp.png"),
        ("x" * 300 + ".png", "x" * 100 + ".png"),
        ("", "file.png"),
    ],
)
def test_names_are_harmless(name: str, clean: str) -> None:
    assert clean_filename(name, "image/png") == clean


def test_the_same_content_is_one_file_and_the_same_upload_is_known(session: Session, tmp_path: Path) -> None:
    data = image()
    first = record(session, take_in(tmp_path, data, "one.png"))
    again = record(session, take_in(tmp_path, data, "two.png"), alt="A red square")
    assert again is first
    assert (first.filename, first.alt) == ("one.png", "A red square")
    assert record(session, Stored.of(first), alt="Another").alt == "A red square"
    assert find_upload(session, data) is first
    assert find_upload(session, b"other") is None
    assert session.scalar(select(func.count()).select_from(Media)) == 1
    assert url_path(first) == f"/media/{first.sha256}/one.png"
