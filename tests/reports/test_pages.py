"""The pages of reports: what they show, to whom, and that a look writes nothing of its own accord."""

from collections.abc import Iterable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from cms_core import contract as c
from cms_core.auth.models import Role
from cms_core.auth.service import create_user
from cms_core.campaigns.service import find_campaign
from cms_core.hookspecs import hookimpl
from cms_core.reports.figures import DEFINITIONS
from cms_core.workspace import Workspace, open_workspace

from .conftest import Story, app_of

PASSWORD = "correct horse battery"
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def campaign_id(workspace: Workspace) -> str:
    with workspace.db.transaction() as session:
        for role in Role:
            create_user(session, f"{role}@example.com", role, role, PASSWORD)
        story = Story(session)
        campaign = story.campaign(f"Launch {EVIL}")
        mail = story.publication(campaign, story.asset("letter"))
        people = [story.contact() for _ in range(4)]
        for person in people:
            story.delivery(mail, person)
        story.delivery(mail, story.contact(), "skipped")
        for person in people[:3]:
            story.happened("opened", mail, person)
        story.happened("clicked", mail, people[0])
        story.happened("opened", mail, people[0], c.AgentClass.PROXY)
        story.happened("converted", campaign=campaign.key)
        story.cost(mail, 12_500_000)
        story.cost(story.publication(campaign, story.asset("banner"), "ads"), 3_000_000, "USD")
        return campaign.public_id


@pytest.fixture
def app(workspace: Workspace, campaign_id: str) -> Flask:
    return app_of(workspace)


def signed_in(app: Flask, role: str) -> FlaskClient:
    client = app.test_client()
    page = client.get("/app/login").text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    answer = client.post(
        "/app/login", data={"email": f"{role}@example.com", "password": PASSWORD, "csrf_token": token}
    )
    assert answer.status_code == 303
    return client


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return signed_in(app, "marketer")


def words(html: str) -> str:
    """The text of a page, without its tags."""
    out, inside = [], False
    for char in html:
        inside = (inside or char == "<") and char != ">" if char in "<>" else inside
        out.append(" " if inside or char == ">" else char)
    return " ".join("".join(out).split())


def test_the_list_has_every_campaign_with_its_figures(client: FlaskClient, campaign_id: str) -> None:
    page = client.get("/app/reports")
    assert page.status_code == 200
    assert f'href="/app/reports/{campaign_id}"' in page.text
    assert "4 3 1 0 1 €12.50" in words(page.text)
    assert EVIL not in page.text


def test_a_report_shows_its_figures_and_what_they_count(client: FlaskClient, campaign_id: str) -> None:
    page = client.get(f"/app/reports/{campaign_id}")
    assert page.status_code == 200
    shown = words(page.text)
    assert "Sent 4 80% of 5 addressed" in shown
    assert "People who opened 3 75% of 4 sent" in shown
    assert "Opens by machines, left out 1" in shown
    assert "Cost leaves out 3 USD" in shown
    assert 'aria-label="Opens, clicks and visits by humans per day (UTC)"' in page.text
    assert "No channel" in shown
    assert "No asset" in shown
    for definition in DEFINITIONS.values():
        assert definition.text.replace("'", "&#39;") in page.text
    for name in ("report.csv", "report.html"):
        assert f'href="/app/reports/{campaign_id}/{name}"' in page.text


def test_a_share_of_people_in_messages_is_shown_for_one_letter_only(
    workspace: Workspace, client: FlaskClient, campaign_id: str
) -> None:
    with workspace.db.transaction() as session:
        story = Story(session)
        second = story.publication(find_campaign(session, campaign_id), story.asset("second"))
        story.delivery(second, story.contact())
    assert "People who opened 3 3 opens" in words(client.get(f"/app/reports/{campaign_id}").text)


def test_names_are_escaped_and_nothing_needs_a_laxer_policy(client: FlaskClient, campaign_id: str) -> None:
    page = client.get(f"/app/reports/{campaign_id}")
    assert EVIL not in page.text
    assert "Launch &lt;script&gt;" in page.text
    assert " style=" not in page.text
    assert "<style" not in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(("name", "kind"), [("report.csv", "text/csv"), ("report.html", "text/html")])
def test_files_are_downloads_and_never_pages_of_the_app(
    client: FlaskClient, campaign_id: str, name: str, kind: str
) -> None:
    answer = client.get(f"/app/reports/{campaign_id}/{name}")
    assert (answer.status_code, answer.mimetype) == (200, kind)
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=launch-script")
    assert "letter" in answer.text


def test_a_campaign_that_does_not_exist_is_not_found(client: FlaskClient) -> None:
    for path in ("nothing", "nothing/report.csv", "nothing/report.html"):
        assert client.get(f"/app/reports/{path}").status_code == 404


@pytest.mark.parametrize(("role", "status"), [("viewer", 200), ("approver", 200), ("rep", 403)])
def test_who_may_see_reports(app: Flask, campaign_id: str, role: str, status: int) -> None:
    client = signed_in(app, role)
    for path in ("", f"/{campaign_id}", f"/{campaign_id}/report.csv", f"/{campaign_id}/report.html"):
        assert client.get(f"/app/reports{path}").status_code == status


def test_strangers_are_sent_to_the_sign_in(app: Flask, campaign_id: str) -> None:
    for path in ("", f"/{campaign_id}", f"/{campaign_id}/report.csv"):
        assert app.test_client().get(f"/app/reports{path}").status_code == 303


def test_a_second_look_needs_no_write(
    workspace: Workspace, client: FlaskClient, campaign_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get("/app/reports")
    with workspace.db.open_transaction() as writer:
        writer.execute(text("SELECT 1"))  # holds the lock that writing needs
        assert client.get(f"/app/reports/{campaign_id}").status_code == 200


def test_what_happened_a_moment_ago_is_shown(
    workspace: Workspace, client: FlaskClient, campaign_id: str
) -> None:
    client.get(f"/app/reports/{campaign_id}")
    with workspace.db.transaction() as session:
        story = Story(session)
        story.happened("converted", campaign="launch-script-alert-1-script")
    assert "Conversions 2" in words(client.get(f"/app/reports/{campaign_id}").text)


class Panels:
    """A plugin with one good card and one whose template is missing."""

    @hookimpl
    def ui_panels(self, place: c.Place, subject: c.Subject | None) -> Iterable[c.Panel]:
        assert subject is not None
        assert (place, subject.kind) == (c.Place.REPORT, "campaign")
        return [
            c.Panel("Revenue of the campaign", "cms/_mark.html"),
            c.Panel("Broken", "no/such/template.html"),
        ]


def test_plugins_add_cards_and_a_broken_one_costs_itself_only(workspace: Workspace, campaign_id: str) -> None:
    opened = open_workspace(
        workspace.config, clock=workspace.db.clock, plugins=(), extra_plugins=[("cards", Panels())]
    )
    client = signed_in(app_of(opened), "viewer")
    page = client.get(f"/app/reports/{campaign_id}").text
    assert "Revenue of the campaign" in page
    assert "Broken" not in page
    assert [fault.plugin for fault in opened.plugins.faults] == ["cards"]
    opened.db.dispose()


def test_an_empty_workspace_says_what_comes_here(workspace: Workspace) -> None:
    with workspace.db.transaction() as session:
        create_user(session, "marketer@example.com", "M", Role.MARKETER, PASSWORD)
    page = signed_in(app_of(workspace), "marketer").get("/app/reports")
    assert "Nothing to report yet" in page.text
