"""The doors of a room: its pieces are behind them, each time, and strangers learn nothing."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cms_core.audience.models import Contact as Row
from cms_core.workspace import Workspace
from cms_sales_enablement import (
    decks,
    documents,
    drawing,
    feedback,
    room_questions,
    room_steps,
    rooms,
    shares,
)
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.models import Slide, View
from cms_sales_enablement.terms import Terms

from .conftest import path_of
from .doors import PASSWORD, WORDS, mailing, verify
from .rooms import Kept, enter, keep, links_of, view_of, within


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    return mailing(workspace)


@pytest.fixture
def deck(desk: Any, slides: list[Slide]) -> str:
    return str(decks.make(desk.services(), "pitch", Wanted(subject="Acme")).public_id)


@pytest.fixture
def kept(desk: Any, deck: str) -> Kept:
    """An article and a deck."""
    desk.write("calm", WORDS, title="Title of the piece")
    return keep(desk, "calm", deck)


def token_of(url: str) -> str:
    return url.rpartition("/")[2]


# --- in and out -------------------------------------------------------------------------------------------------------


def test_a_room_shows_its_pieces_in_order_and_each_opens_inside(kept: Kept, reader: Any) -> None:
    url = kept.share()
    page = reader.get(url)
    assert page.status_code == 200
    assert "Acme and us" in page.text
    assert "Dear Dana,\nwelcome." in page.text
    article, deck = links_of(page)
    assert WORDS in reader.get(within(article)).text
    shown = reader.get(within(deck))
    assert shown.text.count("data-slide=") == 3
    assert "script-src 'nonce-" in shown.headers["Content-Security-Policy"]
    back = shown.text.partition('class="back" href="')[2].partition('"')[0].replace("&amp;", "&")
    again = reader.get(within(back))
    assert view_of(again) == view_of(page), "who comes back goes on with the look that they began"


@pytest.mark.parametrize("gates", [{"password": PASSWORD}, {"gate": "email"}, {"gate": "verified"}])
def test_nothing_of_a_room_is_shown_before_its_doors_are_passed(
    kept: Kept, reader: Any, new_reader: Any, gates: dict[str, str]
) -> None:
    """Security rules 2, 3: pieces, pictures, files and messages are asked of the doors of the room."""
    url = kept.share(**gates)
    inside = new_reader()
    if "password" in gates:
        inside.post(url, password=PASSWORD)
    elif gates["gate"] == "email":
        inside.post(url, email="ann@acme.test")
    else:
        verify(kept.desk, inside, url, "ann@acme.test")
    article, deck = links_of(inside.get(url))
    view = view_of(inside.get(within(deck)))
    item = deck.partition("?")[0]
    for address in (article, deck, f"/d/{token_of(url)}/nothing"):
        answer = reader.get(within(address))
        assert (answer.status_code, answer.headers["Location"]) == (303, path_of(url)), address
    for path in ("/slides/256/480", "/file/pptx"):
        assert reader.get(within(f"{item}{path}?view={view}")).status_code == 404
    assert reader.post(within(f"{item}/seen"), view=view, n="1", ms="1000").status_code == 404
    for post in ("questions", "steps/x"):
        answer = reader.post(f"{url}/{post}", view=view_of(inside.get(url)), words="Who?")
        assert (answer.status_code, answer.headers.get("Location")) == (303, path_of(url))
    door = reader.get(url)
    assert "Acme" not in door.text
    assert WORDS not in door.text
    assert not room_questions.listed(kept.desk.services(), [kept.room])[kept.room.id]


def ended(kept: Kept, how: str) -> str:
    """A link with a look under way, that shows nothing any more."""
    desk = kept.desk
    svc = desk.services()
    url: str = kept.share(expires="2d")
    if how == "expired":
        desk.clock.at += timedelta(days=3)
    elif how == "revoked":
        shares.revoke(svc, kept.links[-1].id)
    elif how == "closed":
        rooms.close(svc, kept.id)
    else:
        url = f"{svc.base_url}/d/{'x' * 32}"
    return url


@pytest.mark.parametrize("how", ["unknown", "expired", "revoked", "closed"])
def test_what_is_unknown_ended_taken_back_or_closed_is_one_and_the_same(
    kept: Kept, reader: Any, how: str
) -> None:
    """Security rule 5."""
    nothing = reader.get("http://x/d/nothing")
    url = ended(kept, how)
    item = kept.items[0].public_id
    for address in ("", f"/{item}", f"/{item}/slides/256/480", f"/{item}/file/pptx", "/nothing"):
        answer = reader.get(url + address)
        assert (answer.status_code, answer.text) == (404, nothing.text), address
    for address in ("/seen", f"/{item}/seen", "/questions", "/steps/x", ""):
        answer = reader.post(url + address, view="x", words="Who?", email="a@b.test")
        assert (answer.status_code, answer.text) == (404, nothing.text), address


@pytest.mark.parametrize("how", ["expired", "revoked", "closed", "removed", "piece revoked"])
def test_an_end_holds_at_once_for_who_has_a_piece_open(
    kept: Kept, reader: Any, by_hand: list[list[str]], how: str
) -> None:
    """Security rule 3: also for the pictures of its slides."""
    svc = kept.desk.services()
    url = kept.share(expires="1d")
    reader.get(url)
    enter(reader, url, 1)
    while drawing.draw_next(svc):
        pass
    page = enter(reader, url, 1)
    picture = page.text.partition('<img src="')[2].partition('"')[0].replace("&amp;", "&")
    with reader.get(within(picture)) as shown:
        assert (shown.status_code, shown.mimetype) == (200, "image/webp")
    if how == "expired":
        kept.desk.clock.at += timedelta(hours=25)
    elif how == "revoked":
        shares.revoke(svc, kept.links[-1].id)
    elif how == "closed":
        rooms.close(svc, kept.id)
    elif how == "removed":
        rooms.change_items(svc, kept.id, remove=[kept.items[1].public_id])
    else:
        shares.revoke(svc, kept.items[1].public_id)
    assert reader.get(within(picture)).status_code == 404


def test_a_piece_is_reached_by_its_own_room_alone(kept: Kept, desk: Any, reader: Any) -> None:
    other = keep(desk, "calm", name="Another")
    url, elsewhere = kept.share(), other.share()
    visit = view_of(reader.get(elsewhere))
    item = kept.items[0].public_id
    assert reader.get(f"{elsewhere}/{item}?view={visit}").status_code == 404
    seen = view_of(enter(reader, url, 1))
    deck = kept.items[1].public_id
    assert reader.get(f"{url}/{deck}/file/pptx?view={seen}").status_code == 404, "its file is not given"
    assert reader.post(f"{url}/{deck}/seen", view=seen, n="1", ms="1000").status_code == 204
    assert reader.post(f"{elsewhere}/{deck}/seen", view=seen, n="2", ms="1100").status_code == 404
    assert reader.post(f"{url}/{item}/seen", view=seen, n="2", ms="1100").status_code == 204
    (look,) = documents.link_with_views(desk.services(), kept.items[1])["views"]
    assert look["seconds"] == 1, "a message to another piece says nothing of this one"


def test_a_piece_has_no_address_of_its_own(kept: Kept, desk: Any, reader: Any) -> None:
    """Security rule 1: nobody was ever told its token, and its id opens nothing."""
    url = kept.share()
    for share in kept.items:
        assert reader.get(f"http://x/d/{share.public_id}").status_code == 404
    link = shares.find(desk.services(), kept.links[0].id)
    assert reader.get(f"http://x/d/{link.public_id}").status_code == 404
    assert reader.get(f"{url}/{link.public_id}").status_code == 404
    assert [each.public_id for each in shares.listed(desk.services())] == [link.public_id]


def test_a_piece_that_may_not_be_shown_any_more_leaves_the_room(kept: Kept, desk: Any, reader: Any) -> None:
    url = kept.share()
    article, _ = links_of(reader.get(url))
    feedback.set_until(desk.services("marketer"), kept.items[0].asset, desk.clock.now().date() - timedelta(1))
    assert reader.get(within(article)).status_code == 404
    assert len(links_of(reader.get(url))) == 1
    desk.archive("pitch")
    page = reader.get(url)
    assert (page.status_code, links_of(page)) == (200, [])
    assert "Nothing yet." in page.text


def test_an_old_address_of_a_piece_leads_to_the_room(
    kept: Kept, desk: Any, reader: Any, new_reader: Any
) -> None:
    url = kept.share()
    article, _ = links_of(reader.get(url))
    for address in (article.partition("?")[0], f"{article[:-4]}zzzz"):
        answer = reader.get(within(address))
        assert (answer.status_code, answer.headers["Location"]) == (303, path_of(url))
    other = new_reader(agent="Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0")
    assert other.get(within(article)).status_code == 303, "the look is that of another browser"
    desk.clock.at += timedelta(hours=5)
    assert reader.get(within(article)).status_code == 303


# --- looks ------------------------------------------------------------------------------------------------------------


def test_a_visit_is_one_look_whatever_is_opened_in_it(
    kept: Kept, desk: Any, reader: Any, new_reader: Any
) -> None:
    """Security rule 10: the last of the looks goes on, with all pieces; nobody else comes in."""
    url = kept.share(max_views=1)
    page = reader.get(url)
    desk.clock.at += timedelta(seconds=3)
    told = {"view": view_of(page), "n": "1", "ms": "2000"}
    assert reader.post(f"{url}/seen", **told).status_code == 204
    for address in links_of(page):
        assert reader.get(within(address)).status_code == 200
    assert reader.get(f"{url}?view={view_of(page)}").status_code == 200
    assert reader.get(url).status_code == 404
    stranger = new_reader(agent="Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0")
    assert stranger.get(f"{url}?view={view_of(page)}").status_code == 404
    assert [
        share["view_count"] for share in documents.links(desk.services(), shares.listed(desk.services()))
    ] == [1]


def test_time_goes_on_where_it_was_when_somebody_comes_back(kept: Kept, desk: Any, reader: Any) -> None:
    url = kept.share()
    view = view_of(reader.get(url))
    desk.clock.at += timedelta(seconds=5)
    reader.post(f"{url}/seen", view=view, n="3", ms="4000")
    page = reader.get(f"{url}?view={view}").text
    assert ('data-told="3"' in page, 'data-in-sight="4000"' in page) == (True, True)


def test_looks_at_pieces_are_told_with_who_came_by_which_link(kept: Kept, desk: Any, reader: Any) -> None:
    url = kept.share(contact="dana@acme.test")
    enter(reader, url, 1, seconds=4)
    dana = desk.services().find_contact("dana@acme.test")
    (event,) = desk.events()
    assert event.props["share"] == kept.items[1].public_id
    with desk.workspace.db.session() as session:
        assert session.get(Row, event.contact_id).public_id == dana.id
        room, piece = session.scalars(select(View).order_by(View.id)).all()
    assert (piece.visit, room.visit) == (room.public_id, "")


def test_own_people_and_machines_are_told_apart_inside_too(kept: Kept, desk: Any, new_reader: Any) -> None:
    url = kept.share()
    enter(new_reader(agent="Mimecast"), url, 0, seconds=3)
    with desk.workspace.db.session() as session:
        assert {each.counted for each in session.scalars(select(View))} == {False}


def test_what_is_fetched_in_advance_is_no_look_and_opens_nothing(kept: Kept, desk: Any, reader: Any) -> None:
    """Security rule 7."""
    url = kept.share()
    early = reader.get(url, Sec_Purpose="prefetch")
    assert early.status_code == 200
    assert reader.get(within(links_of(early)[0])).status_code == 303
    assert reader.get(url, method="HEAD").status_code == 200
    with desk.workspace.db.session() as session:
        assert session.scalars(select(View)).all() == []


# --- what is written from outside -------------------------------------------------------------------------------------


def test_they_tick_what_is_theirs_and_nothing_else(kept: Kept, desk: Any, reader: Any) -> None:
    svc = desk.services()
    mine = room_steps.add(svc, kept.id, "Send the offer")
    theirs = room_steps.add(svc, kept.id, "Ask the works council", "them", desk.clock.now().date())
    other = keep(desk, name="Another")
    strange = room_steps.add(svc, other.id, "Elsewhere", "them")
    url = kept.share(gate="email")
    reader.post(url, email="ann@acme.test")
    view = view_of(reader.get(url))
    done = reader.post(f"{url}/steps/{theirs.public_id}", view=view, done="1")
    assert (done.status_code, done.headers["Location"]) == (303, f"{path_of(url)}?view={view}#next")
    for step in (mine, strange):
        assert reader.post(f"{url}/steps/{step.public_id}", view=view, done="1").status_code == 404
    found = {each.what: each for each in room_steps.listed(svc, [kept.room])[kept.room.id]}
    ticked = found["Ask the works council"]
    assert (ticked.done_by, ticked.verified, found["Send the offer"].done_at) == (
        "ann@acme.test",
        False,
        None,
    )
    assert "ann@acme.test" not in reader.get(url).text
    reader.post(f"{url}/steps/{theirs.public_id}", view=view, done="0")
    assert room_steps.listed(svc, [kept.room])[kept.room.id][0].done_at is None


def test_a_question_is_asked_seen_answered_and_read(
    kept: Kept, desk: Any, reader: Any, new_reader: Any
) -> None:
    url = kept.share(gate="verified")
    verify(desk, reader, url, "ann@acme.test")
    view, about = view_of(reader.get(url)), kept.items[1].public_id
    words = "Is <b>SSO</b> in it?\nhttps://evil.test"
    sent = reader.post(f"{url}/questions", view=view, words=words, about=about)
    assert sent.headers["Location"] == f"{path_of(url)}?view={view}#questions"
    svc = desk.services()
    (asked,) = room_questions.listed(svc, [kept.room])[kept.room.id]
    assert (asked.asked_by, asked.verified, asked.share_id) == ("ann@acme.test", True, kept.items[1].id)
    page = reader.get(f"{url}?view={view}").text
    assert "Is &lt;b&gt;SSO&lt;/b&gt; in it?" in page
    assert 'href="https://evil' not in page
    assert "about Pitch for Acme" in page
    room_questions.answer(svc, kept.id, asked.public_id, "It is.")
    colleague = new_reader()
    verify(desk, colleague, url, "ben@acme.test")
    seen = colleague.get(url).text
    assert "It is." in seen
    assert "ann@acme.test" not in seen, "who asked is nobody else's business"


@pytest.mark.parametrize("words", ["", "   ", "\0", "x" * 2_001])
def test_words_that_are_none_are_said_beside_their_field(kept: Kept, reader: Any, words: str) -> None:
    url = kept.share()
    view = view_of(reader.get(url))
    answer = reader.post(f"{url}/questions", view=view, words=words, about="nothing")
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert words.strip("\0 ") in answer.text


def test_a_look_of_long_ago_writes_nothing_and_loses_no_words(kept: Kept, desk: Any, reader: Any) -> None:
    url = kept.share()
    view = view_of(reader.get(url))
    desk.clock.at += timedelta(hours=5)
    for said in (view, "", "made up"):
        answer = reader.post(f"{url}/questions", view=said, words="Still there?")
        assert answer.status_code == 422
        assert "Still there?" in answer.text
    assert not room_questions.listed(desk.services(), [kept.room])[kept.room.id]
    again = reader.post(f"{url}/questions", view=view_of(answer), words="Still there?")
    assert again.status_code == 303


def test_there_are_limits_to_asking(kept: Kept, reader: Any) -> None:
    url = kept.share()
    view = view_of(reader.get(url))
    answers = [reader.post(f"{url}/questions", view=view, words=f"{n}?").status_code for n in range(8)]
    assert answers == [303] * 6 + [429] * 2


@pytest.mark.usefixtures("unlimited")
def test_a_room_takes_so_many_questions_and_no_more(
    kept: Kept, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_questions, "MOST", 2)
    url = kept.share()
    view = view_of(reader.get(url))
    codes = [reader.post(f"{url}/questions", view=view, words="Why?").status_code for _ in range(3)]
    assert codes == [303, 303, 422]


def test_the_page_of_a_room_shows_first_slides_small_and_gives_nothing_more(
    kept: Kept, reader: Any, by_hand: list[list[str]]
) -> None:
    """Security rule 3: who has the room open has not opened the piece; what they read there would not be told."""
    svc, url = kept.desk.services(), kept.share()
    assert "data-picture" in reader.get(url).text
    while drawing.draw_next(svc):
        pass
    page = reader.get(url)
    cover = page.text.partition('<img src="')[2].partition('"')[0].replace("&amp;", "&")
    with reader.get(within(cover)) as shown:
        assert (shown.status_code, shown.mimetype) == (200, "image/webp")
    for other in (cover.replace("/480", "/1600"), cover.replace("/256/", "/257/")):
        assert reader.get(within(other)).status_code == 404
    rooms.change_items(svc, kept.id, add=[kept.items[1].deck], given=Terms(download=True))
    item = kept.items[2].public_id
    assert reader.get(f"{url}/{item}/file/pptx?view={view_of(page)}").status_code == 404
    shares.revoke(svc, kept.links[0].id)
    assert reader.get(within(cover)).status_code == 404


def test_a_piece_with_a_watermark_has_no_picture_in_its_room(
    kept: Kept, reader: Any, by_hand: list[list[str]]
) -> None:
    svc = kept.desk.services()
    deck = kept.items[1].deck
    rooms.change_items(
        svc, kept.id, add=[deck], remove=[kept.items[1].public_id], given=Terms(watermark=True)
    )
    url = kept.share(contact="dana@acme.test")
    enter(reader, url, 1)
    while drawing.draw_next(svc):
        pass
    page = reader.get(url).text
    assert "<img" not in page
    assert "Slide 1" not in page
