"""What content does in sales, counted from what happened."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from cms_core.errors import Forbidden
from cms_core.testing.calls import caller_of
from cms_core.testing.client import FormClient
from cms_sales_enablement import decks, feedback, opening, presentations, usage, views
from cms_sales_enablement.decks import Wanted

from .decks import make


@pytest.fixture
def house(desk: Any, tmp_path: Path) -> Any:
    """A presentation, an article, and people who looked."""
    path = make(tmp_path / "Pitch.pptx", 3)
    presentations.add(desk.services("marketer"), path.read_bytes(), path.name)
    desk.approve("pitch")
    desk.write("pricing")
    desk.write("unused")
    rep = desk.services()
    deck = decks.make(rep, "pitch", Wanted(("256", "258"))).public_id
    decks.make(desk.services("admin"), "pitch", Wanted(("256",)))
    made = [desk.share(deck), desk.share("pricing")]
    desk.clock.at += timedelta(minutes=1)
    for each, seconds in zip(made, (50, 30), strict=True):
        opened = opening.open_share(rep, each.url.rpartition("/")[2])
        view = views.begin(rep, opened, "human", "v")
        desk.clock.at += timedelta(minutes=1)
        told = {"258": 40_000, "256": 10_000} if opened.deck else {}
        views.seen(rep, opened, view, views.Told(1, seconds * 1000, told))
    return desk


def test_use_is_counted_by_piece(house: Any) -> None:
    found = {use.asset.slug: use for use in usage.of_assets(house.services("marketer"))}
    assert set(found) == {"pitch", "pricing"}, "what nobody used is not told"
    pitch = found["pitch"]
    assert (pitch.shares, pitch.decks, pitch.looks, pitch.seconds) == (1, 2, 1, 50)
    assert (found["pricing"].shares, found["pricing"].seconds) == (1, 30)
    assert (pitch.record.all, pitch.interval) == (0, (0.0, 1.0))
    with pytest.raises(Forbidden):
        usage.of_assets(house.services())


def test_use_is_counted_by_slide(house: Any) -> None:
    rep = house.services()
    found = usage.of_slides(rep, presentations.find(rep, "pitch"))
    assert [(each.uid, each.decks, each.looks, each.seconds) for each in found] == [
        ("256", 2, 1, 10),
        ("257", 0, 0, 0),
        ("258", 1, 1, 40),
    ]


def test_use_is_counted_by_person(house: Any) -> None:
    found = usage.of_reps(house.services("marketer"))
    assert [(each.shares, each.decks, each.looks) for each in found] == [(2, 1, 2), (0, 1, 0)]


def test_what_is_used_and_stale_is_told(house: Any) -> None:
    marketer = house.services("marketer")

    def stale() -> list[str]:
        return [use.asset.slug for use in usage.hot_but_stale(usage.of_assets(marketer), house.clock.at)]

    assert stale() == []
    feedback.give(house.services(), "pricing", "outdated")
    assert stale() == ["pricing"]
    house.clock.at += usage.STALE + timedelta(days=1)
    assert stale() == [], "nobody uses it any more"
    house.share("pitch")
    assert stale() == ["pitch"]


def test_it_is_told_on_a_page_and_over_http(
    house: Any, app: Flask, as_role: Callable[[str], FormClient]
) -> None:
    page = as_role("marketer").get("/app/p/sales_enablement/usage/").text
    assert "Pitch" in page
    assert "By person" in page
    assert as_role("rep").get("/app/p/sales_enablement/usage/").status_code == 403
    assert (
        "In 2 decks, 1 look of 0 min 10 s in all"
        in as_role("rep").get("/app/p/sales_enablement/presentations/pitch").text
    )
    marketer, at = caller_of(app, "marketer"), "/sales_enablement/usage"
    rows = {row["slug"]: row for row in marketer("GET", f"{at}/content").json["items"]}
    assert (rows["pitch"]["looks"], rows["pitch"]["won_between"]) == (1, [0.0, 1.0])
    assert marketer("GET", f"{at}/content?stale=true").json["items"] == []
    assert marketer("GET", f"{at}/templates/pitch").json["items"][2]["seconds"] == 40
    assert len(marketer("GET", f"{at}/reps").json["items"]) == 2
    assert caller_of(app, "rep")("GET", f"{at}/reps").status_code == 403
