"""A sheet of social posts, as schedulers have it, becomes posts and planned entries, once."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.auth.models import User
from cms_core.auth.service import create_user
from cms_core.campaigns.models import Entry
from cms_core.connections import service as connections
from cms_core.content.models import Asset
from cms_core.content.revisions import head_of
from cms_core.errors import Invalid
from cms_core.hookspecs import hookimpl
from cms_core.imports.dates import day_comes_first, plain_when
from cms_core.imports.plan import PlanResult, import_plan
from cms_core.workspace import Workspace, open_workspace
from tests.publishing.toys import Remote, ToyChannel


class Network(ToyChannel):
    """A network that takes social posts."""

    name, label = "chirp", "Chirp"
    asset_kinds = ("social-post",)


class NetworkPlugin:
    api = "1"

    @staticmethod
    @hookimpl
    def register_channels() -> list[c.Channel]:
        return [Network(Remote())]


@pytest.fixture
def place(workspace: Workspace) -> Iterator[tuple[Session, Workspace, User]]:
    opened = open_workspace(
        workspace.config, clock=workspace.db.clock, extra_plugins=[("chirp", NetworkPlugin)]
    )
    with opened.db.open_transaction() as session:
        user = create_user(session, "ada@example.com", "Ada", "admin", "correct horse battery")
        for name in ("Lark", "Wren"):
            connections.add(session, opened.vault, opened.plugins, "chirp", name, {"token": "t"})
        session.commit()
        yield session, opened, user
    opened.db.dispose()


Place = tuple[Session, Workspace, User]


def run(place: Place, text: str, tz: str = "Europe/Paris") -> PlanResult:
    session, workspace, user = place
    return import_plan(session, workspace.plugins, text.encode(), name="posts.csv", tz=tz, author=user)[0]


def entries(place: Place) -> list[Entry]:
    return list(place[0].scalars(select(Entry).order_by(Entry.instant)))


def count(place: Place, model: type) -> int:
    return place[0].scalar(select(func.count()).select_from(model)) or 0


SHEET = (
    "Text,Image URL,Tags,Posting Time,Profile\n"
    '"We launch, at last! #launch",https://x.example/a.png,"#launch, news",2026-05-04 09:00,lark\n'
    "Second post https://x.example/b,,,2026-05-05 17:30,chirp:Wren\n"
)


def test_each_row_is_a_post_and_a_planned_entry(place: Place) -> None:
    result = run(place, SHEET)
    assert (result.ready, result.saved, result.faulty) == (2, 2, [])
    first, second = entries(place)
    assert first.instant == datetime.fromisoformat("2026-05-04T09:00+02:00")
    assert first.connection is not None
    assert first.asset is not None
    assert (first.state, first.channel, first.connection.name, first.asset.kind) == (
        "planned",
        "chirp",
        "Lark",
        "social-post",
    )
    head = head_of(place[0], first.asset)
    assert head.body == {"text": "We launch, at last! #launch\n\n![](https://x.example/a.png)"}
    assert [tag.name for tag in first.asset.tags] == ["launch", "news"]
    assert first.asset.slug.startswith("we-launch-at-last-launch-")
    assert second.connection is not None
    assert second.connection.name == "Wren"


def test_the_same_sheet_again_changes_nothing(place: Place) -> None:
    run(place, SHEET)
    again = run(
        place,
        SHEET.replace(",", ";").replace("launch; at", "launch, at").replace("launch; news", "launch, news"),
    )
    assert (again.saved, again.unchanged, count(place, Asset), count(place, Entry)) == (0, 2, 2, 2)
    later = run(place, SHEET.replace("2026-05-04", "2026-06-04"))
    assert (later.saved, later.unchanged, count(place, Asset)) == (1, 1, 2), "one post may go out twice"


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("Hi,,2026-05-04 09:00,robin", "Account", "no connection 'robin'"),
        ("Hi,,2026-05-04 09:00,chirp", "Account", "may be several connections"),
        ("Hi,,2026-02-30 09:00,Lark", "Date", "no 2026-02-30"),
        ("Hi,,2026-05-04,Lark", "Date", "time"),
        ("Hi,,,Lark", "Date", "no time"),
        (",,2026-05-04 09:00,Lark", "Post", "no text"),
        ("Hi,,4/5/2026 9:00,Lark", "Date", "may be two days"),
        ("Hi,javascript:alert(1),2026-05-04 09:00,Lark", "Link", "no web address"),
        ("Hi,https://x.example data:text/html,2026-05-04 09:00,Lark", "Link", "no web address"),
    ],
)
def test_a_faulty_row_names_its_own_column_and_leaves_no_post(
    place: Place, row: str, column: str, words: str
) -> None:
    result = run(place, f"Post,Link,Date,Account\n{row}\nGood,,2026-05-04 10:00,Lark\n")
    (fault,) = result.faulty
    assert (fault.row, fault.column) == (2, column)
    assert words in fault.reason
    assert (result.saved, count(place, Asset)) == (1, 1)


def test_names_that_exist_are_told(place: Place) -> None:
    (fault,) = run(place, "Post,Date,Account\nHi,2026-05-04 09:00,xyz\n").faulty
    assert "Lark" in fault.reason
    assert "Wren" in fault.reason


def test_date_and_time_stand_apart_and_unused_columns_are_said(place: Place) -> None:
    result = run(
        place,
        "Date,Time,Message,URL,Likes\n14/05/2026,9:05 PM,Hi,https://x.example,3\n04/05/2026,8:00,Ho,,\n",
        "UTC",
    )
    assert (result.saved, [finding.reason for finding in result.findings]) == (
        2,
        ["columns that are not used: Likes"],
    )
    assert [entry.instant for entry in entries(place)] == [
        datetime.fromisoformat("2026-05-04T08:00+00:00"), datetime.fromisoformat("2026-05-14T21:05+00:00"),
    ]  # fmt: skip
    assert entries(place)[1].asset is not None


def test_a_plan_of_assets_is_still_one(place: Place) -> None:
    assert [fault.column for fault in run(place, "when,asset\n2026-05-04 09:00,none\n").faulty] == ["asset"]
    with pytest.raises(Invalid, match="no column when"):
        run(place, "text,picture\nHi,\n")


def test_naughty_texts_become_posts(place: Place) -> None:
    texts = [
        "=1+1",
        "<script>alert(1)</script>",
        "{{ 7*7 }}",
        "田中さん",
        "\u202eevil",
        "' or 1=1 --",
        "🏳️‍🌈",
        "#hash *bold*",
    ]
    rows = "\n".join(f"{json.dumps(text, ensure_ascii=False)},2026-05-04 09:00,Lark" for text in texts)
    assert run(place, f"Text,When,Profile\n{rows}\n").saved == len(texts)
    session = place[0]
    assert {head_of(session, asset).body["text"] for asset in session.scalars(select(Asset))} == set(texts)


@pytest.mark.parametrize(
    ("written", "day_first", "meant"),
    [
        ("2026-05-04 09:00", None, "2026-05-04 09:00"),
        ("2026-05-04T09:00:00+02:00", None, "2026-05-04 09:00:00+02:00"),
        ("2026/5/4 9:00", None, "2026-05-04 09:00"),
        ("4.5.2026 9:00", None, "2026-05-04 09:00"),
        ("5/4/2026 9:00 am", False, "2026-05-04 09:00"),
        ("5/4/2026, 12:15 p.m.", True, "2026-04-05 12:15"),
        ("13/5/2026 12:00 AM", None, "2026-05-13 00:00"),
        ("May 4, 2026 9 PM", None, "2026-05-04 21:00"),
        ("4 May 2026 09:00 Europe/Paris", None, "2026-05-04 09:00 Europe/Paris"),
        ("2026-05-04 9", None, "2026-05-04 9"),
        ("slot", None, "slot"),
        ("", None, ""),
    ],
)
def test_times_as_people_write_them(written: str, day_first: bool | None, meant: str) -> None:
    assert plain_when(written, day_first) == meant


def test_the_order_of_day_and_month_is_that_of_the_file() -> None:
    assert day_comes_first(["1/2/2026", "13/2/2026"]) is True
    assert day_comes_first(["1/2/2026", "1/31/2026", "x"]) is False
    assert day_comes_first(["1/2/2026"]) is None
    assert day_comes_first(["13/2/2026", "2/13/2026"]) is None


@given(
    st.dates(date(1000, 1, 1)),
    st.integers(0, 24 * 60 - 1),
    st.sampled_from(["%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M", "%Y/%m/%d %I:%M %p", "%d/%m/%Y %H:%M"]),
)
def test_any_time_is_read_back(day: date, minute: int, form: str) -> None:
    moment = datetime.combine(day, time(minute // 60, minute % 60))
    assert plain_when(moment.strftime(form), True) == moment.strftime("%Y-%m-%d %H:%M")


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading(text: str) -> None:
    with suppress(Invalid):
        assert plain_when(text, None)[:1] not in (" ", "\t")
