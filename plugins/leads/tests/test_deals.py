"""Deals: what is stored, who is first, and that the ledger adds up to what was sold whatever is changed afterwards."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from cms_core import Company, Conflict, Contact, Invalid, NotFound
from cms_core.auth.models import AuditEntry
from cms_core.events.models import Event as Happened
from cms_leads import cells, deals
from cms_leads.deals import Facts
from cms_leads.fields import fetch_many
from cms_leads.models import Deal, DealContact, Result

EUR = 1_000_000


def sold(desk: Any) -> dict[str, int]:
    """What the ledger says was sold, by currency."""
    found: dict[str, int] = {}
    for event in desk.ledger(deals.WON, deals.REOPENED):
        if event.value_micros:
            found[event.currency or ""] = found.get(event.currency or "", 0) + event.value_micros
    return {currency: micros for currency, micros in found.items() if micros}


def test_a_won_deal_is_told_once_with_its_value_and_taken_back_when_reopened(desk: Any) -> None:
    ann = desk.person("ann@acme.test")
    made = deals.create(desk.svc, Facts("Rollout", contacts=(ann,), amount_micros=5 * EUR, currency="EUR"))
    for _ in range(2):
        deals.close(desk.svc, made.public_id, Result.WON)
    (won,) = desk.ledger(deals.WON)
    assert (won.value_micros, won.currency, won.source, won.agent_class) == (5 * EUR, "EUR", "leads", "human")
    assert won.source_id == f"deal:{made.public_id}:1"
    deals.close(desk.svc, made.public_id, Result.OPEN)
    assert sold(desk) == {}
    deals.close(desk.svc, made.public_id, Result.LOST)
    assert [event.kind for event in desk.ledger(deals.WON, deals.LOST, deals.REOPENED)] == [
        deals.WON,
        deals.REOPENED,
        deals.LOST,
    ]


def test_an_amount_corrected_after_the_end_is_corrected_in_the_ledger(desk: Any) -> None:
    made = deals.create(desk.svc, Facts("Rollout", amount_micros=5 * EUR, currency="EUR", outcome=Result.WON))
    facts = Facts(
        "Rollout", amount_micros=7 * EUR, currency="USD", outcome=Result.WON, closed_at=made.closed_at
    )
    deals.change(desk.svc, made.public_id, facts)
    assert sold(desk) == {"USD": 7 * EUR}
    deals.change(desk.svc, made.public_id, replace(facts, stage="Signed", name="Roll-out"))
    assert len(desk.ledger(deals.WON)) == 2, "what does not concern the sale is not told"


changes = st.lists(
    st.builds(
        Facts,
        st.sampled_from(["Rollout", "Pilot"]),
        amount_micros=st.none() | st.integers(0, 10**12),
        currency=st.sampled_from(["EUR", "USD"]),
        outcome=st.sampled_from(Result),
        stage=st.sampled_from(["", "Talks"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes)
def test_the_ledger_adds_up_to_what_is_won(desk: Any, history: list[Facts]) -> None:
    with desk.workspace.db.transaction() as session:
        for model in (DealContact, Deal, Happened):
            session.execute(delete(model))
    made = deals.create(desk.svc, history[0])
    for facts in history[1:]:
        made = deals.change(desk.svc, made.public_id, facts)
    last = history[-1]
    counts = last.outcome == Result.WON and last.amount_micros
    assert sold(desk) == ({last.currency: last.amount_micros} if counts else {})
    told = [event.source_id for event in desk.ledger(deals.WON, deals.LOST, deals.REOPENED)]
    assert told == [f"deal:{made.public_id}:{n + 1}" for n in range(made.outcomes)]
    assert (made.closed_at is None) == (last.outcome == Result.OPEN)


def test_one_name_and_company_is_one_deal(desk: Any) -> None:
    acme, _ = desk.svc.upsert_company(Company("", "Acme"))
    deals.create(desk.svc, Facts("Rollout", company=acme))
    with pytest.raises(Conflict):
        deals.create(desk.svc, Facts("  ROLLOUT ", company=acme))
    deals.create(desk.svc, Facts("Rollout"))
    deals.create(desk.svc, Facts("Rollout", company=acme, external_id="x"))


def test_who_saw_an_older_version_changes_nothing(desk: Any) -> None:
    made = deals.create(desk.svc, Facts("Rollout"))
    seen = made.row_version
    deals.change(desk.svc, made.public_id, Facts("Rollout", stage="Talks"), seen)
    with pytest.raises(Conflict):
        deals.change(desk.svc, made.public_id, Facts("Rollout", stage="Other"), seen)
    with desk.svc.session() as session:
        assert deals.find(session, made.public_id).stage == "Talks"


@pytest.mark.parametrize(
    "facts",
    [
        Facts(""),
        Facts(" \t"),
        Facts("x" * 201),
        Facts("x\0"),
        Facts("x", stage="y" * 101),
        Facts("x", amount_micros=-1, currency="EUR"),
        Facts("x", amount_micros=10**19, currency="EUR"),
        Facts("x", amount_micros=1),
    ],
)
def test_what_cannot_be_stored_is_refused(desk: Any, facts: Facts) -> None:
    with pytest.raises(Invalid):
        deals.create(desk.svc, facts)
    with desk.svc.session() as session:
        assert session.scalars(select(Deal)).all() == []


def test_a_deal_that_is_not_there(desk: Any) -> None:
    with pytest.raises(NotFound):
        deals.close(desk.svc, "nothing", Result.WON)


def test_every_change_is_in_the_audit_log(desk: Any) -> None:
    made = deals.create(desk.svc, Facts("Rollout"))
    deals.close(desk.svc, made.public_id, Result.WON)
    with desk.svc.session() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.subject == made.public_id)).all()
    assert [row.action for row in rows][:1] == ["create"]
    assert any(row.changes.get("outcome") == ["open", "won"] for row in rows)


def test_merge_fields_are_those_of_the_newest_open_deal_in_one_statement(desk: Any) -> None:
    from cms_core.testing.pages import statements

    ann, bob = desk.person("ann@acme.test"), desk.person("bob@acme.test")
    for name, outcome in (("Old", Result.OPEN), ("New", Result.OPEN), ("Won", Result.WON)):
        deals.create(
            desk.svc, Facts(name, contacts=(ann,), amount_micros=5 * EUR, currency="EUR", outcome=outcome)
        )
        desk.later(timedelta(days=1))
    provider = desk.workspace.plugins.merge_fields["deal"]
    assert provider.fetch_many is not fetch_many
    people = [Contact(ann, None), Contact(bob, None)]
    with statements(desk.workspace.db.engine) as counter:
        found = provider.fetch_many(people)
    assert next(counter) <= 2, "the deals, and the people of those found"
    assert set(found) == {ann}
    assert (found[ann]["name"], found[ann]["amount"], found[ann]["currency"]) == ("New", Decimal(5), "EUR")


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("5000", 5000, ""),
        ("5000 EUR", 5000, "EUR"),
        ("€1.234,50", Decimal("1234.5"), "EUR"),
        ("$1,234.50", Decimal("1234.5"), "USD"),
        ("1,234", 1234, ""),
        ("1,234,567", 1234567, ""),
        ("1.234.567", 1234567, ""),
        ("1 234,50 zł", Decimal("1234.5"), "PLN"),
        ("12'000.00 CHF", 12000, "CHF"),
        ("1234,5", Decimal("1234.5"), ""),
        ("0", 0, ""),
        ("USD\xa05", 5, "USD"),
    ],
)
def test_amounts_as_people_write_them(text: str, amount: Any, currency: str) -> None:
    assert cells.read_amount(text) == (int(amount * EUR), currency)


@pytest.mark.parametrize(
    "text", ["", "-5", "1.234", "1,23,4", "five", "1.2.3", "5 E", "1e9", "NaN", "²", "１２", "5 EUR 6"]
)
def test_what_is_no_amount_or_could_be_two(text: str) -> None:
    with pytest.raises(Invalid):
        cells.read_amount(text)


def test_days() -> None:
    assert cells.read_moment("2026-05-04", None) == datetime(2026, 5, 4, 23, 59, 59, tzinfo=UTC)
    assert cells.read_moment("2026-05-04T10:00+02:00", None).hour == 8
    assert cells.read_moment("4.5.2026", None).date() == date(2026, 5, 4)
    assert cells.read_moment("5/4/2026", False).date() == date(2026, 5, 4)
    assert cells.read_moment("5/4/2026", True).date() == date(2026, 4, 5)
    assert cells.day_first(["", "1/2/2026", "13/2/2026"]) is True
    assert cells.day_first(["1/2/2026", "2/13/2026"]) is False
    for text in ("5/4/2026", "31.2.2026", "soon", "2026-13-01", "99/99/9999"):
        with pytest.raises(Invalid):
            cells.read_moment(text, None)
