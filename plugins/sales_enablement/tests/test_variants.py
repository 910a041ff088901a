"""Translations of slides: which one a deck takes, what rules mean for them, and when they are behind."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pptx import Presentation as OtherProgram

from cms_core.errors import Forbidden, Invalid, NotFound
from cms_core.testing.client import FormClient
from cms_core.testing.pages import statements
from cms_sales_enablement import (
    deck_files,
    decks,
    index,
    presentations,
    rules,
    search,
    slide_facets,
    translating,
    variants,
)
from cms_sales_enablement.decks import Wanted
from cms_sales_enablement.library_models import SlideVariant
from cms_sales_enablement.material import Material
from cms_sales_enablement.models import Presentation, Slide, SlideRule
from cms_sales_enablement.presentations import Kept
from cms_sales_enablement.rules import Rules
from cms_sales_enablement.variants import Variants, chain, chosen

from .decks import make

PAGE = "/app/p/sales_enablement/presentations/pitch"


@pytest.fixture
def house(desk: Any, tmp_path: Path) -> "House":
    """A presentation of six slides (256 to 261): 259 is 256 in German, 260 is 256 in Austrian, 261 is 257 in French."""
    path = make(tmp_path / "Pitch.pptx", 6)
    found = presentations.add(desk.services("marketer"), path.read_bytes(), path.name)
    desk.approve(found.saved.slug)
    house = House(desk, tmp_path)
    for uid, original, locale in (("259", "256", "de"), ("260", "256", "de-AT"), ("261", "257", "fr")):
        house.translate(uid, original, locale)
    return house


class House:
    """The presentation, and short ways to say something of it."""

    def __init__(self, desk: Any, folder: Path) -> None:
        self.desk, self.folder = desk, folder

    def kept(self) -> Kept:
        return presentations.find(self.desk.services("marketer"), "pitch")

    def translate(self, uid: str, original: str, locale: str) -> None:
        translating.set_variant(self.desk.services("marketer"), self.kept(), uid, original, locale)

    def rule(self, uid: str, **said: Any) -> None:
        rules.set_rule(self.desk.services("marketer"), self.kept(), uid, said)

    def deck(self, *picks: str, locale: str = "", source: str = "pitch") -> list[str]:
        found = decks.make(self.desk.services(), source, Wanted(picks, locale=locale))
        self.last = found.public_id
        return [each.uid for each in found.slides]

    def codes(self) -> list[tuple[str, str]]:
        """What is said of the last deck's file."""
        svc = self.desk.services()
        found = deck_files.look(svc, decks.find(svc, self.last)).findings
        return [(each.code, each.where) for each in found]

    def retitle(self, number: int) -> None:
        """Another version of the file, with another title on one slide."""
        path = self.folder / "next.pptx"
        deck = OtherProgram(str(self.folder / "Pitch.pptx"))
        deck.slides[number - 1].shapes.title.text = "Said otherwise"
        deck.save(str(path))
        presentations.add(self.desk.services("marketer"), path.read_bytes(), path.name, replaces="pitch")
        self.desk.approve("pitch")


def test_without_picks_each_slide_is_in_once_in_the_wanted_language(house: House) -> None:
    assert house.deck() == ["256", "257", "258"]
    assert house.deck(locale="de") == ["259", "257", "258"]
    assert house.deck(locale="DE-at") == ["260", "257", "258"]
    assert house.deck(locale="de-CH") == ["259", "257", "258"]
    assert house.deck(locale="fr") == ["256", "261", "258"]
    assert house.deck(locale="it") == ["256", "257", "258"]


def test_picks_are_taken_in_the_wanted_language_and_as_they_are_without_one(house: House) -> None:
    assert house.deck("257", "256", locale="de") == ["257", "259"]
    assert house.deck("258", "259") == ["258", "259"], "picked by itself"
    assert house.deck("256", "259") == ["256", "259"], "who picks both wants both"
    assert house.deck("256", "259", "258", locale="de") == ["259", "258"]
    with pytest.raises(Invalid, match="picked twice"):
        house.deck("256", "256", locale="de")
    with pytest.raises(Invalid, match="no slide '999'"):
        house.deck("999", locale="de")
    with pytest.raises(Invalid, match="no locale"):
        house.deck(locale="?")


