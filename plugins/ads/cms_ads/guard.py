"""The guard of budgets: warns when most of one is spent, pauses what runs when all of it is; once for each crossing.

Who resumes a paused flight although its budget is spent has decided so: the guard pauses it again only after the spend was below
the line (a larger budget, a correction) and crosses it anew. A flight that is armed later, or could not be paused, is paused at the
next look. Spend that cannot be converted is told, and never taken for nothing.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import or_, select, update

from cms_ads import telling
from cms_ads.belonging import Belonging
from cms_ads.models import Cost, Guarded
from cms_ads.rates import Rates
from cms_ads.settings import CHANNEL
from cms_ads.vendors import VENDORS
from cms_core import (
    AgentClass,
    Campaign,
    CmsError,
    Event,
    Flight,
    JobContext,
    Money,
    Services,
    from_micros,
    insert_missing,
)

FINE, WARNED, STOPPED = range(3)
KINDS = {WARNED: "budget_warned", STOPPED: "budget_stopped"}
OVER = ("failed", "missed", "withdrawn", "cancelled")


@dataclass(frozen=True)
class Watched:
    """A budget with what was spent of it. ``stops`` are the flights that it pays for; ``unrated``: some spend is not in it."""

    kind: str
    subject: str
    title: str
    campaign: str
    budget: Money
    spent: Decimal
    stops: tuple[Flight, ...]
    unrated: bool = False

    def level(self, warn_at: int) -> int:
        """FINE, WARNED or STOPPED."""
        return level_of(self.spent, self.budget.amount, warn_at)


def level_of(spent: Decimal, budget: Decimal, warn_at: int) -> int:
    """How far a spend has come: STOPPED from the whole budget on, WARNED from ``warn_at`` percent on. Nothing spent is fine."""
    if spent <= 0:
        return FINE
    if spent >= budget:
        return STOPPED
    return WARNED if spent * 100 >= budget * warn_at else FINE


def run(ctx: JobContext) -> None:
    """As a job; where nothing was ever spent there is nothing to guard."""
    with ctx.services.session() as session:
        anything = session.scalar(select(or_(select(Cost).exists(), select(Guarded).exists())))
    if anything:
        keep(ctx.services)


def keep(svc: Services) -> list[str]:
    """Look at every budget and act where a line was crossed; returns what was said."""
    settings = svc.settings()
    warn_at, pauses = int(settings.get("warn_at", 80)), bool(settings.get("pause", True))
    with svc.session() as session:
        known = {(row.kind, row.subject): row for row in session.scalars(select(Guarded))}
    said = []
    for each in watched(svc):
        before = known.get((each.kind, each.subject)) or Guarded(level=FINE, crossing=0, words="", stops={})
        level = each.level(warn_at)
        if level < before.level:
            _set(svc, each, before, level=level, words="", stops={})
        stops, words = _stop_all(svc, each, before) if level == STOPPED and pauses else ({}, [])
        if level > before.level:
            said.append(_cross(svc, each, level, before, stops, words))
        elif not stops.items() <= before.stops.items():
            _set(svc, each, before, stops={**before.stops, **stops})
            said += ["; ".join([_spent(each), *words])] if words else []
    return said


def watched(svc: Services) -> list[Watched]:
    """Every budget of a flight that is not over, and of a campaign, with what was spent of it."""
    belonging = Belonging.of(svc)
    found = [*_flights(belonging), *_campaigns(belonging)]
    with svc.session() as session:
        rates, spent = Rates.of(session), defaultdict[tuple[str, str], list[Any]](list)
        for row, target in telling.pairs(session, belonging):
            spent["campaign", target.campaign].append(row)
            spent["flight", target.publication].append(row)
    return [_with_spend(each, spent[each.kind, each.subject], rates) for each in found]


def document(each: Watched) -> dict[str, Any]:
    """A budget for programs."""
    return {
        "kind": each.kind,
        "id": each.subject,
        "title": each.title,
        "campaign": each.campaign,
        "spent": each.spent,
        "budget": each.budget.amount,
        "currency": each.budget.currency,
        "incomplete": each.unrated,
    }


def _flights(belonging: Belonging) -> Iterator[Watched]:
    for flight in belonging.flights:
        if flight.budget is not None and flight.state not in OVER:
            yield Watched(
                "flight",
                flight.publication,
                flight.title,
                flight.campaign,
                flight.budget,
                Decimal(0),
                (flight,),
            )


def _campaigns(belonging: Belonging) -> Iterator[Watched]:
    for key, campaign in belonging.campaigns.items():
        if campaign.budget is not None:
            stops = _running(belonging.flights, campaign)
            yield Watched("campaign", key, campaign.name, key, campaign.budget, Decimal(0), stops)


def _with_spend(each: Watched, costs: Sequence[Any], rates: Rates) -> Watched:
    """The same with what was spent, in the budget's currency; each cost at the rate of its day, rounded once."""
    total, unrated = Fraction(0), False
    for row in costs:
        amount = rates.convert(row.cost_micros, row.currency, each.budget.currency, row.until)
        total, unrated = total + (amount or 0), unrated or amount is None
    return replace(each, spent=from_micros(round(total)), unrated=unrated)


