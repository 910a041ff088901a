"""A plan from CSV: every row an entry, every fault with its place, the same plan twice once."""

import csv
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core.audience import segments
from cms_core.auth.service import create_user
from cms_core.campaigns import blackouts, slots
from cms_core.campaigns.models import Entry
from cms_core.campaigns.service import create_campaign
from cms_core.connections import service as connections
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.errors import Invalid
from cms_core.imports import plan_rows
from cms_core.imports.plan import PlanResult, import_plan, write_faulty
from cms_core.workspace import Workspace

HEAD = "when,tz,channel,connection,asset,campaign,segment,title,kind,end,budget\n"
SITE = {"base_url": "https://www.example.com"}
MAIL = {
    "host": "127.0.0.1",
    "from_address": "news@example.com",
    "from_name": "News",
    "postal_address": "1 Mill Lane",
}


@pytest.fixture
def ready(workspace: Workspace) -> Iterator[Session]:
    with workspace.db.open_transaction() as session:
        user = create_user(session, "ada@example.com", "Ada", "admin", "correct horse battery")
        connections.add(session, workspace.vault, workspace.plugins, "site", "www", SITE)
        connections.add(session, workspace.vault, workspace.plugins, "email", "news", MAIL)
        for slug, kind in (("launch", "article"), ("letter", "email")):
            draft = Draft(kind=kind, title=slug.title(), slug=slug, body={"text": "Words"})
            content.save(session, workspace.plugins, None, draft, user)
        create_campaign(session, "Spring launch", date(2026, 5, 1), date(2026, 5, 31), "Europe/Paris")
        segments.create(session, "Everybody", "email is not empty")
        session.commit()
        yield session


def run(session: Session, workspace: Workspace, text: str) -> PlanResult:
    return import_plan(session, workspace.plugins, text.encode(), name="plan.csv")[0]


def faults(result: PlanResult) -> list[tuple[int, str]]:
    return [(fault.row, fault.column) for fault in result.faulty]


def entries(session: Session) -> list[Entry]:
    return list(session.scalars(select(Entry).order_by(Entry.id)))


def test_rows_become_entries_with_what_they_name(ready: Session, workspace: Workspace) -> None:
    text = HEAD + (
        "2026-05-04 09:00,,site,www,launch,Spring launch,,,,,\n"
        "after:2+1d,,email,news,letter,Spring launch,Everybody,,,,\n"
        "2026-05-10T08:00+02:00,,,,,Spring launch,,Print the flyers,task,,\n"
        "2026-05-11 08:00,America/New_York,,,,,,Ads,flight,2026-05-20 18:00,500 EUR\n"
    )
    result = run(ready, workspace, text)
    assert (result.ready, result.saved, result.faulty) == (4, 4, [])
    page, letter, task, flight = sorted(entries(ready), key=lambda entry: entry.instant)
    assert page.instant == datetime.fromisoformat("2026-05-04T09:00+02:00"), "the campaign's zone"
    assert letter.instant == datetime.fromisoformat("2026-05-05T09:00+02:00")
    assert letter.after_id == page.id
    assert (task.kind, task.title) == ("task", "Print the flyers")
    assert flight.budget_micros == 500_000_000
    assert flight.ends_at == datetime.fromisoformat("2026-05-20T18:00-04:00")


def test_same_plan_again_is_unchanged(ready: Session, workspace: Workspace) -> None:
    text = (
        HEAD
        + "2026-05-04 09:00,,site,www,launch,Spring launch,,,,,\nafter:2+1d,,email,news,letter,,Everybody,,,,\n"
    )
    run(ready, workspace, text)
    again = run(ready, workspace, text.replace("2026-05-04 09:00", "2026-05-04  9:00"))
    assert (again.saved, again.unchanged) == (0, 2)
    assert ready.scalar(select(func.count()).select_from(Entry)) == 2


