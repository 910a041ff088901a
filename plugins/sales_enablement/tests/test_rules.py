"""Rules of slides: no deck leaves against them, whoever makes it and however it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core.errors import Forbidden, Invalid, NotFound
from cms_core.testing.client import FormClient
from cms_sales_enablement import deck_files, decks, presentations, rules
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.material import Material
from cms_sales_enablement.models import Presentation, Slide, SlideRule
from cms_sales_enablement.presentations import Kept
from cms_sales_enablement.rules import Rules

from .decks import make

SHELF = "/app/p/sales_enablement/presentations/pitch"


@dataclass
class House:
    """A presentation of six slides (256 to 261) and what marketing says of them."""

    desk: Any
    folder: Path

    def say(self, uid: str, **said: Any) -> None:
        svc = self.desk.services("marketer")
        rules.set_rule(svc, presentations.find(svc, "pitch"), uid, said)

    def limit(self, least: int | None, most: int | None) -> None:
        svc = self.desk.services("marketer")
        rules.set_limits(svc, presentations.find(svc, "pitch"), least, most)

    def deck(self, *picks: str) -> list[str]:
        """The slides of a deck that is made so."""
        found = decks.make(self.desk.services(), "pitch", Wanted(picks))
        return [each.uid for each in found.slides]

    def written(self, public_id: str) -> tuple[list[str], list[tuple[str, str]]]:
        """The slides of a deck's file, and what is said of it."""
        svc = self.desk.services()
        out = deck_files.write(svc, decks.find(svc, public_id), self.folder / "out.pptx")
        return [slide.id for slide in out.copied.slides], [(each.code, each.where) for each in out.findings]


@pytest.fixture
def house(desk: Any, tmp_path: Path) -> House:
    path = make(tmp_path / "Pitch.pptx", 6)
    found = presentations.add(desk.services("marketer"), path.read_bytes(), path.name)
    desk.approve(found.saved.slug)
    return House(desk, tmp_path)


def test_a_required_slide_is_in_each_deck(house: House) -> None:
    house.say("257", required=True)
    with pytest.raises(Invalid, match="slide 257 “Slide 2” must be in each deck") as refused:
        house.deck("256")
    assert refused.value.remedy == "pick it too: 257"
    assert house.deck("256", "257") == ["256", "257"]
    deck = decks.make(house.desk.services(), "pitch", Wanted())
    with pytest.raises(Invalid, match="must be in each deck"):
        decks.change(house.desk.services(), deck.public_id, Wanted(("256",)))


def test_a_forbidden_slide_is_in_none(house: House) -> None:
    house.say("258", forbidden=True)
    with pytest.raises(Invalid, match="258 “Slide 3” may not be used: it is forbidden"):
        house.deck("256", "258")
    assert house.deck() == ["256", "257", "259", "260", "261"]


def test_a_slide_that_has_had_its_day_leaves_decks_that_were_made_before(house: House) -> None:
    deck = decks.make(house.desk.services(), "pitch", Wanted(("256", "257"))).public_id
    today = house.desk.clock.at.date()
    house.say("257", until=today)
    assert house.written(deck) == (["256", "257"], [])
    house.desk.clock.at += timedelta(days=1)
    assert house.written(deck) == (["256"], [("slide_expired", "257")])
    with pytest.raises(Invalid, match="it is expired"):
        house.deck("257")
    again = decks.make(house.desk.services(), deck, Wanted(said={"client": "Ann"}))
    assert [each.uid for each in again.slides] == ["256"]
    house.say("257", until=None)
    assert house.written(deck)[0] == ["256", "257"]


def test_what_became_required_is_told_of_old_decks_and_comes_into_new_ones(house: House) -> None:
    deck = decks.make(house.desk.services(), "pitch", Wanted(("256",))).public_id
    house.say("260", required=True)
    assert house.written(deck) == (["256"], [("slide_required", "260")])
    again = decks.make(house.desk.services(), deck, Wanted(said={"client": "Ann"}))
    assert [each.uid for each in again.slides] == ["256", "260"]


def test_pinned_slides_stand_at_their_end_and_locked_ones_keep_their_order(house: House) -> None:
    house.say("261", pinned="first")
    house.say("256", pinned="last")
    house.say("258", locked=True)
    house.say("259", locked=True)
    assert house.deck("256", "259", "260", "258", "261") == ["261", "258", "260", "259", "256"]


