"""Visits and conversions: counted once, people apart from machines, without scripts and without harm."""

import json
from datetime import timedelta
from typing import Any

import pytest

from cms_core.clock import FrozenClock
from cms_core.services import Services

GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def test_page_load_is_one_visit_in_half_an_hour(desk: Any, reader: Any, clock: FrozenClock) -> None:
    key = desk.publish("calm")
    for minutes in (0, 10, 29, 31):
        clock.at = clock.at.replace(hour=8, minute=0) + timedelta(minutes=minutes)
        reader.get("/calm")
    visits = desk.events()
    assert len(visits) == 2
    assert {(visit.agent_class, visit.url, visit.channel) for visit in visits} == {
        ("human", "https://www.acme.test/calm", "site")
    }
    assert visits[0].visitor == visits[1].visitor
    assert desk.shown(key)["id"] == key


def test_visitors_are_told_apart_by_a_cookie_no_script_can_read(desk: Any, new_reader: Any) -> None:
    desk.publish("calm")
    first = new_reader()
    cookie = first.get("/calm").headers["Set-Cookie"]
    assert cookie.startswith("cms_v=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    first.get("/calm")
    new_reader().get("/calm")
    assert len({visit.visitor for visit in desk.events()}) == len(desk.events()) == 2


@pytest.mark.parametrize("header", ["DNT", "Sec_GPC"])
def test_who_asks_for_privacy_gets_no_cookie(
    desk: Any, new_reader: Any, clock: FrozenClock, header: str
) -> None:
    desk.publish("calm")
    answers = [new_reader().get("/calm", **{header: "1"}) for _ in range(3)]
    assert not [answer for answer in answers if "Set-Cookie" in answer.headers]
    (visit,) = desk.events()
    clock.at += timedelta(days=1)
    new_reader().get("/calm", **{header: "1"})
    assert desk.events()[1].visitor != visit.visitor


def test_site_without_cookies_sets_none(desk: Any, reader: Any) -> None:
    desk.configure(cookie="false")
    desk.publish("calm")
    assert "Set-Cookie" not in reader.get("/calm").headers
    assert len(desk.events()) == 1


@pytest.mark.parametrize(
    ("agent", "headers", "found"),
    [
        (GOOGLEBOT, {}, "bot"),
        ("curl/8.5.0", {}, "bot"),
        ("Mozilla/5.0 Firefox/140.0", {"Sec_Purpose": "prefetch;prerender"}, "scanner"),
        ("Mozilla/5.0 Firefox/140.0", {"Purpose": "prefetch"}, "scanner"),
    ],
)
def test_machines_are_counted_apart_and_get_no_cookie(
    desk: Any, new_reader: Any, agent: str, headers: dict[str, str], found: str
) -> None:
    desk.publish("calm")
    for _ in range(3):
        assert "Set-Cookie" not in new_reader(agent=agent).get("/calm", **headers).headers
    assert [visit.agent_class for visit in desk.events()] == [found]


def test_head_is_no_visit(desk: Any, reader: Any) -> None:
    desk.publish("calm")
    reader.get("/calm", method="HEAD")
    assert not desk.events()


def test_answer_that_was_not_sent_again_is_a_visit_all_the_same(desk: Any, new_reader: Any) -> None:
    desk.publish("calm")
    etag = new_reader().get("/calm").headers["ETag"]
    assert new_reader().get("/calm", If_None_Match=etag).status_code == 304
    assert len(desk.events()) == 2


def test_visit_belongs_to_the_pages_campaign_or_to_one_that_exists(desk: Any, new_reader: Any) -> None:
    desk.campaign("Spring")
    desk.campaign("Launch")
    desk.publish("calm", campaign="Spring")
    for query in (
        "",
        "?utm_campaign=launch&utm_source=news",
        "?utm_campaign=invented",
        "?utm_campaign=%00%ff",
    ):
        new_reader().get(f"/calm{query}", Referer="https://search.test/?q=secret")
    visits = desk.events()
    assert [visit.campaign for visit in visits] == ["spring", "launch", "spring", "spring"]
    assert visits[1].props == {"utm_source": "news", "utm_campaign": "launch", "referrer": "search.test"}
    assert "secret" not in json.dumps([visit.props for visit in visits])


@pytest.mark.parametrize("referrer", ["http://[", "javascript:alert(1)", "x" * 5000, "\u00e9", "http://a b/"])
def test_odd_referrers_break_nothing(desk: Any, reader: Any, referrer: str) -> None:
    desk.publish("calm")
    assert reader.get("/calm", Referer=referrer, Cookie="cms_v=<script>").status_code == 200
    (visit,) = desk.events()
    assert len(json.dumps(visit.props)) < 300
    assert "<" not in visit.visitor


def test_page_is_shown_though_its_visit_cannot_be_recorded(
    desk: Any, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("the disk is full")

    desk.publish("calm")
    monkeypatch.setattr(Services, "record_visit", fail)
    assert reader.get("/calm").status_code == 200


def test_page_with_a_goal_converts_once_a_visitor_and_day(
    desk: Any, new_reader: Any, clock: FrozenClock
) -> None:
    desk.campaign("Launch")
    desk.publish("calm")
    desk.publish("thanks", kind="landing-page", site={"goal": "Trial"})
    reader = new_reader()
    reader.get("/calm?utm_campaign=launch")
    for minutes in (1, 40):
        clock.at += timedelta(minutes=minutes)
        reader.get("/thanks")
    (converted,) = desk.events("converted")
    assert (converted.campaign, converted.props) == ("launch", {"goal": "Trial"})
    assert converted.agent_class == "human"
    clock.at += timedelta(days=1)
    reader.get("/thanks")
    new_reader().get("/thanks")
    new_reader(agent=GOOGLEBOT).get("/thanks")
    assert [event.campaign for event in desk.events("converted")] == ["launch", "launch", None]


def test_campaign_is_forgotten_after_thirty_days(desk: Any, new_reader: Any, clock: FrozenClock) -> None:
    desk.campaign("Launch")
    desk.publish("thanks", kind="landing-page", site={"goal": "Trial"})
    desk.publish("calm")
    reader = new_reader()
    cookie = reader.get("/calm?utm_campaign=launch").headers["Set-Cookie"].partition(";")[0]
    clock.at += timedelta(days=31)
    new_reader().get("/thanks", Cookie=cookie)
    assert [event.campaign for event in desk.events("converted")] == [None]
