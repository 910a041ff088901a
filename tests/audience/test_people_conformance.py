"""Open conformance data (``CMS_CONFORMANCE_DATA``): CSV dialects, naughty strings, addresses. Without it, samples of our own."""

import csv
import io
import json
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.audience import segments
from cms_core.audience.addresses import normalise
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
    strings = (
        json.loads((data / "naughty-strings" / "blns.json").read_text(encoding="utf-8")) if data else NAUGHTY
    )
    assert not data or len(strings) == 515
    fitting = [
        text
        for text in dict.fromkeys(each.strip() for each in strings)
        if text and "\0" not in text and len(text) <= 200
    ]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["email", "first_name", "own"])
    writer.writerows([f"p{n}@x.de", protect_cell(text), protect_cell(text)] for n, text in enumerate(fitting))
    result = bring(out.getvalue())
    assert (result.created, result.skipped) == (len(fitting), [])
    for n, text in enumerate(fitting):
        contact = session.scalars(select(Contact).where(Contact.email == f"p{n}@x.de")).one()
        assert (contact.first_name, contact.extra) == (text, {"own": text})
        quoted = re.sub(r'(["\\])', r"\\\1", text)
        condition = segments.compile_rule(session, f'first_name = "{quoted}" and own in ("{quoted}")')
        assert contact.id in session.scalars(select(Contact.id).where(condition)).all()


def test_naughty_strings_as_addresses_headers_and_rules_are_refused_or_inert(
    session: Session, bring: Callable[..., ImportResult], data: Path | None
) -> None:
    strings = (
        json.loads((data / "naughty-strings" / "blns.json").read_text(encoding="utf-8")) if data else NAUGHTY
    )
    for text in strings:
        for attempt in (
            lambda text=text: normalise(text),
            lambda text=text: segments.count(session, text),
            lambda text=text: segments.create(session, text, 'country = "FR"'),
            lambda text=text: bring(f"email,{text}\na@x.de,1\n"),
            lambda text=text: bring(f"email,x\n{text},1\n"),
        ):
            try:
                attempt()
            except Invalid as fault:
                assert fault.remedy  # noqa: PT017 - both ends are right


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
