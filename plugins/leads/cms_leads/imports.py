"""Importing deals from a CSV file: our own columns, or an export of HubSpot or Salesforce.

What makes the file unreadable saves nothing; a faulty row is left out and told. An empty cell never erases what is known. Companies
and contacts that a deal names are made when there are none; nobody gets consent that way. Importing a file again changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core import CmsError, Company, Contact, Invalid, Services, read_csv, unprotect_cell
from cms_leads import cells, columns, deals
from cms_leads.deals import Facts
from cms_leads.models import Deal, Result

WON_STAGES = frozenset({"closedwon", "won"})
LOST_STAGES = frozenset({"closedlost", "lost"})


@dataclass
class ImportResult:
    """What an import did, or would do; ``saved`` is False for a dry run, and where nothing could be saved."""

    format: str
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    saved: bool = False

    @property
    def accepted(self) -> int:
        """How many rows were good."""
        return self.created + self.updated + self.unchanged


class Options(NamedTuple):
    """How a file is to be read: where columns go, currency of bare amounts ("": that of the settings), order of days."""

    mapping: Mapping[str, str] = {}
    currency: str = ""
    dates: str = ""


class Line(NamedTuple):
    """One row of a file: its number, and the filled cells by field."""

    number: int
    cells: Mapping[str, str]


def import_deals(
    svc: Services,
    source: str | Path | bytes,
    options: Options | None = None,
    *,
    name: str = "",
    dry_run: bool = False,
    all_or_nothing: bool = False,
) -> ImportResult:
    """Create and change deals from a file (a path or its content, then with its ``name``).

    Raises Invalid, with nothing saved, for a file that cannot be read as a whole; faulty rows are in the result.
    """
    options = options or Options()
    file = read_csv(source, name, known=columns.is_known)
    plan = columns.plan(file.header, options.mapping)
    result = ImportResult(columns.format_of(file.header))
    lines = list(_lines(file.rows(), plan, result))
    reader = _Reader(svc, options, _order(options.dates, lines), result)
    with svc.transaction() as session, session.begin_nested() as savepoint:
        for line in lines:
            try:
                with session.begin_nested():
                    verdict = reader.take(session, line)
            except CmsError as fault:
                result.skipped.append({"row": line.number, "reason": fault.message})
            else:
                setattr(result, verdict, getattr(result, verdict) + 1)
        result.skipped.sort(key=lambda each: each["row"])
        faulty = bool(result.skipped) and (all_or_nothing or not result.accepted)
        result.saved = not (dry_run or faulty)
        if result.saved:
            counts = {"created": result.created, "updated": result.updated, "skipped": len(result.skipped)}
            svc.note("import", "deals", file.name[:100], counts)
        else:
            savepoint.rollback()
    return result


def _lines(rows: Iterator[Any], plan: Mapping[str, Sequence[int]], result: ImportResult) -> Iterator[Line]:
    for row in rows:
        if row.fault:
            result.skipped.append({"row": row.number, "reason": row.fault})
            continue
        found = {target: _cell(row.cells, indexes) for target, indexes in plan.items()}
        yield Line(row.number, {target: text for target, text in found.items() if text})


def _cell(texts: Sequence[str], indexes: Sequence[int]) -> str:
    """The first filled cell, as it was before an export protected it."""
    found = (texts[index].strip() for index in indexes)
    return unprotect_cell(next(filter(None, found), "")).strip()


def _order(dates: str, lines: Sequence[Line]) -> bool | None:
    if dates:
        return dates == "dmy"
    return cells.day_first(line.cells.get("closed_at", "") for line in lines)


class _Reader:
    """Turns lines into deals; remembers companies and contacts that it has met."""

    def __init__(self, svc: Services, options: Options, day_first: bool | None, result: ImportResult) -> None:
        self._svc = svc
        self._currency = options.currency or svc.settings()["currency"]
        self._told = bool(options.currency)
        self._day_first = day_first
        self._notes = result.notes
        self._seen: dict[str, int] = {}

    def take(self, session: Session, line: Line) -> str:
        """Save one line; says "created", "updated" or "unchanged". Raises CmsError with the reason for leaving it out."""
        said = self._said(line.cells)
        before = self._known(session, said)
        facts = _over(deals.facts_of(before) if before else Facts(said["name"]), said)
        key = deals.identity_of(facts.name, facts.company, facts.external_id)
        first = self._seen.setdefault(key, line.number)
        if first != line.number:
            raise Invalid(f"duplicate of row {first}")
        if before is None:
            deals.create(self._svc, facts)
            return "created"
        version = before.row_version
        changed = deals.change(self._svc, before.public_id, facts)
        return "unchanged" if changed.row_version == version else "updated"

    def _known(self, session: Session, said: Mapping[str, Any]) -> Deal | None:
        """The deal of the other system's id, or one of this name and company that has no such id yet."""
        name, company, external_id = said["name"], said.get("company"), said.get("external_id", "")
        keys = [deals.identity_of(name, company, external_id), deals.identity_of(name, company, "")]
        found = session.scalars(select(Deal).where(Deal.identity.in_(keys)))
        return min(found, key=lambda deal: keys.index(deal.identity), default=None)

    def _said(self, given: Mapping[str, str]) -> dict[str, Any]:
        """What a row says of its deal, by the names of ``Facts``; ``moment`` is that of its end, or the expected one."""
        if "name" not in given:
            raise Invalid("no name")
        contacts = self._contacts(given)
        said: dict[str, Any] = {
            name: given[name] for name in ("name", "stage", "owner", "external_id") if name in given
        }
        said |= {"company": self._company(given, contacts), "outcome": _outcome(given)}
        if "amount" in given:
            said["amount_micros"], said["currency"] = self._amount(given)
        if "closed_at" in given:
            said["moment"] = cells.read_moment(given["closed_at"], self._day_first)
        if contacts:
            said["contacts"] = tuple(self._svc.upsert_contacts(contacts))
        return {name: value for name, value in said.items() if value is not None}

    def _contacts(self, given: Mapping[str, str]) -> list[Contact]:
        """The people that a cell names; in a cell of nothing but a name there is no address, and nobody to be found by it."""
        found = map(self._svc.address, cells.addresses_in(given.get("contacts", "")))
        return [
            self._svc.find_contact(each) or Contact("", each, company=given.get("company", ""))
            for each in found
        ]

    def _company(self, given: Mapping[str, str], contacts: Sequence[Contact]) -> str | None:
        """The company that a row names, else that of its first contact, by name or domain; none by free mail."""
        name, domain = given.get("company", ""), given.get("domain", "")
        if name or domain:
            return self._svc.upsert_company(Company("", name, domain))[0]
        if not contacts:
            return None
        named = Company("", contacts[0].company, "" if contacts[0].company else contacts[0].email or "")
        with suppress(Invalid):
            return self._svc.upsert_company(named)[0]
        return None

    def _amount(self, given: Mapping[str, str]) -> tuple[int, str]:
        micros, written = cells.read_amount(given["amount"])
        currency = (given.get("currency") or written).upper()
        if not currency:
            currency = self._currency
            if not self._told:
                self._notes.append(f"amounts without a currency are taken as {currency}, as the settings say")
                self._told = True
        if len(currency) != 3 or not (currency.isascii() and currency.isalpha()):
            raise Invalid(f"{currency[:20]!r} is no currency code", "write an ISO code such as EUR")
        return micros, currency


