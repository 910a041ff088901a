"""What one asset reached: the same figures as in the reports, of people alone."""

from dataclasses import asdict

from sqlalchemy.orm import Session

from cms_core.contract import AgentClass, Reached
from cms_core.reports import of_asset, rollups
from cms_core.reports.campaign import report
from cms_core.services import Services
from cms_core.workspace import Workspace

from .conftest import Story


def test_figures_are_those_of_the_assets_row_in_each_report(story: Story, session: Session) -> None:
    launch, later = story.campaign(), story.campaign("Later")
    hello, other = story.asset("hello"), story.asset("other")
    letter, again = story.publication(launch, hello), story.publication(later, hello)
    page, foreign = story.publication(launch, hello, "site"), story.publication(launch, other)
    ann, bob = story.contact(), story.contact()
    for publication, contact in ((letter, ann), (letter, bob), (again, ann), (foreign, ann)):
        story.delivery(publication, contact)
        story.happened("opened", publication, contact)
    story.happened("clicked", letter, ann)
    story.happened("clicked", letter, bob, AgentClass.SCANNER)
    story.happened("opened", letter, bob, AgentClass.PROXY)
    story.happened("visited", page, visitor="v1")
    story.happened("converted", page, visitor="v1")
    story.cost(letter, 5_000_000)
    session.commit()  # what is not committed is not counted
    rollups.catch_up(session)
    found = {each.campaign.name: each for each in of_asset.reached(session, hello.public_id)}
    assert found["Launch"].reached == Reached(
        sent=2, opened_people=2, clicked_people=1, visits=1, conversions=1
    )
    assert found["Later"].reached == Reached(sent=1, opened_people=1)
    for campaign in (launch, later):
        (row,) = [figures for slug, figures in report(session, campaign).by_asset if slug == "hello"]
        told = asdict(found[campaign.name].reached)
        assert told == {name: row.document()[name] for name in told}
        assert (found[campaign.name].starts_on, found[campaign.name].ends_on) == (
            campaign.starts_on,
            campaign.ends_on,
        )


def test_where_nothing_happened_nothing_is_told(story: Story, session: Session) -> None:
    hello = story.asset("hello")
    story.publication(story.campaign(), hello)
    story.publication(None, hello)
    assert list(of_asset.reached(session, hello.public_id)) == []
    assert list(of_asset.reached(session, "nothing")) == []


def test_a_plugin_asks_for_figures_as_they_are_now(workspace: Workspace) -> None:
    with workspace.db.transaction() as session:
        story = Story(session)
        hello = story.asset("hello")
        letter, ann = story.publication(story.campaign(), hello), story.contact()
        story.delivery(letter, ann)
        story.happened("opened", letter, ann)
    (found,) = Services(workspace, "any").reached(hello.public_id)
    assert (found.campaign.name, found.reached.sent, found.reached.opened_people) == ("Launch", 1, 1)
