"""What strangers and colleagues write runs nowhere: a real Chromium looks at every page."""

import csv
import io
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from cms_core.audience import consent
from cms_core.audience.models import Contact
from tests import serving

from .house import PASSWORD, House
from .poison import HOLDS_BACK, payloads, poison
from .watched import Watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def poisoned(house: House) -> dict[str, list[str]]:
    """The addresses to look at, by kind, in a house that is full of payloads."""
    return poison(house)


@pytest.fixture(scope="module")
def served(house: House) -> Iterator[str]:
    with serving.served(house.app) as address:
        yield address


@pytest.fixture
def watched(browser: "Browser", served: str) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield Watched(context.new_page(), served)
    context.close()


def sign_in(watched: Watched) -> None:
    watched.page.goto(f"{watched.base}/app/login")
    watched.page.fill("[name=email]", "admin@acme.test")
    watched.page.fill("[name=password]", PASSWORD)
    watched.page.press("[name=password]", "Enter")
    watched.page.wait_for_url("**/app/calendar**")


def test_the_wires_would_tell(watched: Watched) -> None:
    """A test that cannot fail holds nothing: a page without our headers trips every wire."""
    watched.page.route(
        f"{watched.base}/bare",
        lambda route: route.fulfill(
            content_type="text/html",
            headers={"Content-Security-Policy": "img-src 'none'"},
            body="<img src=/x><img src=https://evil.test/y><script>alert(1); fetch('https://evil.test/z')</script>",
        ),
    )
    watched.look("/bare")
    watched.page.wait_for_timeout(100)
    assert watched.fired == ["alert"]
    assert watched.violations
    assert watched.strayed == ["fetch https://evil.test/z"]


def test_nothing_runs_in_the_app(house: House, poisoned: dict[str, list[str]], watched: Watched) -> None:
    sign_in(watched)
    shown = 0
    for address in poisoned["app"]:
        shown += "alert" in watched.look(address)
        assert watched.fired == [], address
    assert shown > len(poisoned["app"]) * 0.7  # the payloads were there, as words
    previews = {
        found
        for address in poisoned["app"]
        for found in re.findall(
            r"/app/content/preview/[0-9a-f]{40}", house.signed_in("admin").get(address).text
        )
    }
    assert len(previews) >= 2
    for address in [*previews, *poisoned["files"]]:  # as if opened from a disk, where no header protects
        watched.look_bare(house.signed_in("admin").get(address).text)
        assert watched.fired == [], address
    assert [each for each in watched.strayed if not each.startswith("image ")] == []
    assert [each for each in watched.violations if not each.startswith("img-src ")] == []


def test_nothing_runs_on_the_public_site(
    house: House, poisoned: dict[str, list[str]], watched: Watched
) -> None:
    for address in poisoned["site"]:
        watched.look(address)
        watched.look_bare(house.client().get(address, headers={"Host": "www.acme.test"}).text)
        assert watched.fired == [], address
    assert [each for each in watched.strayed if not each.startswith("image ")] == []
    assert [each for each in watched.violations if not each.startswith(("img-src ", "media-src "))] == []


def test_nothing_runs_in_a_mail(house: House, poisoned: dict[str, list[str]], watched: Watched) -> None:
    """Words of an author and names of recipients, in mail programs that protect nobody."""
    assert poisoned
    with house.workspace.db.transaction() as session:
        everybody = session.scalars(select(Contact.id)).all()
        consent.grant(session, everybody, "email", basis="asked", source="test", evidence={})
    words = [text for text in payloads() if not HOLDS_BACK.search(text)]
    house.write(
        "badmail", "\n\n".join(["Dear {{ contact.first_name }}", *words[:120]]), kind="email", title="x"
    )
    before = len(house.mail.received)
    house.publish("badmail", "email", "news", "", "Everybody")
    mails = house.mail.received[before:]
    assert len(mails) > 5
    for mail in mails[:12]:
        html = message_from_bytes(mail.data, policy=default).get_body(("html",))
        assert html is not None
        watched.look_bare(html.get_content())
        assert watched.fired == [], mail.recipients
    assert [each for each in watched.strayed if not each.startswith("image ")] == []


def test_an_import_shows_its_faults_and_runs_nothing(
    poisoned: dict[str, list[str]], watched: Watched
) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    texts = payloads()
    writer.writerow(["email", "first_name", texts[0], texts[1]])
    writer.writerows([text, text, text, text] for text in texts)
    sign_in(watched)
    for address in ("/app/contacts/import", "/app/calendar/import"):
        watched.page.goto(watched.base + address)
        name = "<img src=x onerror=alert(1)>.csv"
        watched.page.set_input_files(
            "input[type=file]", {"name": name, "mimeType": "text/csv", "buffer": out.getvalue().encode()}
        )
        with watched.page.expect_navigation():
            watched.page.click("main form[enctype] button >> nth=0")
        assert watched.fired == [], address
    assert watched.strayed == []
    assert watched.violations == []
