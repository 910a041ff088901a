"""Companies: one for each name and domain, whoever is faster; people join that of their address; free mail is nobody's."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.audience import companies
from cms_core.audience.models import Company, Contact, ContactChange
from cms_core.audience.upsert import upsert_many
from cms_core.errors import CmsError, Conflict, Invalid

Person = Callable[[str], Contact]


def upsert(session: Session, name: str = "", domain: str = "", **more: str) -> tuple[Company, str]:
    return companies.upsert(session, c.Company("", name, domain, more))


def test_one_company_for_all_spellings_of_its_name(session: Session) -> None:
    first, verdict = upsert(session, "Acme  Ltd")
    assert (first.name, verdict) == ("Acme Ltd", "created")
    assert upsert(session, " ACME ltd ") == (first, "unchanged")
    upsert_many(session, [c.Contact("", "ann@x.test", company="acme LTD")], source="test")
    assert session.scalar(select(func.count(Company.id))) == 1


def test_a_company_is_found_by_its_domain_too(session: Session) -> None:
    acme, _ = upsert(session, "Acme", "https://www.Acme.test/about?x")
    assert acme.domain == "acme.test"
    assert upsert(session, "", "acme.test") == (acme, "unchanged")
    assert upsert(session, "", "ann@acme.test")[0] is acme
    assert companies.find_or_none(session, "WWW.ACME.TEST") is acme
    with pytest.raises(Conflict):
        upsert(session, "Acme", "beta.test") and upsert(session, "Gamma") and upsert(
            session, "Gamma", "beta.test"
        )


def test_free_mail_makes_no_company(session: Session) -> None:
    with pytest.raises(Invalid):
        upsert(session, "", "ann@gmail.com")
    mail, _ = upsert(session, "Mail House", "GMAIL.com")
    assert mail.domain == ""
    upsert_many(session, [c.Contact("", "ann@gmail.com")], source="test")
    assert session.scalars(select(Contact.company_id)).all() == [None]


def test_people_join_the_company_of_their_address(session: Session, person: Person) -> None:
    upsert_many(session, [c.Contact("", "old@acme.test"), c.Contact("", "x@notacme.test")], source="test")
    acme, _ = upsert(session, "Acme", "acme.test")
    upsert_many(
        session,
        [c.Contact("", "new@acme.test"), c.Contact("", "own@acme.test", company="Other")],
        source="test",
    )
    assert person("old@acme.test").company_id == person("new@acme.test").company_id == acme.id
    assert person("x@notacme.test").company_id is None
    assert person("own@acme.test").company_id != acme.id
    changes = session.scalars(select(ContactChange.fields).where(ContactChange.change == "updated")).all()
    assert changes == [["company"]], "told once, for the one that was there before"


def test_an_empty_value_erases_nothing(session: Session) -> None:
    acme, _ = upsert(session, "Acme", "acme.test", Industry="Tools")
    assert upsert(session, "Acme") == (acme, "unchanged")
    assert upsert(session, "Acme", staff="220") == (acme, "updated")
    assert (acme.domain, acme.extra) == ("acme.test", {"industry": "Tools", "staff": "220"})


@pytest.mark.parametrize("domain", ["nonsense", "a b.test", "x" * 300, "-a.test", "[::1", "a..test"])
def test_what_is_no_domain_is_refused(session: Session, domain: str) -> None:
    with pytest.raises(Invalid):
        upsert(session, "Acme", domain)


def test_naughty_strings_are_names_or_are_refused(session: Session) -> None:
    folder = Path(os.environ.get("CMS_CONFORMANCE_DATA", "missing")) / "naughty-strings" / "blns.json"
    if not folder.is_file():
        pytest.skip("data not present: CMS_CONFORMANCE_DATA names no folder with naughty-strings/blns.json")
    kept = 0
    for text in json.loads(folder.read_text(encoding="utf-8")):
        try:
            found, _ = upsert(session, text, note=text[:500])
        except CmsError:
            continue
        kept += 1
        assert companies.find_or_none(session, text) is found
        session.expire(found)
        assert companies.key_of(found.name) == companies.key_of(text)
    assert kept > 400
