"""Blackouts, posting times, series, the feed and whole campaigns over HTTP."""

from typing import Any

import pytest

from cms_core.workspace import Workspace

from .conftest import Caller, Calls
from .test_calls import imported

CHRISTMAS = {
    "name": "Christmas",
    "policy": "block",
    "from": "2026-12-24",
    "to": "2026-12-26",
    "tz": "Europe/Paris",
}
WEEKLY = {
    "rrule": "FREQ=WEEKLY;COUNT=3",
    "start": "2026-05-11 09:00",
    "tz": "Europe/Paris",
    "title": "Digest",
    "kind": "task",
}
LAUNCH = {
    "name": "Launch",
    "start": "2026-05-01",
    "end": "2026-05-31",
    "tz": "Europe/Paris",
    "budget": "500 EUR",
}
SITE = {"channel": "site", "name": "web", "settings": {"base_url": "https://www.example.com"}}
MAY = "/calendar?from=2026-05-01&to=2026-06-30"


@pytest.fixture
def web(admin: Caller) -> str:
    """The address of the posting times of a connection."""
    assert admin("POST", "/connections", SITE).status_code == 201
    return "/calendar/slots/site:web"


# --- blackouts --------------------------------------------------------------------------------------------------------


def test_a_blackout_is_added_listed_and_removed(admin: Caller) -> None:
    made = admin.again("/calendar/blackouts", CHRISTMAS)
    assert made.status_code == 201
    where = f"/calendar/blackouts/{made.json['id']}"
    assert made.headers["Location"] == f"/api/v1{where}"
    assert (made.json["from"], made.json["to"]) == ("2026-12-24 00:00", "2026-12-27 00:00")
    assert admin("GET", where).json == admin("GET", "/calendar/blackouts/Christmas").json == made.json
    admin("POST", "/calendar/blackouts", {"name": "FR", "policy": "warn", "country": "fr"})
    first = admin("GET", "/calendar/blackouts?limit=1").json
    (second,) = admin("GET", f"/calendar/blackouts?cursor={first['next']}").json["items"]
    assert ([each["name"] for each in first["items"]], second["name"]) == (["Christmas"], "FR")
    assert admin("DELETE", where).status_code == 428
    other = admin("GET", "/calendar/blackouts/FR").headers["ETag"]
    assert admin("DELETE", where, headers={"If-Match": other}).status_code == 412
    assert admin("DELETE", where, headers={"If-Match": made.headers["ETag"]}).json == made.json
    assert admin("GET", where).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"policy": "shout"}, "policy"),
        ({"from": "soon"}, "from"),
        ({"to": "9999-12-31"}, "to"),
        ({"to": "2026-12-01"}, "to"),
        ({"tz": "Europe/Atlantis"}, "tz"),
        ({"rrule": "FREQ=SOMETIMES"}, "rrule"),
        ({"from": "", "to": "", "country": "XX"}, "country"),
        ({"country": "FR"}, "country"),
        ({"campaign": "nothing"}, "campaign"),
        ({"connection": "nothing"}, "connection"),
        ({"name": " "}, "name"),
        ({"more": 1}, "more"),
    ],
)
def test_what_is_wrong_with_a_blackout_is_said_of_its_field(
    admin: Caller, wrong: dict[str, Any], field: str
) -> None:
    refused = admin("POST", "/calendar/blackouts", {**CHRISTMAS, **wrong})
    assert refused.status_code == 422, refused.text
    error = refused.json["error"]
    assert field == error.get("field") or field in error.get("errors", {}), refused.text
    assert admin("GET", "/calendar/blackouts").json["items"] == []


def test_a_name_is_given_once(admin: Caller) -> None:
    admin("POST", "/calendar/blackouts", CHRISTMAS)
    assert admin("POST", "/calendar/blackouts", CHRISTMAS).status_code == 409


# --- posting times and advice -----------------------------------------------------------------------------------------


def test_posting_times_are_replaced_by_who_has_seen_them(admin: Caller, web: str) -> None:
    none = admin("GET", web)
    assert none.json == {"slots": "", "tz": None, "next": []}
    wanted = {"slots": "mon-fri 09:00, sat 11:00", "tz": "Europe/Paris"}
    assert admin("PUT", web, wanted).status_code == 428
    kept = admin("PUT", web, wanted, headers={"If-Match": none.headers["ETag"]})
    assert kept.json["slots"] == wanted["slots"]
    assert kept.json["next"][0] == "2026-05-05T09:00:00+02:00"
    assert len(admin("GET", f"{web}?next=2").json["next"]) == 2
    assert admin("PUT", web, wanted, headers={"If-Match": none.headers["ETag"]}).status_code == 412
    again = admin("PUT", web, {"slots": ""}, headers={"If-Match": kept.headers["ETag"]})
    assert again.json["slots"] == ""
    for wrong, field in ({"slots": "someday 09:00"}, "slots"), ({"slots": "mon 09:00", "tz": "X"}, "slots"):
        refused = admin("PUT", web, wrong, headers={"If-Match": "*"})
        assert (refused.status_code, refused.json["error"]["field"]) == (422, field)
    assert admin("GET", "/calendar/slots/nothing").status_code == 404


