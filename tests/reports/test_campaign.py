"""The report of a campaign: every figure by its definition, and sums that equal the raw events."""

from collections import Counter
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.campaigns.models import Campaign
from cms_core.contract import AgentClass
from cms_core.events.hits import Place, record_hit
from cms_core.events.service import NewMeasurement, store_measurements
from cms_core.publishing.models import Delivery, DeliveryState, Publication
from cms_core.reports import rollups
from cms_core.reports.campaign import CampaignReport, overview, report
from cms_core.reports.export import exported
from cms_core.reports.figures import DEFINITIONS, Figures
from cms_core.testing.fixtures import NOW
from cms_core.workspace import Workspace

from .conftest import Story

DAY = timedelta(days=1)
PEOPLE = ("opened_people", "clicked_people")
examples = count(1)
ORDERED = (
    "addressed sent failed unknown skipped bounced opened_people opened_total clicked_people clicked_total "
    "machine_opens machine_clicks visits conversions cost"
).split()


def made(session: Session, campaign: Campaign) -> CampaignReport:
    session.commit()  # what is not committed is not counted
    rollups.catch_up(session)
    return report(session, campaign)


def row(rows: Any, name: str) -> Figures:
    return dict(rows)[name]


def test_a_campaign_without_anything_has_only_zeros(session: Session, story: Story) -> None:
    found = made(session, story.campaign())
    assert found.totals == Figures()
    assert (found.by_channel, found.by_asset, found.by_day, found.notes) == ([], [], [], [])
    assert found.currency == "EUR"


def test_the_keys_are_those_of_the_interface(session: Session, story: Story) -> None:
    campaign = story.campaign()
    story.publication(campaign, story.asset("guide"), "site")
    document = made(session, campaign).document()
    assert {"campaign", "currency", "totals", "by_channel", "by_asset"} <= set(document)
    assert document["campaign"] == "Launch"
    for found in (document["totals"], *document["by_channel"], *document["by_asset"]):
        assert [key for key in found if key in ORDERED] == ORDERED
    assert [each["channel"] for each in document["by_channel"]] == ["site"]
    assert [each["asset"] for each in document["by_asset"]] == ["guide"]
    assert document["totals"]["addressed"] == 0


def test_every_delivery_is_in_one_figure(session: Session, story: Story) -> None:
    campaign = story.campaign()
    mail = story.publication(campaign, story.asset("letter"))
    for number, state in enumerate(DeliveryState, start=1):
        for _ in range(number):
            story.delivery(mail, story.contact(), state)
    found = made(session, campaign).totals
    by = {state: number for number, state in enumerate(DeliveryState, start=1)}
    assert found.addressed == sum(by.values())
    assert found.sent == by[DeliveryState.ACCEPTED]
    assert found.failed == by[DeliveryState.FAILED]
    assert found.unknown == by[DeliveryState.UNKNOWN]
    assert found.skipped == by[DeliveryState.SKIPPED] + by[DeliveryState.CANCELLED]
    assert found.pending == sum(
        by[each] for each in (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.RETRY_WAIT)
    )


def test_people_are_counted_once_at_each_level_and_machines_apart(session: Session, story: Story) -> None:
    campaign, somebody, other = story.campaign(), story.contact(), story.contact()
    first = story.publication(campaign, story.asset("one"))
    second = story.publication(campaign, story.asset("two"))
    for publication in (first, first, second):
        story.happened("opened", publication, somebody)
    story.happened("clicked", first, other)
    story.happened("opened", first, other, AgentClass.PROXY)
    story.happened("clicked", first, other, AgentClass.UNKNOWN)
    story.happened("opened", first, visitor="somebody")  # a human, but no contact
    found = made(session, campaign)
    totals = found.totals
    assert (totals.opened_people, totals.opened_total, totals.machine_opens) == (1, 4, 1)
    assert (totals.clicked_people, totals.clicked_total, totals.machine_clicks) == (1, 1, 1)
    assert [each.opened_people for _, each in found.by_asset] == [1, 1]  # adds up to more than the campaign
    assert row(found.by_channel, "email").opened_people == 1


def test_a_burst_that_is_recognised_at_its_end_changes_sides(session: Session, story: Story) -> None:
    campaign = story.campaign()
    mail = story.publication(campaign, story.asset("letter"))

    def open_one(second: int) -> None:
        contact = story.contact()
        place = Place(
            story.delivery(mail, contact).id, contact.id, mail.id, mail.asset_id, "email", campaign.key
        )
        at = NOW + timedelta(seconds=second)
        record_hit(session.connection(), "opened", place, None, AgentClass.HUMAN, "one address", at)

    for second in range(5):
        open_one(second)
    before = made(session, campaign).totals
    assert (before.opened_people, before.opened_total, before.machine_opens) == (5, 5, 0)
    open_one(5)
    open_one(60)
    after = made(session, campaign).totals
    assert (after.opened_people, after.opened_total, after.machine_opens) == (1, 1, 6)


