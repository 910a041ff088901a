"""The feed: read by a calendar program, the same while nothing changes, and worth nothing to strangers."""

import json
import os
import re
from datetime import date, timedelta
from pathlib import Path

import icalendar
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.auth.models import AuditEntry, User
from cms_core.auth.service import acting_user, disable
from cms_core.campaigns import feed, service
from cms_core.campaigns.models import EntryKind, Feed
from cms_core.campaigns.service import Plan
from cms_core.campaigns.when import parse_when
from cms_core.testing.client import FormClient
from cms_core.testing.pages import app_of
from cms_core.workspace import Workspace

DATA = os.environ.get("CMS_CONFORMANCE_DATA")
NAMES = 'Tea; with "Ann", \\ and\nBob'


def add(workspace: Workspace, when: str, title: str, tz: str = "Europe/Paris", **more: object) -> str:
    with workspace.db.transaction() as session:
        wanted = Plan(parse_when(when, tz), title, EntryKind.TASK, **more)  # type: ignore[arg-type]
        return service.plan(session, wanted).public_id


@pytest.fixture
def address(marketer: FormClient) -> str:
    page = marketer.submit("/app/me/feed", {}).text
    found = re.search(r'value="(http[^"]+/calendar/[\w-]+\.ics)"', page)
    assert found, "the address is shown"
    return found[1][found[1].index("/calendar/") :]


@pytest.fixture
def stranger(workspace: Workspace, people: dict[str, User]) -> FormClient:
    """A browser in which nobody is signed in."""
    client = app_of(workspace).test_client()
    assert isinstance(client, FormClient)
    return client


def parsed(body: bytes) -> icalendar.Calendar:
    calendar = icalendar.Calendar.from_ical(body)
    assert isinstance(calendar, icalendar.Calendar)
    return calendar


def test_recipients_own_time_is_a_time_without_a_zone(
    marketer: FormClient, address: str, workspace: Workspace
) -> None:
    with workspace.db.transaction() as session:
        service.plan(session, Plan(parse_when("local 2026-05-05 09:00", "Europe/Paris"), "Morning"))
    assert b"DTSTART:20260505T090000\r\n" in marketer.get(address).data


def test_a_calendar_program_reads_it(marketer: FormClient, address: str, workspace: Workspace) -> None:
    winter, summer = add(workspace, "2026-10-26 09:00", "Winter"), add(workspace, "2026-05-05 09:00", NAMES)
    add(workspace, "2026-05-06 09:00", "Universal", "UTC")
    answer = marketer.get(address)
    assert (answer.status_code, answer.content_type) == (200, "text/calendar; charset=utf-8")
    assert all(len(line) <= 75 for line in answer.data.split(b"\r\n")), "lines are folded"
    assert b"\n" not in answer.data.replace(b"\r\n", b"")
    calendar = parsed(answer.data)
    events = {str(each["uid"]): each for each in calendar.walk("VEVENT")}
    assert events[f"{summer}@cms-core"]["dtstart"].dt.isoformat() == "2026-05-05T09:00:00+02:00"
    assert events[f"{winter}@cms-core"]["dtstart"].dt.isoformat() == "2026-10-26T09:00:00+01:00"
    assert str(events[f"{summer}@cms-core"]["summary"]) == 'Tea; with "Ann", \\ and Bob'
    assert b"DTSTART;TZID=Europe/Paris:20260505T090000" in answer.data
    assert b"DTSTART:20260506T090000Z" in answer.data
    zones = [str(each["tzid"]) for each in calendar.walk("VTIMEZONE")]
    assert zones == ["Europe/Paris"]
    zone = calendar.walk("VTIMEZONE")[0].to_tz()
    local = events[f"{winter}@cms-core"]["dtstart"].dt.replace(tzinfo=None)
    assert local.replace(tzinfo=zone).utcoffset() == timedelta(hours=1), (
        "the zone that it brings is the right one"
    )


def test_while_nothing_changes_it_is_not_sent_again(
    marketer: FormClient, address: str, workspace: Workspace
) -> None:
    public_id = add(workspace, "2026-05-05 09:00", "Tea")
    first = marketer.get(address)
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(feed, "write")  # nor is it made to find that out
        again = marketer.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    with workspace.db.transaction() as session:
        service.move(session, service.find_entry(session, public_id), "2026-05-06 09:00")
    changed = marketer.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    uids = [[str(each["uid"]) for each in parsed(body.data).walk("VEVENT")] for body in (first, changed)]
    assert uids[0] == uids[1], "the same entry stays the same event"
    sequence = [int(parsed(body.data).walk("VEVENT")[0]["sequence"]) for body in (first, changed)]
    assert sequence[1] > sequence[0]


