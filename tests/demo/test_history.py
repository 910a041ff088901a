"""The demo's past adds up: reports equal the raw events, nothing lies in the future, and the story is the same every day."""

from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from cms_core.audience.models import Consent, Contact, Segment
from cms_core.auth.models import User
from cms_core.campaigns.models import Campaign, Entry
from cms_core.content.models import Asset, Media, Revision
from cms_core.demo.history import AUDIT, CLOSE
from cms_core.events.models import Event, Measurement
from cms_core.publishing.models import Attempt, Delivery, Publication
from cms_core.reports import rollups
from cms_core.reports.campaign import overview

from .conftest import Past, tell

FIGURES = {
    "opened": "opened_total",
    "clicked": "clicked_total",
    "visited": "visits",
    "converted": "conversions",
}
MACHINE = {"opened": "machine_opens", "clicked": "machine_clicks"}


def counted(past: Past, campaign: str) -> dict[str, Any]:
    """The figures of a campaign, counted from the rows themselves."""
    found: Counter[Any] = Counter()
    people: dict[str, set[int]] = {"opened": set(), "clicked": set()}
    with past.workspace.db.session() as session:
        chosen = session.scalars(select(Campaign).where(Campaign.name == campaign)).one()
        for event in session.scalars(select(Event).where(Event.campaign == chosen.key)):
            human = event.agent_class == "human"
            if name := (FIGURES if human else MACHINE).get(event.kind):
                found[name] += 1
            if human and event.kind in people and event.contact_id is not None:
                people[event.kind].add(event.contact_id)
            found["bounced"] += event.kind == "bounced"
        own = Publication.campaign_id == chosen.id
        for delivery in session.scalars(
            select(Delivery).join(Publication, Publication.id == Delivery.publication_id).where(own)
        ):
            found["addressed"] += 1
            found["sent" if delivery.state == "accepted" else delivery.state] += 1
        numbers = select(Measurement).join(Publication, Publication.id == Measurement.publication_id)
        newest = {
            (row.publication_id, row.metric): row.value_micros
            for row in session.scalars(numbers.where(own).order_by(Measurement.at))
            if row.metric not in ("clicks", "impressions")  # of a vendor; the report counts our own
        }
        for (_, metric), micros in newest.items():
            found[metric] += micros
        numbered = {name: Decimal(found.pop(name)) / 1_000_000 for name in {metric for _, metric in newest}}
        found.update(numbered)
    return {**found, "opened_people": len(people["opened"]), "clicked_people": len(people["clicked"])}


def reported(past: Past) -> dict[str, dict[str, Any]]:
    with past.workspace.db.session() as session:
        return {campaign.name: totals.document() for campaign, _, totals in overview(session)}


@pytest.mark.parametrize("campaign", [CLOSE, AUDIT])
def test_reports_equal_the_raw_rows(past: Past, campaign: str) -> None:
    mine = counted(past, campaign)
    figures = {name: value for name, value in reported(past)[campaign].items() if value}
    assert figures == {name: value for name, value in mine.items() if value}
    assert mine["addressed"] == mine["sent"] + mine["failed"] + mine["skipped"]
    assert (
        min(mine[name] for name in ("sent", "failed", "skipped", "bounced", "conversions", "machine_clicks"))
        > 0
    )
    assert mine["opened_people"] > mine["clicked_people"] > 0


def test_a_rebuild_gives_the_same_figures(past: Past) -> None:
    before = reported(past)
    with past.workspace.db.transaction() as session:
        rollups.rebuild(session)
    assert reported(past) == before


def test_everything_happened_in_the_last_ninety_days(past: Past) -> None:
    first = past.today - timedelta(days=91)
    instants = (
        User.created_at, Contact.created_at, Consent.at, Segment.created_at, Asset.created_at, Revision.created_at,
        Campaign.created_at, Entry.instant, Publication.created_at, Publication.published_at, Attempt.started_at,
        Attempt.ended_at, Delivery.settled_at, Event.at, Event.received_at, Measurement.at,
    )  # fmt: skip
    with past.workspace.db.session() as session:
        for column in instants:
            earliest, latest = session.execute(select(func.min(column), func.max(column))).one()
            assert first < earliest <= latest < past.today, column


def test_nobody_reacts_before_the_mail_or_page_was_there(past: Past) -> None:
    with past.workspace.db.session() as session:
        early = (
            select(Event.source_id)
            .join(Publication, Publication.id == Event.publication_id)
            .where(Event.at < Publication.published_at)
        )
        assert session.scalars(early).all() == []
        unsent = (
            select(Event.source_id)
            .join(Delivery, Delivery.id == Event.delivery_id)
            .where(Delivery.state != "accepted")
        )
        assert session.scalars(unsent).all() == []


def test_who_unsubscribed_is_not_written_to_again(past: Past) -> None:
    with past.workspace.db.session() as session:
        left = session.execute(select(Event.contact_id, Event.at).where(Event.kind == "unsubscribed")).all()
        assert len(left) == 3
        for contact_id, at in left:
            later = select(Delivery.state).join(Publication, Publication.id == Delivery.publication_id)
            states = session.scalars(
                later.where(Delivery.contact_id == contact_id, Publication.due_at > at)
            ).all()
            assert set(states) <= {"skipped"}


def test_content_of_every_kind_is_there_in_every_state_of_review(past: Past) -> None:
    with past.workspace.db.session() as session:
        kinds = set(session.scalars(select(Asset.kind)))
        states = Counter(session.scalars(select(Revision.state)))
        media = session.scalars(select(Media).where(Media.private.is_(False))).all()
    assert kinds == set(past.workspace.plugins.asset_kinds)
    assert states == {"approved": 17, "in_review": 1, "draft": 1, "changes_requested": 1}
    assert {each.mime for each in media} == {"image/png"}
    assert all(each.alt for each in media)


def test_past_and_people_are_as_many_as_was_said(past: Past) -> None:
    with past.workspace.db.session() as session:
        assert session.scalar(select(func.count(User.id))) == 4
        contacts = session.scalar(select(func.count(Contact.id)))
        assert len(set(session.scalars(select(Contact.country)))) == 8
        assert session.scalar(select(func.count(Segment.id))) == 3
    assert contacts == 240
    assert f"{contacts} people" in past.said[0]
    assert not past.workspace.plugins.faults


@pytest.mark.parametrize(
    "today", [datetime(2026, 4, 1, 22, 30, tzinfo=UTC), datetime(2028, 2, 29, 3, 0, tzinfo=UTC)]
)
def test_the_story_is_the_same_every_day(past: Past, tmp_path: Path, today: datetime) -> None:
    with ExitStack() as stack:
        assert reported(tell(stack, tmp_path / "home", today)) == reported(past)
