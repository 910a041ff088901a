"""The order in which the demo is told: the past, then the campaign of today; each step says what happens and where to look."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cms_core.campaigns.service import find_campaign
from cms_core.clock import FrozenClock
from cms_core.demo import home, launch, sales
from cms_core.demo.history import History
from cms_core.demo.home import Home
from cms_core.demo.readers import Crowd
from cms_core.errors import CmsError
from cms_core.migrations import upgrade
from cms_core.reports import rollups
from cms_core.reports.campaign import CampaignReport, overview, report
from cms_core.reports.figures import Figures
from cms_core.workspace import Workspace

Say = Callable[[str], None]
PACE = 0.25  # seconds between two readers while somebody watches


@dataclass(frozen=True)
class Ending:
    """What came out: the report of today's campaign, and the totals of all campaigns by name."""

    report: CampaignReport
    totals: dict[str, Figures]


def tell_past(place: Home, today: datetime, say: Say) -> None:
    """Fill the workspace with ninety days of history."""
    clock = FrozenClock(today)
    with place.opened(clock) as workspace:
        upgrade(workspace.db.engine, workspace.plugins)
        past = History(place, workspace, clock, today)
        made = past.set_up()
        _step(say, f"{made['contacts']} people imported from CSV", "/app/contacts")
        _step(say, f"{made['assets']} assets imported and reviewed", "/app/content")
        _step(say, f"{past.publish()} publications, their mails and posts sent", "/app/publications")
        _step(say, f"{past.follow_deals()} deals imported, half of them decided", "/app/p/leads/deals")
        _step(say, f"{past.react()} events of what people did then", "/app/reports")
        clock.at = today - timedelta(days=6)
        launch.write_and_approve(place, workspace)
        _step(say, "the words of the launch approved by a second person", "/app/content")


def tell_today(place: Home, workspace: Workspace, crowd: Crowd, say: Say, *, whole: bool) -> Ending:
    """Plan and play today's campaign; with ``whole`` to its last letter."""
    launch.plan(workspace, datetime.now(UTC))
    _step(say, f"the plan of “{launch.NAME}” imported and armed", "/app/calendar")
    launch.play(place, workspace, crowd, lambda text: say(f"  {text}"), whole=whole)
    for words in launch.charge(place, workspace):
        _step(say, words, "/app/p/ads")
    opened = sales.share_with_warmest(workspace, crowd)
    _step(say, f"{opened.email} opened {opened.asset}", "/app/p/sales_enablement/shares")
    _step(say, f"that makes {opened.points} points", "/app/p/leads")
    deck = sales.share_deck(place, workspace, crowd, Path(sales.PRESENTATION).stem)
    _step(say, f"a deck made and shared: {deck}"[:52], "/app/p/sales_enablement/decks")
    return end(workspace)


def _step(say: Say, what: str, where: str) -> None:
    """What has happened, and where to look."""
    say(f"  {what:52} {where}")


def end(workspace: Workspace) -> Ending:
    """The figures as they are now."""
    rollups.keep_up(workspace.db)
    with workspace.db.session() as session:
        found = {campaign.name: totals for campaign, _, totals in overview(session)}
        return Ending(report(session, find_campaign(session, launch.NAME)), found)


def check_sums(ending: Ending) -> None:
    """Raise CmsError unless everybody addressed was sent to, failed, is unknown or was skipped, in every campaign."""
    for name, f in ending.totals.items():
        if f.addressed != f.sent + f.failed + f.unknown + f.skipped:
            raise CmsError(
                f"{name}: {f.addressed} addressed, but {f.sent} sent, {f.failed} failed, {f.unknown} unknown and "
                f"{f.skipped} skipped",
                "this is a fault of cms-core: please report it",
            )


@contextmanager
def reading(crowd: Crowd) -> Iterator[None]:
    """Let people read what arrives, slowly, until the end of the block."""
    stopping = threading.Event()
    crowd.pace = PACE

    def read() -> None:
        while not stopping.wait(1.0):
            crowd.read_new(stopping.is_set)

    thread = threading.Thread(target=read, name="demo-readers")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def sign_in_lines(base_url: str) -> list[str]:
    """Where to look and as whom."""
    people = [f"  {each.role:9} {each.email:26} {each.name}" for each in home.ACCOUNTS]
    return [
        f"Open {base_url}/app/ and sign in with the password: {home.PASSWORD}",
        *people,
        f"The public site: {base_url}/larkfield-4    The mails that were sent: {base_url}/app/demo/mails",
    ]
