"""Links: who may make them, what they show, when they end, and who is counted as having looked."""

import re
from datetime import date, timedelta
from typing import Any

import pytest

from cms_core import Contact, Invalid, NotFound
from cms_core.auth.audit import HIDDEN_VALUE
from cms_core.auth.models import AuditEntry
from cms_core.clock import FrozenClock
from cms_core.errors import Forbidden
from cms_sales_enablement import feedback, panels, shares, views
from cms_sales_enablement.models import Share

GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
NO_REVEAL = {
    "Cache-Control": "no-store, max-age=0",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
}


def looks(desk: Any, made: shares.Made) -> list[tuple[str, bool, int]]:
    share = shares.find(desk.services(), made.id)
    return [
        (v.agent_class, v.counted, v.milliseconds // 1000) for v in views.of_share(desk.services(), share)
    ][::-1]


def test_link_shows_the_newest_approved_words_and_gives_nothing_away(desk: Any, reader: Any) -> None:
    """Security rule 6: no referrer, no index."""
    desk.write("calm", "Old *words*.")
    made = desk.share("calm")
    desk.write("calm", "New **words**.", approve=False)
    assert "Old <em>words</em>." in reader.get(made.url).text
    desk.write("calm", "New **words**.")
    answer = reader.get(made.url)
    assert "New <strong>words</strong>." in answer.text
    assert NO_REVEAL.items() <= dict(answer.headers).items()
    assert "Set-Cookie" not in answer.headers
    assert "cms_session" not in answer.headers.get("Set-Cookie", "")


def test_nothing_in_the_text_becomes_a_script(desk: Any, reader: Any) -> None:
    """Security rule 9: nobody's markup runs on our origin."""
    desk.write(
        "bad",
        "<script>alert(1)</script><img src=x onerror=alert(1)>\n\n[x](javascript:alert(1))",
        title="<script>alert(2)</script>",
    )
    answer = reader.get(desk.share("bad").url)
    scripts = re.findall(r"<script[^>]*>", answer.text)
    nonce = re.search(r"script-src 'nonce-([\w-]{22})'", answer.headers["Content-Security-Policy"])
    assert nonce is not None
    assert scripts == [each for each in scripts if f'nonce="{nonce[1]}"' in each]
    assert len(scripts) == 1
    assert "onerror" not in answer.text
    assert 'href="javascript:' not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert nonce[1] not in reader.get(desk.share("bad").url).text


def test_only_the_hash_of_a_token_is_kept(desk: Any) -> None:
    """Security rule 1: at least 128 random bits, of which only a hash is kept."""
    desk.write("calm")
    token = desk.share("calm").url.rpartition("/")[2]
    assert len(token) == 32
    with desk.workspace.db.session() as session:
        (share,) = session.query(Share)
        logged = session.query(AuditEntry).filter_by(kind="sales_enablement_share").one()
    assert token not in repr(vars(share))
    assert logged.changes["token_hash"] == [None, HIDDEN_VALUE]
    assert (logged.via, logged.user_id) == ("web", desk.people["rep"].id)


def _told(answer: Any) -> tuple[int, str, dict[str, str]]:
    """All that an answer tells, but for its own name, which is new each time."""
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}
    return answer.status_code, answer.text, headers


def test_unknown_ended_taken_back_archived_and_off_the_shelf_look_alike(
    desk: Any, reader: Any, clock: FrozenClock
) -> None:
    """Security rule 5: the same answer for unknown and expired."""
    for slug in ("ended", "back", "archived", "shelf"):
        desk.write(slug)
    urls = {
        slug: desk.share(slug, expires="1d" if slug == "ended" else "").url
        for slug in ("ended", "back", "archived", "shelf")
    }
    assert {reader.get(url).status_code for url in urls.values()} == {200}
    back = next(each for each in shares.listed(desk.services()) if each.slug == "back")
    shares.revoke(desk.services(), back.public_id)
    desk.archive("archived")
    feedback.set_until(desk.services("marketer"), desk.services().asset("shelf").id, date(2026, 5, 4))
    clock.at += timedelta(days=1)
    unknown = _told(reader.get(urls["back"][:-1] + "~"))
    assert unknown[0] == 404
    for url in urls.values():
        assert _told(reader.get(url)) == unknown
        assert reader.post(url, password="x").status_code == 404
        assert reader.post(f"{url}/seen", view="x", n="1", ms="2000").status_code == 404