def _outcome(given: Mapping[str, str]) -> Result | None:
    """How a deal stands: by a column that says so, by flags, else by its stage; None where a row says nothing of it."""
    said = columns.plain(given.get("outcome", ""))
    stage = columns.plain(
        given.get("stage", "").partition(" (")[0]
    )  # HubSpot writes "Closed won (Sales pipeline)"
    flags = {name: cells.read_flag(given[name]) for name in ("won", "lost", "closed") if name in given}
    if said and said not in WON_STAGES | LOST_STAGES | {"open"}:
        raise Invalid(f"outcome {given['outcome'][:40]!r} is not one of open, won, lost")
    if said in WON_STAGES or (not said and (flags.get("won") or stage in WON_STAGES)):
        return Result.WON
    if (
        not said
        and "won" not in flags
        and flags.get("closed")
        and not flags.get("lost")
        and stage not in LOST_STAGES
    ):
        raise Invalid(
            "the deal is closed, but nothing says whether it was won or lost", "add the column that says it"
        )
    if said in LOST_STAGES or (
        not said and (flags.get("lost") or flags.get("closed") or stage in LOST_STAGES)
    ):
        return Result.LOST
    return Result.OPEN if said or stage or flags else None


def _over(before: Facts, said: Mapping[str, Any]) -> Facts:
    """What a row says over what was known. A moment is that of the end, or of an open deal the expected day.

    Where the row gives but the day, a known instant of that day stays.
    """
    known = {name: value for name, value in said.items() if name != "moment"}
    facts, moment = replace(before, **known), said.get("moment")
    if facts.outcome == Result.OPEN:
        return replace(facts, closed_at=None, expected_on=moment.date() if moment else facts.expected_on)
    ended_so = before.closed_at if before.outcome == facts.outcome else None
    same_day = ended_so and moment == datetime.combine(ended_so, cells.END_OF_DAY, UTC)
    return replace(facts, closed_at=ended_so if same_day else moment or ended_so)