def test_without_a_sign_in_and_kept_nowhere(stranger: FormClient, address: str) -> None:
    answer = stranger.get(address)
    assert answer.status_code == 200
    assert "private" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "Set-Cookie" not in answer.headers


def test_a_new_address_ends_the_old_one_and_revoking_ends_both(marketer: FormClient, address: str) -> None:
    marketer.submit("/app/me/feed", {})
    assert marketer.get(address).status_code == 404
    page = marketer.submit("/app/me/feed", {}).text
    new = re.search(r"(/calendar/[\w-]+\.ics)", page)
    assert new
    assert marketer.get(new[1]).status_code == 200
    marketer.submit("/app/me/feed/revoke", {}, "/app/me/feed")
    assert marketer.get(new[1]).status_code == 404
    assert new[1] not in marketer.get("/app/me/feed").text, "it is shown once"


def test_who_may_not_read_the_calendar_any_more_reads_no_feed(
    stranger: FormClient, address: str, workspace: Workspace
) -> None:
    with workspace.db.transaction() as session:
        acting_user(session, "marketer@example.com").role = "rep"
    assert stranger.get(address).status_code == 404
    with workspace.db.transaction() as session:
        found = acting_user(session, "marketer@example.com")
        found.role = "marketer"
        disable(session, found)
    assert stranger.get(address).status_code == 404


def test_the_secret_is_kept_nowhere(marketer: FormClient, address: str, workspace: Workspace) -> None:
    token = address.removeprefix("/calendar/").removesuffix(".ics")
    with workspace.db.session() as session:
        assert token not in str([vars(each) for each in session.scalars(select(Feed))])
        log = json.dumps(
            [[each.action, each.subject, each.changes] for each in session.scalars(select(AuditEntry))]
        )
    assert token not in log
    assert "renew-feed" in log


@pytest.mark.parametrize("token", ["x", "A" * 43, "%00", "..%2f..", "é"])
def test_guessed_addresses_lead_nowhere(stranger: FormClient, token: str) -> None:
    assert stranger.get(f"/calendar/{token}.ics").status_code == 404


@pytest.mark.skipif(not DATA, reason="CMS_CONFORMANCE_DATA is not set")
def test_any_text_comes_back_as_it_was_but_for_control_characters(session: Session) -> None:
    strings = json.loads((Path(str(DATA)) / "naughty-strings" / "blns.json").read_text("utf-8"))
    titles = [each for each in strings if each.strip() and "\0" not in each]
    for title in titles:
        service.plan(session, Plan(parse_when("2026-05-05 09:00", "Europe/Paris"), title, EntryKind.TASK))
    body = feed.write(session, "Europe/Paris", "https://cms.example")
    found = [str(each["summary"]) for each in parsed(body).walk("VEVENT")]
    clean = [feed._printable(title[:500]) for title in titles]
    # The reader takes a byte order mark for one, wherever it stands.
    assert [each.replace("\ufeff", "") for each in found] == [each.replace("\ufeff", "") for each in clean]


@pytest.mark.skipif(not DATA, reason="CMS_CONFORMANCE_DATA is not set")
@pytest.mark.parametrize("name", ["america_new_york", "pacific_fiji", "timezoned"])
def test_our_zones_say_what_those_of_others_say(session: Session, name: str) -> None:
    """The zone that another program wrote for the same name gives the same offset for what we plan."""
    theirs = icalendar.Calendar.from_ical((Path(str(DATA)) / "icalendar" / f"{name}.ics").read_bytes())
    zone = theirs.walk("VTIMEZONE")[0]
    key = str(zone["tzid"]).removeprefix("custom_")
    service.plan(session, Plan(parse_when("2026-05-05 09:00", key), "Tea", EntryKind.TASK))
    ours = parsed(feed.write(session, key, "https://cms.example"))
    event = ours.walk("VEVENT")[0]
    wall = event["dtstart"].dt.replace(tzinfo=None)
    assert (
        wall.replace(tzinfo=ours.walk("VTIMEZONE")[0].to_tz()).utcoffset() == event["dtstart"].dt.utcoffset()
    )


def test_a_window_of_days_is_shown(session: Session) -> None:
    for days in (-100, -80, 0, 399, 420):
        day = date(2026, 5, 4) + timedelta(days=days)
        service.plan(session, Plan(parse_when(f"{day} 09:00", "UTC"), str(days), EntryKind.TASK))
    body = feed.write(session, "UTC", "https://cms.example")
    assert [str(each["summary"]) for each in parsed(body).walk("VEVENT")] == ["-80", "0", "399"]
