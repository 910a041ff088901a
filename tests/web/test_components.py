"""The components: no inline script or style, icons that exist, words beside every colour, and a byte budget."""

import gzip
import re
from pathlib import Path

import pytest
from flask import render_template_string
from flask.testing import FlaskClient

import cms_core.web
from cms_core.web import assets
from cms_core.web.nav import CORE
from cms_core.web.states import STATES, state_of

WEB = Path(cms_core.web.__file__).parent
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
IMPORT = '{% import "cms/_components.html" as ui %}'


def draw(client: FlaskClient, template: str, **context: object) -> str:
    with client.application.test_request_context("/app/"):
        return render_template_string(IMPORT + template, **context)


def test_pages_hold_no_inline_script_style_or_handler(client: FlaskClient) -> None:
    for path in ("/app/dev/ui", "/app/login", "/app/refuse", "/nothing"):
        text = client.get(path).text
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), path
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text), path


def test_every_id_on_the_gallery_is_given_once(client: FlaskClient) -> None:
    ids = re.findall(r'\sid="([^"]+)"', client.get("/app/dev/ui").text)

    assert len(ids) == len(set(ids))


def test_every_post_form_carries_the_token(client: FlaskClient) -> None:
    for path in ("/app/dev/ui", "/app/login"):
        forms = re.findall(r'<form[^>]*method="post".*?</form>', client.get(path).text, re.DOTALL)
        assert forms
        assert all('name="csrf_token" value="' in form for form in forms)


def test_the_secret_of_the_sample_form_is_not_in_the_page(client: FlaskClient) -> None:
    text = client.get("/app/dev/ui").text

    assert "never-shown" not in text
    assert "A value is stored; leave this empty to keep it." in text


def test_an_error_is_tied_to_its_input(client: FlaskClient) -> None:
    text = client.get("/app/dev/ui").text

    assert re.search(
        r'<input[^>]*name="per_hour"[^>]*aria-invalid="true"[^>]*aria-describedby="per_hour-error"', text
    )
    assert 'id="per_hour-error"' in text


def test_every_icon_that_is_named_is_in_the_list_for_the_sprite() -> None:
    listed = set((WEB / "icons.txt").read_text("utf-8").split())
    named = {item.icon for _, items in CORE for item in items} | {mark.icon for mark in STATES.values()}
    for template in TEMPLATES:
        text = template.read_text("utf-8")
        named |= set(re.findall(r'icon(?:_name)?[=(]\s*"([a-z0-9-]+)"', text))

    assert named - listed == set()


def test_text_given_to_components_is_escaped(client: FlaskClient) -> None:
    evil = "<script>alert(1)</script>"
    calls = (
        "ui.button(x)",
        "ui.link_button(x, x)",
        "ui.pill(x, x, true, 1, x, x)",
        "ui.tag(x, x)",
        "ui.note('bad', x, x)",
        "ui.state_mark(x)",
        "ui.kpi(x, x, x)",
        "ui.meter(1, 2, x, x)",
        "ui.stat_rows([(x, x)])",
        "ui.breadcrumb([(x, x), (x, '')])",
        "ui.table([x, (x, 'n')], [[x, x]], x)",
        "ui.empty_state(x, x)",
        "ui.confirm(x, x, x, fields={'a': x})",
        "ui.toast(x)",
        "ui.preview_frame(x, x)",
        "ui.pagination(x)",
        "ui.channel_glyph(x, x)",
    )
    for call in calls:
        drawn = draw(client, "{{ " + call + " }}", x=evil)
        assert "<script" not in drawn, call


def test_every_state_has_words_and_a_mark(client: FlaskClient) -> None:
    for state, mark in STATES.items():
        assert mark.words
        assert mark.icon
        assert mark.glyph
        assert mark.words in draw(client, "{{ ui.state_mark(s) }}", s=state)
    assert state_of("a_plugins_own").words == "A plugins own"


@pytest.mark.parametrize("level", ["bad", "warn", "ok", "plain", "note", "warning", "error", "hold"])
def test_a_note_says_its_level_in_words(client: FlaskClient, level: str) -> None:
    assert re.search(r'class="vh">\w+: <', draw(client, "{{ ui.note(level, 'text') }}", level=level))


def test_without_the_front_end_build_words_stand_in_for_icons(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    text = client.get("/app/dev/ui").text

    assert 'class="no-icons"' in text
    assert "<use" not in text
    assert "vendor/" not in text
    assert ">!</span>" in text


def test_with_it_icons_come_from_the_sprite(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "icons.svg").write_text("<svg/>")
    (tmp_path / "vendor" / "Sortable.min.js").write_text("0")
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    text = client.get("/app/dev/ui").text

    assert re.search(r'<use href="/app/static/vendor/icons\.svg\?v=[0-9a-f]{10}#calendar-days"/>', text)
    assert re.search(r'<script defer src="/app/static/vendor/Sortable\.min\.js\?v=', text)


def test_every_page_keeps_its_byte_budget() -> None:
    """The shell is on every page; a page may have one module and one more stylesheet of its own."""

    def packed(name: str) -> int:
        return len(gzip.compress((WEB / "static" / name).read_bytes(), 9))

    assert packed("app.css") + packed("fonts.css") <= 7_000
    assert packed("pages.css") <= 2_000
    shell = sum(map(packed, ("app.js", "keys.js", "poll.js")))
    assert max(shell + packed(module) for module in ("calendar.js", "editor.js", "queue.js")) <= 5_200
    assert sum(len(path.read_text("utf-8").splitlines()) for path in (WEB / "static").glob("*.js")) <= 450
