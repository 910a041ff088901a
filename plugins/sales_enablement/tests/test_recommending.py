"""What helps at this point of a deal: the reasons add up, and a win that is recorded changes the order."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core.contract import Company, Contact
from cms_core.services import Services
from cms_leads import deals
from cms_leads.deals import Facts
from cms_leads.imports import import_deals
from cms_leads.models import Result
from cms_sales_enablement import feedback, presentations, recommending, slide_facets
from cms_sales_enablement.models import Slide
from cms_sales_enablement.recommending import Situation, interval, recommend


@pytest.fixture
def rep(desk: Any) -> Services:
    found: Services = desk.services()
    return found


@pytest.fixture
def leads(desk: Any) -> Services:
    return Services(desk.workspace, "leads", (desk.people["rep"].id, "web"))


def ended(leads: Services, name: str, person: str, outcome: Result) -> str:
    """A deal with somebody that ends this way."""
    company, _ = leads.upsert_company(Company("", "Acme"))
    (contact,) = leads.upsert_contacts([Contact("", person)])
    deal = deals.create(leads, Facts(name, company, (contact,), 1_000_000, "EUR"))
    return deals.close(leads, deal.public_id, outcome).public_id


def slugs(rep: Services, **situation: str) -> list[str]:
    return [each.asset.slug for each in recommend(rep, Situation(**situation))]


def why(rep: Services, slug: str, **situation: str) -> dict[str, int]:
    (found,) = [each for each in recommend(rep, Situation(**situation)) if each.asset.slug == slug]
    assert found.score == sum(each.points for each in found.reasons)
    return {each.words: each.points for each in found.reasons}


def test_what_fits_the_stage_the_industry_and_the_persona_comes_first(desk: Any, rep: Services) -> None:
    desk.write("plain")
    desk.write("stage", funnel_stage="evaluation")
    desk.write("all", funnel_stage="Evaluation", persona="CFO", tags=("health",))
    wanted = {"stage": "evaluation", "industry": "Health", "persona": "cfo"}
    assert slugs(rep, **wanted) == ["all", "stage", "plain"]
    assert why(rep, "all", **wanted) == {
        "For the stage Evaluation": 30,
        "For Health": 20,
        "For the CFO": 20,
        "Approved within half a year": 5,
    }
    assert why(rep, "plain", **wanted) == {"Approved within half a year": 5}


def test_slides_that_fit_are_a_reason_where_the_piece_as_a_whole_does_not(
    desk: Any, rep: Services, slides: list[Slide]
) -> None:
    svc = desk.services("marketer")
    said = {
        "256": {"industry": ["Clinics"], "funnel_stage": ["intent"]},
        "258": {"industry": ["clinics"], "persona": ["CFO"]},
    }
    slide_facets.say(svc, presentations.find(svc, "pitch"), said)
    wanted = {"stage": "intent", "industry": "clinics"}
    assert why(rep, "pitch", **wanted) == {
        "Slides 1 and 3 are for clinics": 10,
        "Slide 1 is for the stage intent": 10,
        "Approved within half a year": 5,
    }
    assert "clinics" not in str(why(rep, "pitch", industry="banks"))


def test_a_win_that_is_recorded_changes_the_order(desk: Any, rep: Services, leads: Services) -> None:
    desk.write("alpha")
    desk.write("omega")
    assert slugs(rep) == ["alpha", "omega"]
    desk.share("omega", contact="dana@acme.test")
    desk.clock.at += timedelta(days=1)
    ended(leads, "Big", "dana@acme.test", Result.WON)
    assert slugs(rep) == ["omega", "alpha"]
    assert "Won 1 of 1 deals in which it was used: too few to say much" in why(rep, "omega")


def test_only_what_was_used_before_the_end_counts_and_once(desk: Any, rep: Services, leads: Services) -> None:
    desk.write("alpha")
    desk.write("late")
    for _ in range(3):
        desk.share("alpha", contact="dana@acme.test")
    desk.clock.at += timedelta(days=1)
    deal = ended(leads, "Big", "dana@acme.test", Result.LOST)
    desk.clock.at += timedelta(days=1)
    desk.share("late", contact="dana@acme.test")
    records = recommending.win_records(rep)
    (found,) = records.values()
    assert (found.won, found.lost) == (0, 1)
    deals.close(leads, deal, Result.OPEN)
    assert recommending.win_records(rep) == {}
    deals.close(leads, deal, Result.WON)
    assert [(each.won, each.lost) for each in recommending.win_records(rep).values()] == [(1, 0), (1, 0)]


def imported(leads: Services, outcome: str, closed_at: str) -> None:
    rows = f"name,contacts,outcome,closed_at,external_id\nBig,dana@acme.test,{outcome},{closed_at},x1\n"
    assert import_deals(leads, rows.encode(), name="deals.csv").skipped == []


def test_an_end_that_is_corrected_counts_as_it_is_known_now(
    desk: Any, rep: Services, leads: Services
) -> None:
    """An export that says but the day of the end, and says it again: the piece was used on that day, before."""
    desk.write("alpha")
    imported(leads, "open", "")
    desk.share("alpha", contact="dana@acme.test")
    desk.clock.at += timedelta(hours=1)
    day = desk.clock.at.date()

    def record() -> list[tuple[int, int]]:
        return [(each.won, each.lost) for each in recommending.win_records(rep).values()]

    imported(leads, "won", str(day))
    assert record() == [(1, 0)]
    imported(leads, "lost", str(day))
    assert record() == [(0, 1)]
    imported(leads, "lost", str(day - timedelta(days=1)))
    assert record() == [], "it was used after the end"
    imported(leads, "lost", str(day))
    assert record() == [(0, 1)]
    told = len(desk.events("deal_lost"))
    desk.clock.at += timedelta(days=2)
    imported(leads, "lost", str(day))
    assert len(desk.events("deal_lost")) == told, "the same file again says nothing new"


def test_with_ten_outcomes_the_reason_stands_by_itself(desk: Any, rep: Services, leads: Services) -> None:
    desk.write("alpha")
    for n in range(10):
        desk.share("alpha", contact=f"p{n}@acme.test")
    desk.clock.at += timedelta(days=1)
    for n in range(10):
        ended(leads, f"Deal {n}", f"p{n}@acme.test", Result.WON if n else Result.LOST)
    assert "Won 9 of 10 deals in which it was used" in why(rep, "alpha")


def test_what_a_rep_calls_outdated_sinks(desk: Any, rep: Services) -> None:
    desk.write("alpha", funnel_stage="evaluation")
    recommend(rep, Situation())
    feedback.give(rep, "alpha", "outdated", "Old prices")
    assert why(rep, "alpha", stage="evaluation")["A rep says that it is outdated"] == -25
    assert slugs(rep) == [], "what has more against it than for it is not recommended"


def test_what_reps_won_with_counts_a_little(desk: Any, rep: Services) -> None:
    desk.write("alpha")
    recommend(rep, Situation())
    for role in ("rep", "marketer", "rep"):
        feedback.give(desk.services(role), "alpha", "won")
    assert why(rep, "alpha")["2 reps say that they won with it"] == 10


def test_what_is_known_of_a_company_is_asked_for(rep: Services) -> None:
    rep.upsert_company(Company("", "Acme", "acme.test", {"industry": "Health"}))
    known = recommending.situation_of(rep, "acme", Situation(stage="evaluation"))
    assert known == Situation("evaluation", "Health", "")
    assert recommending.situation_of(rep, "Nobody", Situation()) == Situation()
    assert rep.find_company("Nobody") is None, "asking makes no company"


def test_what_may_no_longer_be_used_is_not_recommended(desk: Any, rep: Services) -> None:
    desk.write("alpha")
    desk.write("beta")
    found = rep.asset("alpha")
    assert found is not None
    feedback.set_until(desk.services("admin"), found.id, (desk.clock.at - timedelta(days=1)).date())
    assert slugs(rep) == ["beta"]


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_interval_holds_the_share_and_narrows(won: int, lost: int) -> None:
    low, high = interval(won, won + lost)
    assert 0 <= low <= high <= 1
    if won + lost:
        assert low <= won / (won + lost) + 1e-9
        assert high >= won / (won + lost) - 1e-9
        wider = interval(won * 4, (won + lost) * 4)
        assert wider[1] - wider[0] <= high - low + 1e-9


def test_one_win_of_one_does_not_outrank_nine_of_ten() -> None:
    assert interval(9, 10)[0] > interval(1, 1)[0] > interval(0, 1)[0]
    assert interval(9, 10) == pytest.approx((0.596, 0.982), abs=0.001)