def test_a_deck_changes_its_language(house: House) -> None:
    house.deck("258", "256")
    assert house.deck(source=house.last, locale="de") == ["258", "259"]
    svc = house.desk.services()
    found = decks.change(svc, house.last, Wanted(locale=variants.ORIGINAL))
    assert [each.uid for each in found.slides] == ["258", "256"]
    found = decks.change(svc, house.last, Wanted(name="Same slides"))
    assert [each.uid for each in found.slides] == ["258", "256"]


def test_rules_of_the_original_hold_for_its_translation(house: House) -> None:
    house.rule("256", required=True, pinned="last")
    assert house.deck("257", "259") == ["257", "259"], "the translation is the slide that must be in"
    assert house.deck("259", "257") == ["257", "259"], "and stands last"
    with pytest.raises(Invalid, match="slide 256 “Slide 1” must be in each deck"):
        house.deck("257")
    house.rule("261", required=True)
    assert house.deck("256") == ["256"], "of a translation itself nothing is asked"
    house.deck("257", "259")
    house.rule("256", required=False, forbidden=True)
    with pytest.raises(Invalid, match="forbidden"):
        house.deck("259")
    assert ("slide_forbidden", "259") in house.codes()
    assert house.deck(locale="de") == ["257", "258"]


def test_a_translation_that_may_not_be_used_gives_way(house: House) -> None:
    house.rule("260", forbidden=True)
    assert house.deck(locale="de-AT") == ["259", "257", "258"]
    house.rule("259", forbidden=True)
    assert house.deck(locale="de-AT") == ["256", "257", "258"]
    with pytest.raises(Invalid, match=r"slide 259 .* may not be used"):
        house.deck("259")


def test_the_number_of_slides_counts_both_languages(house: House) -> None:
    rules.set_limits(house.desk.services("marketer"), house.kept(), None, 2)
    assert house.deck("256", "257") == ["256", "257"]
    with pytest.raises(Invalid, match="at most 2 slides; 3 are picked"):
        house.deck("256", "259", "257")


def test_a_required_slide_is_carried_in_the_language_of_the_deck(house: House) -> None:
    house.deck("258", "259")
    house.rule("256", required=True)
    svc = house.desk.services()
    again = decks.make(svc, house.last, Wanted(said={"client": "Ann"}))
    assert [each.uid for each in again.slides] == ["258", "259"]
    assert house.codes() == []


def test_a_translation_is_behind_when_its_original_has_changed(house: House) -> None:
    house.deck(locale="de")
    assert house.codes() == []
    house.retitle(1)
    assert ("translation_behind", "259") in house.codes()
    known = variants.of_presentation(house.desk.services(), house.kept())
    assert known.behind == {"259", "260"}
    assert translating.set_current(house.desk.services("marketer"), house.kept(), ["259"]) == ["259"]
    assert variants.of_presentation(house.desk.services(), house.kept()).behind == {"260"}
    assert house.codes() == []
    assert translating.set_current(house.desk.services("marketer"), house.kept()) == ["260"]
    house.retitle(2)
    assert variants.of_presentation(house.desk.services(), house.kept()).behind == {"259", "260", "261"}, (
        "1 is as it was"
    )


def test_what_cannot_be_a_translation_is_refused(house: House) -> None:
    for uid, original, locale, fault in (
        ("258", "258", "de", "no original"),
        ("258", "259", "en", "no original"),
        ("256", "258", "en", "has translations itself"),
        ("258", "256", "de-at", "260 is the translation into de-AT already"),
        ("258", "256", "!", "no locale"),
    ):
        with pytest.raises(Invalid, match=fault):
            house.translate(uid, original, locale)
    for uid, original in (("999", "256"), ("258", "999")):
        with pytest.raises(NotFound, match="no slide '999'"):
            house.translate(uid, original, "it")
    with pytest.raises(NotFound, match="'258' is no translation"):
        translating.set_current(house.desk.services("marketer"), house.kept(), ["258"])
    slide_facets.say(house.desk.services("marketer"), house.kept(), {"256": {"locale": ["en"]}})
    with pytest.raises(Invalid, match="256 is in en itself"):
        house.translate("258", "256", "en")
    with pytest.raises(Invalid, match="259 is a translation"):
        slide_facets.say(house.desk.services("marketer"), house.kept(), {"259": {"locale": ["it"]}})
    rep = house.desk.services()
    for call in (
        lambda: translating.set_variant(rep, house.kept(), "258", "256", "it"),
        lambda: translating.unset_variant(rep, house.kept(), "259"),
        lambda: translating.set_current(rep, house.kept()),
    ):
        with pytest.raises(Forbidden):
            call()