def test_who_would_get_too_much_is_counted(admin: Caller) -> None:
    found = admin("GET", "/calendar/check?from=2026-05-01&to=2026-05-31&limit=2").json
    assert found == {"limit": 2, "days": 7, "people": 0, "overlaps": [], "left_out": []}
    assert admin("GET", "/calendar/check?from=2026-05-31&to=2026-05-01").status_code == 422
    assert (
        "limit"
        in admin("GET", "/calendar/check?from=2026-05-01&to=2026-05-31&limit=0").json["error"]["errors"]
    )


def test_a_feed_is_made_and_taken_away_by_tokens_that_write(calls: Calls, workspace: Workspace) -> None:
    viewer, reader = calls("viewer"), calls("viewer", "calendar:read")
    url = viewer.again("/calendar/feed").json["url"]
    assert url.startswith(f"{workspace.config.base_url}/calendar/")
    path = url.removeprefix(workspace.config.base_url)
    assert viewer.client.get(path).status_code == 200
    assert reader("GET", "/calendar/feed").json["made_at"].startswith("2026-05-04T07:00:00")
    for path_of_call in ("/calendar/feed", "/calendar/feed/revoke"):
        assert reader("POST", path_of_call).status_code == 403, "what only reads makes no lasting key"
    assert viewer("POST", "/calendar/feed/revoke").json == {"url": None}
    assert viewer.client.get(path).status_code == 404
    assert reader("GET", "/calendar/feed").json == {"made_at": None}


# --- series -----------------------------------------------------------------------------------------------------------


def test_a_series_is_made_changed_and_ended(admin: Caller) -> None:
    made = admin.again("/calendar/series", WEEKLY)
    assert (made.status_code, made.json["problems"]) == (201, [])
    first, *_ = made.json["entries"]
    assert first["when"] == "2026-05-11T09:00:00+02:00"
    where = f"/calendar/series/{made.json['id']}"
    assert admin("GET", f"/calendar/series/{first['id']}").json["id"] == made.json["id"]
    assert [each["title"] for each in admin("GET", "/calendar/series").json["items"]] == ["Digest"]
    assert "entries" not in admin("GET", "/calendar/series").json["items"][0]
    change = {"rrule": "FREQ=WEEKLY;COUNT=2"}
    assert admin("PATCH", where, change).status_code == 428
    assert admin("PATCH", where, change, headers={"If-Match": '"99-x"'}).status_code == 412
    changed = admin("PATCH", where, change, headers={"If-Match": made.headers["ETag"]})
    assert len(changed.json["entries"]) == 2
    assert changed.headers["ETag"] == admin("GET", where).headers["ETag"]
    last = changed.json["entries"][1]["id"]
    ended = admin.again(f"{where}/end", {"entry": last})
    assert ended.json["entries"] == [{"id": last, "state": "dropped"}]
    assert [each["id"] for each in admin("GET", MAY).json["items"]] == [first["id"]]


def test_a_series_is_armed_as_far_as_it_can_be(admin: Caller, approver: Caller, web: str) -> None:
    imported(admin)
    wanted = {**WEEKLY, "kind": "publish", "asset": "hello", "connection": "site:web", "arm": True}
    made = admin("POST", "/calendar/series", wanted)
    assert len(made.json["problems"]) == 3, "nobody has approved it"
    where = f"/calendar/series/{made.json['id']}"
    approver("POST", "/content/hello/approve")
    armed = admin.again(f"{where}/arm").json
    assert ([each["state"] for each in armed["entries"]], armed["problems"]) == (["armed"] * 3, [])
    assert admin("GET", where).json["armed"] is True
    back = admin.again(f"{where}/disarm").json
    assert [each["state"] for each in back["entries"]] == ["planned"] * 3


