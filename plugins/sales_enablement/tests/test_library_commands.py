"""What slides are about, translations, stars and figures, as they are typed and called."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from cms_core.contract import AgentClass
from cms_core.testing.calls import Caller, caller_of
from cms_sales_enablement import drawing, pictures

from .decks import make
from .test_deck_commands import Shell

AT = "/sales_enablement"


@pytest.fixture
def sales(cms: Callable[..., Result], tmp_path: Path) -> Shell:
    home = str(tmp_path / "ws")
    made = cms("init", home, "--admin-email", "a@example.com", "--admin-password", "canary-pass-word")
    assert made.exit_code == 0, made.output
    shell = Shell(cms)
    shell.json("templates", "add", str(make(tmp_path / "Pitch.pptx", 3)))
    return shell


def test_facets_are_said_of_slides_and_by_a_sheet(sales: Shell, tmp_path: Path) -> None:
    rows = sales.json(
        "templates", "facets", "pitch", "256", "257", "--industry", "clinics", "--industry", "banks"
    )
    assert rows[1] == {
        "slide": "257",
        "stage": [],
        "industry": ["banks", "clinics"],
        "persona": [],
        "product": [],
        "locale": [],
    }
    sheet = tmp_path / "facets.csv"
    sheet.write_text("slide,stage,locale\n257,intent,de-at\n")
    assert sales.json("templates", "facets", "pitch", "--file", str(sheet))[1]["locale"] == ["de-AT"]
    (hit,) = sales.json("search", "--industry", "clinics", "--stage", "intent")
    assert [each["id"] for each in hit["slides"]] == ["257"]
    assert hit["slides"][0]["facets"] == {
        "stage": ["intent"],
        "industry": ["banks", "clinics"],
        "locale": ["de-AT"],
    }
    assert hit["slides"][0]["thumbnail"] is None
    assert (hit["rating"], hit["ratings"]) == (None, 0)
    (row,) = sales.json("templates", "facets", "pitch", "256", "--industry", "none")
    assert row["slide"] == "257"
    assert sales.json("templates", "show", "pitch")["facets"] == [row]
    assert sales.refused("templates", "facets", "pitch", "256")["message"] == "nothing is said"
    assert (
        sales.refused("templates", "facets", "pitch", "256", "--file", str(sheet))["message"]
        == "a file says it all"
    )
    assert sales.refused("templates", "facets", "pitch", "999", "--stage", "intent")["remedy"]
    assert sales.cms("sales", "templates", "facets", "pitch", "257", "--stage", "close").exit_code == 0


def test_a_deck_is_made_in_a_language(sales: Shell, tmp_path: Path) -> None:
    rows = sales.json("templates", "variant", "pitch", "258", "--of", "256", "--locale", "de")
    assert rows == [{"slide": "258", "translation_of": "256", "locale": "de", "behind": False}]
    assert sales.json("templates", "show", "pitch")["variants"] == rows
    out = str(tmp_path / "out.pptx")
    made = sales.json("decks", "make", "pitch", "--locale", "de-CH", "-o", out)
    assert [each["id"] for each in made["slides"]] == ["258", "257"]
    made = sales.json("decks", "make", "pitch", "-o", out)
    assert [each["id"] for each in made["slides"]] == ["256", "257"]
    assert sales.json("templates", "current", "pitch") == rows
    assert sales.refused("templates", "variant", "pitch", "258")["message"] == "nothing is said"
    assert sales.json("templates", "variant", "pitch", "258", "--of", "none") == []
    assert sales.cms("sales", "templates", "current", "pitch").exit_code == 0


def test_stars_and_words_are_given(sales: Shell) -> None:
    found = sales.json("rate", "pitch", "4")
    assert (found["rating"], found["ratings"], found["campaigns"]) == (4.0, 1, [])
    assert sales.json("recommend")[0]["rating"] == 4.0
    assert sales.json("feedback", "pitch", "outdated", "--words", "The logo is old")["outdated"] == 1
    assert sales.json("show", "pitch")["rating"] == 4.0
    assert sales.json("search", "slide")[0]["ratings"] == 1
    assert sales.cms("sales", "rate", "pitch", "6").exit_code == 2
    assert sales.refused("show", "nothing")["remedy"]
    assert "4.0" in sales.cms("sales", "show", "pitch").stdout


# --- over HTTP --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def calls(app: Flask, desk: Any) -> Callable[..., Caller]:
    return partial(caller_of, app)


@pytest.fixture
def marketer(calls: Callable[..., Caller], slides: Any) -> Caller:
    return calls("marketer")


def test_facets_are_said_over_http(marketer: Caller, calls: Callable[..., Caller]) -> None:
    where = f"{AT}/templates/pitch/facets"
    body = {"slides": [{"slide": "256", "stage": ["intent"]}, {"slide": "257", "industry": ["clinics"]}]}
    rows = marketer.again(where, body).json["items"]
    assert [(each["slide"], each["stage"]) for each in rows] == [("256", ["intent"]), ("257", [])]
    assert marketer("GET", f"{AT}/templates/pitch").json["facets"] == rows
    twice = {"slides": [{"slide": "256"}, {"slide": "256"}]}
    assert marketer("POST", where, twice).json["error"]["message"] == "a slide comes twice"
    assert marketer("POST", where, {"slides": [{"slide": "9", "stage": ["x"]}]}).status_code == 404
    (hit,) = marketer("GET", f"{AT}/search?industry=clinics").json["items"]
    assert [each["id"] for each in hit["slides"]] == ["257"]
    assert calls("rep")("POST", where, body).status_code == 403


def test_a_thumbnail_is_read_by_its_address(
    marketer: Caller, desk: Any, slides: Any, by_hand: Any, calls: Callable[..., Caller]
) -> None:
    rep, where = calls("rep"), f"{AT}/templates/pitch/slides/257/picture"
    assert rep("GET", where).status_code == 404
    asset = marketer("GET", f"{AT}/templates/pitch").json["id"]
    pictures.ask_for(desk.services(), asset, slides, None)
    drawing.draw_next(desk.services())
    (hit,) = rep("GET", f"{AT}/search?words=tell").json["items"]
    assert hit["slides"][0]["thumbnail"] == f"/api/v1{where}"
    answer = rep("GET", where)
    assert (answer.status_code, answer.mimetype, answer.headers["Cache-Control"]) == (
        200,
        "image/webp",
        "private, no-store",
    )
    assert rep("GET", f"{where}?width=1600").status_code == 200
    assert rep("GET", f"{where}?width=7").status_code == 422
    assert rep("GET", f"{AT}/templates/pitch/slides/999/picture").status_code == 404


def test_translations_are_said_over_http(marketer: Caller, calls: Callable[..., Caller]) -> None:
    where, rep = f"{AT}/templates/pitch/slides/258/variant", calls("rep")
    body = {"translation_of": "256", "locale": "de"}
    row = {"slide": "258", "translation_of": "256", "locale": "de", "behind": False}
    assert marketer.again(where, body).json["items"] == [row]
    assert marketer.again(f"{AT}/templates/pitch/current", {}).json["items"] == [row]
    assert marketer("POST", where, {"translation_of": "258", "locale": "de"}).json["error"]["field"] == "of"
    made = rep("POST", f"{AT}/decks", {"source": "pitch", "locale": "de"}).json
    assert [each["id"] for each in made["slides"]] == ["258", "257"]
    answer = rep("GET", f"{AT}/decks/{made['id']}")
    changed = rep(
        "PATCH",
        f"{AT}/decks/{made['id']}",
        {"locale": "original"},
        headers={"If-Match": answer.headers["ETag"]},
    )
    assert [each["id"] for each in changed.json["slides"]] == ["256", "257"]
    assert rep("POST", where, body).status_code == 403
    assert rep("POST", f"{AT}/templates/pitch/current", {}).status_code == 403
    assert marketer("POST", where, {"translation_of": ""}).json["items"] == []


def test_stars_are_given_over_http(desk: Any, calls: Callable[..., Caller]) -> None:
    desk.write("calm")
    rep, where = calls("rep"), f"{AT}/assets/calm/rating"
    assert rep.again(where, {"stars": 5}).json["rating"] == 5.0
    assert calls("marketer")("POST", where, {"stars": 2}).json["rating"] == 3.5
    assert "stars" in rep("POST", where, {"stars": 6}).json["error"]["errors"]
    assert calls("viewer")("POST", where, {"stars": 5}).status_code == 403
    assert rep("POST", f"{AT}/assets/nothing/rating", {"stars": 5}).status_code == 404


# --- figures ----------------------------------------------------------------------------------------------------------------


def test_reps_see_what_a_piece_reached_in_campaigns(
    desk: Any, calls: Callable[..., Caller], as_role: Callable[[str], Any]
) -> None:
    from datetime import date

    from cms_core.campaigns.service import create_campaign
    from cms_core.content import service as content
    from cms_core.events.service import NewEvent, record

    desk.write("calm")
    with desk.workspace.db.transaction() as session:
        campaign = create_campaign(session, "Spring", date(2026, 4, 1), date(2026, 6, 1), "UTC", "500 EUR")
        about = {"campaign": campaign.key, "asset_id": content.find(session, "calm").id, "channel": "site"}
        classes = (AgentClass.HUMAN, AgentClass.HUMAN, AgentClass.BOT)
        events = [
            NewEvent("visited", desk.clock.now(), "test", str(n), agent, visitor=f"v{n}", **about)
            for n, agent in enumerate(classes)
        ]
        assert record(session, events) == 3
    rep = calls("rep")
    (row,) = rep("GET", f"{AT}/assets/calm").json["campaigns"]
    assert (row["campaign"], row["starts_on"], row["visits"], row["sent"]) == ("Spring", "2026-04-01", 2, 0)
    assert "cost" not in row
    page = as_role("rep").get("/app/p/sales_enablement/a/calm").text
    assert "In campaigns" in page
    assert "Spring" in page
    desk.write("other")
    assert "In campaigns" not in as_role("rep").get("/app/p/sales_enablement/a/other").text