def test_a_look_counts_once_it_was_in_sight_for_a_second(desk: Any, reader: Any) -> None:
    """Security rule 7: no view before a first visible second."""
    desk.write("calm")
    made = desk.share("calm", contact="Dana@Example.com")
    reader.get(made.url)
    assert (looks(desk, made), desk.events()) == ([("human", False, 0)], [])
    reader.look(made.url, 3, 4)
    assert looks(desk, made)[-1] == ("human", True, 7)
    (event,) = desk.events()
    contact = desk.services().find_contact("dana@example.com")
    with desk.workspace.db.session() as session:
        assert session.get_one(desk.people["rep"].__class__, desk.people["rep"].id)
    assert event.agent_class == "human"
    assert event.contact_id is not None
    assert contact is not None
    assert event.props == {"share": made.id, "revision": 1}
    assert made.url.rpartition("/")[2] not in repr(vars(event))


def test_messages_that_repeat_come_late_or_lie_change_little(
    desk: Any, reader: Any, clock: FrozenClock
) -> None:
    desk.write("calm")
    made = desk.share("calm")
    answer = reader.get(made.url)
    view = answer.text.partition('data-view="')[2].partition('"')[0]

    def tell(number: str, ms: str, who: str = view) -> int:
        return reader.post(f"{made.url}/seen", view=who, n=number, ms=ms).status_code

    clock.at += timedelta(seconds=10)
    assert [
        tell("1", "500"),
        tell("x", "1e9"),
        tell("-1", "9000"),
        tell("2", "9" * 40),
        tell("1", "9000", "other"),
    ] == [204] * 5
    assert looks(desk, made) == [("human", False, 0)]
    assert [tell("3", "9000"), tell("3", "9500"), tell("2", "9500"), tell("4", "1000")] == [204] * 4
    assert looks(desk, made) == [("human", True, 9)]
    tell("5", "2000000000")
    assert looks(desk, made) == [("human", True, 15)]
    assert len(desk.events()) == 1


def test_machines_and_own_people_are_kept_apart(desk: Any, new_reader: Any, as_role: Any) -> None:
    """Security rule 8: views of our own people are marked."""
    desk.write("calm")
    made = desk.share("calm")
    new_reader().get(made.url, method="HEAD")
    assert looks(desk, made) == []
    new_reader(agent=GOOGLEBOT).look(made.url, 5)
    assert "cms_own" not in new_reader().get("http://x/app/p/sales_enablement/").headers.get("Set-Cookie", "")
    rep = as_role("rep")
    assert rep.get("/app/p/sales_enablement/").status_code == 200
    rep.get("/" + made.url.split("/", 3)[3], headers={"User-Agent": new_reader().agent})
    assert looks(desk, made) == [("bot", False, 0), ("internal", False, 0)]
    assert [event.agent_class for event in desk.events()] == ["bot", "internal"]


