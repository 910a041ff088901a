"""S11: the addresses in mails: guessed, altered, exchanged, flooded, and followed by machines."""

import base64
import random

import pytest
from sqlalchemy import func, select

from cms_core.audience import consent
from cms_core.audience.models import Consent, Contact
from cms_core.events.models import Event

from .house import House

ANN, BOB = "ann@people.test", "bob@people.test"


def standing(house: House) -> dict[str, str]:
    """How everybody stands to e-mail."""
    with house.workspace.db.session() as session:
        at = house.workspace.db.clock.now()
        query = select(Contact.email, consent.standing(Contact.id, Contact.address_hash, "email", at))
        return {str(email): str(found) for email, found in session.execute(query)}


def count(house: House, table: type[Event] | type[Consent]) -> int:
    with house.workspace.db.session() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_no_guessed_token_is_anybodys(house: House) -> None:
    """Random ones, and every neighbour of a good one: another number, another bit, another spelling."""
    chance, before = random.Random(8), house.state()
    good = house.tokens()[ANN]
    raw = base64.urlsafe_b64decode(good)
    guesses = [base64.urlsafe_b64encode(chance.randbytes(21)).decode() for _ in range(300)]
    guesses += [base64.urlsafe_b64encode(n.to_bytes(8, "big") + raw[8:]).decode() for n in range(2, 60)]
    guesses += [
        base64.urlsafe_b64encode(raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]).decode()
        for at in range(21)
        for bit in range(8)
    ]
    guesses += [
        good[:-1],
        good + "A",
        good + "=",
        good.swapcase(),
        good.lower(),
        "1",
        "A" * 28,
        "é" * 28,
        good[::-1],
    ]
    client = house.client()
    for token in guesses:
        if token == good:
            continue
        assert client.post(f"/t/{token}/u").status_code == 404, token
    for token in guesses[::20]:
        for what in (".gif", "/1", "/h", "/u"):
            assert client.get(f"/t/{token}{what}").status_code == 404, token
    assert house.state() == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_at_the_address_unsubscribes_nobody(house: House, method: str) -> None:
    before, token = standing(house), house.tokens()[ANN]
    for what in ("/u", "/u?List-Unsubscribe=One-Click", ".gif", "/h", "/1"):
        for headers in ({}, {"X-HTTP-Method-Override": "POST"}, {"Sec-Purpose": "prefetch"}):
            house.client().open(f"/t/{token}{what}", method=method, headers=headers)
    assert standing(house) == before
    assert before[ANN] == before[BOB] == "yes"


def test_a_token_stands_for_one_person_and_a_flood_writes_nothing_twice(house: House) -> None:
    token, one_click = house.tokens()[ANN], {"List-Unsubscribe": "One-Click"}
    client = house.client()
    other = {"contact": "2", "email": BOB, "token": house.tokens()[BOB], "delivery_id": "2"}
    first = client.post(f"/t/{token}/u", data={**one_click, **other}, query_string=other)
    assert first.status_code == 200
    assert "Location" not in first.headers
    assert "Set-Cookie" not in first.headers
    after = standing(house)
    assert after[ANN] != "yes"
    assert after[BOB] == "yes"
    events, said = count(house, Event), count(house, Consent)
    for _ in range(200):
        assert client.post(f"/t/{token}/u", data=one_click).status_code == 200
    assert (count(house, Event), count(house, Consent)) == (events, said)
    assert (
        client.post(f"/t/{house.tokens()[BOB]}/u", data=one_click).status_code == 200
    )  # a flood shuts nobody out
    assert standing(house)[BOB] != "yes"


def test_a_link_leads_to_its_stored_target_and_to_no_other(house: House) -> None:
    token = house.tokens()[BOB]
    asked = dict.fromkeys(("u", "url", "next", "to", "target", "redirect", "n"), "https://evil.test")
    answer = house.client().get(f"/t/{token}/1", query_string=asked, headers={"Host": "evil.test"})
    assert answer.headers["Location"].startswith("https://www.acme.test/calm")
    assert "evil" not in answer.headers["Location"]
    assert answer.headers["Cache-Control"].startswith("no-store")
    for n in ("0", "2", "-1", "1.0", "1%2f..", "%31%00"):
        assert house.client().get(f"/t/{token}/{n}").status_code == 404, n


def test_a_page_of_strangers_is_in_no_frame_and_no_index(house: House) -> None:
    page = house.client().get(f"/t/{house.tokens()[BOB]}/u")
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert BOB not in page.text


def test_hits_of_a_machine_are_not_counted_as_a_person(house: House) -> None:
    before = count(house, Event)
    client = house.client()
    for _ in range(20):
        client.get(f"/t/{house.tokens()[BOB]}/h")
        client.get(f"/t/{house.tokens()[BOB]}.gif")
    with house.workspace.db.session() as session:
        latest = session.scalars(select(Event.agent_class).order_by(Event.id.desc()).limit(40)).all()
    assert count(house, Event) == before + 40
    assert "human" not in set(latest)
