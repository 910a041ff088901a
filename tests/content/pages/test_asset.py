"""The page of an asset and its previews."""

import os
import re
import time
from collections.abc import Callable

from cms_core.campaigns import service as campaigns
from cms_core.campaigns.when import parse_when
from cms_core.content import service
from cms_core.content.models import Revision
from cms_core.testing.client import FormClient
from cms_core.workspace import Workspace


def test_the_page_of_an_asset_tells_all_about_it(
    marketer: FormClient, add: Callable[..., Revision], workspace: Workspace
) -> None:
    add("launch", title="The launch", tags=("spring",), persona="CFO", variants={"email": {"subject": "S"}})
    with workspace.db.transaction() as session:
        asset = service.find(session, "launch")
        plan = campaigns.Plan(
            parse_when("2026-06-01 09:00", "Europe/Berlin"), "Send it", asset=asset, channel="email"
        )
        campaigns.plan(session, plan)
    page = marketer.get("/app/content/launch").text

    for words in ("The launch", "#spring", "CFO", "marketer@example.com", "Send it", "1 part of its own"):
        assert words in page
    assert "/app/calendar/new?asset=launch" in page
    assert "there is no summary" in page
    frames = re.findall(r'<iframe[^>]* src="([^"]+)"[^>]*>', page)
    showing = [each for each in workspace.plugins.channels.values() if "article" in each.asset_kinds]
    assert 1 < len(frames) <= len(showing)  # a text has no frame
    assert 'class="frame short"' in page, "a post has few lines"
    assert 'class="frame"' in page
    shown = marketer.get(frames[0])
    assert "Some words." in shown.text
    assert shown.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert shown.headers["Cache-Control"] == "private, no-store"


def test_a_preview_belongs_to_who_made_it(
    as_role: Callable[[str], FormClient], marketer: FormClient, add: Callable[..., Revision]
) -> None:
    add("launch")
    frame = re.findall(r'<iframe[^>]* src="([^"]+)"', marketer.get("/app/content/launch").text)[0]
    assert marketer.get(frame).status_code == 200
    assert as_role("viewer").get(frame).status_code == 404
    assert marketer.get("/app/content/preview/..%2f..%2fcms.toml").status_code == 404


def test_a_slug_that_is_close_is_suggested(marketer: FormClient, add: Callable[..., Revision]) -> None:
    add("year-end")
    answer = marketer.get("/app/content/year-edn")
    assert answer.status_code == 404
    assert "did you mean year-end?" in answer.text


def test_previews_go_after_an_hour(
    marketer: FormClient, add: Callable[..., Revision], workspace: Workspace
) -> None:
    add("launch")
    add("other")
    frame = re.findall(r'<iframe[^>]* src="([^"]+)"', marketer.get("/app/content/launch").text)[0]
    kept = next(workspace.config.run_dir.glob(f"scratch/*/{frame.rsplit('/', 1)[1]}"))
    assert kept.stat().st_mode & 0o077 == 0
    os.utime(kept, (0, time.time() - 3601))
    marketer.get("/app/content/other")
    assert marketer.get(frame).status_code == 404
    marketer.get("/app/content/launch")
    assert marketer.get(frame).status_code == 200