def test_recipients_own_time_is_planned_once_and_apart_from_the_same_time_for_all(
    ready: Session, workspace: Workspace
) -> None:
    row = "2026-05-04 09:00,,email,news,letter,Spring launch,Everybody,,,,\n"
    assert run(ready, workspace, HEAD + row).saved == 1
    local = run(ready, workspace, HEAD + "local " + row)
    again = run(ready, workspace, HEAD + "Local  " + row.replace("09:00", "9:00"))
    assert (local.saved, again.saved, again.unchanged) == (1, 0, 1)
    found = ready.scalars(select(Entry).where(Entry.mode == "recipient_local")).one()
    assert (found.wall, found.tz) == (datetime.fromisoformat("2026-05-04T09:00"), "Europe/Paris")
    assert found.instant == datetime.fromisoformat("2026-05-04T07:00+00:00"), "the campaign's own morning"


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("2026-02-30 09:00,,site,www,launch,,,,,,", "when", "no 2026-02-30"),
        ("tomorrow,,site,www,launch,,,,,,", "when", "tomorrow"),
        ("slot,,site,www,launch,,,,,,", "when", "has no slots"),
        ("slot,,,,,,,X,task,,", "when", "needs a connection"),
        ("after:2:sent+1d,,,,,,,X,task,,", "when", "is not a time"),
        ("local 2026-05-04 09:00,,site,www,launch,,,,,,", "when", "no recipients"),
        ("local 2026-05-04 09:00,,,,,,,X,task,,", "when", "goes to nobody"),
        ("local 2026-05-04,,email,news,letter,,,,,,", "when", "no time of day"),
        (",,site,www,launch,,,,,,", "when", "no time"),
        ("2026-05-04 09:00,Mars/Base,site,www,launch,,,,,,", "tz", "Mars/Base"),
        ("2026-05-04 09:00,,sight,www,launch,,,,,,", "channel", "did you mean 'site'"),
        ("2026-05-04 09:00,,site,wwww,launch,,,,,,", "connection", "did you mean 'www'"),
        ("2026-05-04 09:00,,email,www,letter,,,,,,", "connection", "no connection"),
        ("2026-05-04 09:00,,site,www,lunch,,,,,,", "asset", "did you mean 'launch'"),
        ("2026-05-04 09:00,,site,www,letter,,,,,,", "asset", "does not take the kind email"),
        ("2026-05-04 09:00,,site,www,launch,Springlaunch,,,,,", "campaign", "did you mean 'Spring launch'"),
        ("2026-05-04 09:00,,email,news,letter,,Everbody,,,,", "segment", "did you mean 'Everybody'"),
        ("2026-05-04 09:00,,,,,,,,publish,,", "asset", "neither an asset nor a title"),
        ("2026-05-04 09:00,,,,,,,X,party,,", "kind", "no kind 'party'"),
        ("2026-05-04 09:00,,,,,,,X,flight,2026-05-03 09:00,", "end", "end is not after"),
        ("2026-05-04 09:00,,,,,,,X,task,,5 Dollars", "budget", "is not an amount"),
        ("after:99+1d,,,,,,,X,task,,", "when", "row 99"),
        ("after:2,,,,,,,X,task,,", "when", "circle"),
    ],
)
def test_fault_names_row_column_and_reason(
    ready: Session, workspace: Workspace, row: str, column: str, words: str
) -> None:
    result = run(ready, workspace, HEAD + row + "\n2026-05-04 10:00,,site,www,launch,,,,,,\n")
    assert faults(result) == [(2, column)]
    assert words in result.faulty[0].reason
    assert result.saved == 1, "the other row is saved"


def test_row_that_follows_a_faulty_one_is_faulty(ready: Session, workspace: Workspace) -> None:
    result = run(ready, workspace, HEAD + "never,,site,www,launch,,,,,,\nafter:2+1d,,,,,,,X,task,,\n")
    assert faults(result) == [(2, "when"), (3, "when")]


def test_only_what_follows_itself_is_called_a_circle(ready: Session, workspace: Workspace) -> None:
    text = "when,title,kind\nafter:99+1d,Lost,task\nafter:2+1d,Behind,task\nafter:5,A,task\nafter:4,B,task\n"
    reasons = [fault.reason.partition(";")[0] for fault in run(ready, workspace, text).faulty]
    assert reasons[:2] == ["row 99 is not in the plan or faulty", "row 2 is not in the plan or faulty"]
    assert reasons[2:] == ["follows itself in a circle"] * 2


