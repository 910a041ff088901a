"""Pages of lists: complete, in order, and steady while rows come and go; cursors that are none are refused."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from cms_core.api.lists import BadCursor, read_cursor, write_cursor
from cms_core.audience.models import Contact
from cms_core.workspace import Workspace

from .conftest import Caller

KEY = b"k" * 32


def add_contacts(workspace: Workspace, numbers: list[int]) -> None:
    with workspace.db.transaction() as session:
        at = workspace.db.clock.now()
        session.add_all(
            Contact(email=f"c{n}@example.com", address_hash=f"{n}", created_at=at, updated_at=at, extra={})
            for n in numbers
        )


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_pages_hold_every_row_once_whatever_comes_or_goes_meanwhile(
    admin: Caller, workspace: Workspace, data: st.DataObject
) -> None:
    with workspace.db.transaction() as session:
        session.execute(delete(Contact))
    first = data.draw(st.integers(0, 12))
    add_contacts(workspace, list(range(first)))
    added, seen, cursor, gone = first, list[str](), "", set[str]()
    for _ in range(40):
        limit = data.draw(st.integers(1, 5))
        found = admin("GET", "/contacts", query_string={"limit": limit, "cursor": cursor}).json
        seen += [each["email"] for each in found["items"]]
        assert len(found["items"]) <= limit
        if (cursor := found["next"]) is None:
            break
        assert len(found["items"]) == limit
        if added < first + 15:
            more = data.draw(st.integers(0, 3))
            add_contacts(workspace, list(range(added, added + more)))
            added += more
        if seen and data.draw(st.booleans()):
            with workspace.db.transaction() as session:
                session.execute(delete(Contact).where(Contact.email == seen[-1]))
                gone.add(seen[-1])
    assert cursor is None
    assert seen == [f"c{n}@example.com" for n in range(len(seen))], "in order, none left out, none twice"
    assert len(seen) >= first


@given(
    st.lists(
        st.integers(0, 2**63 - 1) | st.text(max_size=20) | st.datetimes(timezones=st.just(UTC)),
        min_size=1,
        max_size=3,
    )
)
def test_a_cursor_gives_back_what_went_into_it(values: list[object]) -> None:
    written = write_cursor(KEY, "list", values)
    assert written.isascii()
    assert read_cursor(KEY, "list", written, len(values)) == values


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(KEY, "list", text, 1)


def test_a_cursor_of_another_list_or_key_or_changed_is_refused() -> None:
    written = write_cursor(KEY, "list", [datetime(2026, 5, 4, tzinfo=UTC), 7])
    for key, name, cursor, count in (
        (b"x" * 32, "list", written, 2),
        (KEY, "other", written, 2),
        (KEY, "list", written, 1),
        (KEY, "list", written[:-2] + ("AA" if written[-2:] != "AA" else "BB"), 2),
    ):
        with pytest.raises(BadCursor):
            read_cursor(key, name, cursor, count)


def test_a_bad_cursor_is_answered_with_400(admin: Caller, workspace: Workspace) -> None:
    add_contacts(workspace, [1, 2])
    good = admin("GET", "/contacts?limit=1").json["next"]
    assert admin("GET", "/contacts", query_string={"cursor": good}).status_code == 200
    for cursor in ("x", "a" * 1000, "💥", good[:-1], good + "A"):
        assert admin("GET", "/contacts", query_string={"cursor": cursor}).status_code == 400, cursor
    assert admin("GET", "/users", query_string={"cursor": good}).status_code == 400
