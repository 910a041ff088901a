"""Taking up a cost report: what it says of a campaign and days replaces what was said of them before.

So importing a file again changes nothing, and corrected numbers count. A row for several days and rows for single ones of these
never stand side by side: whatever covers the other's whole time replaces it, otherwise the row is faulty.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cms_ads import telling
from cms_ads.belonging import Belonging
from cms_ads.models import Cost
from cms_ads.numbers import DOLLAR, DOLLARS
from cms_ads.report import Fact, Report, read_report
from cms_ads.settings import accounts
from cms_core import Services, from_micros

Place = tuple[str, str]  # account, name
Key = tuple[str, str, date, date, str]  # account, name, first day, last day, currency


@dataclass
class Result:
    """What became of a file; ``spend`` is None where it is of several currencies (``by_currency`` has each)."""

    format: str
    rows: int = 0
    spend: Decimal | None = Decimal(0)
    clicks: int = 0
    impressions: int = 0
    currency: str = ""
    unchanged: int = 0
    corrected: int = 0
    faulty: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    unmapped: list[dict[str, Any]] = field(default_factory=list)
    by_currency: dict[str, Decimal] = field(default_factory=dict)


def import_report(
    svc: Services, file: str | Path | bytes, vendor: str = "", currency: str = "", name: str = ""
) -> Result:
    """Read a report, keep what it says, and tell the reports what their campaigns cost now. Raises Invalid."""
    report = read_report(file, vendor, name)
    belonging = Belonging.of(svc)
    _name_currencies(report, belonging, currency or accounts(svc).get(report.vendor, ""))
    source = name or (Path(file).name if not isinstance(file, bytes) else "upload")
    result = Result(report.vendor, faulty=report.faulty, findings=report.findings)
    try:
        _store(svc, report, source, result)
    except IntegrityError:  # the same file is being imported at this moment: now its rows are seen
        _store(svc, report, source, result)
    _sum(result, report.facts)
    _look_at_belonging(svc, result, report.facts, belonging)
    telling.tell(svc)
    return result


def _name_currencies(report: Report, belonging: Belonging, usual: str) -> None:
    """Give rows that name no currency that of the account, else that of their campaign's budget, and say so.

    A row written with a sign of several currencies is faulty where that would be none of them.
    """
    named, read_as = [], set()
    for fact in report.facts:
        if fact.currency not in ("", DOLLAR):
            named.append(fact)
            continue
        code = usual or belonging.currency_of(fact.name, fact.utm)
        if code and (not fact.currency or code in DOLLARS):
            read_as.add(code)
            named.append(replace(fact, currency=code))
            continue
        reason = (
            f"{code} is not written {DOLLAR}; name the currency in a column of its own or by --currency"
            if code
            else "neither the file nor the account says in which currency this is"
        )
        report.faulty.append({"row": fact.row, "column": "currency", "reason": reason})
    report.facts = named
    report.findings += [
        {"row": None, "message": f"the file names no currency; amounts were read as {code}"}
        for code in sorted(read_as)
    ]


def _store(svc: Services, report: Report, source: str, result: Result) -> None:
    result.unchanged, result.corrected, result.faulty = 0, 0, list(report.faulty)
    groups: defaultdict[Place, list[Fact]] = defaultdict(list)
    for fact in report.facts:
        groups[fact.account, fact.name].append(fact)
    spans = [(fact.day, fact.until) for fact in report.facts]
    whole = (min(day for day, _ in spans), max(until for _, until in spans)) if spans else None
    with svc.transaction() as session, session.begin_nested():  # what is tried again leaves nothing behind
        known = _known(session, report.vendor, whole)
        kept: list[Fact] = []
        for place, facts in groups.items():
            kept += _take(
                session, report.vendor, place, facts, _rivals(known, place), whole, source, svc, result
            )
    report.facts = kept


def _known(session: Session, vendor: str, whole: tuple[date, date] | None) -> defaultdict[Place, list[Cost]]:
    """What is kept of the days that the file has to do with."""
    found: defaultdict[Place, list[Cost]] = defaultdict(list)
    if whole is not None:
        query = select(Cost).where(Cost.vendor == vendor, Cost.day <= whole[1], Cost.until >= whole[0])
        for row in session.scalars(query):
            found[row.account, row.name].append(row)
    return found


def _rivals(known: defaultdict[Place, list[Cost]], place: Place) -> list[Cost]:
    """What is kept of this campaign; a file, or a row, that names no account means the same one."""
    account, name = place
    if account:
        return [*known[place], *known["", name]]
    return [row for (_, called), rows in known.items() if called == name for row in rows]


def _take(  # noqa: PLR0913, PLR0917 — one group with all that it is compared with
    session: Session,
    vendor: str,
    place: Place,
    facts: Sequence[Fact],
    known: Sequence[Cost],
    whole: tuple[date, date] | None,
    source: str,
    svc: Services,
    result: Result,
) -> list[Fact]:
    """Keep what the file says of one campaign; returns the facts that were taken."""
    kept = []
    summed: defaultdict[Key, list[Fact]] = defaultdict(list)
    spans = {(fact.day, fact.until): fact for fact in facts}
    clashes = {span: _clash(fact, spans.values(), known, whole) for span, fact in spans.items()}
    for fact in facts:
        if clash := clashes[fact.day, fact.until]:
            result.faulty.append({"row": fact.row, "column": "day", "reason": clash})
        else:
            kept.append(fact)
            summed[(*place, fact.day, fact.until, fact.currency)].append(fact)
    by_key = {(row.account, row.name, row.day, row.until, row.currency): row for row in known}
    said = {(fact.day, fact.until, fact.currency): fact for fact in kept}
    for row in known:
        same = row.account == place[0] and (row.day, row.until, row.currency) in said
        if not same and any(_replaces(fact, row) for fact in said.values()):
            session.delete(row)
    session.flush()
    for key, group in summed.items():
        values = {
            "cost_micros": sum(fact.cost_micros for fact in group),
            "clicks": sum(fact.clicks for fact in group),
            "impressions": sum(fact.impressions for fact in group),
            "utm": next((fact.utm for fact in group if fact.utm), ""),
        }
        before = by_key.get(key)
        if before is not None and all(getattr(before, name) == value for name, value in values.items()):
            result.unchanged += len(group)
            continue
        result.corrected += before is not None
        row = before or Cost(
            vendor=vendor, account=key[0], name=key[1], day=key[2], until=key[3], currency=key[4]
        )
        for name, value in {**values, "source": source[:200], "imported_at": svc.now()}.items():
            setattr(row, name, value)
        session.add(row)
    return kept


def _overlaps(fact: Fact, day: date, until: date) -> bool:
    """Whether two times have a day in common and are not the same."""
    return fact.day <= until and day <= fact.until and (fact.day, fact.until) != (day, until)


def _replaces(fact: Fact, row: Cost) -> bool:
    """Whether a row that was kept is of days that the file covers otherwise, or of another account or currency than it says now."""
    same_days = (fact.day, fact.until) == (row.day, row.until)
    other = (fact.account, fact.currency) != (row.account, row.currency)
    return _overlaps(fact, row.day, row.until) or (same_days and other)


def _clash(fact: Fact, facts: Iterable[Fact], known: Iterable[Cost], whole: tuple[date, date] | None) -> str:
    """Why a row cannot be kept beside others of its campaign, or ""."""
    for other in facts:
        if _overlaps(fact, other.day, other.until):
            return (
                f"its days overlap those of row {other.row}; export by day only, or for the whole time only"
            )
    for row in known:
        covered = whole is not None and whole[0] <= row.day and row.until <= whole[1]
        if _overlaps(fact, row.day, row.until) and not covered:
            return f"{row.day} to {row.until} was imported as one sum; export these days whole"
    return ""


def _sum(result: Result, facts: Sequence[Fact]) -> None:
    spent: defaultdict[str, int] = defaultdict(int)
    for fact in facts:
        spent[fact.currency] += fact.cost_micros
    result.rows = len(facts)
    result.clicks, result.impressions = sum(f.clicks for f in facts), sum(f.impressions for f in facts)
    result.by_currency = {code: from_micros(micros) for code, micros in sorted(spent.items())}
    if len(spent) == 1:
        ((result.currency, result.spend),) = result.by_currency.items()
    elif spent:
        result.spend = None


def _look_at_belonging(svc: Services, result: Result, facts: Sequence[Fact], belonging: Belonging) -> None:
    """Which rows belong to no campaign of ours yet, and which cannot be converted into their campaign's currency."""
    lost: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    rates = telling.rates(svc)
    for fact in facts:
        target = belonging.of_row(result.format, fact.name, fact.utm, fact.day)
        if target is None:
            lost[fact.name, fact.currency][0] += 1
            lost[fact.name, fact.currency][1] += fact.cost_micros
            continue
        wanted = belonging.currencies.get(target.campaign) or fact.currency
        if rates.convert(fact.cost_micros, fact.currency, wanted, fact.until) is None:
            reason = f"there is no rate from {fact.currency} to {wanted} for {fact.until}; it is kept, but in no report yet"
            result.faulty.append({"row": fact.row, "column": "currency", "reason": reason})
    result.unmapped = _unmapped(lost)
    result.faulty.sort(key=lambda each: each["row"])


def _unmapped(lost: Mapping[tuple[str, str], Sequence[int]]) -> list[dict[str, Any]]:
    return [
        {"campaign": name, "rows": rows, "spend": from_micros(micros), "currency": code}
        for (name, code), (rows, micros) in sorted(lost.items())
    ]