def test_a_delivery_bounces_once(session: Session, story: Story) -> None:
    campaign, somebody, other = story.campaign(), story.contact(), story.contact()
    mail = story.publication(campaign, story.asset("letter"))
    sent = story.delivery(mail, somebody)
    for _ in range(3):
        story.happened("bounced", mail, somebody, AgentClass.INTERNAL, delivery_id=sent.id)
    story.happened("bounced", mail, other, AgentClass.UNKNOWN)
    found = made(session, campaign)
    assert found.totals.bounced == 2
    assert found.totals.sent == 1


def test_visits_are_of_humans_and_conversions_also_of_the_system(session: Session, story: Story) -> None:
    campaign = story.campaign()
    page = story.publication(campaign, story.asset("guide"), "site")
    for agent in AgentClass:
        story.happened("visited", page, agent=agent, visitor="v")
        story.happened("converted", page, agent=agent)
    found = made(session, campaign).totals
    assert (found.visits, found.conversions) == (1, 2)


def test_what_has_no_channel_or_asset_has_a_row_so_that_sums_hold(session: Session, story: Story) -> None:
    campaign = story.campaign()
    story.happened("converted", campaign=campaign.key)
    found = made(session, campaign)
    assert (row(found.by_channel, "").conversions, row(found.by_asset, "").conversions) == (1, 1)


def test_cost_is_the_newest_of_each_publication_in_one_currency(session: Session, story: Story) -> None:
    campaign = story.campaign()
    first = story.publication(campaign, story.asset("one"), "ads")
    second = story.publication(campaign, story.asset("two"), "ads")
    story.cost(first, 9_000_000, at=NOW)
    story.cost(first, 12_340_000, at=NOW + DAY)
    story.cost(first, 1_000_000, at=NOW - DAY)
    story.cost(second, 5_000_000, "USD")
    found = made(session, campaign)
    assert (found.totals.cost, found.currency) == (Decimal("12.34"), "EUR")
    assert [each.cost for _, each in found.by_asset] == [Decimal("12.34"), Decimal(0)]
    assert len(found.notes) == 1
    assert "5 USD" in found.notes[0]


def test_likes_are_the_newest_of_each_post_and_an_updated_post_is_one(session: Session, story: Story) -> None:
    campaign = story.campaign()
    first, second = (story.publication(campaign, story.asset(slug), "mastodon") for slug in ("one", "two"))
    update = story.publication(campaign, first.asset, "mastodon")
    first.superseded_by_id = update.id
    numbers = [
        (first, 7, NOW),
        (update, 8, NOW),
        (update, 9, NOW + DAY),
        (update, 3, NOW - DAY),
        (second, 2, NOW),
    ]
    store_measurements(
        session, [NewMeasurement(row.id, "likes", likes * 1_000_000, at) for row, likes, at in numbers]
    )
    store_measurements(session, [NewMeasurement(second.id, "quotes", 4_000_000, NOW)])
    found = made(session, campaign)
    assert (found.totals.likes, found.totals.quotes, found.totals.reposts) == (11, 4, 0)
    assert row(found.by_channel, "mastodon").likes == 11
    assert [each.likes for _, each in found.by_asset] == [9, 2]


def test_a_campaign_without_a_budget_takes_the_only_currency_of_its_costs(
    session: Session, story: Story
) -> None:
    campaign = story.campaign(budget="")
    asset = story.asset("one")
    assert made(session, campaign).currency == ""
    story.cost(story.publication(campaign, asset, "ads"), 5_000_000, "USD")
    assert (made(session, campaign).currency, made(session, campaign).totals.cost) == ("USD", 5)
    story.cost(story.publication(campaign, asset, "ads"), 5_000_000, "EUR")
    found = made(session, campaign)
    assert (found.currency, found.totals.cost, len(found.notes)) == ("", 0, 2)


def test_days_have_no_gaps_and_end(session: Session, story: Story) -> None:
    campaign = story.campaign()
    mail = story.publication(campaign, story.asset("letter"))
    for days in (0, 3):
        story.happened("opened", mail, at=NOW + DAY * days)
    story.happened("clicked", mail, agent=AgentClass.BOT, at=NOW + DAY * 9)
    assert [each.opened_total for each in made(session, campaign).by_day] == [1, 0, 0, 1]
    story.happened("visited", mail, at=NOW - DAY * 20_000)
    assert len(made(session, campaign).by_day) == 366


