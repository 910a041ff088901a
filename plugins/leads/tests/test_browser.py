"""The pages in a real browser: accessible in both themes and sizes, without scripts, within their policy."""

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cms_core
from cms_core import Company
from cms_core.testing.pages import PASSWORD, add_people, app_of
from cms_leads import deals, points
from cms_leads.deals import Facts
from cms_leads.models import Result
from tests import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

AXE = Path(cms_core.__file__).parents[1] / "node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SHOTS = os.environ.get("CMS_SCREENSHOTS")


@pytest.fixture
def places(desk: Any) -> dict[str, str]:
    """A workspace that looks like one: leads, a company, deals of every kind."""
    desk.settings(
        threshold=30,
        points=["clicked 6 cap 30 half-life 30 days"],
        fit=['8 "Works in France" when country = "FR"'],
    )
    svc = desk.svc
    company, _ = svc.upsert_company(Company("", "Brightwell Health", "brightwell.test", {"staff": "220"}))
    for n, (first, last) in enumerate(
        (("Dana", "Okafor"), ("Jonas", "Weil"), ("Mei", "Tanaka"), ("Ruth", "Amsel"))
    ):
        email = f"{first.lower()}@brightwell.test"
        desk.person(email, first_name=first, last_name=last, country="FR" if n % 2 == 0 else "DE")
        for k in range(5 - n):
            desk.did(
                email,
                "clicked",
                timedelta(days=k * 5),
                url="https://www.acme.test/pricing",
                campaign="launch",
            )
        desk.did(email, "visited", timedelta(days=n))
        if n == 0:
            desk.did(email, "converted", timedelta(hours=3))
    points.rebuild(svc)
    ids = [desk.ids["dana@brightwell.test"], desk.ids["jonas@brightwell.test"]]
    rollout = deals.create(
        svc,
        Facts(
            "Rollout in all clinics",
            company,
            tuple(ids),
            48_000_000_000,
            "EUR",
            "Proposal",
            owner="rep@example.com",
        ),
    )
    deals.create(
        svc, Facts("Pilot", company, (ids[0],), 5_000_500_000, "EUR", "Signed", Result.WON, "rep@example.com")
    )
    deals.create(svc, Facts("Audit", company, (), None, "", "Talks", Result.LOST))
    return {"lead": ids[0], "company": company, "deal": rollout.public_id}


@pytest.fixture
def served(desk: Any, places: dict[str, str]) -> Iterator[str]:
    add_people(desk.workspace)
    with serving.served(app_of(desk.workspace)) as address:
        yield address


def paths(places: dict[str, str]) -> list[str]:
    start = "/app/p/leads/"
    ends = [
        "",
        places["lead"],
        "rules",
        "deals/",
        f"deals/{places['deal']}",
        "deals/new",
        "companies/",
        f"companies/{places['company']}",
    ]
    return [*(start + end for end in ends), f"/app/contacts/{places['lead']}"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_are_accessible_and_keep_the_policy(
    browser: "Browser", served: str, places: dict[str, str], theme: str, width: int
) -> None:
    context = browser.new_context(
        color_scheme=theme, viewport={"width": width, "height": 900}, bypass_csp=True
    )  # type: ignore[arg-type]
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    sign_in(page, served, "marketer")
    for number, path in enumerate(paths(places)):
        page.goto(served + path)
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/{number}-{theme}-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} scrolls sideways"
        if path in ("/app/p/leads/" + places["lead"], "/app/p/leads/deals/"):
            fits = "[...document.querySelectorAll('.scroll')].every(e => e.scrollWidth <= e.clientWidth)"
            assert page.evaluate(fits), f"a table of {path} scrolls sideways"
        if AXE.is_file():
            page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
            found = page.evaluate("tags => axe.run({runOnly: tags})", RULES)
            broken = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]
            assert broken == [], f"{path}: {json.dumps(broken)[:2000]}"
    assert complaints == []
    context.close()


def test_a_rep_accepts_a_lead_and_wins_a_deal_without_scripts(
    browser: "Browser", served: str, places: dict[str, str], desk: Any
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    sign_in(page, served, "rep")
    page.goto(f"{served}/app/p/leads/")
    page.click("text=Dana Okafor >> nth=0")
    page.click("button:has-text('Accept')")
    assert "It is yours." in page.inner_text(".toasts")
    page.goto(f"{served}/app/p/leads/deals/{places['deal']}")
    page.click("button:has-text('Won')")
    assert "is won" in page.inner_text(".toasts")
    assert len(desk.ledger(deals.WON)) == 2
    context.close()


def sign_in(page: Any, served: str, role: str) -> None:
    page.goto(f"{served}/app/login?next=/app/p/leads/")
    page.fill("[name=email]", f"{role}@example.com")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