def test_a_translation_that_is_none_any_more_is_a_slide_like_others(house: House) -> None:
    translating.unset_variant(house.desk.services("marketer"), house.kept(), "261")
    translating.unset_variant(house.desk.services("marketer"), house.kept(), "261")
    assert house.deck() == ["256", "257", "258", "261"]


def test_it_is_found_by_its_language(house: House) -> None:
    slide_facets.say(house.desk.services("marketer"), house.kept(), {"256": {"industry": ["clinics"]}})
    (hit,) = search.search(house.desk.services(), search.Wanted(locale="de-AT")).hits
    assert [(slide.id, slide.translation_of, slide.facets["locale"]) for slide in hit.slides] == [
        ("260", "256", ("de-AT",))
    ]
    (hit,) = search.search(house.desk.services(), search.Wanted("dear", locale="fr")).hits
    assert [slide.id for slide in hit.slides] == ["261"]


def test_marketing_says_it_on_the_page_and_reps_choose_it(
    house: House, as_role: Callable[[str], FormClient]
) -> None:
    marketer = as_role("marketer")
    marketer.submit(f"{PAGE}/slides/258/variant", {"of": "257", "locale": "it"}, PAGE)
    assert "it: translation of 2" in marketer.get(PAGE).text
    marketer.submit(f"{PAGE}/slides/258/variant", {"of": "259", "locale": "it"}, PAGE)
    assert "slide 259 is no original; nothing was changed" in marketer.get(PAGE).text
    house.retitle(2)
    page = marketer.get(PAGE).text
    assert "2 translations are behind" in page
    marketer.submit(f"{PAGE}/current", {"slide": "258"}, PAGE)
    assert "1 translation is behind" in marketer.get(PAGE).text
    marketer.submit(f"{PAGE}/current", {}, PAGE)
    assert "behind" not in marketer.get(PAGE).text
    marketer.submit(f"{PAGE}/slides/258/variant", {"of": ""}, PAGE)
    assert "258" not in variants.of_presentation(house.desk.services(), house.kept()).rows
    rep = as_role("rep")
    at = "/app/p/sales_enablement/decks/"
    assert "<option>de-AT</option>" in rep.get(at).text
    made = rep.submit(at, {"source": "pitch", "locale": "de-AT"}, at).location
    public_id = made.split("?")[0].rpartition("/")[2]
    assert [each.uid for each in decks.find(house.desk.services(), public_id).slides] == ["260", "257", "258"]
    assert "its original looks different now" not in rep.get(f"{at}{public_id}").text
    house.retitle(1)
    assert (
        "Slide 1 is a translation, and its original looks different now" in rep.get(f"{at}{public_id}").text
    )
    assert "<option>fr</option>" in rep.get(f"{at}{public_id}").text
    assert rep.post(f"{PAGE}/slides/258/variant", data={"of": "257", "locale": "it"}).status_code in (
        400,
        403,
    )


# --- rules that always hold -----------------------------------------------------------------------------------------------


LOCALE = st.sampled_from(
    ["de", "de-AT", "de-DE", "en", "en-GB", "zh-Hant", "zh-Hant-TW", "de-x-formal", "sr-Latn-RS"]
)


@given(LOCALE)
def test_a_chain_shortens_to_the_language(locale: str) -> None:
    found = list(chain(locale))
    assert found[0] == locale.casefold()
    assert found[-1] == locale.split("-", maxsplit=1)[0].casefold()
    for longer, shorter in pairwise(found):
        assert longer.startswith(f"{shorter}-")
        assert not shorter.endswith("-x")