def test_other_campaigns_are_left_out(session: Session, story: Story) -> None:
    launch, other = story.campaign(), story.campaign("Other")
    asset, somebody = story.asset("one"), story.contact()
    mail = story.publication(other, asset)
    story.delivery(mail, somebody)
    for publication in (mail, story.publication(None, asset)):
        story.happened("opened", publication, somebody)
    assert made(session, launch).totals == Figures()
    assert [figures for _, _, figures in overview(session)] == [Figures(), made(session, other).totals] or [
        figures for _, _, figures in overview(session)
    ] == [made(session, other).totals, Figures()]


raw = st.tuples(
    st.sampled_from(["opened", "clicked", "visited", "converted", "bounced", "unsubscribed"]),
    st.integers(0, 3),  # publication, 3: none
    st.integers(0, 4),  # contact, 4: none
    st.sampled_from(list(AgentClass)),
)


@given(
    happened=st.lists(raw, max_size=30),
    deliveries=st.dictionaries(
        st.tuples(st.integers(0, 2), st.integers(0, 3)), st.sampled_from(list(DeliveryState)), max_size=12
    ),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_figures_equal_the_raw_events_and_deliveries(
    workspace: Workspace, happened: list[Any], deliveries: dict[tuple[int, int], DeliveryState]
) -> None:
    with workspace.db.open_transaction() as session:
        story, number = Story(session), next(examples)
        campaign = story.campaign(f"Launch {number}")
        one, two = story.asset(f"one-{number}"), story.asset(f"two-{number}")
        places = [
            story.publication(campaign, one),
            story.publication(campaign, two),
            story.publication(campaign, one, "site"),
        ]
        contacts = [story.contact() for _ in range(4)]
        for (place, who), state in deliveries.items():
            story.delivery(places[place], contacts[who], state)
        for kind, place, who, agent in happened:
            about = {} if place < 3 else {"campaign": campaign.key}
            story.happened(
                kind, places[place] if place < 3 else None, contacts[who] if who < 4 else None, agent, **about
            )
        found = made(session, campaign)
        raw_events = list(exported(session, campaign.key))
        assert found.totals == counted(
            session, campaign, raw_events, lambda event: True, lambda publication: True
        )
        for channel, figures in found.by_channel:
            assert figures == counted(
                session,
                campaign,
                raw_events,
                lambda event, channel=channel: (event["channel"] or "") == channel,
                lambda publication, channel=channel: publication.channel == channel,
            )
        for slug, figures in found.by_asset:
            assert figures == counted(
                session,
                campaign,
                raw_events,
                lambda event, slug=slug: (event["asset"] or "") == slug,
                lambda publication, slug=slug: publication.asset.slug == slug,
            )
        for key in {each.name for each in fields(Figures)} - set(PEOPLE):
            total = getattr(found.totals, key)
            assert sum(getattr(figures, key) for _, figures in found.by_channel) == total
            assert sum(getattr(figures, key) for _, figures in found.by_asset) == total


def counted(
    session: Session, campaign: Campaign, events: list[dict[str, Any]], of: Any, within: Any
) -> Figures:
    """The figures counted one by one from exported events and deliveries."""
    mine = [event for event in events if of(event)]
    people = [event for event in mine if event["agent_class"] == "human"]
    total = Counter(event["kind"] for event in people)
    every = Counter(event["kind"] for event in mine)
    states = Counter(
        delivery.state
        for delivery, publication in session.execute(
            select(Delivery, Publication)
            .join(Publication, Publication.id == Delivery.publication_id)
            .where(Publication.campaign_id == campaign.id)
        )
        if within(publication)
    )

    def who(kind: str) -> int:
        return len({event["contact"] for event in people if event["kind"] == kind and event["contact"]})

    bounced = {
        (event["publication"], event["contact"])
        for event in mine
        if event["kind"] == "bounced" and event["publication"] and event["contact"]
    }
    return Figures(
        addressed=sum(states.values()),
        sent=states["accepted"],
        failed=states["failed"],
        unknown=states["unknown"],
        skipped=states["skipped"] + states["cancelled"],
        pending=states["pending"] + states["claimed"] + states["retry_wait"],
        bounced=len(bounced),
        opened_people=who("opened"),
        opened_total=total["opened"],
        clicked_people=who("clicked"),
        clicked_total=total["clicked"],
        machine_opens=every["opened"] - total["opened"],
        machine_clicks=every["clicked"] - total["clicked"],
        visits=total["visited"],
        conversions=sum(
            event["kind"] == "converted" and event["agent_class"] in ("human", "internal") for event in mine
        ),
    )


def test_every_figure_is_defined_and_documented() -> None:
    assert set(DEFINITIONS) == {each.name for each in fields(Figures)}
    page = (Path(__file__).parents[2] / "docs" / "figures.md").read_text(encoding="utf-8")
    for key, definition in DEFINITIONS.items():
        assert f"| `{key}` | {definition.text} |" in page, key
