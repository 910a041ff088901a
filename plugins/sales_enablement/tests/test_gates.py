"""The doors of a link: who is asked for what, in which order, how long it is remembered, and what strangers can learn (nothing)."""

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select, update

from cms_core import Contact
from cms_core.workspace import Workspace
from cms_sales_enablement import decks, drawing, feedback, pictures, shares
from cms_sales_enablement.codes import PER
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.models import Share, ShareRule

from .doors import PASSWORD, WORDS, door, looks, mailing, verify


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    return mailing(workspace)


# --- the order --------------------------------------------------------------------------------------------------------


def end(desk: Any, made: shares.Made, how: str) -> None:
    if how == "revoked":
        shares.revoke(desk.services(), made.id)
    elif how == "expired":
        desk.clock.at += timedelta(days=2)
    elif how == "not approved":
        desk.archive("calm")
    elif how == "off the shelf":
        feedback.set_until(
            desk.services("marketer"), desk.services().asset("calm").id, desk.clock.at.date() - timedelta(1)
        )


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize("how", ["revoked", "expired", "not approved", "off the shelf"])
def test_what_ended_asks_nobody_for_anything_however_far_they_got(
    desk: Any, make: Any, new_reader: Any, how: str
) -> None:
    """Security rules 2 and 5: revoked, expired, not approved come before all doors; one answer to strangers for all of them."""
    doors = product(("", "email", "verified"), (None, PASSWORD))
    made = [(make(gate=gate, password=password, expires="1d"), gate, password) for gate, password in doors]
    readers = []
    for each, gate, password in made:
        steps = [*(["email"] if gate else []), *(["code"] if gate == "verified" else [])]
        steps += ["password"] if password else []
        for passed in range(len(steps) + 1):
            reader = new_reader()
            for step in steps[:passed]:
                if step == "email":
                    reader.post(each.url, email="ann@acme.test")
                elif step == "code":
                    reader.post(each.url, code=desk.codes("ann@acme.test")[-1])
                    desk.clock.at += PER / 60  # codes are counted by the hour and link
                else:
                    reader.post(each.url, password=PASSWORD)
            readers.append((each, reader))
    for each, *_ in made:
        end(desk, each, how)
    unknown = new_reader().get(made[0][0].url[:-3] + "~~~")
    for each, reader in readers:
        answer = reader.get(each.url)
        assert (answer.status_code, answer.text) == (404, unknown.text)
        for form in ({"email": "x@y.test"}, {"code": "123456"}, {"password": PASSWORD}):
            assert reader.post(each.url, **form).text == unknown.text
        assert reader.post(f"{each.url}/seen", view="x", n="1", ms="2000").text == unknown.text
    assert desk.codes("x@y.test") == []


@pytest.mark.parametrize(
    ("gate", "password", "doors"),
    [
        ("", None, ["open"]),
        ("", PASSWORD, ["password", "open"]),
        ("email", None, ["address", "open"]),
        ("email", PASSWORD, ["address", "password", "open"]),
        ("verified", None, ["address", "code", "open"]),
        ("verified", PASSWORD, ["address", "code", "password", "open"]),
    ],
)
def test_one_door_after_the_other_and_none_can_be_passed_by(
    desk: Any, make: Any, reader: Any, gate: str, password: str | None, doors: list[str]
) -> None:
    """Security rule 2: address, then password, then shown. What belongs to a later door is not even looked at."""
    made = make(gate=gate, password=password)
    keys: dict[str, Callable[[], dict[str, str]]] = {
        "address": lambda: {"email": "ann@acme.test"},
        "code": lambda: {"code": desk.codes("ann@acme.test")[-1]},
        "password": lambda: {"password": PASSWORD},
    }
    for at, now in enumerate(doors):
        shown = reader.get(made.url)
        assert door(shown) == now
        if now == "open":
            break
        assert "Title of the piece" not in shown.text
        assert looks(desk, made) == [], "what stands at a door has not looked"
        for later in doors[at + 1 : -1]:
            if later != "code" or desk.codes("ann@acme.test"):
                assert reader.post(made.url, **keys[later]()).status_code == 303
                assert door(reader.get(made.url)) == now
        assert reader.post(made.url, **keys[now]()).status_code == 303
    assert len(looks(desk, made)) == 1


# --- addresses as they are said ---------------------------------------------------------------------------------------


def test_an_address_that_is_only_said_is_marked_so_and_becomes_nobody(
    desk: Any, make: Any, reader: Any, as_role: Any
) -> None:
    """Security rule 11: addresses may be invented; they are marked, and no contact comes of one."""
    desk.services().upsert_contacts([Contact("", "known@acme.test")])
    made = make(gate="email")
    for address in ("Invented@Nowhere.test", "known@acme.test"):
        reader.post(made.url, email=address)
        reader.look(made.url, 3)
    first, second = reversed(looks(desk, made))
    assert (first["visitor"], first["email"], first["verified"]) == ("invented@nowhere.test",) * 2 + (False,)
    assert (second["visitor"], second["verified"], second["counted"]) == ("known@acme.test", False, True)
    assert {event.contact_id for event in desk.events()} == {None}
    assert desk.services().find_contact("invented@nowhere.test") is None
    page = as_role("rep").get(f"/app/p/sales_enablement/shares/{made.id}").text
    assert page.count("unverified") == 2