@pytest.mark.parametrize(
    "early", [{"Sec_Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {"X_Moz": "prefetch"}]
)
def test_what_is_fetched_before_anybody_asks_for_it_is_answered_and_no_look(
    desk: Any, reader: Any, early: dict[str, str]
) -> None:
    """Security rule 7 of links: no view on HEAD or prefetch."""
    desk.write("calm", "The words.")
    made = desk.share("calm")
    answer = reader.get(made.url, **early)
    assert (answer.status_code, "The words." in answer.text) == (200, True)
    assert "<script" not in answer.text
    assert reader.get(made.url, method="HEAD").status_code == 200
    assert (looks(desk, made), desk.events()) == ([], [])


def test_password_is_asked_and_remembered_by_this_browser_for_this_link(desk: Any, new_reader: Any) -> None:
    desk.write("calm", "The secret words.")
    made, other = desk.share("calm", password="open sesame"), desk.share("calm", password="open sesame")
    reader = new_reader()
    assert "secret words" not in reader.get(made.url).text
    assert reader.post(made.url, password="wrong").status_code == 401
    opened = reader.post(made.url, password="open sesame")
    assert opened.status_code == 303
    cookie = opened.headers["Set-Cookie"]
    assert "Path=/" + made.url.split("/", 3)[3] in cookie
    assert "HttpOnly" in cookie
    assert "secret words" in reader.get(made.url).text
    assert "secret words" not in reader.get(other.url).text
    assert "secret words" not in new_reader().get(made.url).text
    forger, stolen = new_reader(use_cookies=False), cookie.partition(";")[0]
    assert "secret words" in forger.get(made.url, Cookie=stolen).text
    assert "secret words" not in forger.get(other.url, Cookie=stolen).text
    assert [look[0] for look in looks(desk, made)] == ["human"] * 2


def test_guessing_passwords_is_slowed_down(desk: Any, reader: Any) -> None:
    """Security rule 4: argon2, and a limit of tries."""
    desk.write("calm")
    made = desk.share("calm", password="open sesame")
    answers = [reader.post(made.url, password=f"no{n}").status_code for n in range(7)]
    assert answers == [401] * 5 + [429] * 2


def test_who_may_share_and_who_sees_what(desk: Any) -> None:
    desk.write("calm")
    with pytest.raises(Forbidden):
        desk.share("calm", role="viewer")
    made = desk.share("calm", role="marketer")
    assert not shares.listed(desk.services("rep"))
    with pytest.raises(NotFound):
        shares.find(desk.services("rep"), made.id)
    with pytest.raises(NotFound):
        shares.revoke(desk.services("rep"), made.id)
    mine = desk.share("calm")
    assert [each.public_id for each in shares.listed(desk.services("marketer"))] == [mine.id, made.id]


@pytest.mark.parametrize(
    "expires",
    [
        "yesterday",
        "2026-05-03",
        "0d",
        "2026-05-04T06:59+00:00",
        "2026-05-05T10:00",
        "2026-13-01",
        "9999-12-31",
    ],
)
def test_an_end_that_cannot_be_is_refused_and_nothing_is_made(desk: Any, expires: str) -> None:
    desk.write("calm")
    with pytest.raises(Invalid):
        desk.share("calm", expires=expires)
    assert not shares.listed(desk.services("admin"))


def test_only_approved_content_is_shared(desk: Any) -> None:
    desk.write("draft", approve=False)
    for slug in ("draft", "nothing", "\0", "' or 1=1"):
        with pytest.raises(Invalid):
            desk.share(slug)
    desk.write("calm")
    with pytest.raises(Invalid):
        desk.share("calm", contact="nobody at all")
    assert not shares.listed(desk.services("admin"))


def test_settings_bound_the_life_of_links(
    desk: Any, monkeypatch: pytest.MonkeyPatch, clock: FrozenClock
) -> None:
    desk.write("calm")
    svc = desk.services()
    monkeypatch.setattr(svc, "settings", lambda: {"longest_days": 30})
    shares.create(svc, "calm")
    assert shares.listed(svc)[0].expires_at == clock.at + timedelta(days=30)
    with pytest.raises(Invalid):
        shares.create(svc, "calm", expires="31d")


def test_erasing_a_contact_leaves_no_trace_of_them(desk: Any, app: Any, reader: Any) -> None:
    desk.write("calm")
    made = desk.share("calm", contact="dana@example.com")
    reader.look(made.url, 2)
    contact = desk.services().find_contact("dana@example.com")
    assert isinstance(contact, Contact)
    with app.app_context():
        (record,) = panels.personal_data([contact], erase=False)
        assert record.data["asset"] == "calm"
        panels.personal_data([contact], erase=True)
        assert panels.personal_data([contact], erase=False) == []
    assert reader.get(made.url).status_code == 404
    share = shares.find(desk.services(), made.id)
    assert (share.contact, share.contact_email) == (None, "")
    assert {view.visitor for view in views.of_share(desk.services(), share)} == {""}


def test_what_expires_for_everybody_is_neither_found_nor_shown_nor_shared(
    desk: Any, reader: Any, clock: FrozenClock
) -> None:
    desk.write("calm", unpublish_at=clock.at + timedelta(days=1))
    made = desk.share("calm")
    assert (desk.found(), reader.get(made.url).status_code) == (["calm"], 200)
    clock.at += timedelta(days=1)
    assert (desk.found(), reader.get(made.url).status_code) == ([], 404)
    with pytest.raises(Invalid):
        desk.share("calm")