def test_duplicate_row_is_said(ready: Session, workspace: Workspace) -> None:
    row = "2026-05-04 09:00,,site,www,launch,,,,,,\n"
    result = run(ready, workspace, HEAD + row + row)
    assert result.saved == 1
    assert result.faulty[0].reason.startswith("duplicate of row 2")


def test_a_faulty_row_is_repeated_by_none(ready: Session, workspace: Workspace) -> None:
    row = "2027-09-05 10:00,Europe/Paris,site,www,launch,,,,,{},\n"
    result = run(ready, workspace, HEAD + row.format("2027-01-01 10:00") + row.format(""))
    assert (faults(result), result.saved) == ([(2, "end")], 1)


@pytest.mark.parametrize("when", ["after:2:published", "after:2+0d", "2026-05-04 11:00"])
def test_a_row_that_lands_where_another_of_its_file_does_is_a_duplicate(
    ready: Session, workspace: Workspace, when: str
) -> None:
    first = HEAD + "2026-05-04 09:00,America/New_York,site,www,launch,,,,,,\n"
    zone = "" if when.startswith("after") else "Etc/GMT+2"
    for counts in ((1, 0), (0, 1)):
        result = run(ready, workspace, f"{first}{when},{zone},site,www,launch,,,,,,\n")
        assert (result.saved, result.unchanged) == counts
        assert [fault.reason for fault in result.faulty] == ["duplicate of row 2; leave one of them out"]


@pytest.mark.parametrize(
    ("tz", "campaign", "zone", "local"),
    [
        ("", "", "Europe/Paris", "2026-04-02T09:00+02:00"),
        ("Asia/Tokyo", "", "Asia/Tokyo", "2026-04-02T17:00+09:00"),
        ("", "Ships", "UTC", "2026-04-02T08:00+00:00"),
    ],
)
def test_a_follower_keeps_the_clock_of_what_it_follows(
    ready: Session, workspace: Workspace, tz: str, campaign: str, zone: str, local: str
) -> None:
    create_campaign(ready, "Ships", date(2026, 3, 1), date(2026, 4, 30), "UTC")
    text = HEAD + (
        "2026-03-26 09:00,Europe/Paris,site,www,launch,,,,,,\n"
        f"after:2+7d,{tz},,,,{campaign},,Tell them,task,2026-04-03 12:00,\n"
    )
    assert run(ready, workspace, text).saved == 2
    follower = entries(ready)[1]
    assert (follower.tz, follower.instant) == (zone, datetime.fromisoformat(local))
    assert follower.ends_at is not None
    assert follower.ends_at.astimezone(ZoneInfo(zone)).hour == 12
    assert run(ready, workspace, text).unchanged == 2


def test_forward_reference_is_understood(ready: Session, workspace: Workspace) -> None:
    text = HEAD + "after:3-1d,,,,,,,Print,task,,\n2026-05-04 09:00,,site,www,launch,Spring launch,,,,,\n"
    assert run(ready, workspace, text).saved == 2


def test_connection_alone_names_its_channel(ready: Session, workspace: Workspace) -> None:
    run(
        ready,
        workspace,
        "when,connection,asset\n2026-05-04 09:00,www,launch\n2026-05-04 10:00,email:news,letter\n",
    )
    assert [entry.channel for entry in entries(ready)] == ["site", "email"]


def test_unusable_file_saves_nothing(ready: Session, workspace: Workspace) -> None:
    with pytest.raises(Invalid, match="no column when"):
        run(ready, workspace, "date,title\n2026-05-04,X\n")
    with pytest.raises(Invalid, match="'colour'"):
        run(ready, workspace, "when,title,colour\n2026-05-04 09:00,X,red\n")
    assert entries(ready) == []


