"""The campaign that goes out now: its plan, and a worker whose clock runs ahead of the wall's by minutes."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from sqlalchemy import select

from cms_core.audience import segments
from cms_core.campaigns.money import MICROS
from cms_core.clock import FrozenClock
from cms_core.demo import costs, home
from cms_core.demo.desk import typed
from cms_core.demo.history import CUSTOMERS, EVERYBODY
from cms_core.demo.home import Home
from cms_core.demo.plans import flight, mail, note, page, posts, put_on_calendar, start_campaign
from cms_core.demo.readers import Crowd
from cms_core.events.service import NewMeasurement, store_measurements
from cms_core.publishing.models import Publication
from cms_core.worker import Worker
from cms_core.workspace import Workspace

NAME = "Larkfield 4"
ADS = "Search ads"
UNDECIDED = "Opened, not clicked"
COSTS = {"larkfield-4": 640, "launch-letter": 45}
LAST = "office-hours"  # what a visitor sees going out by itself

Say = Callable[[str], None]


def write_and_approve(place: Home, workspace: Workspace) -> None:
    """A week before: the words of the launch, most of them approved, one waiting, one still a draft."""
    home.bring_in(workspace, place.files / "launch")
    home.approve(
        workspace, "larkfield-4", "launch-letter", "launch-follow-up", "launch-thread", "close-faster", LAST
    )
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
        *posts("after:2+1m", "launch-thread", NAME),
        flight(first, _on(today, 11), "close-faster", ADS, NAME, "60 EUR"),
    ]
    put_on_calendar(workspace, "larkfield-4.csv", rows)
    later = [
        note(_on(today, 3), "", "publish", NAME, asset="close-poll"),
        note(
            _on(today, 12),
            "Second round",
            "flight",
            NAME,
            asset="second-round",
            end=_on(today, 19),
            budget="600 EUR",
        ),
        mail(_on(today, 8), "questions", NAME, EVERYBODY),
        note(_on(today, 30), "Look back on the launch", "task"),
    ]
    put_on_calendar(workspace, "later.csv", later, arm=False)


def play(place: Home, workspace: Workspace, crowd: Crowd, say: Say, *, whole: bool) -> None:
    """Publish what the plan holds, each entry at its time by the quick clock, and let people react in between.

    Without ``whole`` the last letter is left to the worker that serves the demo.
    """
    clock = place.networks.clock = FrozenClock(workspace.db.clock.now())
    place.networks.links()  # those of the past have been read in the past
    publishing = workspace.for_publishing()
    worker = Worker(publishing, clock)
    try:
        for due, going in groupby(_planned(workspace), key=lambda each: each[0]):
            out = [(channel, slug) for _, channel, slug in going if slug != LAST or whole]
            if out:
                clock.at = due
                names = ", ".join(f"{slug} ({channel})" for channel, slug in out)
                say(f"{due.astimezone(ZoneInfo(home.ZONE)):%H:%M}  {names} …")
                said = _send(worker) + crowd.read_new() + place.networks.follow_new(crowd)
                say(f"       {_in_words(said) or 'the page is public'}")
    finally:
        publishing.db.dispose()


def _send(worker: Worker) -> Counter[str]:
    """Do what is due; returns the deliveries that this made, by state."""
    before = worker.result().deliveries
    after = worker.run_until_idle().deliveries
    return Counter(
        {state: n - before.get(state, 0) for state, n in after.items() if n > before.get(state, 0)}
    )


def charge(place: Home, workspace: Workspace) -> list[str]:
    """What the page and the letter cost so far, and what the vendor's report says of the ads; returns what the guard says."""
    with workspace.db.transaction() as session:
        rows = session.scalars(select(Publication).where(Publication.campaign.has(name=NAME)))
        at = workspace.db.clock.now()
        measured = [
            NewMeasurement(row.id, "cost", COSTS[row.asset.slug] * MICROS, at, "EUR")
            for row in rows
            if row.asset.slug in COSTS
        ]
        store_measurements(session, measured)
    file = place.files / "launch-ads.csv"
    costs.write_report(file, ADS, at.date(), [61])
    typed(workspace, home.MARKETER, "ads", "import", str(file))
    said: list[str] = typed(workspace, home.MARKETER, "ads", "budgets")["said"]
    return said


def _planned(workspace: Workspace) -> list[tuple[datetime, str, str]]:
    with workspace.db.session() as session:
        rows = session.scalars(
            select(Publication)
            .where(Publication.campaign.has(name=NAME))
            .order_by(Publication.due_at, Publication.id)
        )
        return [(row.due_at, row.channel, row.asset.slug) for row in rows]


def _on(today: datetime, days: int) -> str:
    day = (today + timedelta(days=days)).astimezone(ZoneInfo(home.ZONE))
    return f"{day:%Y-%m-%d} 10:00"


def _in_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {what}" for what, n in counts.items())