@pytest.mark.parametrize("arm", [True, False])
@pytest.mark.usefixtures("web")
def test_what_a_blackout_refuses_of_a_series_is_told_once(admin: Caller, approver: Caller, arm: bool) -> None:
    imported(admin)
    approver("POST", "/content/hello/approve")
    night = {"name": "Nights", "policy": "block", "from": "2026-01-01 22:00", "to": "2026-01-02 06:00"}
    night |= {"rrule": "FREQ=DAILY", "tz": "Europe/Paris"}
    assert admin("POST", "/calendar/blackouts", night).status_code == 201
    wanted = {**WEEKLY, "kind": "publish", "asset": "hello", "connection": "site:web", "arm": arm}
    made = admin("POST", "/calendar/series", {**wanted, "start": "2026-05-11 23:30"}).json
    assert [each["state"] for each in made["entries"]] == ["planned"] * 3
    assert [each.partition(":")[0] for each in made["problems"]] == [
        f"Digest on 2026-05-{day}" for day in (11, 18, 25)
    ]
    assert all("'Nights'" in each for each in made["problems"])
    assert admin("POST", "/calendar/series", wanted).json["problems"] == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"rrule": "FREQ=SOMETIMES"}, "rrule"),
        ({"rrule": "FREQ=WEEKLY;UNTIL=20200101T000000Z"}, "rrule"),
        ({"start": "tomorrow"}, "start"),
        ({"tz": "Europe/Atlantis"}, "tz"),
        ({"title": ""}, "title"),
        ({"kind": "flight"}, "kind"),
        ({"asset": "nothing"}, "asset"),
        ({"connection": "nothing"}, "connection"),
        ({"segment": "nothing"}, "segment"),
        ({"campaign": "nothing"}, "campaign"),
    ],
)
def test_what_is_wrong_with_a_series_is_said_of_its_field(
    admin: Caller, wrong: dict[str, Any], field: str
) -> None:
    refused = admin("POST", "/calendar/series", {**WEEKLY, **wrong})
    assert refused.status_code == 422, refused.text
    error = refused.json["error"]
    assert field == error.get("field") or field in error.get("errors", {}), refused.text
    assert admin("GET", "/calendar/series").json["items"] == []


# --- whole campaigns --------------------------------------------------------------------------------------------------


def test_a_campaign_is_moved_and_copied_with_its_entries(admin: Caller) -> None:
    admin("POST", "/campaigns", LAUNCH)
    admin("POST", "/calendar/series", {**WEEKLY, "campaign": "Launch"})
    tried = admin("POST", "/campaigns/launch/move", {"by": 7, "dry_run": True}).json
    assert (tried["start"], tried["moved"][0]["new"]) == (
        "2026-05-08",
        "2026-05-18T09:00:00+02:00",
    )
    assert admin("GET", "/campaigns/launch").json["start"] == "2026-05-01"
    moved = admin.again("/campaigns/launch/move", {"start": "2026-05-08"}).json
    assert (moved["by"], len(moved["moved"]), moved["stays"]) == (7, 3, [])
    assert admin("GET", "/campaigns/launch").json["start"] == "2026-05-08"
    copy = {"name": "Again", "start": "2026-06-08"}
    assert admin("POST", "/campaigns/launch/copy", {**copy, "dry_run": True}).status_code == 200
    made = admin.again("/campaigns/launch/copy", copy)
    assert (made.status_code, made.json["start"], len(made.json["entries"])) == (201, "2026-06-08", 3)
    assert admin("GET", made.headers["Location"].removeprefix("/api/v1")).json["name"] == "Again"
    assert admin("POST", "/campaigns/launch/copy", copy).status_code == 409


@pytest.mark.parametrize(
    "body", [{}, {"by": 1, "start": "2026-05-01"}, {"by": 100_000}, {"start": "9999-12-31"}]
)
def test_a_campaign_moves_by_days_or_to_a_day(admin: Caller, body: dict[str, Any]) -> None:
    admin("POST", "/campaigns", LAUNCH)
    assert admin("POST", "/campaigns/launch/move", body).status_code == 422
    assert admin("GET", "/campaigns/launch").json["start"] == "2026-05-01"


# --- single entries ---------------------------------------------------------------------------------------------------


def test_an_entry_is_planned_in_the_zone_of_its_campaign(admin: Caller) -> None:
    admin("POST", "/campaigns", LAUNCH)
    made = admin.again(
        "/calendar", {"when": "2026-05-20 10:00", "title": "Print", "kind": "task", "campaign": "Launch"}
    )
    assert (made.status_code, made.json["when"], made.json["state"]) == (
        201,
        "2026-05-20T10:00:00+02:00",
        "planned",
    )
    assert admin("GET", made.headers["Location"].removeprefix("/api/v1")).json == made.json
    flight = {"when": "2026-05-20 10:00", "end": "2026-05-27 10:00", "budget": "500 EUR", "kind": "flight"}
    made = admin("POST", "/calendar", {**flight, "title": "Ads", "campaign": "Launch"})
    assert made.json["ends_at"] == "2026-05-27T10:00:00+02:00"
    admin("POST", "/calendar/blackouts", CHRISTMAS)
    for wrong, field in (
        ({"when": "soon"}, "when"),
        ({"end": "soon"}, "end"),
        ({"end": "2026-05-20 09:00"}, "end"),
        ({"budget": "a lot"}, "budget"),
        ({"when": "after:3+2d"}, "when"),
        ({"when": "slot"}, "when"),
        ({"title": ""}, "title"),
        ({"asset": "nothing"}, "asset"),
        ({"when": "2026-12-24 10:00", "kind": "publish"}, "when"),
    ):
        refused = admin(
            "POST", "/calendar", {"when": "2026-05-20 10:00", "title": "a", "kind": "task", **wrong}
        )
        assert (refused.status_code, refused.json["error"].get("field")) == (422, field), refused.text


