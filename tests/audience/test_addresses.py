"""Addresses are checked for syntax only and have one spelling."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from cms_core.addresses import normalise
from cms_core.audience.addresses import address_hash
from cms_core.db import Database
from cms_core.errors import Invalid


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("  Ann.Lee@Example.COM ", "ann.lee@example.com"),
        ("a+tag@sub.example.org", "a+tag@sub.example.org"),
        ("x@company.test", "x@company.test"),
        ("x@nowhere.invalid", "x@nowhere.invalid"),
        ("x@printer.local", "x@printer.local"),
        ("o'neil@example.ie", "o'neil@example.ie"),
        ("jürgen@müller.de", "jürgen@müller.de"),
        ("x@xn--mller-kva.de", "x@müller.de"),
        ("\ufeffx@y.de\u200b", "x@y.de"),
        ("\u00a0x@y.de\t", "x@y.de"),
    ],
)
def test_good_addresses(written: str, stored: str) -> None:
    assert normalise(written) == stored
    assert normalise(stored) == stored


@pytest.mark.parametrize(
    "written",
    ["", "ann", "ann@", "@example.com", "a b@c.de", "a@b", "a..b@c.de", "a@@b.de", "Ann <ann@x.de>", "a@b.de, c@d.de",
     "a@-b.de", "a@[127.0.0.1]", "a@1.2.3.4", f"{'a' * 65}@b.de", f"a@{'b' * 64}.de", f"a@{'b.' * 130}de", "a\r\nb@c.de"],
)  # fmt: skip
def test_bad_addresses_are_refused_with_a_reason(written: str) -> None:
    with pytest.raises(Invalid, match="is not an e-mail address: "):
        normalise(written)


@given(st.from_regex(r"[A-Za-z0-9._+\-]{1,70}@[A-Za-z0-9.\-]{1,30}\.[A-Za-z]{1,5}", fullmatch=True))
def test_quick_way_and_library_agree(written: str) -> None:
    try:
        expected = validate_email(written.lower(), check_deliverability=False, strict=True).normalized.lower()
    except EmailNotValidError:
        with pytest.raises(Invalid):
            normalise(written)
    else:
        assert normalise(written) == expected


def test_hash_depends_on_the_key_and_not_on_the_spelling() -> None:
    hashes = []
    for key in (b"a" * 32, b"b" * 32):
        database = Database("sqlite://", key=key)
        with database.session() as session:
            hashes.append(address_hash(session, "ann@example.com"))
            assert address_hash(session, " Ann@Example.com") == hashes[-1]
            assert address_hash(session, "x@xn--mller-kva.de") == address_hash(session, "x@MÜLLER.de")
            assert address_hash(session, "+49 30 123") == address_hash(session, " +49 30 123 ")
        database.dispose()
    assert hashes[0] != hashes[1]
    assert "ann" not in hashes[0]
