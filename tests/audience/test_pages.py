"""Pages of people and segments as a browser without scripts meets them."""

import html
import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from cms_core import models
from cms_core.audience import consent, contacts, segments
from cms_core.audience.imports import import_contacts
from cms_core.audience.models import Contact
from cms_core.auth.models import AuditEntry, User
from cms_core.clock import FrozenClock
from cms_core.config import Config
from cms_core.connections import service as connections
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.db import now
from cms_core.events.models import Event
from cms_core.events.service import NewEvent, record
from cms_core.publishing.models import Delivery, Publication
from cms_core.testing.client import FormClient
from cms_core.testing.pages import add_people, app_of, harm_in, signed_in, statements
from cms_core.workspace import Workspace, open_workspace

NAUGHTY = "<script>alert('ä')</script>\"><img src=x onerror=alert(1)>{{7*7}}"
MOST_STATEMENTS = 12
CSV = (
    "E-Mail;Vorname;last_name;company;country;consent;Lead Score\n"
    "ann@a.example;Ann;Lee;Brightwell;FR;yes;91\n"
    "bob@b.example;Bob;Ray;Elmside;DE;no;7\n"
    "not an address;X;Y;;;yes;\n"
)


@pytest.fixture
def workspace(config: Config, clock: FrozenClock) -> Iterator[Workspace]:
    opened = open_workspace(config, clock=clock)
    models.metadata.create_all(opened.db.engine)
    yield opened
    opened.db.dispose()


@pytest.fixture
def people(workspace: Workspace) -> dict[str, User]:
    return add_people(workspace)


@pytest.fixture
def as_role(workspace: Workspace, people: dict[str, User]) -> Callable[[str], FormClient]:
    app = app_of(workspace)
    return lambda role: signed_in(app, role)


@pytest.fixture
def marketer(as_role: Callable[[str], FormClient]) -> FormClient:
    return as_role("marketer")


def load(
    workspace: Workspace, rows: str, header: str = "email,first_name,last_name,company,country,consent"
) -> None:
    with workspace.db.transaction() as session:
        import_contacts(session, f"{header}\n{rows}".encode(), name="people.csv")


def person(workspace: Workspace, email: str) -> Contact:
    with workspace.db.session() as session:
        found = contacts.find_or_none(session, email)
        assert found is not None
        return found


def names(page: str) -> list[str]:
    return [
        html.unescape(each) for each in re.findall(r'<td><a href="/app/contacts/[^"]+"><b>([^<]*)</b>', page)
    ]


# --- contacts -------------------------------------------------------------------------------------------------------------


def test_contacts_are_searched_and_read_page_by_page(marketer: FormClient, workspace: Workspace) -> None:
    load(workspace, "".join(f"p{n}@x.example,Person,{n},Brightwell {n % 2},FR,yes\n" for n in range(53)))
    first = marketer.get("/app/contacts").text
    assert "53 in all" in first
    following = re.search(r'href="([^"]+before=[^"]+)"', first)
    assert following
    second = marketer.get(html.unescape(following[1])).text
    assert names(first) + names(second) == [f"Person {n}" for n in reversed(range(53))]
    assert names(marketer.get("/app/contacts?q=person+p52").text) == ["Person 52"]
    assert names(marketer.get("/app/contacts?q=brightwell+1+p51@").text) == ["Person 51"]
    assert marketer.get(f"/app/contacts?before={10**30}").status_code == 200
    assert "Nobody fits" in marketer.get("/app/contacts?q=%25").text


def test_the_page_of_a_contact_tells_what_is_known_and_what_happened(
    marketer: FormClient, workspace: Workspace, people: dict[str, User]
) -> None:
    load(
        workspace, "ann@a.example,Ann,Lee,Brightwell,FR,yes,91\n",
        "email,first_name,last_name,company,country,consent,Lead Score",
    )  # fmt: skip
    ann = person(workspace, "ann@a.example")
    with workspace.db.transaction() as session:
        draft = Draft(kind="email", title="News", body={"text": "Hi"}, slug="news")
        revision = content.save(session, workspace.plugins, None, draft, people["marketer"])
        settings = {"host": "127.0.0.1", "from_address": "us@a.example", "postal_address": "Street 1"}
        account = connections.add(session, workspace.vault, workspace.plugins, "email", "main", settings)
        publication = Publication(
            asset_id=revision.asset_id, revision_id=revision.id, content_hash=revision.content_hash, channel="email",
            connection_id=account.id, due_at=now(session), created_at=now(session),
        )  # fmt: skip
        session.add(publication)
        session.flush()
        session.add(
            Delivery(
                publication_id=publication.id, contact_id=ann.id, address="ann@a.example", address_hash="x",
                state="accepted", settled_at=now(session), reason="250 ok",
            )
        )  # fmt: skip
        hit = NewEvent("clicked", now(session), "test", "1", contact_id=ann.id, url="https://a.example/x")
        record(session, [hit])
    page = marketer.get(f"/app/contacts/{ann.public_id}").text
    for words in (
        "Ann Lee",
        "Brightwell",
        "Lead Score",
        "91",
        "Granted",
        "Accepted",
        "news",
        "Clicked",
        "a.example/x",
    ):
        assert words in page


