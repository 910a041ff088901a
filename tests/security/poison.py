"""Texts that want to run, and a house in which everything that anybody can write holds them."""

import json
import os
import re
from pathlib import Path

from cms_core import contract as c
from cms_core.audience import segments
from cms_core.audience.upsert import upsert_many
from cms_core.auth import service as auth
from cms_core.campaigns import service as campaigns
from cms_core.testing.fixtures import NOW

from .house import PASSWORD, House

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

# A link that leads nowhere, or a merge tag that is none, holds a page or mail back altogether.
HOLDS_BACK = re.compile(r"\{[{%#]|<a\b|\]\(", re.IGNORECASE)


def payloads() -> list[str]:
    """The built-in dozen, and DOMPurify's fixtures (xss/expect.json) where CMS_CONFORMANCE_DATA names their folder."""
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


def poison(house: House) -> dict[str, list[str]]:
    """Put payloads into every text that anybody can write; the addresses to look at, by kind."""
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
    house.write(
        "bad",
        approve=False,
        text="\n\n".join(texts[:60]),
        title=packed(texts, 480)[0],
        summary=packed(texts, 480)[1],
    )
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
