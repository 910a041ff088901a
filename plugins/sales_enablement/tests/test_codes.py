"""Codes that are mailed to an address: their time, their tries, how many there are, and that nothing else tells them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cms_core import Contact
from cms_core.testing.pages import app_of
from cms_core.workspace import Workspace
from cms_sales_enablement import codes
from cms_sales_enablement.codes import LIFE, PER
from cms_sales_enablement.models import Code

from .conftest import path_of
from .doors import WORDS, door, looks, mailing, verify


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    return mailing(workspace)


def test_a_verified_address_is_who_looked(desk: Any, make: Any, new_reader: Any) -> None:
    desk.services().upsert_contacts([Contact("", "known@acme.test")])
    made = make(gate="verified", contact="dana@acme.test")
    for address in ("known@acme.test", "new@acme.test"):
        reader = new_reader()
        assert verify(desk, reader, made.url, address).status_code == 303
        reader.look(made.url, 3)
    first, second = reversed(looks(desk, made))
    assert (first["visitor"], first["verified"]) == ("known@acme.test", True)
    assert (second["visitor"], second["verified"]) == ("new@acme.test", True)
    known, new = (event.contact_id for event in desk.events())
    assert (known is None, new) == (False, None), "the contact who looked, not the one that it was made for"
    assert desk.services().find_contact("new@acme.test") is None


def test_a_code_is_good_for_ten_minutes(desk: Any, make: Any, reader: Any) -> None:
    made = make(gate="verified")
    reader.post(made.url, email="ann@acme.test")
    (code,) = desk.codes("ann@acme.test")
    desk.clock.at += LIFE
    assert reader.post(made.url, code=code).status_code == 401
    assert door(reader.get(made.url)) == "code"
    desk.clock.at -= timedelta(seconds=1)
    assert reader.post(made.url, code=f" {code[:3]} {code[3:]} ").status_code == 303, "spaces do not matter"
    assert door(reader.get(made.url)) == "open"


@pytest.mark.usefixtures("unlimited")
def test_a_code_is_good_for_five_tries_and_once(desk: Any, make: Any, reader: Any, new_reader: Any) -> None:
    made = make(gate="verified")

    def wrong_ones(count: int) -> str:
        reader.post(made.url, email="ann@acme.test")
        code: str = desk.codes("ann@acme.test")[-1]
        other = f"{(int(code) + 1) % 10**6:06}"
        for typed in ("", "abc", "12345", "１２３４５６"):
            assert reader.post(made.url, code=typed).status_code == 401, "no code at all is no try"
        assert [reader.post(made.url, code=other).status_code for _ in range(count)] == [401] * count
        return code

    assert reader.post(made.url, code=wrong_ones(5)).status_code == 401
    twin = new_reader()
    twin.post(made.url, email="ann@acme.test")
    code = wrong_ones(4)
    assert reader.post(made.url, code=code).status_code == 303
    assert twin.post(made.url, code=code).status_code == 401, "it was used"


@pytest.mark.usefixtures("unlimited")
def test_three_codes_an_hour_go_to_an_address_and_the_newest_counts(
    desk: Any, make: Any, reader: Any
) -> None:
    made, other = make(gate="verified"), make(gate="verified")
    answers = [reader.post(made.url, email="ann@acme.test") for _ in range(5)]
    assert {answer.status_code for answer in answers} == {303}
    first, second, third = desk.codes("ann@acme.test")
    for old in {first, second} - {third}:
        assert reader.post(made.url, code=old).status_code == 401
    reader.post(other.url, email="ann@acme.test")
    assert len(desk.codes("ann@acme.test")) == 4, "each link for itself"
    assert reader.post(other.url, code=third).status_code == (
        303 if third == desk.codes("ann@acme.test")[-1] else 401
    )
    desk.clock.at += PER
    reader.post(made.url, email="ann@acme.test")
    assert len(desk.codes("ann@acme.test")) == 5


@pytest.mark.usefixtures("unlimited")
def test_a_link_mails_sixty_codes_an_hour_in_all(desk: Any, make: Any, reader: Any) -> None:
    made = make(gate="verified")
    for number in range(62):
        assert reader.post(made.url, email=f"a{number}@acme.test").status_code == 303
    assert [bool(desk.codes(f"a{number}@acme.test")) for number in (58, 59, 60, 61)] == [True] * 2 + [
        False
    ] * 2


def test_addresses_typed_and_codes_tried_are_slowed_down(desk: Any, make: Any, reader: Any) -> None:
    """Security rule 4: with a limit of tries, also over many addresses of one link."""
    made = make(gate="verified")
    typed = [reader.post(made.url, email=f"a{number}@acme.test").status_code for number in range(12)]
    assert typed == [303] * 10 + [429] * 2
    tried = [reader.post(made.url, code="000000").status_code for _ in range(7)]
    assert tried == [401] * 5 + [429] * 2


def test_the_database_holds_no_code_and_forgets_after_an_hour(desk: Any, make: Any, reader: Any) -> None:
    made = make(gate="verified")
    reader.post(made.url, email="ann@acme.test")
    (code,) = desk.codes("ann@acme.test")
    svc = desk.services()
    with svc.session() as session:
        row = session.scalars(select(Code)).one()
    assert code not in repr(sorted(vars(row).items()))
    assert (row.expires_at - row.sent_at, len(row.code_hash)) == (LIFE, 64)

    class Context:
        services = svc

    codes.forget(Context())  # type: ignore[arg-type]
    with svc.session() as session:
        assert session.scalars(select(Code.id)).all() == [row.id]
    desk.clock.at += PER
    codes.forget(Context())  # type: ignore[arg-type]
    with svc.session() as session:
        assert session.scalars(select(Code.id)).all() == []


def test_a_mailed_code_tells_nothing_of_what_is_shared(desk: Any, make: Any, reader: Any) -> None:
    from cms_core.notices.models import Mail

    reader.post(make(gate="verified").url, email="ann@acme.test")
    with desk.workspace.db.session() as session:
        mail = session.scalars(select(Mail)).one()
    told = f"{mail.subject}\n{mail.body}".lower()
    assert mail.subject == "Your code", "it stays in the log of mails"
    assert not [word for word in ("title of the piece", "rep@", "calm", "/d/") if word in told]


def test_a_link_that_can_mail_no_code_says_so_to_everybody(desk: Any, make: Any, new_reader: Any) -> None:
    made = make()
    desk.services("admin").save_settings({"gate": "verified"})
    without = replace(desk.workspace, config=replace(desk.workspace.config, mail_url=""))
    answer = app_of(without).test_client().get(path_of(made.url))
    assert "Nobody can be let in now" in answer.text
    assert WORDS not in answer.text