def test_whom_the_link_is_for_is_known_by_the_address_that_it_was_made_for(
    desk: Any, make: Any, reader: Any
) -> None:
    made = make(gate="email", contact="dana@acme.test")
    reader.post(made.url, email="dana@acme.test")
    reader.look(made.url, 3)
    reader.post(made.url, email="somebody@else.test")
    reader.look(made.url, 3)
    assert [event.contact_id is None for event in desk.events()] == [False, True]


@pytest.mark.parametrize("typed", ["", "nobody", "a@b", "x@y.test\0", "a@b.test, c@d.test", "@" * 400])
def test_what_is_no_address_is_said_beside_its_field(make: Any, reader: Any, typed: str) -> None:
    made = make(gate="email")
    answer = reader.post(made.url, email=typed)
    assert (answer.status_code, door(answer)) == (422, "address")
    assert 'aria-describedby="wrong"' in answer.text
    assert door(reader.get(made.url)) == "address"


# --- lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allow", "deny", "verdicts"),
    [
        ([], [], {"ann@acme.test": True}),
        (["@acme.test"], [], {"ann@acme.test": True, "ann@sub.acme.test": False, "x@acme.test.evil": False}),
        (["Ann@Acme.test"], [], {"ann@acme.test": True, "ben@acme.test": False}),
        (["@acme.test"], ["ben@acme.test"], {"ann@acme.test": True, "ben@acme.test": False}),
        (["ann@acme.test"], ["@ACME.test"], {"ann@acme.test": False}),
        ([], ["@acme.test"], {"ann@acme.test": False, "ann@other.test": True}),
    ],
)
def test_lists_say_who_may_and_deny_wins(
    desk: Any, make: Any, reader: Any, allow: list[str], deny: list[str], verdicts: dict[str, bool]
) -> None:
    made = make(gate="verified", allow=allow, deny=deny)
    for address, may in verdicts.items():
        assert verify(desk, reader, made.url, address).status_code == 303
        assert door(reader.get(made.url)) == ("open" if may else "refused"), address


def test_before_an_address_is_verified_nothing_tells_whether_it_is_known_or_allowed(
    desk: Any, make: Any, new_reader: Any
) -> None:
    """Security rule 5, at the gate: known, unknown, allowed and denied addresses get one and the same answer, and a code."""
    desk.services().upsert_contacts([Contact("", "known@acme.test")])
    made = make(gate="verified", allow=["@acme.test"], deny=["denied@acme.test"], contact="dana@acme.test")
    answers = set()
    for address in ("known@acme.test", "dana@acme.test", "denied@acme.test", "nobody@else.test"):
        reader = new_reader()
        typed = reader.post(made.url, email=address)
        page = reader.get(made.url)
        headers = sorted(name for name, _ in typed.headers if name != "X-Request-ID")
        answers.add((typed.status_code, str(headers), page.status_code, page.text.replace(address, "…")))
        assert len(desk.codes(address)) == 1
    assert len(answers) == 1


def test_who_is_not_let_in_may_give_another_address(desk: Any, make: Any, reader: Any) -> None:
    made = make(gate="email", allow=["@acme.test"])
    reader.post(made.url, email="ann@else.test")
    refused = reader.get(made.url)
    assert (refused.status_code, door(refused)) == (403, "refused")
    assert looks(desk, made) == []
    reader.post(made.url, email="ann@acme.test")
    assert door(reader.get(made.url)) == "open"


# --- what is remembered -----------------------------------------------------------------------------------------------


def change(desk: Any, made: shares.Made, **values: Any) -> None:
    with desk.workspace.db.transaction() as session:
        session.execute(update(Share).where(Share.public_id == made.id).values(**values))


def test_what_was_passed_is_remembered_for_this_link_in_this_browser_and_for_twelve_hours(
    desk: Any, make: Any, new_reader: Any
) -> None:
    """Security rule 3: success is a signed cookie of one link: HttpOnly, SameSite=Lax, its path, twelve hours."""
    made, other = make(gate="verified", password=PASSWORD), make(gate="verified", password=PASSWORD)
    reader = new_reader()
    cookie = verify(desk, reader, made.url, "ann@acme.test").headers["Set-Cookie"]
    token = made.url.rpartition("/")[2]
    for part in ("cms_d=", "HttpOnly", "SameSite=Lax", f"Path=/d/{token}", "Max-Age=43200"):
        assert part in cookie
    desk.clock.at += timedelta(hours=11)
    reader.post(made.url, password=PASSWORD)
    assert door(reader.get(made.url)) == "open"
    desk.clock.at += timedelta(hours=1)
    assert door(reader.get(made.url)) == "address", "the password does not make the address last longer"
    fresh = verify(desk, new_reader(), made.url, "ann@acme.test").headers["Set-Cookie"].partition(";")[0]
    thief = new_reader(use_cookies=False)
    assert door(thief.get(made.url, Cookie=fresh)) == "password"
    assert door(thief.get(other.url, Cookie=fresh)) == "address"
    for forged in (fresh[:-2] + "xx", "cms_d=e30.x", "cms_d="):
        assert door(thief.get(made.url, Cookie=forged)) == "address"


