"""What the fields of a deck are filled with, and from where: what a rep said comes before what is known."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from cms_core import Company, Contact, Invalid, Services, User

SAID = "said"  # what a rep typed
COMPANY, CONTACT = "company", "contact"
SEES_PEOPLE = "audience.read"
LONGEST = 20_000
MOST = 500


@dataclass(frozen=True)
class DeckSubject:
    """Whom or what a deck is for, with what is known of it: what ``hookspecs.deck_subjects`` answers."""

    kind: str
    id: str
    title: str
    company: str | None = None
    contact: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def deal(self) -> str | None:
        """By what a plugin knows it, where it is more than a company or a person."""
        return self.id if self.kind not in (COMPANY, CONTACT) else None


@dataclass(frozen=True)
class Value:
    """What stands in a field, and where it is from: ``said`` by the rep, ``rep`` (their account), company, contact, deal, …"""

    value: Any
    source: str


Values = Mapping[str, Value]


def subject_or_new(svc: Services, named: str) -> DeckSubject | None:
    """The same; a name that nobody knows is that of a new company."""
    known = subject(svc, named)
    name = " ".join(named.split())
    if known is not None or not name:
        return known
    company, _ = svc.upsert_company(Company("", name))
    return _of_company(svc.companies([company])[company])


def subject(svc: Services, named: str) -> DeckSubject | None:
    """The person (by address), the company (by name, domain or id) or what a plugin knows by this name (a deal); None where nobody
    knows it. Raises Invalid where several are meant.
    """
    named = " ".join(named.split())
    if not named:
        return None
    if "@" in named and (person := svc.find_contact(named)) is not None:
        return _of_person(svc, person)
    company = svc.find_company(named) or svc.companies([named]).get(named)
    if company is not None:
        return _of_company(company)
    found = [DeckSubject(**each) for _, each in svc.ask("deck_subjects", dict, named=named)]
    if len(found) > 1:
        raise Invalid(
            f"{len(found)} are called {named[:120]!r}", f"name one by its id: {found[0].id}", field="for"
        )
    return found[0] if found else None


def gather(svc: Services, subject: DeckSubject | None) -> dict[str, Value]:
    """All that is known for a deck, by field."""
    found: dict[str, Value] = {}
    if svc.user is not None:
        found |= _named("rep", _person(svc.user), "rep")
    if subject is not None:
        found |= _known(svc, subject)
    return found


def check(said: Mapping[str, str]) -> dict[str, Value]:
    """What a rep typed; raises Invalid for too much of it."""
    if len(said) > MOST:
        raise Invalid(f"{len(said)} values are too many; at most {MOST} fit", "leave some out", field="set")
    for name, value in said.items():
        if len(value) > LONGEST or "\0" in value:
            raise Invalid(
                f"the value of {name[:80]!r} has over {LONGEST:,} characters, or one that no text holds",
                "shorten it",
                field="set",
            )
    return {name: Value(value, SAID) for name, value in said.items() if value != ""}


def label_of(name: str) -> str:
    """``company.name`` as people read it: Company name."""
    words = name.replace(".", " ").replace("_", " ")
    return words[:1].upper() + words[1:]


def stored(values: Values) -> dict[str, Any]:
    """As a deck keeps them."""
    return {name: {**asdict(each), "value": _plain(each.value)} for name, each in values.items()}


def restored(kept: Mapping[str, Any]) -> dict[str, Value]:
    """As they were before ``stored``."""
    return {name: Value(**each) for name, each in kept.items()}


def _known(svc: Services, subject: DeckSubject) -> dict[str, Value]:
    found: dict[str, Value] = {}
    company = svc.companies([subject.company]).get(subject.company) if subject.company else None
    if company is not None:
        found |= _named("company", _facts(company), "company")
    contact = svc.contacts([subject.contact]).get(subject.contact) if subject.contact else None
    if contact is not None and (subject.kind != CONTACT or svc.can(SEES_PEOPLE)):
        found |= _of_contact(svc, contact)
    return found | {
        name: Value(value, subject.kind) for name, value in subject.values.items() if _is_said(value)
    }


def _of_contact(svc: Services, contact: Contact) -> dict[str, Value]:
    """The merge fields of a mail to this person."""
    found: dict[str, Value] = {}
    for provider in svc.merge_fields:
        known = provider.fetch_many([contact]).get(contact.id, {})
        found |= _named(provider.namespace, known, provider.namespace)
    return found


def _of_company(company: Company) -> DeckSubject:
    return DeckSubject(COMPANY, company.id, company.name, company=company.id)


def _of_person(svc: Services, person: Contact) -> DeckSubject:
    """Whoever may not see contacts is told nothing of them by an address: only what the address itself says."""
    address = person.email or ""
    company = svc.find_company(person.company if person.company and svc.can(SEES_PEOPLE) else address)
    title, known = (company.name, company.id) if company else (address, None)
    return DeckSubject(CONTACT, person.id, title, known, person.id, {"contact.email": address})


def _facts(company: Company) -> Mapping[str, Any]:
    return {**company.fields, "name": company.name, "domain": company.domain}


def _person(user: User) -> Mapping[str, Any]:
    return {"name": user.name or user.email, "email": user.email}


def _named(namespace: str, known: Mapping[str, Any], source: str) -> dict[str, Value]:
    return {f"{namespace}.{name}": Value(value, source) for name, value in known.items() if _is_said(value)}


def _is_said(value: Any) -> bool:
    return value not in (None, "", [])


def _plain(value: Any) -> Any:
    """What JSON knows stays; days, instants and exact numbers become text."""
    return value if isinstance(value, str | int | float | bool | list) else str(value)
