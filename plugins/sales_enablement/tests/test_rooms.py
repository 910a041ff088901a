"""What a room holds, whose it is, and what may be done with it."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select

from cms_core import Company, Contact
from cms_core.auth.models import AuditEntry
from cms_core.errors import Forbidden, Invalid, NotFound
from cms_core.notices.models import Notice
from cms_core.testing.pages import statements
from cms_core.workspace import Workspace
from cms_sales_enablement import (
    decks,
    documents,
    panels,
    room_looks,
    room_questions,
    room_steps,
    rooms,
    shares,
    usage,
    values,
)
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.models import Share, Slide
from cms_sales_enablement.ordering import moved
from cms_sales_enablement.room_models import Room, RoomItem, RoomQuestion, RoomStep
from cms_sales_enablement.terms import Terms

from .doors import mailing, verify
from .rooms import Kept, enter, keep, view_of


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    return mailing(workspace)


@pytest.fixture
def deck(desk: Any, slides: list[Slide]) -> str:
    return str(decks.make(desk.services(), "pitch", Wanted(subject="Acme")).public_id)


@pytest.fixture
def kept(desk: Any, deck: str) -> Kept:
    desk.write("calm")
    return keep(desk, "calm", deck)


def titles(kept: Kept) -> list[str]:
    return [each.title for each in kept.items]


# --- making and changing ----------------------------------------------------------------------------------------------


def test_a_room_is_for_a_company_or_a_deal(desk: Any, kept: Kept) -> None:
    company = desk.services().find_company("Acme")
    assert (kept.room.subject, kept.room.company, kept.room.deal) == ("Acme", company.id, None)
    assert titles(kept) == ["On calm", "Pitch for Acme"]
    with pytest.raises(Invalid) as nobody:
        rooms.make(desk.services(), rooms.Wanted("For nobody", " "))
    assert nobody.value.field == "for"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"welcome": "x" * 4_001}, "welcome"),
        ({"pieces": ("calm", "nothing")}, "items"),
        ({"pieces": ("calm",) * 51}, "items"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(desk: Any, change: dict[str, Any], field: str) -> None:
    desk.write("calm")
    with pytest.raises(Invalid) as refused:
        rooms.make(desk.services(), rooms.Wanted(**{"name": "Ours", "subject": "New company", **change}))
    assert refused.value.field == field
    assert desk.services().find_company("New company") is None
    with desk.workspace.db.session() as session:
        assert session.scalar(select(func.count()).select_from(Room)) == 0
        assert session.scalar(select(func.count()).select_from(Share)) == 0


def test_a_presentation_is_put_in_as_a_deck_of_all_its_slides(desk: Any, slides: list[Slide]) -> None:
    (piece,) = keep(desk, "pitch").items
    assert piece.deck is not None
    assert len(decks.find(desk.services(), piece.deck).slides) == 3


def test_it_is_filled_for_whom_the_room_is(desk: Any, slides: list[Slide]) -> None:
    found = keep(desk, "pitch")
    (piece,) = found.items
    assert piece.deck is not None
    made = decks.find(desk.services(), piece.deck)
    assert (made.company, made.name) == (found.room.company, f"Pitch for {found.room.subject}")
    assert values.restored(made.values)["company.name"].value == found.room.subject


def test_shared_with_somebody_it_is_filled_for_them(desk: Any, slides: list[Slide]) -> None:
    svc = desk.services()
    svc.upsert_company(Company("", "Acme", "acme.test"))
    svc.upsert_contacts([Contact("", "dana@acme.test", company="Acme")])
    for address, company in (("dana@acme.test", "Acme"), ("new@elsewhere.test", None)):
        share = shares.find(svc, desk.share("pitch", contact=address).id)
        assert share.deck is not None
        made = decks.find(svc, share.deck)
        known = {name: each.value for name, each in values.restored(made.values).items()}
        assert (made.contact, made.deal, known.get("company.name")) == (share.contact, None, company)
        assert known["contact.email"] == address
    assert svc.find_company("new@elsewhere.test") is None, "an address is no company"


def test_an_address_tells_a_rep_no_more_of_its_person_than_itself(desk: Any, slides: list[Slide]) -> None:
    svc = desk.services()
    svc.upsert_company(Company("", "Elsewhere", "elsewhere.test"))
    svc.upsert_contacts([Contact("", "dana@acme.test", first_name="Dana", company="Elsewhere")])
    for role, company, name in (("rep", None, None), ("marketer", "Elsewhere", "Dana")):
        made = decks.make(desk.services(role), "pitch", Wanted(subject="dana@acme.test"))
        known = {field: each.value for field, each in values.restored(made.values).items()}
        assert (known.get("company.name"), known.get("contact.first_name")) == (company, name)
        assert known["contact.email"] == "dana@acme.test"


def test_another_name_is_that_of_its_links_too(desk: Any, kept: Kept) -> None:
    kept.share()
    rooms.change(desk.services(), kept.id, name=" Brightwell  and us ")
    found = rooms.find(desk.services(), kept.id)
    assert (found.name, found.welcome) == ("Brightwell and us", "Dear Dana,\nwelcome.")
    assert [each.title for each in shares.listed(desk.services())] == ["Brightwell and us"]
    assert titles(kept) == ["On calm", "Pitch for Acme"]


def test_a_closed_room_is_changed_no_more(desk: Any, kept: Kept) -> None:
    svc = desk.services()
    step = room_steps.add(svc, kept.id, "Meet")
    closed = rooms.close(svc, kept.id).closed_at
    desk.clock.at += timedelta(hours=1)
    assert rooms.close(svc, kept.id).closed_at == closed
    for change in (
        lambda: rooms.change(svc, kept.id, "x"),
        lambda: rooms.share(svc, kept.id, {}),
        lambda: rooms.change_items(svc, kept.id, remove=[kept.items[0].public_id]),
        lambda: room_steps.add(svc, kept.id, "x"),
        lambda: room_steps.change(svc, kept.id, step.public_id, {"done": True}),
    ):
        with pytest.raises(Invalid, match="closed"):
            change()
    assert titles(kept) == ["On calm", "Pitch for Acme"]


def test_a_room_is_opened_again_with_its_links(desk: Any, kept: Kept, reader: Any) -> None:
    svc, url = desk.services(), kept.share()
    rooms.close(svc, kept.id)
    assert reader.get(url).status_code == 404
    assert [rooms.reopen(svc, kept.id).closed_at for _ in range(2)] == [None, None]
    assert reader.get(url).status_code == 200
    rooms.change(svc, kept.id, "Acme anew")
    shares.revoke(svc, kept.links[0].id)
    rooms.close(svc, kept.id)
    rooms.reopen(svc, kept.id)
    assert reader.get(url).status_code == 404, "what was taken back stays so"


# --- whose it is ------------------------------------------------------------------------------------------------------


def test_a_rep_reaches_no_other_reps_room(desk: Any, kept: Kept, deck: str) -> None:
    theirs = rooms.make(desk.services("marketer"), rooms.Wanted("Theirs", "Acme"))
    rep, marketer = desk.services(), desk.services("marketer")
    for reach in (
        lambda: rooms.find(rep, theirs.public_id),
        lambda: rooms.change(rep, theirs.public_id, "Mine"),
        lambda: rooms.close(rep, theirs.public_id),
        lambda: rooms.reopen(rep, theirs.public_id),
        lambda: rooms.share(rep, theirs.public_id, {}),
        lambda: rooms.change_items(rep, theirs.public_id, add=["calm"]),
        lambda: room_steps.add(rep, theirs.public_id, "x"),
        lambda: room_questions.answer(rep, theirs.public_id, "x", "y"),
    ):
        with pytest.raises(NotFound):
            reach()
    assert [each.name for each in rooms.listed(rep)] == ["Acme and us"]
    assert [each.name for each in rooms.listed(marketer)] == ["Theirs", "Acme and us"]
    assert rooms.find(marketer, kept.id).name == "Acme and us"
    for viewer in (rooms.listed, lambda svc: rooms.find(svc, kept.id)):
        with pytest.raises(Forbidden):
            viewer(desk.services("viewer"))


def test_a_step_or_question_is_reached_by_its_own_room(desk: Any, kept: Kept, reader: Any) -> None:
    svc, other = desk.services(), keep(desk, name="Another")
    step = room_steps.add(svc, kept.id, "Meet")
    url = kept.share()
    reader.post(f"{url}/questions", view=view_of(reader.get(url)), words="When?")
    (question,) = room_questions.listed(svc, [kept.room])[kept.room.id]
    for reach in (
        lambda: room_steps.change(svc, other.id, step.public_id, {"done": True}),
        lambda: room_steps.remove(svc, other.id, step.public_id),
        lambda: room_questions.answer(svc, other.id, question.public_id, "Now."),
        lambda: room_questions.remove(svc, other.id, question.public_id),
    ):
        with pytest.raises(NotFound):
            reach()


def test_others_decks_cannot_be_put_in(desk: Any, kept: Kept) -> None:
    theirs = decks.make(desk.services("marketer"), "pitch", Wanted()).public_id
    with pytest.raises(Invalid):
        rooms.change_items(desk.services(), kept.id, add=[theirs])


# --- the order of pieces ----------------------------------------------------------------------------------------------


def test_pieces_are_added_moved_and_taken_out_at_once_or_not_at_all(desk: Any, kept: Kept) -> None:
    svc = desk.services()
    for slug in ("one", "two"):
        desk.write(slug, title=slug)
    first, second = (each.public_id for each in kept.items)
    rooms.change_items(svc, kept.id, add=["one", "two"], order=[second, first])
    assert titles(kept) == ["Pitch for Acme", "On calm", "one", "two"]
    for wrong in (
        {"add": ["one", "nothing"], "remove": [first]},
        {"remove": [first, "strange"]},
        {"order": [first, second]},
        {"order": [first, first, second, "x"], "add": ["one"]},
    ):
        with pytest.raises(Invalid):
            rooms.change_items(svc, kept.id, **wrong)
        assert titles(kept) == ["Pitch for Acme", "On calm", "one", "two"]
    rooms.change_items(svc, kept.id, remove=[second])
    assert titles(kept) == ["On calm", "one", "two"]
    with desk.workspace.db.session() as session:
        assert session.scalars(select(RoomItem.position).order_by(RoomItem.position)).all() == [0, 1, 2]


def test_a_room_holds_so_many_pieces_and_no_more(
    desk: Any, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "MOST", 2)
    svc, first = desk.services(), kept.items[0].public_id
    with pytest.raises(Invalid, match="2 pieces at most"):
        rooms.change_items(svc, kept.id, add=["calm"])
    rooms.change_items(svc, kept.id, add=["calm"], remove=[first])
    assert titles(kept) == ["Pitch for Acme", "On calm"]


moves = st.lists(st.tuples(st.sampled_from(["up", "down"]), st.integers(0, 9)), max_size=12)


@given(st.lists(st.integers(0, 9), unique=True, max_size=10), moves)
def test_buttons_keep_all_pieces_and_move_one_by_one_place(numbers: list[int], steps: Any) -> None:
    order = [str(each) for each in numbers]
    for way, which in steps:
        after = moved(order, f"{way}:{which}")
        assert sorted(after) == sorted(order)
        assert [each for each in after if each != str(which)] == [
            each for each in order if each != str(which)
        ]
        if str(which) in order:
            step = 1 if way == "down" else -1
            assert after.index(str(which)) == max(0, min(len(order) - 1, order.index(str(which)) + step))
        order = after


@given(st.permutations("abcdef"), st.sets(st.sampled_from("abcdefx")), st.booleans(), st.randoms())
def test_what_stays_is_in_the_order_that_was_said_or_in_that_of_before(
    now: list[str], remove: set[str], says: bool, random: Any
) -> None:
    stay = [each for each in now if each not in remove]
    order = random.sample(stay, len(stay)) if says else []
    if "x" in remove:
        with pytest.raises(Invalid):
            rooms.arranged(now, remove, order)
        return
    assert rooms.arranged(now, remove, order) == (order or stay)
    for wrong in ([*stay, "x"], [*stay, *stay[:1]] if stay else ["x"], stay[1:]):
        if wrong and sorted(wrong) != sorted(stay):
            with pytest.raises(Invalid):
                rooms.arranged(now, remove, wrong)


# --- what is given ----------------------------------------------------------------------------------------------------


def test_a_download_is_that_of_one_piece(desk: Any, kept: Kept, deck: str, reader: Any) -> None:
    rooms.change_items(desk.services(), kept.id, add=[deck], given=Terms(download=True))
    url = kept.share()
    for at, says in ((1, False), (2, True)):
        page = enter(reader, url, at)
        assert ("Download as PowerPoint" in page.text) is says
        item = kept.items[at].public_id
        with reader.get(f"{url}/{item}/file/pptx?view={view_of(page)}") as file:
            assert (file.status_code == 200) is says
    assert next(iter(room_looks.of(desk.services(), kept.room))).view.downloaded
    assert len(desk.events("share_downloaded")) == 1
    with pytest.raises(Invalid) as refused:
        rooms.change_items(desk.services(), kept.id, add=["calm"], given=Terms(download=True))
    assert refused.value.field == "download"


def test_a_watermark_shows_the_address_of_the_rooms_gate(
    desk: Any, kept: Kept, deck: str, reader: Any, by_hand: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cms_sales_enablement import drawing, watermarks

    drawn: list[str] = []
    monkeypatch.setattr(watermarks, "drawn", lambda path, address: drawn.append(address) or b"picture")
    svc = desk.services()
    kept.share()
    with pytest.raises(Invalid, match="knows none") as refused:
        rooms.change_items(svc, kept.id, add=[deck], given=Terms(watermark=True))
    assert refused.value.field == "watermark"
    shares.revoke(svc, kept.links[0].id)
    rooms.change_items(svc, kept.id, add=[deck], given=Terms(watermark=True))
    with pytest.raises(Invalid) as nameless:
        kept.share()
    assert nameless.value.field == "gate"
    url = kept.share(gate="email")
    reader.post(url, email="ann@acme.test")
    enter(reader, url, 2)
    while drawing.draw_next(svc):
        pass
    page = enter(reader, url, 2).text
    assert "Dear Acme" not in page
    picture = page.partition('<img src="')[2].partition('"')[0].replace("&amp;", "&")
    assert reader.get(f"http://x{picture}").data == b"picture"
    named = kept.share(contact="dana@acme.test")
    picture = enter(reader, named, 2).text.partition('<img src="')[2].partition('"')[0].replace("&amp;", "&")
    assert reader.get(f"http://x{picture}").status_code == 200
    assert drawn == ["ann@acme.test", "dana@acme.test"]


# --- steps ------------------------------------------------------------------------------------------------------------


def test_steps_stand_by_day_and_are_done_and_undone(desk: Any, kept: Kept) -> None:
    svc, today = desk.services(), desk.clock.now().date()
    room_steps.add(svc, kept.id, "Some day")
    late = room_steps.add(svc, kept.id, "Sign", "them", today + timedelta(9))
    room_steps.add(svc, kept.id, " Meet \n again ", "us", today + timedelta(2))
    assert [each.what for each in room_steps.listed(svc, [kept.room])[kept.room.id]] == [
        "Meet again",
        "Sign",
        "Some day",
    ]
    done = room_steps.change(svc, kept.id, late.public_id, {"done": True})
    first = done.done_at
    assert (done.done_by, done.verified) == ("Rep", True)
    desk.clock.at += timedelta(hours=1)
    assert room_steps.change(svc, kept.id, late.public_id, {"done": True}).done_at == first
    undone = room_steps.change(svc, kept.id, late.public_id, {"done": False, "due": None, "who": "us"})
    assert (undone.done_at, undone.done_by, undone.due, undone.who) == (None, "", None, "us")
    room_steps.remove(svc, kept.id, late.public_id)
    with pytest.raises(NotFound):
        room_steps.remove(svc, kept.id, late.public_id)


@pytest.mark.parametrize(
    ("said", "field"), [({"what": " "}, "what"), ({"what": "x" * 301}, "what"), ({"who": "me"}, "who")]
)
def test_a_step_that_is_none_is_refused(desk: Any, kept: Kept, said: dict[str, str], field: str) -> None:
    svc = desk.services()
    step = room_steps.add(svc, kept.id, "Meet")
    for change in (
        lambda: room_steps.add(svc, kept.id, **{"what": "x", **said}),
        lambda: room_steps.change(svc, kept.id, step.public_id, {"due": date(2026, 1, 1), **said}),
    ):
        with pytest.raises(Invalid) as refused:
            change()
        assert refused.value.field == field
    (left,) = room_steps.listed(svc, [kept.room])[kept.room.id]
    assert (left.what, left.due) == ("Meet", None)


def test_a_list_has_so_many_steps_and_no_more(desk: Any, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_steps, "MOST", 1)
    room_steps.add(desk.services(), kept.id, "Meet")
    with pytest.raises(Invalid):
        room_steps.add(desk.services(), kept.id, "Meet again")


# --- what the rep is told ---------------------------------------------------------------------------------------------


def notices(desk: Any) -> list[tuple[str, str, bool]]:
    with desk.workspace.db.session() as session:
        rows = session.scalars(select(Notice).order_by(Notice.id))
        return [(each.title, each.path, each.resolved_at is None) for each in rows]


def test_the_rep_hears_of_the_first_look_and_of_each_question(desk: Any, kept: Kept, reader: Any) -> None:
    url = kept.share(contact="dana@acme.test")
    page = reader.look(url, 3)
    enter(reader, url, 1, seconds=3)
    at = f"{rooms.AT}/{kept.id}"
    assert notices(desk) == [("dana@acme.test looks at Acme and us", at, True)], "not of each piece"
    reader.post(f"{url}/questions", view=view_of(page), words="When?")
    assert notices(desk)[1:] == [("dana@acme.test asks in Acme and us", f"{at}#questions", True)]
    svc = desk.services()
    (question,) = room_questions.listed(svc, [kept.room])[kept.room.id]
    with pytest.raises(Invalid):
        room_questions.answer(svc, kept.id, question.public_id, " ")
    room_questions.answer(svc, kept.id, question.public_id, "Now.")
    assert [each[2] for each in notices(desk)] == [True, False]
    room_questions.answer(svc, kept.id, question.public_id, "Tomorrow.")
    (question,) = room_questions.listed(svc, [kept.room])[kept.room.id]
    assert (question.answer, question.answered_by) == ("Tomorrow.", "Rep")


def test_looks_are_told_with_who_what_and_how_long(desk: Any, kept: Kept, reader: Any) -> None:
    url, open_one = kept.share(gate="email"), kept.share(contact="dana@acme.test")
    reader.post(url, email="ann@acme.test")
    reader.look(url, 2)
    enter(reader, url, 1, seconds=5)
    enter(reader, open_one, 0, seconds=7)
    seen = [
        (each.who, each.said, each.piece.title if each.piece else "", each.view.milliseconds // 1000)
        for each in room_looks.of(desk.services(), kept.room)
        if each.view.counted
    ]
    assert seen == [
        ("dana@acme.test", False, "On calm", 7),
        ("ann@acme.test", True, "Pitch for Acme", 5),
        ("ann@acme.test", True, "", 2),
    ]
    (overview,) = room_looks.overviews(desk.services(), [kept.room])
    assert (overview.pieces, overview.looks, overview.seconds) == (2, 1, 14)
    (look,) = documents.link_with_views(desk.services(), kept.items[1])["views"]
    assert (look["seconds"], look["email"]) == (5, "ann@acme.test")


def test_pieces_of_a_room_are_no_links_of_a_rep_but_uses_of_the_asset(
    desk: Any, kept: Kept, reader: Any
) -> None:
    url = kept.share()
    enter(reader, url, 0, seconds=3)
    assert len(shares.listed(desk.services())) == 1
    (row,) = usage.of_reps(desk.services("marketer"))
    assert (row.shares, row.looks) == (1, 0)
    used = {each.asset.slug: each for each in usage.of_assets(desk.services("marketer"))}
    assert (used["calm"].shares, used["calm"].looks, used["calm"].seconds) == (1, 1, 3)


# --- people -----------------------------------------------------------------------------------------------------------


def test_what_somebody_asked_and_did_is_given_out_and_erased(
    desk: Any, kept: Kept, app: Any, new_reader: Any
) -> None:
    svc = desk.services()
    svc.upsert_contacts([Contact("", "ann@acme.test")])
    step = room_steps.add(svc, kept.id, "Sign", "them")
    url, named = kept.share(gate="verified"), kept.share(contact="ann@acme.test")
    for address in ("ann@acme.test", "ben@acme.test"):
        reader = new_reader()
        verify(desk, reader, url, address)
        view = view_of(reader.get(url))
        reader.post(f"{url}/questions", view=view, words=f"Asked by {address}")
        reader.post(f"{url}/steps/{step.public_id}", view=view, done="1")
    ann = svc.find_contact("ann@acme.test")
    with app.app_context():
        told = {each.label: dict(each.data) for each in panels.personal_data([ann], erase=False)}
        assert told["Question that you asked"]["question"] == "Asked by ann@acme.test"
        assert told["Step that you did"]["step"] == "Sign"
        assert told["Link that was shared with you"]["room"] == "Acme and us"
        assert told["Look at what was shared"]["room"] == "Acme and us"
        panels.personal_data([ann], erase=True)
        assert panels.personal_data([ann], erase=False) == []
    with desk.workspace.db.session() as session:
        assert session.scalars(select(RoomQuestion.words)).all() == ["Asked by ben@acme.test"]
        logged = " ".join(str(each.changes) for each in session.scalars(select(AuditEntry)))
    assert "Asked by" not in logged, "the log of changes cannot forget"
    (left,) = room_steps.listed(svc, [kept.room])[kept.room.id]
    assert (left.done_at is not None, left.done_by) == (True, "")
    assert new_reader().get(named).status_code == 404


def test_looks_at_pieces_by_the_link_of_somebody_erased_are_nobodys(
    desk: Any, kept: Kept, app: Any, reader: Any
) -> None:
    url, other = kept.share(contact="ann@acme.test"), kept.share()
    enter(reader, url, 1, seconds=3)
    enter(reader, other, 1, seconds=3)
    ann = desk.services().find_contact("ann@acme.test")
    with app.app_context():
        panels.personal_data([ann], erase=True)
    looks = room_looks.of(desk.services(), kept.room)
    assert [each.view.visitor == "" for each in looks] == [False, False, True, True]
    assert "ann@acme.test" not in [each.who for each in looks]


def test_rooms_are_listed_in_a_fixed_number_of_statements_that_count_and_load_nothing(
    desk: Any, kept: Kept
) -> None:
    svc, loaded = desk.services(), []
    other = keep(desk, "calm")
    for room, count in ((kept, 3), (other, 1)):
        for _ in range(count):
            done = room_steps.add(svc, room.id, "Sign").public_id
        room_steps.add(svc, room.id, "Pay")
        room_steps.change(svc, room.id, done, {"done": True})
    hearing = [(each, "load", lambda *_: loaded.append(1)) for each in (RoomStep, RoomQuestion)]
    for each in hearing:
        event.listen(*each)
    with statements(desk.workspace.db.engine) as asked:
        found = room_looks.overviews(svc, [kept.room, other.room])
    for each in hearing:
        event.remove(*each)
    assert ([each.left for each in found], loaded) == ([3, 1], [])
    with statements(desk.workspace.db.engine) as again:
        room_looks.overviews(svc, [kept.room])
    assert next(asked) == next(again) <= 6


def test_rooms_and_steps_are_in_the_log_of_changes(desk: Any, kept: Kept) -> None:
    room_steps.add(desk.services(), kept.id, "Sign", "them")
    rooms.close(desk.services(), kept.id)
    rooms.reopen(desk.services(), kept.id)
    with desk.workspace.db.session() as session:
        kinds = select(AuditEntry.kind, AuditEntry.action).where(AuditEntry.kind.like("%room%"))
        found = {tuple(each) for each in session.execute(kinds)}
    assert {
        ("sales_enablement_room", "create"),
        ("sales_enablement_room", "update"),
        ("sales_enablement_room_item", "create"),
        ("sales_enablement_room_step", "create"),
    } <= found
    closings = select(AuditEntry.changes).where(
        AuditEntry.kind == "sales_enablement_room", AuditEntry.action == "update"
    )
    with desk.workspace.db.session() as session:
        assert sum("closed_at" in each for each in session.scalars(closings)) == 2
