"""The page to read what was sent: added by a plugin that is there in the demo only."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient

from cms_core.app import create_app
from cms_core.demo import home
from cms_core.demo.home import Account
from cms_core.testing.client import FormClient
from tests import serving

from .conftest import Past

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SignIn = Callable[[Account], FlaskClient]


@pytest.fixture
def sign_in(past: Past) -> SignIn:
    app = create_app(workspace=past.workspace)
    app.test_client_class = FormClient

    def signed_in(account: Account) -> FlaskClient:
        client = app.test_client()
        assert isinstance(client, FormClient)
        client.submit("/app/login", {"email": account.email, "password": home.PASSWORD})
        return client

    return signed_in


def test_the_newest_mails_are_listed_and_lead_to_each(past: Past, sign_in: SignIn) -> None:
    client = sign_in(home.MARKETER)
    newest = past.place.mailbox.since()[-1]
    page = client.get("/app/demo/mails").text
    assert f'href="/app/demo/mails/{newest.number}"' in page
    assert page.index(newest.recipient) > 0
    assert "Demo mails" in client.get("/app/calendar").text


def test_a_mail_is_shown_with_its_headers_links_and_text(past: Past, sign_in: SignIn) -> None:
    mail = past.place.mailbox.since()[0]
    page = sign_in(home.ADMIN).get(f"/app/demo/mails/{mail.number}").text
    assert mail.recipient in page
    assert mail.header("Message-ID").strip("<>") in page
    assert f'href="{mail.header("List-Unsubscribe").strip("<>")}"' in page
    assert f'<iframe class="frame" src="/app/demo/mails/{mail.number}/html"' in page
    assert " sandbox" in page


def test_html_of_a_mail_runs_nothing(past: Past, sign_in: SignIn) -> None:
    answer = sign_in(home.ADMIN).get("/app/demo/mails/1/html")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "Larkfield" in answer.text


@pytest.mark.browser
@pytest.mark.parametrize("width", [1440, 390])
def test_a_mail_fits_the_screen(past: Past, browser: "Browser", width: int) -> None:
    with serving.served(create_app(workspace=past.workspace)) as address:
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto(f"{address}/app/login?next=/app/demo/mails/1")
        page.fill("[name=email]", home.ADMIN.email)
        page.fill("[name=password]", home.PASSWORD)
        page.click("main button")
        page.wait_for_url(lambda url: "/login" not in url)
        main = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        heights = page.evaluate("[...document.querySelectorAll('dt')].map(each => each.clientHeight)")
        page.close()
    assert main[0] <= main[1]
    assert heights
    assert max(heights) < 60, "a name has two lines at most"


@pytest.mark.parametrize("path", ["", "/1", "/1/html"])
def test_only_who_may_see_contacts_reads_their_mails(sign_in: SignIn, path: str) -> None:
    assert sign_in(home.REP).get(f"/app/demo/mails{path}").status_code == 403


@pytest.mark.parametrize("number", [0, 999_999])
def test_a_mail_that_is_not_there_is_not_found(sign_in: SignIn, number: int) -> None:
    assert sign_in(home.ADMIN).get(f"/app/demo/mails/{number}").status_code == 404