def test_an_entry_is_armed_with_a_test_or_says_what_is_wrong_with_it(
    admin: Caller, approver: Caller, web: str
) -> None:
    imported(admin)
    approver("POST", "/content/hello/approve")
    wanted = {"when": "2026-05-20 10:00", "asset": "hello", "connection": "site:web"}
    where = f"/calendar/{admin('POST', '/calendar', wanted).json['id']}/arm"
    for wrong, field in ({"arms": ["A"]}, "arms"), ({"arms": ["A", "B"], "decide": "soon"}, "decide"):
        assert admin("POST", where, wrong).json["error"]["field"] == field
    assert "metric" in admin("POST", where, {"metric": "luck"}).json["error"]["errors"]
    refused = admin("POST", where, {"arms": ["A", "B"], "decide": "4h"})
    assert refused.status_code == 422, "a page goes to nobody in particular"
    assert admin.again(where).json["state"] == "armed"


# --- who may, what is not there ---------------------------------------------------------------------------------------

CHANGES: list[tuple[str, str, Any]] = [
    ("POST", "/calendar/blackouts", CHRISTMAS),
    ("DELETE", "/calendar/blackouts/x", None),
    ("PUT", "/calendar/slots/x", {"slots": ""}),
    ("POST", "/calendar", {"when": "2026-05-20 10:00", "title": "a", "kind": "task"}),
    ("POST", "/calendar/series", WEEKLY),
    ("PATCH", "/calendar/series/x", {"rrule": "FREQ=DAILY"}),
    ("POST", "/calendar/series/x/arm", None),
    ("POST", "/calendar/series/x/disarm", None),
    ("POST", "/calendar/series/x/end", {}),
    ("POST", "/campaigns/x/move", {"by": 1}),
    ("POST", "/campaigns/x/copy", {"name": "y", "start": "2026-05-01"}),
]


def test_who_only_reads_changes_nothing(calls: Calls) -> None:
    callers = calls("viewer"), calls("marketer", "calendar:read"), calls("admin", "content:write")
    for method, path, body in CHANGES:
        for call in callers:
            assert call(method, path, body).status_code == 403, f"{method} {path}"
    assert callers[2]("GET", "/calendar/blackouts").status_code == 403
    assert callers[0]("GET", "/calendar/blackouts").status_code == 200


def test_what_is_not_there_is_404(admin: Caller) -> None:
    there = {"/calendar", "/calendar/blackouts", "/calendar/series"}
    for method, path, body in CHANGES:
        if path not in there:
            assert admin(method, path, body).status_code == 404, f"{method} {path}"
    for path in ("/calendar/blackouts/x", "/calendar/slots/x", "/calendar/series/x"):
        assert admin("GET", path).status_code == 404


def test_naughty_strings_are_kept_or_refused(admin: Caller, web: str, naughty: list[str]) -> None:
    for n, text in enumerate(naughty):
        window = {**CHRISTMAS, "name": f"{n} {text}"[:190]}
        tried = (
            ("POST", "/calendar/blackouts", window),
            ("POST", "/calendar/blackouts", {**window, "rrule": text[:500], "country": text[:9]}),
            ("POST", "/calendar/series", {**WEEKLY, "rrule": text[:500], "start": text[:99]}),
            ("PUT", web, {"slots": text[:2000], "tz": text[:64]}),
        )
        done = admin(*tried[n % 4], headers={"If-Match": "*"})
        assert done.status_code in (200, 201, 400, 409, 422), done.text
        if n % 10 == 0:
            asked = {"from": text[:40] or "x", "to": text[:40] or "x"}
            assert admin("GET", "/calendar/check", query_string=asked).status_code in (400, 422)
    for path, body in (
        ("/calendar/blackouts", {**CHRISTMAS, "name": "a\0"}),
        ("/calendar/series", {**WEEKLY, "title": "a\0"}),
    ):
        assert admin("POST", path, body).status_code == 422