def test_past_time_is_accepted_with_a_finding(ready: Session, workspace: Workspace) -> None:
    result = run(ready, workspace, "when,title,kind\n2020-05-04 09:00,X,task\n")
    assert (result.saved, [finding.row for finding in result.findings]) == (1, [2])


def test_faulty_rows_are_written_to_be_mended(ready: Session, workspace: Workspace, tmp_path: Path) -> None:
    text = 'when,title,kind\n"never",=1+1,task\n2026-05-04 09:00,X,task\n'
    result, file = import_plan(ready, workspace.plugins, text.encode(), name="plan.csv")
    write_faulty(file, result, tmp_path / "bad.csv")
    rows = list(csv.reader((tmp_path / "bad.csv").read_text().splitlines()))
    assert rows[0] == ["when", "title", "kind", "reason"]
    assert rows[1][:2] == ["never", "'=1+1"], "what a spreadsheet could take for a formula is protected"
    mended = (tmp_path / "bad.csv").read_text().replace("never", "2026-05-05 09:00")
    assert run(ready, workspace, mended).saved == 1, "the column of reasons does not keep it from coming back"
    assert {entry.title for entry in entries(ready)} == {"X", "=1+1"}


@given(st.text(max_size=60))
def test_any_time_is_understood_or_refused(text: str) -> None:
    with suppress(Invalid):
        assert plan_rows.read_when(text, "Europe/Paris").mode


def test_long_chain_is_read_in_one_go(ready: Session, workspace: Workspace) -> None:
    rows = "".join(f"after:{row - 1}+1h,X{row},task\n" for row in range(3, 303))
    result = run(ready, workspace, "when,title,kind\n2026-05-04 09:00,X,task\n" + rows)
    assert (result.saved, result.faulty) == (301, [])
    assert entries(ready)[-1].instant == datetime.fromisoformat("2026-05-16T21:00+00:00")


def test_slots_are_given_in_order_and_the_same_plan_again_changes_nothing(
    ready: Session, workspace: Workspace
) -> None:
    slots.replace(ready, connections.find(ready, "site", "www"), "mon-fri 09:30", "Europe/Paris")
    text = HEAD + "slot,,site,www,launch,Spring launch,,,,,\nSlot,,site,www,launch,,,,,,\n"
    assert run(ready, workspace, text).saved == 2
    found = sorted(each.instant.isoformat() for each in entries(ready))
    assert found == ["2026-05-04T07:30:00+00:00", "2026-05-05T07:30:00+00:00"]
    again = run(ready, workspace, text)
    assert (again.saved, again.unchanged, again.faulty) == (0, 2, [])


def test_windows_refuse_remark_and_put_later(ready: Session, workspace: Workspace) -> None:
    days = {
        "block": ("2026-05-04", "2026-05-05"),
        "warn": ("2026-05-06", "2026-05-07"),
        "defer": ("2026-05-11", "2026-05-12"),
    }
    for policy, (first, last) in days.items():
        starts, ends = blackouts.edge(first, last=False), blackouts.edge(last, last=False)
        blackouts.add(ready, blackouts.Wanted(policy.title(), policy, "UTC", starts=starts, ends=ends))
    rows = "".join(f"2026-05-{day} 09:00,,site,www,launch,,,,,,\n" for day in ("04", "06", "11", "13"))
    result = run(ready, workspace, HEAD + rows)
    assert faults(result) == [(2, "when")]
    assert "'Block'" in result.faulty[0].reason
    assert [(each.row, each.reason.split("'")[1]) for each in result.findings] == [(3, "Warn"), (4, "Defer")]
    assert sorted(each.instant.day for each in entries(ready)) == [6, 12, 13]


def test_a_row_may_wait_for_another(ready: Session, workspace: Workspace) -> None:
    text = (
        HEAD
        + "2026-05-04 09:00,,site,www,launch,,,,,,\nafter:2:published+1d,,email,news,letter,,Everybody,,,,\n"
    )
    assert run(ready, workspace, text).saved == 2
    assert [each.condition for each in entries(ready)] == ["", "published"]
    assert run(ready, workspace, text).unchanged == 2
