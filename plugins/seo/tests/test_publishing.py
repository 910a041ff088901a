"""From an approved asset to a page and back: once, at its own address, under the rules of updates and withdrawal."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cms_core import Absent, Prepared, Receipt, Refused
from cms_core.auth.service import acting_user
from cms_core.clock import FrozenClock
from cms_core.connections import service as connections
from cms_core.connections.links import make_link
from cms_core.content import renames
from cms_core.content import service as content
from cms_core.errors import CmsError
from cms_core.publishing.models import PublicationState
from cms_core.workspace import Workspace
from cms_seo import store
from cms_seo.channel import SiteChannel
from cms_seo.content import Content

CHANNEL = SiteChannel()


@pytest.fixture
def link(desk: Any, workspace: Workspace) -> Any:
    with workspace.db.session() as session:
        return make_link(workspace, connections.find(session, "site", "www"))


def prepared(slug: str = "calm", path: str = "", title: str = "Calm") -> Prepared:
    return Prepared(Content(path or f"/{slug}", slug, "article", title, "<p>Words</p>").to_json())


def test_approved_asset_becomes_a_page_at_its_own_address(desk: Any, reader: Any) -> None:
    key = desk.publish("calm", title="Calm <b>wins</b>")
    shown = desk.shown(key)
    assert (shown["state"], shown["url"]) == ("published", "https://www.acme.test/calm")
    answer = reader.get("/calm")
    assert answer.status_code == 200
    assert "<h1>Calm &lt;b&gt;wins&lt;/b&gt;</h1>" in answer.text
    assert '<link rel="canonical" href="https://www.acme.test/calm">' in answer.text
    assert '<a href="/haste" rel="noopener noreferrer">haste</a>' in answer.text


def test_nothing_shows_before_it_is_published(desk: Any, reader: Any) -> None:
    desk.write("draft")
    desk.arm("draft")
    assert reader.get("/draft").status_code == 404
    assert (
        "On draft"
        not in reader.get("/").text + reader.get("/sitemap.xml").text + reader.get("/feed.xml").text
    )


def test_same_key_twice_is_one_page(link: Any, workspace: Workspace) -> None:
    first = CHANNEL.publish(link, prepared(), "key-1", None)
    second = CHANNEL.publish(link, prepared(title="Other words"), "key-1", None)
    assert first == second
    with workspace.db.session() as session:
        assert store.count(session, "www") == 1
        assert store.by_key(session, "key-1").title == "Calm"


def test_update_keeps_address_and_first_day(desk: Any, reader: Any, clock: FrozenClock) -> None:
    key = desk.publish("calm")
    before = reader.get("/calm").text
    desk.write("calm", "Other words entirely.")
    assert reader.get("/calm").text == before
    clock.at += timedelta(days=2)
    new = desk.update(key)
    assert desk.shown(new)["url"] == desk.shown(key)["url"]
    after = reader.get("/calm").text
    assert "Other words entirely." in after
    assert '"datePublished": "2026-05-04T07:00:00+00:00"' in after
    assert '"dateModified": "2026-05-06T07:00:00+00:00"' in after
    assert "Updated <time" in after
    assert "Updated <time" not in before


def test_moved_page_is_led_to_without_chains(desk: Any, reader: Any) -> None:
    key = desk.publish("calm")
    for path in ("/calm-first", "/calm-second", "/calm"):
        desk.write("calm", site={"path": path, "text": f"Now at {path}."})
        key = desk.update(key)
    for old in ("/calm-first", "/calm-second"):
        answer = reader.get(f"{old}?utm_source=x")
        assert (answer.status_code, answer.headers["Location"]) == (301, "/calm?utm_source=x")
    assert reader.get("/calm").status_code == 200


def test_renamed_page_goes_to_its_new_address_by_an_update_with_the_same_words(
    desk: Any, reader: Any, clock: FrozenClock
) -> None:
    key = desk.publish("calm")
    with pytest.raises(CmsError, match="no newer approved revision"):
        desk.update(key)
    clock.at = datetime.now(UTC) + timedelta(hours=1)  # what was published knows the real time only
    with desk.workspace.db.transaction() as session:
        asset = content.find(session, "calm")
        draft = replace(content.draft_of(session, asset), slug="calmer")
        content.save(session, desk.workspace.plugins, asset, draft, acting_user(session, None))
    assert reader.get("/calm").status_code == 200, "it stays where it is until it is updated"
    assert desk.shown(desk.update(key))["url"].endswith("/calmer")
    assert reader.get("/calmer").status_code == 200
    assert reader.get("/calm").status_code == 404, "nobody has decided yet where the old one leads"
    with desk.workspace.db.transaction() as session:
        renames.accept(session, renames.find(session, "calm"))
    assert reader.get("/calm").headers["Location"] == "/calmer"


def test_taken_address_is_refused_in_words(desk: Any) -> None:
    desk.publish("calm", title="The first")
    key = desk.publish("storm", site={"path": "/calm"})
    shown = desk.shown(key)
    assert shown["state"] == "failed"
    assert "“The first”" in shown["reason"]


def test_same_path_on_two_sites_is_two_pages(desk: Any, reader: Any) -> None:
    desk.site("blog", "https://blog.acme.test")
    desk.publish("calm", title="At home")
    desk.publish("calm-blog", connection="blog", title="On the blog", site={"path": "calm"})
    assert "<h1>At home</h1>" in reader.get("/calm").text
    assert "<h1>On the blog</h1>" in reader.get("/calm", host="blog.acme.test").text
    assert "https://blog.acme.test/calm" in reader.get("/sitemap.xml", host="blog.acme.test").text


def test_withdrawn_page_is_gone_everywhere(desk: Any, reader: Any) -> None:
    key = desk.publish("calm")
    desk.withdraw(key)
    assert desk.shown(key)["state"] == "withdrawn"
    answer = reader.get("/calm")
    assert (answer.status_code, answer.headers["X-Robots-Tag"]) == (410, "noindex")
    assert "Publishing ought" not in answer.text
    for path in ("/", "/sitemap.xml", "/feed.xml", "/rss.xml"):
        assert "calm<" not in reader.get(path).text
    assert not desk.events()


def test_withdrawing_is_idempotent_and_spares_the_next_page(link: Any, workspace: Workspace) -> None:
    receipt = CHANNEL.publish(link, prepared(), "key-1", None)
    CHANNEL.withdraw(link, receipt)
    CHANNEL.withdraw(link, receipt)
    CHANNEL.publish(link, prepared(title="The next"), "key-2", None)
    CHANNEL.withdraw(link, receipt)
    with workspace.db.session() as session:
        assert store.at_path(session, "www", "/calm").state == "live"


def test_crash_between_commit_and_outcome_is_found_by_reconciling(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(BaseException):
        pass

    def crash(*_: Any) -> None:
        raise Crash

    desk.write("calm")
    key = desk.arm("calm")
    with monkeypatch.context() as patch:
        patch.setattr("cms_core.publishing.outcomes.published", crash)
        with pytest.raises(Crash):
            desk.work()
    assert desk.shown(key)["state"] == PublicationState.COMMITTING
    desk.worker.run_until_idle()
    assert desk.shown(key)["state"] == "published"
    assert desk.shown(key)["url"] == "https://www.acme.test/calm"


def test_reconcile_knows_what_is_there_and_what_is_not(link: Any) -> None:
    assert isinstance(CHANNEL.reconcile(link, prepared(), "key-1"), Absent)
    receipt = CHANNEL.publish(link, prepared(), "key-1", None)
    assert CHANNEL.reconcile(link, prepared(), "key-1") == receipt


def test_late_worker_cannot_undo_an_update(link: Any, workspace: Workspace) -> None:
    """Who lost its claim may wake up after somebody else published and updated the page."""
    first = CHANNEL.publish(link, prepared(), "key-1", None)
    newest = CHANNEL.publish(link, prepared(title="Newest"), "key-2", first)
    with pytest.raises(Refused):
        CHANNEL.publish(link, prepared(path="/elsewhere"), "key-1", None)
    with pytest.raises(Refused):
        CHANNEL.publish(link, prepared(title="Late"), "key-3", first)
    with workspace.db.session() as session:
        assert store.count(session, "www") == 1
        assert store.by_public_id(session, newest.external_id).title == "Newest"


@pytest.mark.parametrize("keys", [("key-1", "key-1"), ("key-1", "key-2")])
def test_two_at_once_make_one_page(link: Any, workspace: Workspace, keys: tuple[str, str]) -> None:
    def attempt(key: str) -> str:
        try:
            return CHANNEL.publish(link, prepared(), key, None).external_id
        except Refused:
            return "refused"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(attempt, keys))
    assert outcomes == (["key-1", "key-1"] if keys[0] == keys[1] else [outcomes[0], "refused"])
    with workspace.db.session() as session:
        assert store.count(session, "www") == 1


def test_update_of_a_page_that_a_person_only_claimed_makes_it(link: Any) -> None:
    claimed = Receipt("", "https://www.acme.test/calm", publication="key-0")
    assert CHANNEL.publish(link, prepared(), "key-1", claimed).url == "https://www.acme.test/calm"


def test_update_of_a_withdrawn_page_is_refused(link: Any) -> None:
    receipt = CHANNEL.publish(link, prepared(), "key-1", None)
    CHANNEL.withdraw(link, receipt)
    with pytest.raises(Refused, match="withdrawn"):
        CHANNEL.publish(link, prepared(), "key-2", receipt)


def test_home_page_stands_at_the_root(desk: Any, reader: Any) -> None:
    desk.configure(home="welcome")
    key = desk.publish("welcome", kind="landing-page", title="Welcome home")
    assert desk.shown(key)["url"] == "https://www.acme.test/"
    assert "<h1>Welcome home</h1>" in reader.get("/").text
    assert '<link rel="canonical" href="https://www.acme.test/">' in reader.get("/").text
    assert reader.get("/welcome").headers["Location"] == "/"
    assert "<loc>https://www.acme.test/</loc>" in reader.get("/sitemap.xml").text
