"""S3, P13: what strangers and colleagues write runs nowhere; a real Chromium looks at every page, with wires to trip over.

With CMS_CONFORMANCE_DATA the payloads are DOMPurify's fixtures as well (its folder xss/expect.json); a dozen are always there.
"""

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from cms_core import contract as c
from cms_core.audience import consent, segments
from cms_core.audience.models import Contact
from cms_core.audience.upsert import upsert_many
from cms_core.auth import service as auth
from cms_core.campaigns import service as campaigns
from cms_core.testing.fixtures import NOW
from tests import serving

from .house import PASSWORD, House

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

pytestmark = pytest.mark.browser

BUILT_IN = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    '<svg><a xlink:href="javascript:alert(1)"><text y=20>x</text></a></svg>',
    '<a href="javascript:alert(1)">x</a> [x](javascript:alert(1))',
    '<iframe srcdoc="<script>parent.alert(1)</script>"></iframe>',
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "</title></style></textarea></script><script>alert(1)</script>",
    "<details open ontoggle=alert(1)>x</details><video><source onerror=alert(1)></video>",
    '<base href="https://evil.test/"><meta http-equiv=refresh content="0;url=javascript:alert(1)">',
    "{{constructor.constructor('alert(1)')()}} ${alert(1)} <!--<img src=\"--><img src=x onerror=alert(1)//\">",
    '<div hx-get="/app/me" hx-on:load="alert(1)" data-hx-on:click="alert(1)" hx-trigger=load>x</div>',
)
TRIPWIRE = """
window.__fired = [];
for (const name of ['alert', 'print', 'prompt', 'confirm']) window[name] = (...a) => { window.__fired.push(name); tripped(name); };
document.addEventListener('securitypolicyviolation', e => policy(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample));
"""


def payloads() -> list[str]:
    """The built-in dozen, and DOMPurify's fixtures where they are."""
    found = list(BUILT_IN)
    folder = os.environ.get("CMS_CONFORMANCE_DATA")
    if folder:
        cases = json.loads(Path(folder, "xss", "expect.json").read_text(encoding="utf-8"))
        found += [case["payload"] for case in cases]
    return [re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]", "", each) for each in found]


def packed(texts: list[str], most: int) -> list[str]:
    """Texts in as few lines as possible, none longer than ``most``; a longer text stands alone, cut."""
    lines: list[str] = []
    for text in texts:
        one = " ".join(text.split())[:most]
        if lines and len(lines[-1]) + len(one) + 1 <= most:
            lines[-1] += " " + one
        else:
            lines.append(one)
    return lines


class Watched:
    """A page whose tripwires report here."""

    def __init__(self, page: "Page", base: str) -> None:
        self.page, self.base = page, base
        self.fired: list[str] = []
        self.violations: list[str] = []
        self.strayed: list[str] = []
        page.expose_function("tripped", self._trip)
        page.expose_function("policy", self._violate)
        page.add_init_script(TRIPWIRE)
        page.on("dialog", self._dismiss)
        page.route("**/*", self._route)

    def _trip(self, what: str) -> None:
        self.fired.append(what)

    def _dismiss(self, dialog: "Dialog") -> None:
        self.fired.append("dialog")
        dialog.dismiss()

    def _violate(self, what: str) -> None:
        self.violations.append(what)

    def _route(self, route: Any) -> None:
        if route.request.url.startswith((self.base, "data:", "about:", "blob:")):
            route.continue_()
        else:
            self.strayed.append(f"{route.request.resource_type} {route.request.url}")
            route.abort()

    def look(self, address: str) -> str:
        """Open an address, poke everything in it that reacts, and return its source."""
        self.page.goto(self.base + address, wait_until="load")
        return self._poke()

    def look_bare(self, html: str) -> str:
        """Look at a document without any header that protects it: what it holds must be harmless by itself."""
        self.page.goto("about:blank")
        self.page.set_content(html, wait_until="load")
        return self._poke()

    def _poke(self) -> str:
        self.page.evaluate(
            """() => { for (const e of document.querySelectorAll('details')) e.open = true;
                 for (const e of document.querySelectorAll('main a, main svg, main details, main img'))
                   for (const kind of ['mouseover', 'focus', 'toggle', 'error']) e.dispatchEvent(new Event(kind)); }"""
        )
        return self.page.content()


