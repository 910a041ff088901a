"""Reading contacts: find, list, and the pictures of them that plugins are given.

A contact that was merged or erased stays as a tombstone without an address; ``alive`` leaves tombstones out.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.addresses import spelling
from cms_core.audience.consent import standing
from cms_core.audience.models import Company, Contact
from cms_core.db import now
from cms_core.dialect import among
from cms_core.errors import NotFound

LIST_BATCH = 2_000
PAGE = 50
# What ``contract.Contact(*…)`` takes, as columns of contacts with their companies (outer join): for batches of a sending.
PICTURE = (
    Contact.public_id,
    Contact.email,
    Contact.first_name,
    Contact.last_name,
    func.coalesce(Company.name, ""),
    Contact.country,
    Contact.language,
    Contact.timezone,
    Contact.extra,
)
MAX_ID = 2**63 - 1


def alive() -> ColumnElement[bool]:
    """SQL: neither merged into another contact nor erased."""
    return and_(Contact.merged_into_id.is_(None), Contact.erased_at.is_(None))


def find_by_public_id(session: Session, public_id: str) -> Contact:
    """The living contact of this public id; raises NotFound."""
    found = session.scalar(select(Contact).where(Contact.public_id == public_id, alive()))
    if found is None:
        raise NotFound(f"there is no contact {public_id!r}", "`cms contacts list` shows them")
    return found


def find_by_public_ids(session: Session, public_ids: Iterable[str]) -> Sequence[Contact]:
    """The living contacts of these public ids."""
    wanted = sorted(set(public_ids))
    return session.scalars(select(Contact).where(among(session, Contact.public_id, wanted), alive())).all()


def fitting(session: Session, condition: ColumnElement[bool], public_ids: Iterable[str] | None) -> set[str]:
    """The public ids of the living contacts (of these, None: of all) that fulfil a condition."""
    query = select(Contact.public_id).where(alive(), condition)
    if public_ids is not None:
        query = query.where(among(session, Contact.public_id, sorted(set(public_ids))))
    return set(session.scalars(query))


def find_or_none(session: Session, address: str) -> Contact | None:
    """The living contact with this e-mail address, however it is spelled, if any."""
    return session.scalar(select(Contact).where(Contact.email == spelling(address), alive()))


def to_contract(session: Session, rows: Sequence[Contact]) -> list[c.Contact]:
    """What a plugin is given of these contacts, in the same order; two queries at most, however many there are."""
    ids = {row.company_id for row in rows if row.company_id is not None}
    names: dict[int, str] = {}
    if ids:
        found = session.execute(select(Company.id, Company.name).where(Company.id.in_(ids)))
        names = dict(found.all())
    return [
        c.Contact(
            id=row.public_id,
            email=row.email,
            first_name=row.first_name,
            last_name=row.last_name,
            company=names.get(row.company_id or 0, ""),
            country=row.country,
            language=row.language,
            timezone=row.timezone,
            fields=dict(row.extra),
        )
        for row in rows
    ]


def list_rows(session: Session, channel: str = "email") -> Iterator[dict[str, Any]]:
    """All living contacts as plain rows, oldest first; ``consent`` is how they stand to the channel now."""
    query = _listed(session, channel).order_by(Contact.id)
    with closing(session.execute(query.execution_options(yield_per=LIST_BATCH)).mappings()) as rows:
        for row in rows:
            yield {**row, "company": row["company"] or ""}


def list_page(
    session: Session,
    words: str = "",
    *,
    among: Select[int] | None = None,
    before: int | None = None,
    limit: int = PAGE,
    channel: str = "email",
) -> tuple[list[dict[str, Any]], int | None]:
    """The newest living contacts whose name, address or company holds all words, and from where to read on (None at the end).

    ``among`` are the ids to choose from, ``before`` is what the page before gave to read on from.
    """
    query = rows_of(session, words, among=among, channel=channel).add_columns(Contact.id.label("key"))
    if before is not None and abs(before) <= MAX_ID:
        query = query.where(Contact.id < before)
    found = session.execute(query.order_by(Contact.id.desc()).limit(limit + 1)).mappings().all()
    rows = [{**row, "company": row["company"] or ""} for row in found[:limit]]
    return rows, rows[-1]["key"] if len(found) > limit else None


def rows_of(
    session: Session, words: str = "", *, among: Select[int] | None = None, channel: str = "email"
) -> Select[*tuple[Any, ...]]:
    """The query of living contacts whose name, address or company holds all words, of the ids ``among``; in no order yet."""
    query = _listed(session, channel)
    for word in words.split():
        columns = (Contact.email, Contact.first_name, Contact.last_name, Company.name)
        query = query.where(or_(*(column.icontains(word, autoescape=True) for column in columns)))
    return query if among is None else query.where(Contact.id.in_(among))


def _listed(session: Session, channel: str) -> Select[*tuple[Any, ...]]:
    consent = standing(Contact.id, Contact.address_hash, channel, now(session))
    return (
        select(
            Contact.public_id.label("id"),
            Contact.email,
            Contact.first_name,
            Contact.last_name,
            Company.name.label("company"),
            Contact.country,
            Contact.language,
            Contact.timezone,
            consent.label("consent"),
            Contact.extra.label("fields"),
        )
        .outerjoin(Company, Company.id == Contact.company_id)
        .where(alive())
    )
