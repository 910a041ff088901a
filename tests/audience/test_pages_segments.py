"""Pages of segments as a browser without scripts meets them: rules are counted, saved and refused."""

import re

import pytest

from cms_core.audience import segments
from cms_core.testing.client import FormClient
from cms_core.workspace import Workspace

from .rows import load, names


def test_a_rule_is_counted_while_it_is_written_and_then_saved(
    marketer: FormClient, workspace: Workspace
) -> None:
    load(workspace, "".join(f"p{n}@x.example,Person,{n},,{'FR' if n % 2 else 'DE'},yes\n" for n in range(9)))
    rule = 'country = "FR"'
    answer = marketer.submit("/app/segments/count", {"rule": rule}, "/app/segments/new")
    assert '<p class="figure">4</p>' in answer.text
    assert answer.text.count("Person") == 4
    shown = marketer.submit("/app/segments/new", {"name": "French", "rule": rule, "do": "count"})
    assert 'value="French"' in shown.text
    assert '<p class="figure">4</p>' in shown.text

    answer = marketer.submit("/app/segments/new", {"name": "French", "rule": rule, "do": "save"})
    url = answer.headers["Location"]
    marketer.submit(
        "/app/segments/new", {"name": "Not French", "rule": 'not in segment "French"', "do": "save"}
    )
    listed = marketer.get("/app/segments").text
    assert re.findall(r'<td class="n">(\d+)</td>', listed) == ["4", "5"]
    assert names(marketer.get(f"/app/contacts?segment={url.rsplit('/', 1)[1]}").text) == [
        "Person 7", "Person 5", "Person 3", "Person 1",
    ]  # fmt: skip

    data = {"rule": 'country = "DE"', "row_version": "1", "do": "save"}
    assert marketer.submit(url, data).status_code == 303
    assert marketer.submit(url, {**data, "rule": 'country = "IT"'}).status_code == 409
    with workspace.db.session() as session:
        assert segments.find(session, "French").rule == 'country = "DE"'


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('country = "FR" und', "column 16"),
        ('contry = "FR"', "did you mean country?"),
        ("country = 'FR'", "double quotes"),
        ("", "the rule is empty"),
        ('in segment "<b>"', "there is no segment &#39;&lt;b&gt;&#39;"),
    ],
)
def test_a_rule_that_is_wrong_is_told_with_its_place(marketer: FormClient, rule: str, words: str) -> None:
    counted = marketer.submit("/app/segments/count", {"rule": rule}, "/app/segments/new")
    assert counted.status_code == 200
    saved = marketer.submit("/app/segments/new", {"name": "X", "rule": rule, "do": "save"})
    assert saved.status_code == 422
    for page in (counted.text, saved.text):
        assert words.casefold() in page.casefold()
        assert page.casefold().count(words.casefold()) == 1


def test_a_segment_whose_rule_does_not_hold_any_more_is_listed_as_such(
    marketer: FormClient, workspace: Workspace
) -> None:
    with workspace.db.transaction() as session:
        segments.create(session, "A", 'country = "FR"').rule = 'gone = "1"'
        segments.create_static(session, "B", [])
    page = marketer.get("/app/segments").text
    assert "the rule does not hold any more" in page
    assert '<td class="n">0</td>' in page
    links = re.findall(r'<td><a href="(/app/segments/[^"]+)"', page)
    assert "unknown field gone" in marketer.get(links[0]).text.lower()
    static = marketer.get(links[1])
    assert "chosen one by one" in static.text
    assert "<textarea" not in static.text
    assert marketer.submit(
        links[1], {"rule": 'country = "FR"', "row_version": "1"}, "/app/me"
    ).status_code in (409, 422)