def test_somebody_is_unsubscribed_with_a_reason_and_stays_so(
    as_role: Callable[[str], FormClient], marketer: FormClient, workspace: Workspace
) -> None:
    load(workspace, "ann@a.example,Ann,Lee,,FR,yes\n")
    ann = person(workspace, "ann@a.example")
    url = f"/app/contacts/{ann.public_id}"
    answer = marketer.submit(f"{url}/unsubscribe", {"reason": "  "}, url)
    assert answer.status_code == 422
    assert "reason is missing" in answer.text
    for _ in range(2):
        assert marketer.submit(f"{url}/unsubscribe", {"reason": "By <phone>"}, "/app/me").status_code == 303
    page = marketer.get(url).text
    assert "Unsubscribed" in page
    assert "By &lt;phone&gt;" in page
    assert f'action="{url}/unsubscribe"' not in page

    load(workspace, "ann@a.example,Ann,Lee,,FR,yes\n")
    with workspace.db.session() as session:
        assert not session.scalar(
            select(consent.may_address(Contact.id, "email")).where(Contact.id == ann.id)
        )
        assert [each.props["reason"] for each in session.scalars(select(Event))] == ["By <phone>"]
        actions = session.scalars(select(AuditEntry.action)).all()
        assert actions.count("unsubscribe") == 1
    assert as_role("approver").submit(f"{url}/unsubscribe", {"reason": "x"}, "/app/me").status_code == 403


# --- import ---------------------------------------------------------------------------------------------------------------


def upload(client: FormClient, data: bytes, **more: str) -> TestResponse:
    token = client.token("/app/contacts/import")
    fields: dict[str, Any] = {
        "csrf_token": token,
        "file": (io.BytesIO(data), "people.csv"),
        "do": "check",
        **more,
    }
    return client.post("/app/contacts/import", data=fields)


def test_a_file_is_looked_at_mapped_and_then_imported(marketer: FormClient, workspace: Workspace) -> None:
    page = upload(marketer, CSV.encode()).text
    assert "nothing is saved yet" in page
    assert "Import 2 people" in page
    assert "not an address" in page
    assert re.search(r'name="map-0".*?<option value="email" selected>', page, re.DOTALL)
    assert 'value="lead_score" selected' in page
    with workspace.db.session() as session:
        assert session.scalars(select(Contact)).all() == []

    kept = re.search(r'name="kept" value="([0-9a-f]+)"', page)
    assert kept
    assert page.count('<option value="-">Nowhere: leave it out</option>') == page.count('name="map-')
    data = {"kept": kept[1], "name": "people.csv", "map-1": "first_name", "do": "check"}
    assert 'value="first_name" selected' in marketer.submit("/app/contacts/import", data).text
    assert marketer.submit("/app/contacts/import", {**data, "do": "save"}).status_code == 303
    ann = person(workspace, "ann@a.example")
    assert (ann.first_name, ann.extra, ann.source) == ("Ann", {"lead_score": "91"}, "import people.csv")
    answer = marketer.submit("/app/contacts/import", data)
    assert answer.status_code == 404
    assert "is gone" in answer.text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"name,town\nAnn,Paris\n", "no column of e-mail addresses"),
        (b"PK\x03\x04zip", "Excel or zip"),
        (b'email\n"a@b.example\n', "never closed"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(
    marketer: FormClient, data: bytes, words: str
) -> None:
    answer = upload(marketer, data)
    assert answer.status_code == 422
    assert words in answer.text
    assert "no file was chosen" in marketer.submit("/app/contacts/import", {"do": "save"}).text.lower()


def test_what_was_uploaded_is_nobody_elses(
    as_role: Callable[[str], FormClient], marketer: FormClient
) -> None:
    kept = re.search(r'name="kept" value="([0-9a-f]+)"', upload(marketer, CSV.encode()).text)
    assert kept
    admin = as_role("admin")
    assert admin.submit("/app/contacts/import", {"kept": kept[1], "do": "save"}).status_code == 404
    assert admin.submit("/app/contacts/import", {"kept": "../../cms.toml", "do": "save"}).status_code == 404


# --- segments -------------------------------------------------------------------------------------------------------------


def test_a_rule_is_counted_while_it_is_written_and_then_saved(
    marketer: FormClient, workspace: Workspace
) -> None:
    load(workspace, "".join(f"p{n}@x.example,Person,{n},,{'FR' if n % 2 else 'DE'},yes\n" for n in range(9)))
    rule = 'country = "FR"'
    answer = marketer.submit("/app/segments/count", {"rule": rule}, "/app/segments/new")
    assert '<p class="figure">4</p>' in answer.text
    assert answer.text.count("Person") == 4
    shown = marketer.submit("/app/segments/new", {"name": "French", "rule": rule, "do": "count"})
    assert 'value="French"' in shown.text
    assert '<p class="figure">4</p>' in shown.text

    answer = marketer.submit("/app/segments/new", {"name": "French", "rule": rule, "do": "save"})
    url = answer.headers["Location"]
    marketer.submit(
        "/app/segments/new", {"name": "Not French", "rule": 'not in segment "French"', "do": "save"}
    )
    listed = marketer.get("/app/segments").text
    assert re.findall(r'<td class="n">(\d+)</td>', listed) == ["4", "5"]
    assert names(marketer.get(f"/app/contacts?segment={url.rsplit('/', 1)[1]}").text) == [
        "Person 7", "Person 5", "Person 3", "Person 1",
    ]  # fmt: skip

    data = {"rule": 'country = "DE"', "row_version": "1", "do": "save"}
    assert marketer.submit(url, data).status_code == 303
    assert marketer.submit(url, {**data, "rule": 'country = "IT"'}).status_code == 409
    with workspace.db.session() as session:
        assert segments.find(session, "French").rule == 'country = "DE"'


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('country = "FR" und', "column 16"),
        ('contry = "FR"', "did you mean country?"),
        ("country = 'FR'", "double quotes"),
        ("", "the rule is empty"),
        ('in segment "<b>"', "there is no segment &#39;&lt;b&gt;&#39;"),
    ],
)
def test_a_rule_that_is_wrong_is_told_with_its_place(marketer: FormClient, rule: str, words: str) -> None:
    counted = marketer.submit("/app/segments/count", {"rule": rule}, "/app/segments/new")
    assert counted.status_code == 200
    saved = marketer.submit("/app/segments/new", {"name": "X", "rule": rule, "do": "save"})
    assert saved.status_code == 422
    for page in (counted.text, saved.text):
        assert words.casefold() in page.casefold()
        assert page.casefold().count(words.casefold()) == 1