@given(st.dictionaries(LOCALE, st.uuids().map(str), max_size=6), LOCALE)
def test_the_longest_that_fits_is_chosen_else_the_original(members: dict[str, str], locale: str) -> None:
    found = chosen(members, locale, "original")
    fitting = [each for each in members if each.casefold() in list(chain(locale))]
    assert found == (members[max(fitting, key=len)] if fitting else "original")


@st.composite
def known(draw: st.DrawFn) -> Variants:
    """Originals 0 to 4, some with translations and with rules."""
    originals = [str(n) for n in range(draw(st.integers(1, 4)))]
    rows, slides = {}, list(originals)
    for original in originals:
        for locale in draw(st.lists(LOCALE, max_size=3, unique_by=str.casefold)):
            uid = f"{original}.{locale}"
            slides.append(uid)
            rows[uid] = SlideVariant(asset="a", uid=uid, original=original, locale=locale, digest="d")
    shown = [
        Slide(uid=uid, number=n, title=uid, digest="d")
        for n, uid in enumerate(draw(st.permutations(slides)), 1)
    ]
    kept = Kept(asset=type("Asset", (), {"slug": "p"})(), file=None, presentation=Presentation(slides=shown))  # type: ignore[arg-type]
    flags = st.sampled_from(["", "", "required", "locked", "forbidden", "first"])
    said = {}
    for uid in slides:
        flag = draw(flags)
        said[uid] = SlideRule(
            asset="a",
            uid=uid,
            required=flag == "required",
            locked=flag == "locked",
            forbidden=flag == "forbidden",
            pinned="first" if flag == "first" else "",
        )
    locales = {uid: row.locale for uid, row in rows.items()}
    return Variants(rows, locales, Material(kept, opener=None), Rules(said))


def test_the_languages_of_many_presentations_are_asked_for_at_once(
    desk: Any, house: House, tmp_path: Path
) -> None:
    svc = desk.services("marketer")
    other = make(tmp_path / "Other.pptx", 2)
    desk.approve(presentations.add(svc, other.read_bytes(), other.name).saved.slug)
    index.catch_up(svc)
    both = presentations.listed(svc)
    with statements(desk.workspace.db.engine) as asked:
        found = variants.translations(svc, both)
    assert next(asked) == 2
    assert [found[each.asset.id].languages for each in both] == [[], ["de", "de-AT", "fr"]]


def test_all_translations_are_looked_through_once_for_a_deck() -> None:
    class Rows(dict[str, SlideVariant]):
        times = 0

        def items(self) -> Any:
            self.times += 1
            return super().items()

    ids = [str(n) for n in range(30)]
    rows = Rows({
        f"{each}.de": SlideVariant(asset="a", uid=f"{each}.de", original=each, locale="de", digest="d")
        for each in ids
    })  # fmt: skip
    those = Variants(rows, {}, Material(None, opener=None), Rules())  # type: ignore[arg-type]
    assert [those.in_locale(each, "de") for each in ids] == list(rows)
    assert rows.times == 2, "once for their rules, once for their locales"


@given(known(), LOCALE | st.just(""))
def test_without_picks_no_slide_is_in_twice_and_none_is_missing(those: Variants, locale: str) -> None:
    usable = [
        slide.uid
        for slide in those.made_of.kept.slides
        if slide.uid not in those.rows and not those.barred(slide.uid)
    ]
    if not usable:
        with pytest.raises(Invalid, match="none of its slides"):
            those.arrange((), locale)
        return
    found = [slide.uid for slide in those.arrange((), locale)]
    assert sorted(map(those.original, found)) == sorted(usable)
    for uid in found:
        assert not those.barred(uid)
        if not locale:
            assert uid not in those.rows
        elif uid in those.rows:
            assert those.rows[uid].locale.casefold() in chain(locale)
    assert list(those.findings(found)) == [], "what was made just now breaks nothing"
    again = those.carried(found)
    assert [slide.uid for slide in those.arrange(again)] == found, "a deck of it is the same"