def test_a_deck_has_neither_too_few_nor_too_many(house: House) -> None:
    house.limit(2, 3)
    with pytest.raises(Invalid, match="at least 2 slides; 1 are picked"):
        house.deck("256")
    with pytest.raises(Invalid, match="at most 3 slides; 6 are picked"):
        house.deck()
    assert len(house.deck("256", "257", "258")) == 3
    house.limit(None, None)
    assert len(house.deck()) == 6
    for least, most in ((0, None), (3, 2), (None, 0)):
        with pytest.raises(Invalid, match="so few slides"):
            house.limit(least, most)


def test_rules_outlive_a_new_version_of_the_file(house: House, tmp_path: Path) -> None:
    house.say("257", required=True)
    data = make(tmp_path / "newer.pptx", 4).read_bytes()
    presentations.add(house.desk.services("marketer"), data, "newer.pptx", replaces="pitch")
    house.desk.approve("pitch")
    with pytest.raises(Invalid, match="must be in each deck"):
        house.deck("256")


def test_what_cannot_be_said_is_refused(house: House) -> None:
    house.say("257", required=True)
    with pytest.raises(Invalid, match="required and forbidden"):
        house.say("257", forbidden=True)
    with pytest.raises(Invalid, match="no place"):
        house.say("257", pinned="middle")
    with pytest.raises(NotFound, match="no slide '999'"):
        house.say("999", required=True)
    rep = house.desk.services()
    with pytest.raises(Forbidden):
        rules.set_rule(rep, presentations.find(rep, "pitch"), "256", {"required": True})


def test_marketing_says_it_on_the_page(house: House, as_role: Callable[[str], FormClient]) -> None:
    marketer = as_role("marketer")
    said = {"locked": "1", "pinned": "first", "until": "2027-01-31"}
    assert marketer.submit(f"{SHELF}/slides/257/rule", said, SHELF).status_code == 303
    marketer.submit(f"{SHELF}/limits", {"least": "2", "most": ""}, SHELF)
    page = marketer.get(SHELF).text
    assert "locked" in page
    assert 'value="2027-01-31"' in page
    found = rules.of(house.desk.services(), presentations.find(house.desk.services(), "pitch").asset.id)
    assert (found.locked("257"), found.slides["257"].pinned, found.least, found.most) == (
        True,
        "first",
        2,
        None,
    )
    marketer.submit(f"{SHELF}/slides/257/rule", {"required": "1", "forbidden": "1"}, SHELF)
    assert "cannot be required and forbidden" in marketer.get(SHELF).text
    rep = as_role("rep")
    deck = decks.make(house.desk.services(), "pitch", Wanted())
    page = rep.get(f"/app/p/sales_enablement/decks/{deck.public_id}").text
    assert "Slide 1 must be in the deck" in page, "the locked one stands first"
    assert rep.post(f"{SHELF}/limits", data={}).status_code in (400, 403)


FLAGS = st.sampled_from(["", "required", "locked", "forbidden", "first", "last", "locked first"])


@given(st.lists(FLAGS, min_size=1, max_size=7), st.data())
def test_any_picks_are_refused_or_kept_in_order(flags: list[str], data: st.DataObject) -> None:
    uids = [str(n) for n in range(len(flags))]
    picks = data.draw(st.permutations(uids))[: data.draw(st.integers(1, len(uids)))]
    said = {
        uid: SlideRule(
            asset="a",
            uid=uid,
            required="required" in flag,
            locked="locked" in flag,
            forbidden=flag == "forbidden",
            pinned=next((each for each in ("first", "last") if each in flag), ""),
        )
        for uid, flag in zip(uids, flags, strict=True)
    }
    known = Presentation(slides=[Slide(uid=uid, number=n, title=uid) for n, uid in enumerate(uids, 1)])
    kept = Kept(asset=type("Asset", (), {"slug": "pitch"})(), file=None, presentation=known)  # type: ignore[arg-type]
    held = Rules(said)
    needed = {uid for uid in uids if held.required(uid)}
    try:
        made_of = Material(kept, opener=None)  # type: ignore[arg-type]
        order = [slide.uid for slide in rules.arrange(held, made_of, picks)]
    except Invalid:
        assert needed - set(picks) or any(held.barred(uid) for uid in picks)
        return
    assert sorted(order) == sorted(picks)
    assert needed <= set(order)
    places = [{"first": 0, "last": 2}.get(said[uid].pinned, 1) for uid in order]
    assert places == sorted(places)
    for place in (0, 1, 2):
        locked = [uid for uid, at in zip(order, places, strict=True) if at == place and held.locked(uid)]
        assert locked == sorted(locked, key=uids.index)
    free = [uid for uid in picks if not held.locked(uid) and not said[uid].pinned]
    assert [uid for uid in order if uid in free] == free, "what nobody ruled on stays where the rep put it"
