"""The campaign that goes out now: its plan, and a worker whose clock runs ahead of the wall's by minutes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from cms_core.audience import segments
from cms_core.campaigns.money import MICROS
from cms_core.clock import FrozenClock
from cms_core.demo import home
from cms_core.demo.history import CUSTOMERS, EVERYBODY
from cms_core.demo.home import Home
from cms_core.demo.plans import mail, note, page, put_on_calendar, start_campaign
from cms_core.demo.readers import Crowd
from cms_core.events.service import NewMeasurement, store_measurements
from cms_core.publishing.models import Publication
from cms_core.worker import Worker
from cms_core.workspace import Workspace

NAME = "Larkfield 4"
UNDECIDED = "Opened, not clicked"
COSTS = {"larkfield-4": 640, "launch-letter": 45}
LAST = "office-hours"  # what a visitor sees going out by itself

Say = Callable[[str], None]


def write_and_approve(place: Home, workspace: Workspace) -> None:
    """A week before: the words of the launch, most of them approved, one waiting, one still a draft."""
    home.bring_in(workspace, place.files / "launch")
    home.approve(workspace, "larkfield-4", "launch-letter", "launch-follow-up", LAST)
    home.ask_for_review(workspace, "close-poll")


def plan(workspace: Workspace, today: datetime) -> None:
    """The campaign's plan, armed, and what may come after it, only planned."""
    start = today - timedelta(days=1)
    start_campaign(workspace, NAME, start, today + timedelta(days=20), "2000 EUR", "40 requests for a look")
    rule = f'opened("{NAME}") > 0 and clicked("{NAME}") = 0'
    with workspace.db.transaction() as session:
        segments.create(session, UNDECIDED, rule)
    first = f"{today.replace(second=0, microsecond=0):%Y-%m-%dT%H:%M%z}"
    rows = [
        page(first, "larkfield-4", NAME),
        mail("after:2+1m", "launch-letter", NAME, EVERYBODY),
        mail("after:3+1m", "launch-follow-up", NAME, UNDECIDED),
        mail("after:4+1m", LAST, NAME, CUSTOMERS),
        note(_on(today, 1), "Call everybody who asked for a look", "task", NAME),
        note(_on(today, 14), "40 requests for a look", "milestone", NAME),
    ]
    put_on_calendar(workspace, "larkfield-4.csv", rows)
    later = [
        note(_on(today, 3), "", "publish", NAME, asset="close-poll"),
        note(_on(today, 4), "Search ads", "flight", NAME, end=_on(today, 11), budget="600 EUR"),
        mail(_on(today, 8), "questions", NAME, EVERYBODY),
        note(_on(today, 30), "Look back on the launch", "task"),
    ]
    put_on_calendar(workspace, "later.csv", later, arm=False)


def play(workspace: Workspace, crowd: Crowd, say: Say, *, whole: bool) -> None:
    """Publish what the plan holds, each entry at its time by the quick clock, and let people react in between.

    Without ``whole`` the last letter is left to the worker that serves the demo.
    """
    clock = FrozenClock(workspace.db.clock.now())
    publishing = workspace.for_publishing()
    worker = Worker(publishing, clock)
    try:
        for due, slug in _planned(workspace):
            if slug != LAST or whole:
                clock.at = due
                say(f"{due.astimezone(ZoneInfo(home.ZONE)):%H:%M}  {slug} goes out …")
                said = {**_send(worker), **crowd.read_new()}
                say(f"       {_in_words(said) or 'the page is public'}")
    finally:
        publishing.db.dispose()


def _send(worker: Worker) -> dict[str, int]:
    """Do what is due; returns the deliveries that this made, by state."""
    before = worker.result().deliveries
    after = worker.run_until_idle().deliveries
    return {state: n - before.get(state, 0) for state, n in after.items() if n > before.get(state, 0)}


def charge(workspace: Workspace) -> None:
    """What the page and the letter cost so far."""
    with workspace.db.transaction() as session:
        rows = session.scalars(select(Publication).where(Publication.campaign.has(name=NAME)))
        at = workspace.db.clock.now()
        costs = [
            NewMeasurement(row.id, "cost", COSTS[row.asset.slug] * MICROS, at, "EUR")
            for row in rows
            if row.asset.slug in COSTS
        ]
        store_measurements(session, costs)


def _planned(workspace: Workspace) -> list[tuple[datetime, str]]:
    with workspace.db.session() as session:
        rows = session.scalars(
            select(Publication).where(Publication.campaign.has(name=NAME)).order_by(Publication.due_at)
        )
        return [(row.due_at, row.asset.slug) for row in rows]


def _on(today: datetime, days: int) -> str:
    day = (today + timedelta(days=days)).astimezone(ZoneInfo(home.ZONE))
    return f"{day:%Y-%m-%d} 10:00"


def _in_words(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {what}" for what, n in counts.items())
