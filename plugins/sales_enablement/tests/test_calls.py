"""The library and its links over HTTP."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask

from cms_core.testing.calls import Caller, caller_of

AT = "/sales_enablement"


@pytest.fixture
def calls(app: Flask, desk: Any) -> Callable[..., Caller]:
    return partial(caller_of, app)


@pytest.fixture
def rep(calls: Callable[..., Caller]) -> Caller:
    return calls("rep")


@pytest.fixture
def shelf(desk: Any) -> None:
    """Two approved pieces."""
    desk.write("month-end")
    desk.write("pricing")


def test_the_library_is_searched(rep: Caller, shelf: None) -> None:
    found = rep("GET", f"{AT}/search?words=month").json
    assert ([each["slug"] for each in found["items"]], found["next"], found["total"]) == (
        ["month-end"],
        None,
        1,
    )
    some = rep("GET", f"{AT}/search?limit=1").json
    assert (len(some["items"]), some["total"]) == (1, 2)
    assert rep("GET", f"{AT}/search?kind=video").json["items"] == []
    assert "limit" in rep("GET", f"{AT}/search?limit=0").json["error"]["errors"]


def test_a_link_is_made_once_looked_at_and_taken_back(
    rep: Caller, shelf: None, desk: Any, reader: Any
) -> None:
    body = {"asset": "month-end", "contact": "ann@acme.test", "expires": "14d"}
    made = rep.again(f"{AT}/shares", body)
    assert made.status_code == 201
    where = made.headers["Location"].removeprefix("/api/v1")
    reader.look(made.json["url"], 5)
    full = rep("GET", where).json
    assert (full["contact"], full["view_count"], full["views"][0]["seconds"]) == ("ann@acme.test", 1, 5)
    (row,) = rep("GET", f"{AT}/shares").json["items"]
    assert {**row, "views": full["views"]} == full
    assert rep.again(f"{where}/revoke").json["state"] == "revoked"
    assert reader.get(made.json["url"]).status_code == 404


def test_links_are_listed_page_by_page_and_others_see_their_own(
    calls: Callable[..., Caller], rep: Caller, shelf: None
) -> None:
    ids = [rep("POST", f"{AT}/shares", {"asset": "pricing"}).json["id"] for _ in range(3)]
    first = rep("GET", f"{AT}/shares?limit=2").json
    second = rep("GET", f"{AT}/shares?limit=2&cursor={first['next']}").json
    assert [each["id"] for each in [*first["items"], *second["items"]]] == ids[::-1]
    assert len(calls("marketer")("GET", f"{AT}/shares").json["items"]) == 3, "who may see everybody's"
    desk_mate = calls("admin", "sales:write")
    assert len(desk_mate("GET", f"{AT}/shares").json["items"]) == 3


def test_a_rep_says_what_it_thinks_of_a_piece(calls: Callable[..., Caller], rep: Caller, shelf: None) -> None:
    said = rep.again(f"{AT}/assets/pricing/feedback", {"kind": "outdated", "words": "Old prices"}).json
    assert said == {
        "asset": "pricing",
        "until": None,
        "used": 0,
        "won": 0,
        "outdated": 1,
        "wish": 0,
        "rating": None,
        "ratings": 0,
        "campaigns": [],
    }
    assert "kind" in rep("POST", f"{AT}/assets/pricing/feedback", {"kind": "bad"}).json["error"]["errors"]
    marketer = calls("marketer")
    ended = marketer.again(f"{AT}/assets/pricing/until", {"until": "2026-05-01"}).json
    assert ended["until"] == "2026-05-01"
    assert rep("GET", f"{AT}/assets/pricing").json == ended
    assert rep("POST", f"{AT}/shares", {"asset": "pricing"}).status_code == 422, "it is off the shelf"
    assert marketer("POST", f"{AT}/assets/pricing/until", {"until": None}).json["until"] is None
    assert (
        "until" in marketer("POST", f"{AT}/assets/pricing/until", {"until": "soon"}).json["error"]["errors"]
    )


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"asset": ""}, "asset"),
        ({"asset": "nothing"}, "asset"),
        ({"contact": "nobody"}, "contact"),
        ({"expires": "yesterday"}, "expires"),
        ({"expires": "2020-01-01"}, "expires"),
        ({"password": "abc"}, "password"),
        ({"more": 1}, "more"),
    ],
)
def test_what_is_wrong_with_a_link_is_said_of_its_field(
    rep: Caller, shelf: None, wrong: dict[str, Any], field: str
) -> None:
    refused = rep("POST", f"{AT}/shares", {"asset": "pricing", **wrong})
    error = refused.json["error"]
    assert refused.status_code == 422, refused.text
    assert field == error.get("field") or field in error.get("errors", {}), refused.text
    assert rep("GET", f"{AT}/shares").json["items"] == []


def test_who_may_not_changes_nothing_and_what_is_not_there_is_404(
    calls: Callable[..., Caller], shelf: None
) -> None:
    changes: list[tuple[str, Any]] = [
        (f"{AT}/shares", {"asset": "pricing"}),
        (f"{AT}/shares/x/revoke", None),
        (f"{AT}/assets/x/feedback", {"kind": "used"}),
        (f"{AT}/assets/x/until", {"until": None}),
    ]
    for call in (calls("viewer"), calls("rep", "sales:read"), calls("admin", "leads:write")):
        for path, body in changes:
            assert call("POST", path, body).status_code == 403, path
    assert calls("viewer")("GET", f"{AT}/search").status_code == 200
    assert calls("rep", "leads:read")("GET", f"{AT}/search").status_code == 403
    admin = calls("admin")
    for path, body in changes[1:]:
        assert admin("POST", path, body).status_code == 404, path
    for path in (f"{AT}/shares/x", f"{AT}/assets/x"):
        assert admin("GET", path).status_code == 404


def test_naughty_strings_are_kept_or_refused(rep: Caller, shelf: None, naughty: list[str]) -> None:
    for n, text in enumerate(naughty):
        short = text[:200] or "x"
        tried: tuple[tuple[str, str, Any], ...] = (
            ("POST", f"{AT}/assets/pricing/feedback", {"kind": "used", "words": text[:500]}),
            ("POST", f"{AT}/shares", {"asset": short, "expires": text[:60]}),
            ("POST", f"{AT}/shares", {"asset": "pricing", "contact": short}),
        )
        assert rep(*tried[n % 3]).status_code in (200, 201, 400, 422), text
        if n % 5 == 0:
            asked = {"words": text[:200], "tag": text[:200]}
            assert rep("GET", f"{AT}/search", query_string=asked).status_code in (200, 400)
    assert rep("POST", f"{AT}/assets/pricing/feedback", {"kind": "used", "words": "a\0"}).status_code == 422
