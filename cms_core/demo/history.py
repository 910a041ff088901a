"""Ninety days that were: two campaigns, made by the services and the worker with a clock that is moved through the past.

Content, approvals, plans, pages and mails (real ones, to the demo's mail server) come about as they always do. Set by hand are only
the instants at which deliveries were claimed and settled, which are the machine's, and tasks and milestones, which people tick off.
What people did afterwards is put into the ledger with its instants in the past, by ``reactions``; costs are measurements, as
channels report them.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from cms_core.audience import consent, imports, segments
from cms_core.campaigns.models import Entry, EntryKind, EntryState
from cms_core.campaigns.money import MICROS
from cms_core.clock import FrozenClock
from cms_core.demo import costs, home, people, reactions, sales
from cms_core.demo.desk import typed
from cms_core.demo.home import MARKETER, Home
from cms_core.demo.plans import Row, flight, mail, note, page, posts, put_on_calendar, start_campaign
from cms_core.demo.reactions import Out
from cms_core.events.service import NewEvent, NewMeasurement, record, store_measurements
from cms_core.publishing.models import Claim, Delivery, DeliveryState, Publication, PublicationState
from cms_core.services import Services
from cms_core.worker import Worker
from cms_core.workspace import Workspace

CLOSE, AUDIT = "Close in five days", "Ready for the audit"
ADS = "Search ads for the audit"
EVERYBODY, EVALUATING, CUSTOMERS = "Finance people", "Evaluating", "Customers"
SEGMENTS = {
    EVERYBODY: "email is not empty",
    EVALUATING: 'stage in ("evaluation", "intent")',
    CUSTOMERS: 'stage = "customer"',
}
WEEKS = 12
APPROVED = (
    "close-in-five-days reconcile-without-spreadsheets checklist-letter audit-letter audit-ad northmoor-bakeries first-close "
    "questions for-controllers book-a-look"
).split()
# What the publications of the past cost, in EUR.
COSTS = {
    ("site", "close-in-five-days"): 420,
    ("email", "checklist-letter"): 35,
    ("site", "northmoor-bakeries"): 900,
    ("site", "reconcile-without-spreadsheets"): 380,
    ("email", "audit-letter"): 38,
}


class History:
    """Plays the past into a new workspace by moving its clock, up to the day before ``today``."""

    def __init__(self, place: Home, workspace: Workspace, clock: FrozenClock, today: datetime) -> None:
        self._place = place
        self._workspace = workspace
        self._clock = clock
        self._today = today
        then = (today - timedelta(weeks=WEEKS)).astimezone(ZoneInfo(home.ZONE))
        morning = then.replace(hour=8, minute=0, second=0, microsecond=0)
        self.first = morning - timedelta(days=then.weekday())
        self._worker = Worker(workspace, clock)
        self._worker.runner.real_clock = clock  # outcomes of the past lie in the past

    def set_up(self) -> dict[str, int]:
        """Day one: users, connections, people, content; returns what there is of each."""
        self._at(0)
        home.add_accounts(self._workspace)
        home.connect(self._place, self._workspace)
        contacts = self._bring_people()
        self._at(0, hour=10)
        assets = home.bring_in(self._workspace, self._place.files / "library")
        self._at(0, hour=15)
        home.approve(self._workspace, *APPROVED)
        sales.add_presentation(self._place, self._workspace)
        home.send_back(self._workspace, "tour", "Scene two needs the name of the button. The rest is lovely.")
        return {"contacts": contacts, "assets": assets}

    def publish(self) -> int:
        """Two campaigns and what stands on the site anyhow; returns how many publications went out."""
        self._at(1)
        put_on_calendar(self._workspace, "evergreen.csv", self._rows(1, page, "questions", "book-a-look"))
        self._campaign(8, 36, CLOSE, "600 EUR", "300 visits of the checklist", self._close())
        self._run(until=50)
        self._campaign(50, 74, AUDIT, "1500 EUR", "20 requests for a look", self._audit())
        self._run(until=75)
        self._import_costs()
        with self._workspace.db.session() as session:
            return len(session.scalars(select(Publication.id)).all())

    def follow_deals(self) -> int:
        """Sales brings its deals as a file, and brings it again when some are decided; returns their number."""
        Services(self._workspace, "leads").save_settings({"threshold": sales.WARM})
        for day, decided in ((76, False), (78, True)):
            self._at(day)
            count = sales.import_deals(self._place, self._workspace, self._today.date(), decided=decided)
        return count

    def react(self) -> int:
        """What people did, day by day until yesterday; returns how many events that are."""
        with self._workspace.db.session() as session:
            rows = session.scalars(
                select(Publication)
                .where(Publication.state == PublicationState.PUBLISHED)
                .order_by(Publication.due_at, Publication.id)
            ).all()
            out = [Out.of(each) for each in rows]
            pages = {each.slug: each for each in out if each.channel == "site"}
            events = [event for each in pages.values() for event in reactions.of_page(each, self._yesterday)]
            mails = [each for each in out if each.channel == "email"]
            events += [event for each in mails for event in reactions.of_mail(session, each, pages)]
        self._tell(sorted(events, key=lambda event: (event.at, event.source_id)))
        self._measure(out)
        return len(events)

    # --- day one ------------------------------------------------------------------------------------------------------

    def _bring_people(self) -> int:
        file = self._place.files / "contacts.csv"
        people.write_csv(file)
        with self._workspace.db.transaction() as session:
            result = imports.import_contacts(session, file)
            for name, rule in SEGMENTS.items():
                segments.create(session, name, rule)
        return result.created

    # --- the campaigns ------------------------------------------------------------------------------------------------

    def _close(self) -> list[Row]:
        return [
            page(self._when(8, 9), "close-in-five-days", CLOSE),
            page("after:2+1d", "first-close", CLOSE),
            mail("after:2+2d", "checklist-letter", CLOSE, EVERYBODY),
            note(self._when(33, 9), "First results to the team", "milestone", CLOSE),
            *posts("after:2+3h", "close-in-five-days", CLOSE),
        ]

    def _audit(self) -> list[Row]:
        return [
            page(self._when(50, 9), "northmoor-bakeries", AUDIT),
            page("after:2+1d", "reconcile-without-spreadsheets", AUDIT),
            mail("after:2+1d", "audit-letter", AUDIT, EVERYBODY),
            mail("after:2+8d", "reconcile-without-spreadsheets", AUDIT, EVALUATING),
            note(self._when(57, 9), "Call everybody who asked for a look", "task", AUDIT),
            *posts("after:2+2h", "northmoor-bakeries", AUDIT),
            flight(self._when(51, 8), self._when(65, 8), "audit-ad", ADS, AUDIT, "400 EUR"),
        ]

    def _campaign(self, first: int, last: int, name: str, budget: str, goal: str, rows: list[Row]) -> None:
        self._at(first)
        start_campaign(self._workspace, name, self._day(first), self._day(last), budget, goal)
        put_on_calendar(self._workspace, f"{name}.csv", rows)

    def _run(self, until: int) -> None:
        """Let the worker do what falls due until this day, each at its time."""
        while (due := self._next_due(until)) is not None:
            self._clock.at = due
            self._worker.run_until_idle()
            with self._workspace.db.transaction() as session:
                session.execute(update(Claim).where(Claim.at > due).values(at=due))
                settled = Delivery.settled_at > due
                session.execute(update(Delivery).where(settled).values(settled_at=due + timedelta(minutes=1)))
                sent = Publication.due_at == due, Publication.channel == "email"
                mails = [Out.of(each) for each in session.scalars(select(Publication).where(*sent))]
            for each in mails:
                self._lose_one(each)
        self._clock.at = self._day(until)
        self._worker.run_until_idle()  # flights end, numbers are read
        with self._workspace.db.transaction() as session:
            over = Entry.kind.in_((EntryKind.TASK, EntryKind.MILESTONE)), Entry.instant < self._day(until)
            session.execute(update(Entry).where(*over).values(state=EntryState.DONE))

    def _next_due(self, until: int) -> datetime | None:
        query = select(Publication.due_at).where(Publication.state == PublicationState.SCHEDULED)
        with self._workspace.db.session() as session:
            return session.scalar(
                query.where(Publication.due_at < self._day(until)).order_by(Publication.due_at)
            )

    def _import_costs(self) -> None:
        """The marketer brings the vendor's report of the ads."""
        self._at(75)
        file = self._place.files / "search-ads.csv"
        costs.write_report(file, ADS, self._day(51).date(), costs.fading(14, 40))
        typed(self._workspace, MARKETER, "ads", "import", str(file))

    # --- what followed ------------------------------------------------------------------------------------------------

    @property
    def _yesterday(self) -> datetime:
        return self._today - timedelta(days=1)

    def _tell(self, events: list[NewEvent]) -> None:
        """Into the ledger, each day's at its end."""
        days: dict[Any, list[NewEvent]] = {}
        for event in events:
            days.setdefault(event.at.date(), []).append(event)
        for batch in days.values():
            self._clock.at = batch[-1].at
            with self._workspace.db.transaction() as session:
                record(session, batch)

    def _lose_one(self, mail_of_day: Out) -> None:
        """On the day after a mail one of its readers unsubscribes."""
        self._clock.at = mail_of_day.at + timedelta(hours=26)
        accepted = Delivery.publication_id == mail_of_day.id, Delivery.state == DeliveryState.ACCEPTED
        with self._workspace.db.transaction() as session:
            leaving = session.scalars(
                select(Delivery).where(*accepted).order_by(Delivery.id).offset(20).limit(1)
            ).one()
            evidence = {"delivery": leaving.id, "how": "page"}
            channel, who = mail_of_day.channel, leaving.contact_id
            consent.unsubscribe(session, who, channel, "", source="unsubscribe link", evidence=evidence)
            told: dict[str, Any] = {"contact_id": who, "delivery_id": leaving.id}
            record(session, [mail_of_day.event("unsubscribed", self._clock.at, "unsubscribed", **told)])

    def _measure(self, out: list[Out]) -> None:
        """Costs, reported a day after each publication."""
        costs = [
            NewMeasurement(
                each.id, "cost", COSTS[each.channel, each.slug] * MICROS, each.at + timedelta(days=1), "EUR"
            )
            for each in out
            if (each.channel, each.slug) in COSTS
        ]
        with self._workspace.db.transaction() as session:
            store_measurements(session, costs)

    # --- days ---------------------------------------------------------------------------------------------------------

    def _day(self, day: int, hour: int = 8) -> datetime:
        return (self.first + timedelta(days=day)).replace(hour=hour)

    def _at(self, day: int, hour: int = 8) -> None:
        self._clock.at = self._day(day, hour)

    def _when(self, day: int, hour: int) -> str:
        return f"{self._day(day, hour):%Y-%m-%d %H:%M}"

    def _rows(self, day: int, make: Any, *slugs: str) -> list[Row]:
        return [make(self._when(day, 9), slug) for slug in slugs]
