"""Stars: one opinion per rep and revision; a few of them say little."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core.errors import Forbidden, Invalid, NotFound
from cms_core.testing.client import FormClient
from cms_sales_enablement import ratings, recommending, search
from cms_sales_enablement.ratings import DOUBT, LEAST, MIDDLE, MOST, Stars
from cms_sales_enablement.recommending import Situation

AT = "/app/p/sales_enablement"


def give(desk: Any, slug: str, stars: int, role: str = "rep") -> Stars:
    return ratings.give(desk.services(role), slug, stars)


def test_who_rates_again_has_thought_better_of_it(desk: Any) -> None:
    desk.write("calm")
    assert give(desk, "calm", 2) == Stars(1, 2)
    assert give(desk, "calm", 5) == Stars(1, 5)
    found = give(desk, "calm", 4, "marketer")
    assert (found.count, found.mean) == (2, 4.5)
    asset = desk.services().asset("calm")
    assert ratings.mine(desk.services(), asset.id, asset.revision) == 5
    assert ratings.mine(desk.services("admin"), asset.id, asset.revision) == 0


def test_stars_are_of_the_revision_that_is_approved(desk: Any) -> None:
    desk.write("calm")
    give(desk, "calm", 1)
    desk.write("calm", "Better words.", approve=False)
    assert search.search(desk.services(), search.Wanted()).hits[0].rating == Stars(1, 1)
    desk.approve("calm")
    assert search.search(desk.services(), search.Wanted()).hits[0].rating == Stars()
    assert give(desk, "calm", 5) == Stars(1, 5)


def test_what_is_no_star_is_refused(desk: Any) -> None:
    desk.write("calm")
    desk.write("draft", approve=False)
    for stars in (0, 6, -1):
        with pytest.raises(Invalid) as refused:
            give(desk, "calm", stars)
        assert refused.value.field == "stars"
    with pytest.raises(NotFound):
        give(desk, "draft", 3)
    with pytest.raises(Forbidden):
        give(desk, "calm", 3, "viewer")
    assert ratings.of(desk.services(), desk.services().asset("calm").id) == Stars()


def test_the_better_rated_is_found_and_recommended_first(desk: Any) -> None:
    for slug in ("good", "bad", "plain"):
        desk.write(slug, title="Close faster")
    give(desk, "bad", 1)
    give(desk, "good", 5)
    assert desk.found("close") == ["good", "plain", "bad"]
    found = recommending.recommend(desk.services(), Situation())
    assert [each.asset.slug for each in found] == ["good", "plain", "bad"]
    assert [(each.words, each.points) for each in found[0].reasons][-1] == ("5.0 of 5 stars by 1 rep", 2)
    assert [(each.words, each.points) for each in found[2].reasons][-1] == ("1.0 of 5 stars by 1 rep", -2)
    desk.write("title", title="Stars do not outrank words: close, close")
    assert desk.found("words close")[0] == "title"


def test_reps_give_stars_on_the_page(desk: Any, as_role: Callable[[str], FormClient]) -> None:
    desk.write("calm")
    rep = as_role("rep")
    page = f"{AT}/a/calm"
    assert "Nobody has rated version 1 yet" in rep.get(page).text
    assert rep.submit(f"{page}/rating", {"stars": "4"}, page).status_code == 303
    shown = rep.get(page).text
    assert "4.0 of 5 by 1 rep, for version 1" in shown
    assert 'value="4" aria-pressed="true"' in shown
    assert rep.submit(f"{page}/rating", {"stars": "9"}, page).status_code == 422
    assert "4.0" in rep.get(f"{AT}/").text
    assert "4.0 by 1" in as_role("marketer").get("/app/content/calm").text
    viewer = as_role("viewer")
    assert "Your stars" not in viewer.get(page).text
    assert viewer.post(f"{page}/rating", data={"stars": "4"}).status_code in (400, 403)


GIVEN = st.lists(st.integers(LEAST, MOST), max_size=40)


@given(GIVEN)
def test_the_weighed_mean_lies_between_the_middle_and_the_mean(given_stars: list[int]) -> None:
    found = Stars(len(given_stars), sum(given_stars))
    mean = sum(given_stars) / len(given_stars) if given_stars else MIDDLE
    assert min(MIDDLE, mean) - 1e-9 <= found.weighed <= max(MIDDLE, mean) + 1e-9


@given(st.integers(1, 200), st.integers(LEAST, MOST))
def test_the_more_say_it_the_more_it_counts(count: int, stars: int) -> None:
    few, many = Stars(count, count * stars), Stars(count + 1, (count + 1) * stars)
    assert abs(few.weighed - MIDDLE) <= abs(many.weighed - MIDDLE)
    assert Stars(1, MOST).weighed < Stars(9, 36).weighed, "one enthusiast does not outrank nine who like it"
    assert DOUBT > 0
