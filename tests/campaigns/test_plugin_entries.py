"""Entries that plugins put on the calendar: once for each key, moved with what the plugin knows, left alone by it when done."""

from datetime import UTC, datetime
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from sqlalchemy import select

from cms_core.campaigns.models import Entry, EntryState
from cms_core.campaigns.service import create_campaign, drop
from cms_core.contract import Money
from cms_core.errors import CmsError
from cms_core.services import Services
from cms_core.workspace import Workspace


def rows(workspace: Workspace) -> list[Entry]:
    with workspace.db.session() as session:
        return list(session.scalars(select(Entry).order_by(Entry.id)))


def test_a_key_is_one_entry_that_moves_with_what_the_plugin_knows(workspace: Workspace) -> None:
    with workspace.db.transaction() as session:
        day = datetime(2026, 5, 1, tzinfo=UTC).date()
        create_campaign(session, "Launch", day, day, "Europe/Paris")
    services = Services(workspace, "ads")
    ends = datetime(2026, 5, 9, tzinfo=UTC)
    first = services.add_entry(
        "flight-1", "Search", "2026-05-04 09:00", kind="flight", ends_at=ends, campaign="launch",
        budget=Money(Decimal("500.5"), "EUR"),
    )  # fmt: skip
    again = services.add_entry("flight-1", "Search, longer", "2026-05-05 09:00 Europe/Paris", kind="flight")
    assert again == first
    (entry,) = rows(workspace)
    assert entry.instant == datetime(2026, 5, 5, 7, tzinfo=UTC)
    assert (entry.title, entry.kind, entry.budget_micros) == ("Search, longer", "flight", 500_500_000)
    Services(workspace, "email").add_entry("flight-1", "Another plugin's", "2026-05-04 09:00")
    assert len(rows(workspace)) == 2


def test_what_people_dropped_stays_dropped(workspace: Workspace) -> None:
    services = Services(workspace, "ads")
    services.add_entry("t", "Call", "2026-05-04 09:00")
    with workspace.db.transaction() as session:
        drop(session, session.scalars(select(Entry)).one())
    services.add_entry("t", "Call again", "2026-06-04 09:00")
    (entry,) = rows(workspace)
    assert (entry.state, entry.title) == (EntryState.DROPPED, "Call")


def test_two_at_once_add_one(workspace: Workspace) -> None:
    start, faults = Barrier(4), []

    def race() -> None:
        start.wait()
        try:
            Services(workspace, "ads").add_entry("t", "Call", "2026-05-04 09:00")
        except BaseException as error:  # shown below
            faults.append(error)

    threads = [Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(rows(workspace)) == 1


@pytest.mark.parametrize(
    ("key", "when", "kind", "says"),
    [
        ("", "2026-05-04 09:00", "task", "1 to 160"),
        ("k" * 200, "2026-05-04 09:00", "task", "1 to 160"),
        ("k", "tomorrow", "task", "is not a time"),
        ("k", "2026-05-04 09:00", "publish", "no entries of kind"),
        ("k", "2026-05-04 09:00", "party", "no entries of kind"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    workspace: Workspace, key: str, when: str, kind: str, says: str
) -> None:
    with pytest.raises(CmsError, match=says):
        Services(workspace, "ads").add_entry(key, "Title", when, kind=kind)
    assert rows(workspace) == []
