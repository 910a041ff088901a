"""Pages of contacts as a browser without scripts meets them: the list, one person, and what they agreed to."""

import html
import re
from collections.abc import Callable

from sqlalchemy import select

from cms_core.audience import consent
from cms_core.audience.models import Contact
from cms_core.auth.models import AuditEntry, User
from cms_core.connections import service as connections
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.db import now
from cms_core.events.models import Event
from cms_core.events.service import NewEvent, record
from cms_core.publishing.models import Delivery, Publication
from cms_core.testing.client import FormClient
from cms_core.workspace import Workspace

from .rows import load, names, person


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
