"""The shell: headers by area, errors for people and programs, navigation by rights, theme without a flash, caching."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cms_core import builtin
from cms_core.contract import NavItem
from cms_core.plugins import Plugins
from cms_core.web import formats
from cms_core.web.nav import build_nav
from cms_core.web.shell import Frame, Viewer, local_path

BuildApp = Callable[[Callable[[], Frame]], Flask]


def test_the_app_runs_its_own_scripts_only(client: FlaskClient) -> None:
    headers = client.get("/app/dev/ui").headers
    policy = headers["Content-Security-Policy"]

    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.parametrize("path", ["/plain", "/application", "/nothing/here"])
def test_outside_the_app_no_script_runs(client: FlaskClient, path: str) -> None:
    policy = client.get(path).headers["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy


def test_a_preview_keeps_its_own_policy(client: FlaskClient) -> None:
    policy = client.get("/app/dev/ui/preview").headers["Content-Security-Policy"]

    assert policy.startswith("sandbox; default-src 'none'")
    assert "frame-ancestors 'self'" in policy


def test_an_error_says_what_happened_what_was_not_done_and_what_to_do(client: FlaskClient) -> None:
    client.application.config["WTF_CSRF_ENABLED"] = False
    answer = client.post("/app/refuse")

    assert answer.status_code == 422
    assert "Row 17 of &lt;plan.csv&gt; is wrong." in answer.text
    assert "Nothing was saved, sent or changed" in answer.text
    assert "Mend the row and import again." in answer.text
    assert "Nothing was saved" not in client.get("/app/refuse").text


@pytest.mark.parametrize(
    ("path", "accept"), [("/api/v1/refuse", "text/html"), ("/app/refuse", "application/json")]
)
def test_programs_get_their_errors_as_json(client: FlaskClient, path: str, accept: str) -> None:
    answer = client.get(path, headers={"Accept": accept})

    assert answer.status_code == 422
    assert answer.json == {
        "error": {"message": "Row 17 of <plan.csv> is wrong.", "remedy": "Mend the row and import again."}
    }


def test_a_crash_tells_nothing_of_its_cause(client: FlaskClient) -> None:
    for accept in ("text/html", "application/json"):
        answer = client.get("/app/crash", headers={"Accept": accept})
        assert answer.status_code == 500
        assert "hunter2" not in answer.text


def test_a_crash_of_the_navigation_still_gives_a_page(build_app: BuildApp) -> None:
    def broken() -> Frame:
        raise RuntimeError("no database")

    client = build_app(broken).test_client()

    assert client.get("/app/dev/ui").status_code == 500
    lost = client.get("/app/nowhere")
    assert lost.status_code == 404
    assert "Nothing is here" in lost.text


def test_a_refused_method_names_the_allowed_ones(client: FlaskClient) -> None:
    client.application.config["WTF_CSRF_ENABLED"] = False
    answer = client.post("/app/crash")

    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_errors_outside_the_app_show_no_navigation_and_load_no_script(client: FlaskClient) -> None:
    text = client.get("/site/refuse").text

    assert "<script" not in text
    assert "/app/calendar" not in text


def test_navigation_shows_what_the_viewer_may_open(client: FlaskClient) -> None:
    text = client.get("/app/dev/ui").text

    assert 'href="/app/calendar"' in text
    assert 'href="/app/audit"' not in text
    assert "Inès Marchetti" in text
    assert '<span class="count">6</span>' in text


def test_a_plugins_item_carries_its_diamond_and_a_broken_one_is_left_out(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    text = client.get("/app/dev/ui").text

    assert re.search(r'href="/app/dev/ui"[^>]*aria-current="page"[^>]*title="Added by seo"', text)
    assert "added by seo" in text
    assert "Ghost" not in text
    assert "ghost" in caplog.text


def test_nobody_signed_in_sees_no_navigation(build_app: BuildApp) -> None:
    text = build_app(Frame).test_client().get("/app/dev/ui").text

    assert "/app/calendar" not in text
    assert "Sign out" not in text


def test_the_longest_fitting_address_is_the_current_page() -> None:
    items = [("a", NavItem("Notes", "/app/content/notes", group="Create"))]

    def current(path: str) -> list[str]:
        return [
            item.label
            for group in build_nav(lambda _: True, path, items)
            for item in group.items
            if item.current
        ]

    assert current("/app/content/notes/7") == ["Notes"]
    assert current("/app/content/7") == ["Content"]
    assert current("/app/contentious") == []


def test_a_group_that_is_empty_for_the_viewer_has_no_heading() -> None:
    groups = build_nav(lambda name: name == "content.read", "/")
    assert [group.label for group in groups] == ["Plan", "Create"]
    assert [item.label for item in groups[0].items] == ["Notices"], "which are everybody's"


def test_every_permission_of_the_navigation_exists() -> None:
    known = {permission.name for permission in builtin.register_permissions()}
    items = [item for group in build_nav(lambda _: True, "/") for item in group.items]
    asked = {item.permission for item in items if item.label != "Notices"}

    assert asked - known == set()


def test_shortcuts_are_not_given_twice_by_the_core_and_what_comes_with_it() -> None:
    keys = [item.shortcut for group in build_nav(lambda _: True, "/") for item in group.items]
    keys += [item.shortcut for _, item in Plugins().actions if item.shortcut]

    assert "g d" in keys
    assert len(keys) == len(set(keys))


def test_the_theme_is_in_the_first_byte_of_the_next_page(client: FlaskClient) -> None:
    client.application.config["WTF_CSRF_ENABLED"] = False
    assert 'data-theme="auto"' in client.get("/app/dev/ui").text

    answer = client.post("/app/theme", data={"theme": "dark", "next": "/app/dev/ui?a=1"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/app/dev/ui?a=1")
    assert '<html lang="en" data-theme="dark"' in client.get("/app/dev/ui").text
    client.post("/app/theme", data={"theme": '"><script>'})
    assert 'data-theme="auto"' in client.get("/app/dev/ui").text


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "///evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil",
        "javascript:x",
        "/\tx",
        "",
        None,
        "evil",
    ],
)
def test_a_redirect_stays_on_this_host(target: str | None) -> None:
    assert local_path(target, "/app/") == "/app/"


def test_the_theme_form_needs_its_token(client: FlaskClient) -> None:
    assert client.post("/app/theme", data={"theme": "dark"}).status_code == 400


def test_a_toast_offers_undo_and_is_escaped(client: FlaskClient) -> None:
    text = client.get("/app/announce", follow_redirects=True).text

    assert "Moved to &lt;Friday&gt;" in text
    assert 'action="/app/undo"' in text
    assert 'name="day" value="2026-11-24"' in text


def test_versioned_files_are_kept_for_ever_and_only_those(client: FlaskClient) -> None:
    address = re.search(r'href="(/app/static/app\.css\?v=[0-9a-f]{10})"', client.get("/app/dev/ui").text)
    assert address

    with client.get(address[1]) as versioned, client.get("/app/static/app.css?v=guess") as guessed:
        assert "immutable" in versioned.headers["Cache-Control"]
        assert "immutable" not in guessed.headers["Cache-Control"]


def test_pages_are_not_kept_by_shared_caches(client: FlaskClient) -> None:
    assert client.get("/app/dev/ui").headers["Cache-Control"] == "private, no-cache"


def test_a_live_part_answers_304_when_nothing_changed(client: FlaskClient) -> None:
    first = client.get("/app/dev/ui/live")

    assert client.get("/app/dev/ui/live", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_instants_are_shown_with_their_zone_and_never_naive() -> None:
    instant = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)

    assert formats.when(instant, "Europe/Paris") == "Tue 24 Nov 2026, 09:00 Europe/Paris"
    assert formats.when(instant, "No/Where") == "Tue 24 Nov 2026, 08:00 UTC"
    assert formats.when(None, "Europe/Paris") == "–"
    with pytest.raises(ValueError, match="naive"):
        formats.when(datetime(2026, 11, 24, 8, 0), "Europe/Paris")  # noqa: DTZ001


def test_numbers_read_well_and_unknown_is_not_nought() -> None:
    assert formats.number(1284) == "1,284"
    assert formats.number(None) == "–"
    assert formats.percent(0.218) == "21.8%"
    assert formats.money(Decimal("4200.5"), "EUR") == "€4,200.50"
    assert formats.money(Decimal(3), "") == "3"
    assert formats.day(date(2026, 11, 24)) == "Tue 24 Nov 2026"


def test_initials_come_from_any_name() -> None:
    assert Viewer("Inès Marchetti", "").initials == "IM"
    assert Viewer("tom@larkfield.example", "").initials == "TL"
    assert Viewer("", "").initials == "?"
