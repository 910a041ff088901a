"""What reps and marketers see and do, and the commands."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from cms_core import Invalid
from cms_core.cli.state import State
from cms_core.testing.pages import harm_in
from cms_core.workspace import Workspace
from cms_sales_enablement import feedback, shares
from cms_sales_enablement.cli import command

BASE = "/app/p/sales_enablement"
HARM = "<script>alert('ä')</script>\"><img src=x onerror=alert(1)>"


def test_rep_finds_shares_and_sees_who_looked(desk: Any, as_role: Any, reader: Any) -> None:
    desk.write("calm", title="The calm close")
    rep = as_role("rep")
    assert "The calm close" in rep.get(f"{BASE}/?words=cal").text
    page = rep.submit(
        f"{BASE}/a/calm/share",
        {"contact": "dana@example.com", "expires": "", "password": ""},
        f"{BASE}/a/calm",
    )
    url = page.text.partition('readonly value="')[2].partition('"')[0]
    reader.look(url, 65)
    (share,) = shares.listed(desk.services())
    listed = rep.get(f"{BASE}/shares").text
    assert "dana@example.com" in listed
    assert "1 look" in listed
    assert "1 min 5 s" in rep.get(f"{BASE}/shares/{share.public_id}").text
    assert url not in listed
    rep.submit(f"{BASE}/shares/{share.public_id}/revoke", {}, f"{BASE}/shares/{share.public_id}")
    assert reader.get(url).status_code == 404


def test_faults_of_the_form_are_told_beside_their_fields(desk: Any, as_role: Any) -> None:
    desk.write("calm")
    rep = as_role("rep")
    for form in ({"contact": "nobody"}, {"expires": "soon"}, {"password": "x"}, {"expires": "2020-01-01"}):
        answer = rep.submit(
            f"{BASE}/a/calm/share", {"contact": "", "expires": "", "password": "", **form}, f"{BASE}/a/calm"
        )
        assert answer.status_code == 422, form
    assert not shares.listed(desk.services("admin"))


def test_feedback_stands_in_the_review_until_a_newer_revision_answers_it(desk: Any, as_role: Any) -> None:
    desk.write("calm")
    rep, marketer = as_role("rep"), as_role("marketer")
    rep.submit(f"{BASE}/a/calm/feedback", {"kind": "outdated", "words": "Prices changed"}, f"{BASE}/a/calm")
    for kind in ("used", "won"):
        rep.submit(f"{BASE}/a/calm/feedback", {"kind": kind, "words": ""}, f"{BASE}/a/calm")
    assert rep.get(f"{BASE}/").status_code == 200
    page = marketer.get("/app/content/calm").text
    assert "says that revision 1 is outdated: Prices changed" in page
    assert "In sales" in page
    assert "Said “won with it”" in page
    desk.write("calm", "Calm still pays.")
    rep.get(f"{BASE}/")
    assert "says that revision 1" not in marketer.get("/app/content/calm").text
    assert feedback.counts(desk.services(), desk.services().asset("calm").id) == {
        "outdated": 1,
        "used": 1,
        "won": 1,
    }


def test_the_library_shows_kinds_by_name_and_facets_that_can_be_taken_off(desk: Any, as_role: Any) -> None:
    desk.write("calm", persona="Controller")
    rep = as_role("rep")
    page = rep.get(f"{BASE}/").text
    assert 'class="cover k' in page
    assert '<span class="tag sales-persona">Controller</span>' in page
    chosen = rep.get(f"{BASE}/?persona=Controller").text
    assert f'href="{BASE}/" aria-current="true"' in chosen, "a chosen facet leads back"
    nothing = rep.get(f"{BASE}/?persona=Nobody").text
    assert "Nothing fits" in nothing
    assert f'href="{BASE}/" aria-current="true"' in nothing


def test_marketing_says_until_when(desk: Any, as_role: Any) -> None:
    desk.write("calm")
    marketer = as_role("marketer")
    marketer.submit(f"{BASE}/a/calm/until", {"until": "2026-05-03"}, "/app/content/calm")
    assert desk.found() == []
    assert as_role("rep").submit(f"{BASE}/a/calm/until", {"until": ""}, f"{BASE}/a/calm").status_code == 403
    for odd in ("soon", "2026-02-30", HARM):
        marketer.submit(f"{BASE}/a/calm/until", {"until": odd}, "/app/content/calm")
    assert desk.found() == []


def test_no_words_become_markup(desk: Any, as_role: Any) -> None:
    desk.write("calm", HARM, title=HARM, summary=HARM, persona=HARM[:70], tags=[HARM[:60].replace(",", "")])
    rep, marketer = as_role("rep"), as_role("marketer")
    rep.submit(f"{BASE}/a/calm/feedback", {"kind": "outdated", "words": HARM}, f"{BASE}/a/calm")
    desk.share("calm", contact="dana@example.com")
    (share,) = shares.listed(desk.services())
    for url in (
        f"{BASE}/",
        f"{BASE}/?words={HARM}",
        f"{BASE}/a/calm",
        f"{BASE}/shares",
        f"{BASE}/shares/{share.public_id}",
    ):
        assert not harm_in(rep.get(url).text), url
    assert not harm_in(marketer.get("/app/content/calm").text)
    preview = rep.get(f"{BASE}/a/calm/preview")
    assert "sandbox" in preview.headers["Content-Security-Policy"]
    assert "alert(1)>" not in preview.text.replace("&gt;", "")


@pytest.fixture
def sales(workspace: Workspace, desk: Any) -> Callable[..., tuple[int, Any]]:
    """Runs ``cms sales …`` and gives the exit code and the document."""

    def run(*arguments: str, as_email: str | None = None) -> tuple[int, Any]:
        state = State(None, as_email)
        state.__dict__["workspace"] = workspace
        result = CliRunner().invoke(command, [*arguments, "--json"], obj=state, catch_exceptions=False)
        return result.exit_code, json.loads(result.stdout)

    return run


def test_commands_print_the_keys_that_scripts_rely_on(sales: Any, desk: Any, reader: Any) -> None:
    desk.write("calm", title="The calm close", tags=["health"])
    code, (hit,) = sales("search", "calm")
    assert (code, hit["slug"], hit["title"], hit["tags"]) == (0, "calm", "The calm close", ["health"])
    code, made = sales(
        "share", "calm", "--for", "dana@example.com", "--expires", "2026-05-10", as_email="rep@example.com"
    )
    assert (code, set(made)) == (0, {"id", "url"})
    reader.look(made["url"], 3)
    _, (listed,) = sales("shares", "list")
    assert (listed["id"], listed["contact"], listed["state"], listed["view_count"]) == (
        made["id"],
        "dana@example.com",
        "active",
        1,
    )
    assert listed["expires_at"] == "2026-05-11T00:00:00+00:00"
    _, shown = sales("shares", "show", made["id"], as_email="rep@example.com")
    (look,) = shown["views"]
    assert {**look, "at": "", "browser": ""} == {
        "visitor": "dana@example.com", "browser": "", "agent_class": "human", "at": "", "counted": True, "seconds": 3,
        "revision": 1, "slides": [], "email": None, "verified": False, "downloaded": False,
    }  # fmt: skip
    assert sales("shares", "revoke", made["id"])[1]["state"] == "revoked"


@pytest.mark.parametrize("command", [("share",), ("shares", "add")])
def test_commands_say_what_a_link_asks_for(
    sales: Any, desk: Any, reader: Any, command: tuple[str, ...]
) -> None:
    desk.write("calm")
    lists = ("--allow", "@acme.test", "--allow", "ann@b.test", "--deny", "x@acme.test")
    _, made = sales(*command, "calm", "--gate", "email", *lists, "--no-download", "--max-views", "2")
    reader.post(made["url"], email="dana@acme.test")
    reader.look(made["url"], 2)
    _, (listed,) = sales("shares", "list")
    asked = {name: listed[name] for name in ("gate", "allow", "deny", "download", "watermark", "max_views")}
    assert asked == {
        "gate": "email",
        "allow": ["@acme.test", "ann@b.test"],
        "deny": ["x@acme.test"],
        "download": False,
        "watermark": False,
        "max_views": 2,
    }
    (look,) = sales("shares", "show", made["id"])[1]["views"]
    assert (look["visitor"], look["verified"]) == ("dana@acme.test", False)
    for option in ("--download", "--watermark"):
        with pytest.raises(Invalid, match="decks"):
            sales(*command, "calm", option)


@pytest.mark.parametrize("password", ["", "abc", "        ", "x" * 201])
def test_a_password_that_protects_nothing_makes_no_link(sales: Any, desk: Any, password: str) -> None:
    desk.write("calm")
    with pytest.raises(Invalid) as refused:
        sales("share", "calm", "--password", password)
    assert refused.value.field == "password"
    assert not shares.listed(desk.services("admin"))
    assert sales("share", "calm", "--password", "four")[0] == 0
