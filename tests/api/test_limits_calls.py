"""Frequency caps and quiet hours over HTTP."""

from typing import Any

import pytest

from .conftest import Caller, Calls


def named(refused: dict[str, Any]) -> str:
    """The field that a refusal names."""
    error = refused["error"]
    return str(error.get("field") or next(iter(error["errors"])))


def test_a_cap_is_added_listed_and_removed(admin: Caller) -> None:
    made = admin.again("/caps", {"most": 3, "days": 7, "channel": "email"})
    assert made.status_code == 201
    where = f"/caps/{made.json['id']}"
    assert made.headers["Location"] == f"/api/v1{where}"
    assert {**made.json, "id": ""} == {"id": "", "most": 3, "days": 7, "channel": "email"}
    other = admin("POST", "/caps", {"most": 9, "days": 30})
    assert [each["channel"] for each in admin("GET", "/caps").json["items"]] == ["email", None]
    assert admin("POST", "/caps", {"most": 5, "days": 7, "channel": "email"}).status_code == 409
    assert admin("DELETE", where).status_code == 428
    assert admin("DELETE", where, headers={"If-Match": other.headers["ETag"]}).status_code == 412
    assert admin("DELETE", where, headers={"If-Match": made.headers["ETag"]}).json == made.json
    assert admin("GET", where).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"most": 0}, "most"),
        ({"days": 367}, "days"),
        ({"channel": "site"}, "channel"),
        ({"channel": "fax"}, "channel"),
    ],
)
def test_a_cap_that_makes_no_sense_is_refused(admin: Caller, wrong: dict[str, object], field: str) -> None:
    refused = admin("POST", "/caps", {"most": 3, "days": 7, **wrong})
    assert refused.status_code == 422
    assert named(refused.json) == field
    assert admin("GET", "/caps").json["items"] == []


def test_quiet_hours_are_set_replaced_and_removed(admin: Caller) -> None:
    assert admin("POST", "/quiet-hours", {"channel": "email", "from": "21:00", "to": "8:00"}).json == {
        "channel": "email",
        "from": "21:00",
        "to": "08:00",
    }
    made = admin("POST", "/quiet-hours", {"channel": "email", "from": "22:00", "to": "07:00"})
    (listed,) = admin("GET", "/quiet-hours").json["items"]
    assert (listed["from"], listed["to"]) == ("22:00", "07:00")
    assert admin("GET", "/quiet-hours/email").json == listed
    assert admin("DELETE", "/quiet-hours/email").status_code == 428
    assert admin("DELETE", "/quiet-hours/email", headers={"If-Match": made.headers["ETag"]}).json == listed
    assert admin("GET", "/quiet-hours/email").status_code == 404


@pytest.mark.parametrize(
    ("channel", "times", "field"),
    [
        ("site", ("21:00", "08:00"), "channel"),
        ("email", ("9", "10:00"), "from"),
        ("email", ("09:00", "09:00"), "to"),
    ],
)
def test_what_are_no_quiet_hours_is_refused(
    admin: Caller, channel: str, times: tuple[str, str], field: str
) -> None:
    refused = admin("POST", "/quiet-hours", {"channel": channel, "from": times[0], "to": times[1]})
    assert refused.status_code == 422
    assert named(refused.json) == field


def test_only_an_admin_sets_limits(calls: Calls) -> None:
    marketer = calls("marketer")
    assert marketer("POST", "/caps", {"most": 3, "days": 7}).status_code == 403
    assert (
        marketer("POST", "/quiet-hours", {"channel": "email", "from": "21:00", "to": "08:00"}).status_code
        == 403
    )
    assert marketer("GET", "/caps").status_code == 200
