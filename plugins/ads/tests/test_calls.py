"""Costs, mappings, rates and budgets over HTTP."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from cms_core.testing.calls import Caller, caller_of
from cms_core.testing.pages import app_of

from .conftest import HEADER, Desk

REPORT = f"{HEADER}\nLaunch,2026-05-04,EUR,30.00,1000,10\nOther,2026-05-04,EUR,5.00,100,1\n".encode()
RATES = b"date,from,to,rate\n2026-05-04,USD,EUR,0.9\n2026-05-04,USD,USD,1\n"
CSV = {"content_type": "text/csv"}


@pytest.fixture
def calls(desk: Desk) -> Callable[..., Caller]:
    return partial(caller_of, app_of(desk.workspace))


@pytest.fixture
def marketer(calls: Callable[..., Caller]) -> Caller:
    return calls("marketer")


def test_a_report_is_imported_once_and_told_where_it_belongs(desk: Desk, marketer: Caller) -> None:
    desk.campaign("Launch", "100 EUR")
    desk.campaign("Autumn")
    done = marketer.again("/ads/import?format=google", data=REPORT, **CSV).json
    assert (done["rows"], done["spend"], done["currency"], done["faulty"]) == (2, 35.0, "EUR", [])
    assert [each["campaign"] for each in done["unmapped"]] == ["Other"]
    assert marketer("POST", "/ads/import", data=REPORT, **CSV).json["unchanged"] == 2
    (row,) = marketer("GET", "/ads/costs").json["unmapped"]
    assert (row["name"], row["spend"]) == ("Other", 5.0)
    said = marketer.again("/ads/map", {"name": "Other", "campaign": "Autumn"}).json
    assert said == {"name": "Other", "campaign": "autumn"}
    found = marketer("GET", "/ads/costs").json
    assert (found["unmapped"], found["costs"][0]["spend"], found["costs"][0]["until"]) == (
        [],
        35.0,
        "2026-05-04",
    )
    assert str(desk.cost("Autumn")[0]) == "5"


def test_a_report_without_any_good_row_saves_nothing(desk: Desk, marketer: Caller) -> None:
    refused = marketer("POST", "/ads/import", data=f"{HEADER}\nLaunch,never,EUR,x,1,1\n".encode(), **CSV)
    assert (refused.status_code, refused.json["error"]["errors"]["faulty"][0]["row"]) == (422, 2)
    assert marketer("GET", "/ads/costs").json == {"costs": [], "unmapped": []}
    for body in (b"", b"\0\0", b"\xff\xfe\x00"):
        assert marketer("POST", "/ads/import", data=body, **CSV).status_code == 422
    wrong = marketer("POST", "/ads/import?format=myspace", data=REPORT, **CSV)
    assert list(wrong.json["error"]["errors"]) == ["format"]


def test_rates_are_imported(desk: Desk, marketer: Caller) -> None:
    done = marketer.again("/ads/rates/import", data=RATES, **CSV).json
    assert (done["saved"], [each["row"] for each in done["faulty"]]) == (1, [3])
    refused = marketer("POST", "/ads/rates/import", data=b"date,from,to,rate\nx,y,z,1\n", **CSV)
    assert (refused.status_code, refused.json["error"]["errors"]["faulty"][0]["row"]) == (422, 2)


def test_budgets_are_shown_and_kept(desk: Desk, marketer: Caller) -> None:
    desk.account("main")
    desk.campaign("Launch", "30 EUR")
    flight = desk.flight("Spring", "Launch", "main", "20 EUR")
    marketer("POST", "/ads/import", data=REPORT, **CSV)
    before = marketer("GET", "/ads/budgets").json
    assert (before["said"], {each["kind"]: each["spent"] for each in before["budgets"]}) == (
        [],
        {"flight": 30.0, "campaign": 30.0},
    )
    assert desk.shown(flight)["state"] == "scheduled", "looking changes nothing"
    said = marketer.again("/ads/budgets/check").json["said"]
    assert len(said) == 2
    assert desk.shown(flight)["state"] == "held"
    assert marketer("POST", "/ads/budgets/check").json["said"] == [], "once for each crossing"


def test_who_may_not_changes_nothing(desk: Desk, calls: Callable[..., Caller]) -> None:
    changes: list[tuple[str, dict[str, Any]]] = [
        ("/ads/import", {"data": REPORT, **CSV}),
        ("/ads/rates/import", {"data": RATES, **CSV}),
        ("/ads/map", {"json": {"name": "a", "campaign": "b"}}),
        ("/ads/budgets/check", {}),
    ]
    for call in (calls("viewer"), calls("marketer", "ads:read"), calls("admin", "content:write")):
        for path, sent in changes:
            assert call("POST", path, **sent).status_code == 403, path
    assert calls("viewer", "reports:read")("GET", "/ads/costs").status_code == 200
    assert calls("viewer", "content:read")("GET", "/ads/budgets").status_code == 403
    assert calls("marketer")("POST", "/ads/map", {"name": "a", "campaign": "b"}).status_code == 404


def test_naughty_strings_are_kept_or_refused(desk: Desk, marketer: Caller, naughty: list[str]) -> None:
    desk.campaign("Launch")
    for n, text in enumerate(naughty):
        campaign = "Launch" if n % 2 else text[:200] or "x"
        done = marketer("POST", "/ads/map", {"name": text[:300] or "x", "campaign": campaign})
        assert done.status_code in (200, 400, 404, 422), done.text
    sent = "\n".join(
        [HEADER, *(f'"{each[:300]}",2026-05-04,EUR,1,1,1' for each in naughty if '"' not in each)]
    )
    assert marketer("POST", "/ads/import?format=google", data=sent.encode(), **CSV).status_code in (200, 422)
