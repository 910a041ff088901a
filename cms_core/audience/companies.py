"""Companies: one for each name (whatever its case and spaces) and each domain; contacts without one join that of their domain.

Domains of free mail belong to nobody: they never make a company, and nobody joins one by them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.audience import fields
from cms_core.audience.contacts import alive
from cms_core.audience.freemail import FREE_MAIL
from cms_core.audience.models import Company, Contact, ContactChange, domain_part
from cms_core.db import now
from cms_core.dialect import among, insert_missing, insert_rows
from cms_core.errors import Conflict, Invalid
from cms_core.ids import new_id

MAX_NAME, MAX_DOMAIN = 200, 253
_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}", re.ASCII)


def key_of(name: str) -> str:
    """What two spellings of one name have in common."""
    return " ".join(name.split()).casefold()


def domain_of(address: str) -> str:
    """The domain of a web or e-mail address; "" for none and for those of free mail. Raises Invalid for what is no address."""
    text = address.strip().casefold()
    host = text.rpartition("@")[2] if "@" in text and "://" not in text else _host(text)
    try:
        domain = host.strip(".").removeprefix("www.").encode("idna").decode() if host else ""
    except UnicodeError:
        domain = "?"
    if domain and not _DOMAIN.fullmatch(domain):
        raise Invalid(f"{address[:80]!r} is not a domain", "write it like example.com")
    return "" if domain in FREE_MAIL else domain


def domain_or_none(address: str) -> str:
    """The same for addresses that need not have one: "" also for nonsense."""
    try:
        return domain_of(address)
    except Invalid:
        return ""


def _host(text: str) -> str:
    try:
        return urlsplit(text if "://" in text else f"//{text}").hostname or ""
    except ValueError:
        return "?"


def find_or_none(session: Session, name_or_domain: str) -> Company | None:
    """The company of this name or domain, if any; a name counts more."""
    found = session.scalar(select(Company).where(Company.key == key_of(name_or_domain)))
    domain = domain_or_none(name_or_domain)
    if found is None and domain:
        found = session.scalar(select(Company).where(Company.domain == domain))
    return found


def ensure(session: Session, names: Iterable[str]) -> dict[str, int]:
    """The row id of the company of each of these names; those that there are not yet are made. Two or four statements."""
    keys = {name: key_of(name) for name in names}
    if not keys:
        return {}
    query = select(Company.key, Company.id).where(among(session, Company.key, sorted(set(keys.values()))))
    known = dict(session.connection().execute(query).all())
    missing = {key: name for name, key in sorted(keys.items(), reverse=True) if key not in known}
    if missing:
        blank = {"domain": "", "extra": {}, "created_at": now(session)}
        rows = [
            {"public_id": new_id(), "name": " ".join(name.split()), "key": key, **blank}
            for key, name in sorted(missing.items())
        ]
        insert_missing(session, Company, rows)
        known = dict(session.connection().execute(query).all())
    return {name: known[key] for name, key in keys.items()}


def by_domain(session: Session, emails: Iterable[str]) -> dict[str, int]:
    """The row id of the company whose domain each of these e-mail addresses has, for those where there is one."""
    parts = {email: domain_part(email) for email in emails}
    domains = {part: domain_or_none(f"@{part}") for part in set(parts.values())}
    wanted = sorted({domain for domain in domains.values() if domain})
    if not wanted:
        return {}
    query = select(Company.domain, Company.id).where(among(session, Company.domain, wanted))
    known = dict(session.connection().execute(query).all())
    if not known:
        return {}
    return {email: known[domains[part]] for email, part in parts.items() if domains[part] in known}


def upsert(session: Session, company: c.Company) -> tuple[Company, str]:
    """Create or complete a company by its name, else by its domain; also says "created", "updated" or "unchanged".

    Contacts of the domain that have no company join it. An empty value never erases what is known. Raises Invalid for a value that
    cannot be stored, Conflict where the domain is another company's.
    """
    name, domain, extra = _cleaned(company)
    try:
        with session.begin_nested():
            return _upsert(session, name, domain, extra)
    except IntegrityError:  # somebody else made it in this moment
        with session.begin_nested():
            return _upsert(session, name, domain, extra)


def _upsert(session: Session, name: str, domain: str, extra: Mapping[str, str]) -> tuple[Company, str]:
    found = find_or_none(session, name) if name else None
    owner = session.scalar(select(Company).where(Company.domain == domain)) if domain else None
    found = found or owner
    if found is None:
        found = Company(
            name=name, key=key_of(name), domain=domain, extra=dict(extra), created_at=now(session)
        )
        session.add(found)
        session.flush()
        _gather(session, found)
        return found, "created"
    if owner is not None and owner is not found:
        raise Conflict(
            f"the domain {domain} belongs to {owner.name}", "give each company a domain of its own"
        )
    changed = {**found.extra, **extra} != found.extra or bool(domain and domain != found.domain)
    if changed:
        found.domain, found.extra = domain or found.domain, {**found.extra, **extra}
        session.flush()
        _gather(session, found)
    return found, "updated" if changed else "unchanged"


def _cleaned(company: c.Company) -> tuple[str, str, dict[str, str]]:
    domain = domain_of(company.domain)
    name = " ".join(company.name.split()) or domain
    if not name:
        raise Invalid("a company needs a name, or a domain that is not one of free mail", "give its name")
    if len(name) > MAX_NAME or "\0" in name:
        raise Invalid(f"a company's name has 1 to {MAX_NAME} characters and no NUL", "give a shorter name")
    extra = {
        fields.custom_name(each): fields.to_text(value).strip() for each, value in company.fields.items()
    }
    return name, domain, {each: fields.clean(each, value) for each, value in extra.items() if value}


def _gather(session: Session, company: Company) -> None:
    """Contacts without a company whose address has this one's domain belong to it."""
    if not company.domain:
        return
    condition = (Contact.company_id.is_(None), alive(), Contact.domain == company.domain)
    ids = session.scalars(select(Contact.id).where(*condition)).all()
    if not ids:
        return
    at = now(session)
    session.execute(update(Contact).where(*condition).values(company_id=company.id, updated_at=at))
    changes = [{"contact_id": each, "change": "updated", "fields": ["company"]} for each in ids]
    insert_rows(session, ContactChange, changes, at=at)


