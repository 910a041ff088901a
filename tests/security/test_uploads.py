"""Files that are not what they say: refused, or harmless to whoever opens them."""

import re

import pytest

from .house import House, picture
from .uploads import stored, upload

SCRIPT = b"<script>alert(1)</script>"
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">'
    + SCRIPT
    + b'<foreignObject/><a href="javascript:alert(1)"/></svg>'
)


def path_in(markdown: str) -> str:
    found = re.search(r"\((/media/[^)]+)\)", markdown)
    assert found, markdown
    return found[1]


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