def _running(flights: Sequence[Flight], campaign: Campaign) -> tuple[Flight, ...]:
    return tuple(each for each in flights if each.campaign == campaign.key and each.state not in OVER)


def _spent(each: Watched) -> str:
    return f"{each.title}: {each.spent:f} of {each.budget.amount:f} {each.budget.currency} are spent"


def _cross(
    svc: Services, each: Watched, level: int, before: Guarded, stops: dict[str, str], words: list[str]
) -> str:
    """Flights were paused before this is noted: whoever dies in between acts again, and what is paused stays paused."""
    crossing, said = before.crossing + 1, "; ".join([_spent(each), *words])
    with svc.transaction():  # noted and told together, or the event would be lost with the process
        _set(svc, each, before, level=level, crossing=crossing, words=said, stops=stops)
        _record(svc, each, level, crossing, said)
    return said


def _stop_all(svc: Services, each: Watched, before: Guarded) -> tuple[dict[str, str], list[str]]:
    """Pause what has not been paused since the line was crossed; gives each one's answer, and in words what is new."""
    stops, words = {}, []
    for flight in each.stops:
        last = before.stops.get(flight.publication)
        if last == "":
            continue
        fault = "" if flight.paused else _stop(svc, flight, _spent(each))
        stops[flight.publication] = fault
        if fault and fault != last:
            words.append(f"{flight.title} could not be paused ({fault})")
        elif not fault and not flight.paused:
            words.append(f"{flight.title} is paused here: pause it in {_vendor(svc, flight)} too")
    return stops, words


def _stop(svc: Services, flight: Flight, reason: str) -> str:
    """Pause a flight; what that means at the vendor a person must do, and is told. Returns why it could not be, or ""."""
    try:
        svc.pause(flight.publication, reason)
    except CmsError as error:
        return error.message
    return ""


def _vendor(svc: Services, flight: Flight) -> str:
    vendor = svc.connections(CHANNEL).get(flight.connection, {}).get("vendor", "")
    return VENDORS.get(str(vendor), "the vendor")


def _set(svc: Services, each: Watched, before: Guarded, **values: Any) -> None:
    key = {"kind": each.kind, "subject": each.subject}
    row = {**key, "level": FINE, "crossing": 0, "words": "", "stops": {}, "changed_at": svc.now()}
    # What another process has noted meanwhile is not overwritten, nor counted twice.
    as_found = (Guarded.level == before.level, Guarded.crossing == before.crossing)
    here = (Guarded.kind == each.kind, Guarded.subject == each.subject, *as_found)
    with svc.transaction() as session:
        insert_missing(session, Guarded, [row])
        session.execute(update(Guarded).where(*here).values(**values, changed_at=svc.now()))


def _record(svc: Services, each: Watched, level: int, crossing: int, words: str) -> None:
    event = Event(
        KINDS[level],
        at=svc.now(),
        source="ads",
        source_id=f"budget:{each.kind}:{each.subject}:{level}:{crossing}",
        agent_class=AgentClass.INTERNAL,
        campaign=each.campaign,
        publication=each.subject if each.kind == "flight" else None,
        value=each.spent,
        currency=each.budget.currency,
        props={"words": words[:1000]},
    )
    svc.record_events([event])
