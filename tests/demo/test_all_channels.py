"""The demo's past reached people on every channel, and marketing and sales meet in it."""

from decimal import Decimal
from pathlib import Path

from cms_core.demo.desk import typed
from cms_core.demo.history import ADS, AUDIT
from cms_core.demo.home import MARKETER, REP
from cms_core.demo.sales import DEALS

from .conftest import Past


def test_posts_of_the_past_are_out_and_were_liked_for_weeks(past: Past) -> None:
    report = typed(past.workspace, MARKETER, "report", "campaign", AUDIT)
    rows = {row["channel"]: row for row in report["by_channel"]}
    assert set(rows) == {"ads", "bluesky", "email", "mastodon", "site"}
    for network in ("bluesky", "mastodon"):
        assert rows[network]["likes"] == 240  # all of the sandbox's readers
    leading = [link for _, link in past.place.networks.links()]
    assert len(leading) == 4
    assert all(link.startswith(past.workspace.config.base_url) for link in leading)


def test_a_flight_has_ended_and_cost_what_the_vendor_says(past: Past) -> None:
    found = typed(past.workspace, MARKETER, "publications", "list", "--state", "withdrawn")
    assert [(each["channel"], each["asset"]) for each in found] == [("ads", "audit-ad")]
    (budget,) = [
        each
        for each in typed(past.workspace, MARKETER, "ads", "budgets")["budgets"]
        if each["title"] == AUDIT
    ]
    rows = typed(past.workspace, MARKETER, "report", "campaign", AUDIT)["by_asset"]
    (costs,) = [row["cost"] for row in rows if row["asset"] == "audit-ad"]
    assert Decimal(str(budget["spent"])) == Decimal(str(costs)) > 100
    assert (past.place.files / "search-ads.csv").read_text("utf-8-sig").count(ADS) == 14


def test_deals_were_won_and_lost(past: Past) -> None:
    rows = typed(past.workspace, REP, "deals", "list")
    assert sorted(row["outcome"] for row in rows) == [
        "lost",
        "open",
        "open",
        "open",
        "open",
        "won",
        "won",
        "won",
    ]
    won = [amount for amount, _, outcome, _ in DEALS if outcome == "won"]
    assert sorted(row["amount"] for row in rows if row["outcome"] == "won") == sorted(won)
    events = [
        event
        for event in typed(past.workspace, MARKETER, "events", "export")
        if event["kind"] in ("deal_won", "deal_lost")
    ]
    assert len(events) == 4


def test_reps_have_a_presentation_to_make_decks_of(past: Past, tmp_path: Path) -> None:
    (found,) = typed(past.workspace, REP, "sales", "templates", "list")
    assert (found["slug"], found["slide_count"]) == ("first-meeting", 7)
    out = str(tmp_path / "deck.pptx")
    deal = next(each for each in typed(past.workspace, REP, "deals", "list") if each["outcome"] == "open")
    deck = typed(
        past.workspace, REP, "sales", "decks", "make", "first-meeting", "--for", deal["id"], "-o", out
    )
    assert (deck["missing"], deck["findings"]) == (["days_to_close", "start_date"], [])
    assert typed(past.workspace, REP, "sales", "decks", "check", out)["ok"] is True


def test_some_leads_are_warm(past: Past) -> None:
    points = [each["points"] for each in typed(past.workspace, REP, "leads", "list")]
    assert len(points) > 100
    assert points == sorted(points, reverse=True)
    assert points[0] > 5