def contacts_of(session: Session, company: Company, limit: int) -> Sequence[Contact]:
    """The living contacts of a company, the newest first."""
    query = select(Contact).where(Contact.company_id == company.id, alive())
    return session.scalars(query.order_by(Contact.id.desc()).limit(limit)).all()


def find_by_public_ids(session: Session, public_ids: Iterable[str]) -> Sequence[Company]:
    """The companies of these public ids."""
    wanted = sorted(set(public_ids))
    return session.scalars(select(Company).where(among(session, Company.public_id, wanted))).all()


def list_page(
    session: Session, words: str = "", *, after: str = "", limit: int | None = 50
) -> list[tuple[Company, int]]:
    """Companies by name with how many living contacts each has; ``after`` is the key to read on from, no limit: all."""
    people = select(func.count(Contact.id)).where(Contact.company_id == Company.id, alive())
    query = select(Company, people.correlate(Company).scalar_subquery()).where(Company.key > after)
    for word in words.split():
        columns = (Company.name, Company.domain)
        query = query.where(or_(*(column.icontains(word, autoescape=True) for column in columns)))
    return [(row[0], row[1]) for row in session.execute(query.order_by(Company.key).limit(limit))]


def to_contract(company: Company) -> c.Company:
    """What a plugin is given of a company."""
    extra: dict[str, Any] = dict(company.extra)
    return c.Company(company.public_id, company.name, company.domain, extra)