@pytest.fixture(scope="module")
def poisoned(house: House) -> dict[str, list[str]]:
    """A house in which every text that anybody can write holds payloads; the addresses to look at, by kind."""
    texts = payloads()
    app = [
        "/app/content",
        "/app/content?view=table",
        "/app/campaigns",
        "/app/contacts",
        "/app/segments",
        "/app/audit",
    ]
    files: list[str] = []
    chunks = ["\n\n".join(texts[n : n + 20]) for n in range(0, len(texts), 20)]
    titles, tags = packed(texts, 480), packed([t.replace(",", " ") for t in texts], 78)
    for n, body in enumerate(chunks):
        house.write(
            f"p{n}",
            body,
            title=titles[n % len(titles)],
            summary=titles[-1 - n % len(titles)],
            tags=tags[n * 20 : n * 20 + 20],
            persona=tags[n][:70],
            funnel_stage=tags[n][:39],
            kind="article",
            approve=False,
        )
        app += [f"/app/content/p{n}", f"/app/content/p{n}/edit"]
    _poison_people(house, texts)
    with house.workspace.db.transaction() as session:
        for n, line in enumerate(packed(texts, 195)):
            found = campaigns.create_campaign(
                session, f"{n} {line}"[:200], NOW.date(), NOW.date(), "UTC", goal=line
            )
            if n < 4:
                app += [f"/app/campaigns/{found.public_id}", f"/app/reports/{found.public_id}"]
                files.append(f"/app/reports/{found.public_id}/report.html")
            if n < 30:
                segments.create(session, f"{n} {line}"[:100], f'company != "{n}"')
    rule = house.ids["segment"]
    app += [
        f"/app/segments/{rule}",
        f"/app/contacts/{house.ids['contact']}",
        "/app/calendar?month=2026-05",
        "/app/users",
        "/app/reports",
    ]
    _poison_public(house, texts)
    app += [f"/app/publications/{house.ids['page']}", "/app/p/seo/", "/app/publications"]
    app += ["/app/content/badpage", "/app/content/badpage/edit"]
    site = [
        "/",
        "/calm",
        "/badpage",
        "/nothing/<img src=x onerror=alert(1)>",
        f"/t/{house.tokens()['ann@people.test']}/u",
    ]
    return {"app": app, "site": site, "files": files}


# A link that leads nowhere, or a merge tag that is none, holds a page or mail back altogether.
HOLDS_BACK = re.compile(r"\{[{%#]|<a\b|\]\(", re.IGNORECASE)


def _poison_people(house: House, texts: list[str]) -> None:
    people = [
        c.Contact(
            id="",
            email=f"x{n}@people.test",
            first_name=line,
            last_name=line,
            company=line,
            fields={"note": line},
        )
        for n, line in enumerate(packed(texts, 190))
    ]
    with house.workspace.db.transaction() as session:
        upsert_many(session, people, source="test")
    with house.workspace.db.transaction() as session:
        for n, line in enumerate(packed(texts, 190)[:20]):
            auth.create_user(session, f"u{n}@acme.test", line, "viewer", PASSWORD)


def _poison_public(house: House, texts: list[str]) -> None:
    """A published page, and visits whose every header is a payload."""
    house.write("bad", "\n\n".join(texts[:60]), title=packed(texts, 480)[0], summary=packed(texts, 480)[1])
    sound = [text for text in texts if not HOLDS_BACK.search(text)]
    house.write(
        "badpage", "\n\n".join(sound[:60]), title=packed(sound, 480)[0], summary=packed(sound, 480)[1]
    )
    house.publish("badpage", "site", "www", "Launch")
    assert house.client().get("/badpage", headers={"Host": "www.acme.test"}).status_code == 200
    visitor = house.client()
    for text in texts:
        one = " ".join(text.split()).encode("ascii", "replace").decode()[:400]
        headers = {"Host": "www.acme.test", "Referer": f"https://{one}/", "User-Agent": one}
        visitor.get(
            "/calm", query_string={"utm_source": one, "utm_term": one, "utm_campaign": one}, headers=headers
        )


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
