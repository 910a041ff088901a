"""Creating and changing contacts by their address, many at a time: a handful of statements per batch, however large it is.

An empty value never erases what is known. What changes is told by a ``ContactChange`` row; what does not change writes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.addresses import normalise
from cms_core.audience import companies, fields
from cms_core.audience.addresses import address_hashes
from cms_core.audience.consent import IMPORTED, Standing, record, standing
from cms_core.audience.models import ConsentAction, Contact, ContactChange, domain_part
from cms_core.audience.suppression import GLOBAL, suppress_many, suppressed_among
from cms_core.db import now
from cms_core.dialect import among, insert_rows
from cms_core.errors import Invalid
from cms_core.ids import new_id

BATCH = 10_000
CHANNEL = "email"
TEXT_FIELDS = ("first_name", "last_name", "country", "language", "timezone")


class Incoming(NamedTuple):
    """One person as known from outside. ``email`` is normalised, ``values`` and ``extra`` hold cleaned, filled values only.

    ``bounced``: mail to the address came back for good, so that it is suppressed. ``tags`` are for the caller.
    """

    email: str
    values: Mapping[str, str]
    extra: Mapping[str, str]
    consent: str = ""
    evidence: Mapping[str, Any] = {}
    bounced: bool = False
    tags: Sequence[str] = ()


@dataclass
class Outcome:
    """What became of a batch: addresses by verdict; ``kept`` are those whose "yes" could not undo an unsubscription."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    tombstones: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def upsert_many(session: Session, people: Iterable[c.Contact], *, source: str) -> list[str]:
    """Create or change contacts by e-mail address, for plugins; returns their public ids in order.

    Raises Invalid for a value that cannot be stored; consent is never touched.
    """
    incoming = [_incoming(person) for person in people]
    labels = {name: name for each in incoming for name in each.extra}
    fields.register(session, labels)
    merged: dict[str, Incoming] = {}
    for each in incoming:
        before = merged.get(each.email)
        merged[each.email] = each if before is None else _over(before, each)
    unique = list(merged.values())
    for start in range(0, len(unique), BATCH):
        upsert_batch(session, unique[start : start + BATCH], source=source)
    return _public_ids(session, [each.email for each in incoming])


def upsert_batch(session: Session, people: Sequence[Incoming], *, source: str) -> Outcome:
    """Create or change at most ``BATCH`` people of different addresses, whose own fields are registered."""
    session.flush()
    try:
        with session.begin_nested():
            return _upsert(session, people, source)
    except IntegrityError:  # somebody else has created one of them since we looked: now they are seen
        return _upsert(session, people, source)


def _upsert(session: Session, people: Sequence[Incoming], source: str) -> Outcome:
    named = companies.ensure(session, {each.values["company"] for each in people if "company" in each.values})
    known = _existing(session, [each.email for each in people])
    fresh = [each for each in people if each.email not in known]
    hashes = address_hashes(session, (each.email for each in fresh))
    outcome = Outcome(created=[each.email for each in fresh])
    consents = _Consents()
    changes = _create(session, fresh, hashes, named, source)
    _hear_new(session, fresh, hashes, changes, consents)
    old = [(each, known[each.email]) for each in people if each.email in known]
    changes += _change(session, old, named, consents, outcome)
    consents.write(session, source)
    outcome.kept = consents.kept
    insert_rows(session, ContactChange, [each._asdict() for each in changes], at=now(session))
    session.expire_all()
    return outcome


class _Change(NamedTuple):
    contact_id: int
    change: str
    fields: list[str]


@dataclass
class _Consents:
    """The consents that a batch brings: (contact id, evidence) by action, and the hashes to suppress, by reason."""

    grants: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)
    withdrawals: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)
    unsubscribed: list[str] = field(default_factory=list)
    bounced: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def add(self, person: Incoming, contact_id: int, hashed: str, now_stands: str) -> bool:
        """Take up what a person's row says, given how they stand; whether it changes anything. Unsubscribing beats all."""
        bounces = person.bounced and now_stands != Standing.UNSUBSCRIBED
        if bounces:
            self.bounced.append(hashed)
        return self._hear(person, contact_id, hashed, now_stands) or bounces

    def _hear(self, person: Incoming, contact_id: int, hashed: str, now_stands: str) -> bool:
        said = person.consent
        if not said or said == now_stands:
            return False
        if now_stands == Standing.UNSUBSCRIBED:
            if said == Standing.YES:
                self.kept.append(person.email)
            return False
        if said == Standing.YES:
            self.grants.append((contact_id, person.evidence))
            return True
        self.withdrawals.append((contact_id, person.evidence))
        if said == Standing.UNSUBSCRIBED:
            self.unsubscribed.append(hashed)
        return True

    def write(self, session: Session, source: str) -> None:
        """Write everything, in four statements."""
        for action, entries in (
            (ConsentAction.GRANTED, self.grants),
            (ConsentAction.WITHDRAWN, self.withdrawals),
        ):
            ids = [contact_id for contact_id, _ in entries]
            proofs = [evidence for _, evidence in entries]
            record(session, ids, action, CHANNEL, "", basis=IMPORTED, source=source, evidence=proofs)
        suppress_many(session, self.unsubscribed, CHANNEL, GLOBAL, "unsubscribed")
        suppress_many(session, self.bounced, CHANNEL, GLOBAL, "bounced")