def test_a_segment_whose_rule_does_not_hold_any_more_is_listed_as_such(
    marketer: FormClient, workspace: Workspace
) -> None:
    with workspace.db.transaction() as session:
        segments.create(session, "A", 'country = "FR"').rule = 'gone = "1"'
        segments.create_static(session, "B", [])
    page = marketer.get("/app/segments").text
    assert "the rule does not hold any more" in page
    assert '<td class="n">0</td>' in page
    links = re.findall(r'<td><a href="(/app/segments/[^"]+)"', page)
    assert "unknown field gone" in marketer.get(links[0]).text.lower()
    static = marketer.get(links[1])
    assert "chosen one by one" in static.text
    assert "<textarea" not in static.text
    assert marketer.submit(
        links[1], {"rule": 'country = "FR"', "row_version": "1"}, "/app/me"
    ).status_code in (409, 422)


# --- all pages ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def addresses(workspace: Workspace) -> dict[str, str]:
    cells = NAUGHTY.replace('"', '""')
    load(workspace, f'ann@a.example,"{cells}","{cells}","{cells}","{cells}",yes\n')
    load(workspace, f'ann@a.example,"{cells}"\n', "email,Own <field>")
    with workspace.db.transaction() as session:
        for n in range(30):
            segments.create(session, f"{NAUGHTY} {n}", 'country != "" and own_field != ""')
        group = segments.create(session, "0 all", 'country != ""')
    ann = person(workspace, "ann@a.example").public_id
    return {
        "list": "/app/contacts",
        "narrowed": f"/app/contacts?segment={group.public_id}&q=ann",
        "contact": f"/app/contacts/{ann}",
        "import": "/app/contacts/import",
        "segments": "/app/segments",
        "segment": f"/app/segments/{group.public_id}",
        "new": "/app/segments/new",
    }


@pytest.mark.parametrize("which", ["list", "narrowed", "contact", "import", "segments", "segment", "new"])
def test_pages_escape_everything_and_ask_little_of_the_database(
    as_role: Callable[[str], FormClient], workspace: Workspace, addresses: dict[str, str], which: str
) -> None:
    admin = as_role("admin")
    answer = admin.get(addresses[which])
    assert answer.status_code == 200
    assert harm_in(answer.text) == []
    assert which in ("import", "new") or "&lt;script&gt;" in answer.text
    with statements(workspace.db.engine) as counter:
        admin.get(addresses[which])
    assert next(counter) <= MOST_STATEMENTS


@pytest.mark.parametrize("role", ["approver", "rep", "viewer"])
def test_people_are_nobody_elses_business(
    as_role: Callable[[str], FormClient], addresses: dict[str, str], role: str
) -> None:
    client = as_role(role)
    assert {client.get(url).status_code for url in addresses.values()} == {403}
    for url in ("/app/segments/count", "/app/segments/new", "/app/contacts/import"):
        assert client.submit(url, {}, "/app/me").status_code == 403
