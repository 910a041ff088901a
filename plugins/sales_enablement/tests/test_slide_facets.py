"""What single slides are about: said by marketing, found by reps, whatever version of the file it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pptx import Presentation
from sqlalchemy import select

from cms_core.auth.models import AuditEntry
from cms_core.errors import Forbidden, Invalid, NotFound
from cms_core.testing.client import FormClient
from cms_core.testing.pages import statements
from cms_sales_enablement import decks, drawing, presentations, rules, search, slide_facets
from cms_sales_enablement.models import Slide
from cms_sales_enablement.search import Wanted
from cms_sales_enablement.slide_facets import FACETS, say

from .decks import make

PAGE = "/app/p/sales_enablement/presentations/pitch"
LIBRARY = "/app/p/sales_enablement/"


def kept(desk: Any, role: str = "marketer") -> presentations.Kept:
    return presentations.find(desk.services(role), "pitch")


def tell(desk: Any, **said: dict[str, list[str]]) -> None:
    """Say something of slides: ``_256`` is the one with that id."""
    say(desk.services("marketer"), kept(desk), {uid.strip("_"): each for uid, each in said.items()})


def hits(desk: Any, words: str = "", **facets: str) -> dict[str, list[int]]:
    """The numbers of the slides that are found, by presentation."""
    found = search.search(desk.services(), Wanted(words, **facets))
    return {hit.slug: [slide.number for slide in hit.slides] for hit in found.hits}


def replace_file(desk: Any, path: Path) -> None:
    """Make a file the next version."""
    presentations.add(desk.services("marketer"), path.read_bytes(), path.name, replaces="pitch")
    desk.approve("pitch")


def test_slides_are_found_by_what_is_said_of_them(desk: Any, slides: list[Slide]) -> None:
    desk.write("letter", funnel_stage="evaluation")
    assert hits(desk, industry="clinics") == {}
    tell(desk, _257={"industry": ["clinics", "pharmacies"], "funnel_stage": ["evaluation"]})
    assert hits(desk, industry="clinics") == {"pitch": [2]}
    assert hits(desk, industry="pharmacies", funnel_stage="evaluation") == {"pitch": [2]}
    assert hits(desk, funnel_stage="evaluation") == {"pitch": [2], "letter": []}
    assert hits(desk, industry="banks") == {}
    tell(desk, _257={"industry": []})
    assert hits(desk, industry="clinics") == {}
    assert hits(desk, funnel_stage="evaluation") == {"pitch": [2], "letter": []}, "what is not said stays"


def test_words_and_facets_must_be_of_one_slide(desk: Any, slides: list[Slide]) -> None:
    tell(desk, _256={"persona": ["CFO"]}, _257={"industry": ["clinics"]})
    assert hits(desk, "tell", industry="clinics") == {"pitch": [2]}, "only its notes say so"
    assert hits(desk, "tell", persona="CFO") == {}
    assert hits(desk, persona="CFO", industry="clinics") == {}


def test_a_slide_without_its_own_has_what_its_presentation_says(desk: Any, slides: list[Slide]) -> None:
    svc = desk.services("marketer")
    body = {**kept(desk).asset.body, "industry": "banks"}
    svc.save_asset("presentation", "Pitch", body, slug="pitch")
    desk.approve("pitch")
    tell(desk, _257={"industry": ["clinics"]})
    assert hits(desk, "dear", industry="banks") == {"pitch": [1, 3]}
    assert hits(desk, "dear", industry="clinics") == {"pitch": [2]}
    assert hits(desk, industry="banks") == {"pitch": []}, "all of it is, so no slide stands out"


def test_facets_count_what_their_links_lead_to(desk: Any, slides: list[Slide]) -> None:
    desk.write("letter", persona="CFO", funnel_stage="intent")
    tell(
        desk,
        _256={"persona": ["CFO"], "industry": ["clinics"], "funnel_stage": ["intent"]},
        _257={"persona": ["CTO", "CFO"], "product": ["Close"]},
        _258={"locale": ["de"]},
    )
    for wanted in ({}, {"persona": "CFO"}, {"persona": "CTO"}, {"words": "tell"}, {"industry": "clinics"}):
        found = search.search(desk.services(), Wanted(**wanted))
        assert found.facets["persona"], "somebody is talked to"
        for name, pairs in found.facets.items():
            for value, count in pairs:
                again = search.search(desk.services(), Wanted(**{**wanted, name: value}))
                assert again.total == count, (wanted, name, value)


def test_what_may_not_be_used_is_not_found(desk: Any, slides: list[Slide]) -> None:
    tell(desk, _257={"industry": ["clinics"]})
    rules.set_rule(desk.services("marketer"), kept(desk), "257", {"forbidden": True})
    assert hits(desk, industry="clinics") == {}
    assert hits(desk, "tell") == {"pitch": []}
    rules.set_rule(desk.services("marketer"), kept(desk), "257", {"forbidden": False, "locked": True})
    (hit,) = search.search(desk.services(), Wanted(industry="clinics")).hits
    assert (hit.slides[0].locked, hit.slides[0].required) == (True, True)


def test_what_cannot_be_said_is_refused_and_nothing_is_kept(desk: Any, slides: list[Slide]) -> None:
    with pytest.raises(NotFound, match="no slide '999'"):
        tell(desk, _256={"industry": ["clinics"]}, _999={"industry": ["clinics"]})
    with pytest.raises(Invalid, match="no locale") as refused:
        tell(desk, _256={"industry": ["clinics"], "locale": ["Klingon!"]})
    assert refused.value.field == "locale"
    with pytest.raises(Invalid, match="not so many"):
        tell(desk, _256={"industry": [], "locale": ["de", "fr"]})
    with pytest.raises(Invalid, match="at most 80") as refused:
        tell(desk, _256={"funnel_stage": ["x" * 81]})
    assert refused.value.field == "stage"
    with pytest.raises(Invalid, match="no facet"):
        tell(desk, _256={"colour": ["red"]})
    for role in ("rep", "viewer"):
        with pytest.raises(Forbidden):
            say(desk.services(role), kept(desk, role), {"256": {"industry": ["clinics"]}})
    assert slide_facets.of(desk.services(), kept(desk).asset.id) == {}


def test_a_change_is_in_the_audit_log(desk: Any, slides: list[Slide]) -> None:
    tell(desk, _256={"industry": ["clinics"]})
    with desk.workspace.db.session() as session:
        query = select(AuditEntry).where(AuditEntry.kind == "sales_enablement_slide_facet")
        (entry,) = session.scalars(query).all()
    assert (entry.user_id, entry.subject) == (desk.people["marketer"].id, kept(desk).asset.id)
    assert "clinics" in str(entry.changes)


def test_slides_are_searched_in_a_fixed_number_of_statements(desk: Any, tmp_path: Path) -> None:
    counts = []
    for number in (2, 9):
        path = make(tmp_path / f"deck{number}.pptx", number)
        added = presentations.add(desk.services("marketer"), path.read_bytes(), path.name)
        desk.approve(added.saved.slug)
        desk.found("slide")
        with statements(desk.workspace.db.engine) as asked:
            assert desk.found("slide") != []
        counts.append(next(asked))
    assert counts[0] == counts[1] <= 12


def test_a_picture_is_named_once_it_is_made(
    desk: Any, slides: list[Slide], by_hand: Any, as_role: Callable[[str], FormClient]
) -> None:
    (before,) = search.search(desk.services(), Wanted("tell")).hits[0].slides
    rep = as_role("rep")
    assert f"{PAGE}/slides/257/480" not in rep.get(f"{LIBRARY}?words=tell").text, "whoever looks has it drawn"
    drawing.draw_next(desk.services())
    (after,) = search.search(desk.services(), Wanted("tell")).hits[0].slides
    assert (before.drawn, after.drawn) == (False, True)
    assert f'src="{PAGE}/slides/257/480"' in rep.get(f"{LIBRARY}?words=tell").text


# --- many at once ---------------------------------------------------------------------------------------------------------


def test_a_sheet_says_it_of_many(desk: Any, slides: list[Slide]) -> None:
    tell(desk, _258={"industry": ["banks"], "persona": ["CFO"]})
    sheet = "Slide;Industry;Stage\n256;clinics|pharmacies;intent\n258;;\n"
    say(desk.services("marketer"), kept(desk), slide_facets.from_csv(sheet.encode(), "facets.csv"))
    assert slide_facets.of(desk.services(), kept(desk).asset.id) == {
        "256": {"industry": ("clinics", "pharmacies"), "funnel_stage": ("intent",)},
        "258": {"persona": ("CFO",)},
    }


@pytest.mark.parametrize(
    ("sheet", "fault"),
    [
        ("slide,colour\n256,red\n", "a column 'colour'"),
        ("slide\n256\n", "says nothing of slides"),
        ("industry,stage\nclinics,intent\n", "says nothing of slides"),
        ("slide,stage\n256,intent\n256,close\n", "row 3: slide '256' comes twice"),
        ("slide,stage,persona\n256\n", "row 2 has 1 cells"),
    ],
)
def test_a_sheet_with_a_fault_is_refused(sheet: str, fault: str) -> None:
    with pytest.raises(Invalid, match=fault):
        slide_facets.from_csv(sheet.encode(), "facets.csv")


def test_marketing_says_it_on_the_page(
    desk: Any, slides: list[Slide], as_role: Callable[[str], FormClient]
) -> None:
    marketer = as_role("marketer")
    said = {"industry": "clinics, pharmacies ,", "funnel_stage": "", "locale": "de-at"}
    assert marketer.submit(f"{PAGE}/slides/257/facets", said, PAGE).status_code == 303
    many = {"slide": ["256", "258"], "persona": "CFO", "industry": ""}
    assert marketer.submit(f"{PAGE}/facets", many, PAGE).status_code == 303
    assert slide_facets.of(desk.services(), kept(desk).asset.id) == {
        "256": {"persona": ("CFO",)},
        "257": {"industry": ("clinics", "pharmacies"), "locale": ("de-AT",)},
        "258": {"persona": ("CFO",)},
    }
    page = marketer.get(PAGE).text
    assert "pharmacies" in page
    marketer.submit(f"{PAGE}/slides/257/facets", {"locale": "?"}, PAGE)
    assert "is no locale; nothing was changed" in marketer.get(PAGE).text
    marketer.submit(f"{PAGE}/facets", {"slide": ["256"]}, PAGE)
    assert "Tick slides and say something" in marketer.get(PAGE).text
    rep = as_role("rep")
    assert "What it is about" not in rep.get(PAGE).text
    assert rep.post(f"{PAGE}/slides/257/facets", data=said).status_code in (400, 403)


def test_the_library_shows_slides_and_makes_a_deck_of_one(
    desk: Any, slides: list[Slide], as_role: Callable[[str], FormClient]
) -> None:
    tell(desk, _257={"industry": ["<b>clinics"]})
    rules.set_rule(desk.services("marketer"), kept(desk), "256", {"required": True})
    rep = as_role("rep")
    page = rep.get(f"{LIBRARY}?industry=%3Cb%3Eclinics").text
    assert "&lt;b&gt;clinics" in page
    assert "<b>clinics" not in page
    assert f"{PAGE}#s257" in page
    made = rep.submit(
        "/app/p/sales_enablement/decks/", {"source": "pitch", "pick": "257"}, f"{LIBRARY}?words=tell"
    )
    found = decks.find(desk.services(), made.location.split("?")[0].rpartition("/")[2])
    assert [each.uid for each in found.slides] == ["257", "256"], "what must be in each deck is in it too"


# --- over versions of the file ------------------------------------------------------------------------------------------------


VALUE = st.sampled_from(["clinics", "banks", "CFO", "évaluation", "東京"])
SAID = st.dictionaries(
    st.sampled_from(["256", "257", "258"]),
    st.dictionaries(st.sampled_from(FACETS[:4]), st.lists(VALUE, max_size=2, unique=True), min_size=1),
    min_size=1,
)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(said=SAID, order=st.permutations([0, 1, 2]), title=st.sampled_from(["Slide 1", "Other"]))
def test_facets_hold_over_new_versions(
    desk: Any, slides: list[Slide], tmp_path: Path, said: Any, order: list[int], title: str
) -> None:
    svc = desk.services("marketer")
    nothing = {name: list[str]() for name in FACETS}
    say(svc, kept(desk), {uid: {**nothing, **said.get(uid, {})} for uid in ("256", "257", "258")})
    path = shuffled(make(tmp_path / "next.pptx", 3), order, title)
    replace_file(desk, path)
    numbers = {slide.uid: slide.number for slide in kept(desk).slides}
    for name in FACETS[:4]:
        for value in ("clinics", "banks", "CFO", "évaluation", "東京"):
            fits = sorted(numbers[uid] for uid, each in said.items() if value in each.get(name, ()))
            assert hits(desk, **{name: value}) == ({"pitch": fits} if fits else {})


def shuffled(path: Path, order: list[int], title: str) -> Path:
    """The same slides in another order, one with another title."""
    deck = Presentation(str(path))
    deck.slides[0].shapes.title.text = title
    listed = deck.slides._sldIdLst
    slides = list(listed)
    for each in slides:
        listed.remove(each)
    for number in order:
        listed.append(slides[number])
    deck.save(str(path))
    return path
