"""No address and no file name leads out of the places that are served and stored to."""

import re

import pytest

from cms_core.content import media

from .house import House, picture
from .uploads import stored

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
