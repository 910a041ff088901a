"""Open conformance data (``CMS_CONFORMANCE_DATA``): CSV dialects, naughty strings, addresses. Without it, samples of our own."""

import csv
import io
import json
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.addresses import normalise
from cms_core.audience import fields, segments
from cms_core.audience.compile import compile_rule
from cms_core.audience.imports import ImportResult
from cms_core.audience.models import Contact
from cms_core.csvfile import protect_cell, read_csv
from cms_core.errors import Invalid

SAMPLES = [
    ('a,b\n1,"ha ""ha"" ha"\n', [{"a": "1", "b": 'ha "ha" ha'}]),
    ('a,b\r\n1,"two\r\nlines"\r\n', [{"a": "1", "b": "two\r\nlines"}]),
    ('a,b\n1,"Anytown, WW"', [{"a": "1", "b": "Anytown, WW"}]),
]
NAUGHTY = [
    "undef",
    "=1+1",
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "Ω≈ç√∫",
    "田中さん",
    "👩‍👩‍👧",
    "\u202etest",
    "\x01\x02",
    '"',
    "\\",
]


@pytest.fixture
def data(record_property: Callable[[str, object], None]) -> Path | None:
    """The folder of conformance data; what it lacks is a failure, that it is not there is said."""
    named = os.environ.get("CMS_CONFORMANCE_DATA")
    if not named:
        record_property("conformance", "data not present")
        print("data not present")  # noqa: T201 - said in one line, as the data's README asks
    return Path(named) if named else None


def naughty(data: Path | None) -> list[str]:
    """The big list of naughty strings, or a few of our own."""
    if data is None:
        return NAUGHTY
    strings: list[str] = json.loads((data / "naughty-strings" / "blns.json").read_text(encoding="utf-8"))
    assert len(strings) == 515
    return strings


def table(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def test_csv_dialects(data: Path | None) -> None:
    cases: list[tuple[bytes, list[dict[str, str]]]] = [(text.encode(), rows) for text, rows in SAMPLES]
    if data:
        files = sorted((data / "csv-spectrum" / "csvs").glob("*.csv"))
        assert len(files) == 12
        for path in files:
            expected = json.loads(
                (data / "csv-spectrum" / "json" / f"{path.stem}.json").read_text(encoding="utf-8")
            )
            if path.stem == "location_coordinates":  # its CSV and its JSON disagree upstream
                expected = [expected | {"Contact Phone Number": "2095257564"}]
            cases.append((path.read_bytes(), expected))
    for content, expected in cases:
        file = read_csv(content)
        found = [dict(zip(file.header, row.cells, strict=True)) for row in file.rows()]
        assert [{k: v.replace("\r\n", "\n") for k, v in row.items()} for row in found] == [
            {k: v.replace("\r\n", "\n") for k, v in row.items()} for row in expected
        ]


def test_naughty_strings_are_stored_searched_and_exported_unchanged(
    session: Session, bring: Callable[..., ImportResult], data: Path | None
) -> None:
    strings = naughty(data)
    fitting = [
        text
        for text in dict.fromkeys(each.strip() for each in strings)
        if text and "\0" not in text and len(text) <= 200
    ]
    cells = [protect_cell(text) for text in fitting]
    rows = [[f"p{n}@x.de", cell, cell] for n, cell in enumerate(cells)]
    result = bring(table([["email", "first_name", "own"], *rows]))
    assert (result.created, result.skipped) == (len(fitting), [])
    for n, text in enumerate(fitting):
        contact = session.scalars(select(Contact).where(Contact.email == f"p{n}@x.de")).one()
        assert (contact.first_name, contact.extra) == (text, {"own": text})
        quoted = re.sub(r'(["\\])', r"\\\1", text)
        condition = compile_rule(session, f'first_name = "{quoted}" and own in ("{quoted}")')
        assert contact.id in session.scalars(select(Contact.id).where(condition)).all()


def test_naughty_strings_as_addresses_headers_and_rules_are_refused_or_inert(
    session: Session, bring: Callable[..., ImportResult], data: Path | None
) -> None:
    strings = naughty(data)
    for text in strings:
        for attempt in (normalise, partial(segments.count, session)):
            try:
                attempt(text)
            except Invalid as fault:
                assert fault.remedy  # noqa: PT017 - both ends are right
    columns = [text for text in strings if "\0" not in text]
    assert bring(table([["email", *columns], ["a@x.de", *columns]])).created == 1
    names = list(fields.known(session))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,59}", name) for name in names)
    assert segments.count(session, " and ".join(f"{name} is not empty" for name in names[:150])) == 1
    rows = bring(table([["email", "x"], *([text, "1"] for text in columns)]))
    assert rows.created + rows.updated + rows.unchanged + len(rows.skipped) == len(columns)


def test_addresses(data: Path | None) -> None:
    good = {"ann@example.com", "a+b@example.org"}
    bad = {"", "ann", "ann@", "@example.com", "a b@example.com"}
    if data:
        for test in ET.parse(data / "email-addresses" / "tests.xml").getroot().iter("test"):  # noqa: S314 - our own data
            address = re.sub(
                "[\u2400-\u241f]", lambda found: chr(ord(found[0]) - 0x2400), test.findtext("address") or ""
            )
            category = test.findtext("category")
            if category == "ISEMAIL_ERR":
                bad.add(address)
            elif category == "ISEMAIL_VALID_CATEGORY" and re.fullmatch(
                r"[\w.+-]+@[\w-]+(\.[\w-]+)*\.[a-z]+", address
            ):
                good.add(address)
    for address in good:
        assert normalise(address) == address.lower()
    for address in bad:
        if address == address.strip():
            with pytest.raises(Invalid):
                normalise(address)