def _create(
    session: Session,
    people: Sequence[Incoming],
    hashes: Sequence[str],
    named: Mapping[str, int],
    source: str,
) -> list[_Change]:
    employers = companies.by_domain(session, (each.email for each in people if "company" not in each.values))
    employers |= {each.email: named[each.values["company"]] for each in people if "company" in each.values}
    rows = [_new_row(each, hashed, employers) for each, hashed in zip(people, hashes, strict=True)]
    at = now(session)
    insert_rows(session, Contact, rows, source=source[:100], created_at=at, updated_at=at)
    emails = [each.email for each in people]
    found = session.connection().execute(
        select(Contact.email, Contact.id).where(among(session, Contact.email, emails))
    )
    ids = dict(found.all())
    return [_Change(ids[each.email], "created", ["email", *each.values, *each.extra]) for each in people]


def _new_row(person: Incoming, hashed: str, employers: Mapping[str, int]) -> dict[str, Any]:
    get = person.values.get
    return {
        "public_id": new_id(),
        "email": person.email,
        "domain": domain_part(person.email),
        "address_hash": hashed,
        "first_name": get("first_name", ""),
        "last_name": get("last_name", ""),
        "company_id": employers.get(person.email),
        "country": get("country", ""),
        "language": get("language", ""),
        "timezone": get("timezone", ""),
        "extra": person.extra,
    }


def _hear_new(
    session: Session,
    people: Sequence[Incoming],
    hashes: Sequence[str],
    created: Sequence[_Change],
    consents: _Consents,
) -> None:
    """A new contact has said nothing yet, but its address may have been suppressed before."""
    suppressed = suppressed_among(session, hashes, CHANNEL)
    for each, hashed, change in zip(people, hashes, created, strict=True):
        stands = Standing.UNSUBSCRIBED if hashed in suppressed else Standing.NO
        consents.add(each, change.contact_id, hashed, stands)


def _change(
    session: Session,
    people: Sequence[tuple[Incoming, Row[Any]]],
    named: Mapping[str, int],
    consents: _Consents,
    outcome: Outcome,
) -> list[_Change]:
    rows, changes = [], []
    for person, row in people:
        if row.merged_into_id is not None or row.erased_at is not None:
            outcome.tombstones.append(person.email)
            continue
        values, changed = _differences(person, row, named)
        if changed:
            rows.append({"b_id": row.id, **values})
        if consents.add(person, row.id, row.address_hash, row.consent):
            changed.append("consent")
        if changed:
            changes.append(_Change(row.id, "updated", changed))
        (outcome.updated if changed else outcome.unchanged).append(person.email)
    if rows:
        columns: dict[str, Any] = {name: bindparam(name) for name in (*TEXT_FIELDS, "company_id", "extra")}
        statement = update(Contact).where(Contact.id == bindparam("b_id"))
        statement = statement.values({**columns, "updated_at": now(session)})
        session.connection().execute(statement, rows)
    return changes


def _differences(
    person: Incoming, row: Row[Any], named: Mapping[str, int]
) -> tuple[dict[str, Any], list[str]]:
    """The row's values with the person's over them, and the names of those that differ."""
    values = {name: person.values.get(name) or getattr(row, name) for name in TEXT_FIELDS}
    changed = [name for name in TEXT_FIELDS if values[name] != getattr(row, name)]
    values["company_id"] = named.get(person.values.get("company", ""), row.company_id)
    if values["company_id"] != row.company_id:
        changed.append("company")
    values["extra"] = {**row.extra, **person.extra}
    changed += [name for name, value in person.extra.items() if row.extra.get(name) != value]
    return values, changed


def _existing(session: Session, emails: Sequence[str]) -> dict[str, Row[Any]]:
    query = select(
        Contact.id,
        Contact.email,
        Contact.address_hash,
        *(getattr(Contact, name) for name in TEXT_FIELDS),
        Contact.company_id,
        Contact.extra,
        Contact.merged_into_id,
        Contact.erased_at,
        standing(Contact.id, Contact.address_hash, CHANNEL, now(session)).label("consent"),
    ).where(among(session, Contact.email, emails))
    return {row.email: row for row in session.connection().execute(query)}


def _incoming(person: c.Contact) -> Incoming:
    if not person.email:
        raise Invalid("a contact without an e-mail address cannot be found again", "give its address")
    values = {name: fields.clean(name, getattr(person, name).strip()) for name in fields.MAX_LENGTH}
    extra = {fields.custom_name(name): fields.to_text(value).strip() for name, value in person.fields.items()}
    extra = {name: fields.clean(name, value) for name, value in extra.items() if value}
    return Incoming(normalise(person.email), {name: value for name, value in values.items() if value}, extra)


def _over(before: Incoming, after: Incoming) -> Incoming:
    return after._replace(values={**before.values, **after.values}, extra={**before.extra, **after.extra})


def _public_ids(session: Session, emails: Sequence[str]) -> list[str]:
    found = session.connection().execute(
        select(Contact.email, Contact.public_id).where(among(session, Contact.email, emails))
    )
    ids = dict(found.all())
    return [ids[email] for email in emails]