@pytest.mark.parametrize(
    "changed", [{"password_hash": "another"}, {"gate": "email"}, {"gate": "verified", "password_hash": "x"}]
)
def test_another_password_or_gate_closes_what_was_open(
    desk: Any, make: Any, reader: Any, changed: dict[str, str]
) -> None:
    """Security rule 3: the cookie is bound to the password's hash and the gate."""
    made = make(gate="verified")
    verify(desk, reader, made.url, "ann@acme.test")
    assert door(reader.get(made.url)) == "open"
    change(desk, made, **changed)
    assert door(reader.get(made.url)) == "address"


@pytest.mark.parametrize("denied", [False, True])
def test_other_lists_close_what_was_open_also_for_who_is_on_them(
    desk: Any, make: Any, reader: Any, denied: bool
) -> None:
    """Security rule 3: the cookie is bound to the lists too."""
    made = make(gate="verified", allow=["@acme.test"])
    verify(desk, reader, made.url, "ann@acme.test")
    assert door(reader.get(made.url)) == "open"
    with desk.services().transaction() as session:
        share = session.scalars(select(Share).where(Share.public_id == made.id)).one()
        session.add(ShareRule(share_id=share.id, denied=denied, what="ben@acme.test"))
    assert door(reader.get(made.url)) == "address"
    desk.clock.at += PER
    verify(desk, reader, made.url, "ann@acme.test")
    assert door(reader.get(made.url)) == "open"


def test_other_words_close_nothing(desk: Any, make: Any, reader: Any) -> None:
    """What a reader proved is about them, not about what is shown: a look that goes on is not cut off by a corrected word."""
    made = make(gate="verified", password=PASSWORD)
    verify(desk, reader, made.url, "ann@acme.test")
    reader.post(made.url, password=PASSWORD)
    view = reader.get(made.url).text.partition('data-view="')[2].partition('"')[0]
    desk.write("calm", f"{WORDS} Corrected.", title="Another title of it")
    told = {"view": view, "n": "1", "ms": "2000"}
    desk.clock.at += timedelta(seconds=3)
    assert reader.post(f"{made.url}/seen", **told).status_code == 204
    shown = reader.get(made.url)
    assert door(shown) == "open"
    assert "Corrected." in shown.text


def test_a_deck_that_is_changed_in_mid_view_goes_on(
    desk: Any, rep: Any, slides: Any, reader: Any, by_hand: Any
) -> None:
    deck = decks.make(rep, "pitch", Wanted(("256", "257")))
    made = desk.share(deck.public_id, gate="verified")
    verify(desk, reader, made.url, "ann@acme.test")
    view = reader.get(made.url).text.partition('data-view="')[2].partition('"')[0]
    decks.change(rep, deck.public_id, Wanted(("257", "258"), {"client": "Ann"}))
    pictures.ask_for(rep, deck.asset, slides, decks.find(rep, deck.public_id))
    while drawing.draw_next(rep):
        pass
    for slide, status in (("257", 200), ("258", 200), ("256", 404)):
        with reader.get(f"{made.url}/slides/{slide}/480?view={view}") as answer:
            assert answer.status_code == status
    assert "Slide 3" in reader.get(made.url).text


def test_messages_of_a_page_are_taken_from_who_passed_alone(
    desk: Any, make: Any, reader: Any, new_reader: Any
) -> None:
    """Security rules 3 and 12: the gate is asked again with each message."""
    made = make(gate="verified")
    verify(desk, reader, made.url, "ann@acme.test")
    view = reader.get(made.url).text.partition('data-view="')[2].partition('"')[0]
    desk.clock.at += timedelta(seconds=5)
    told = {"view": view, "n": "1", "ms": "4000"}
    assert new_reader().post(f"{made.url}/seen", **told).status_code == 404
    assert [look["counted"] for look in looks(desk, made)] == [False]
    assert reader.post(f"{made.url}/seen", **told).status_code == 204
    assert [look["counted"] for look in looks(desk, made)] == [True]
    change(desk, made, gate="email")
    assert reader.post(f"{made.url}/seen", **{**told, "n": "2"}).status_code == 404


def test_doors_are_neither_kept_nor_indexed_nor_told_and_run_nothing(make: Any, reader: Any) -> None:
    """Security rule 6, at the doors."""
    made = make(gate="verified", password=PASSWORD)
    answer = reader.get(made.url)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Content-Security-Policy" in answer.headers
    assert "<script" not in answer.text
    assert "style=" not in answer.text
