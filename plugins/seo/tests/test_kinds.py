"""What kinds have of their own stands on their pages, for people and for search engines; old addresses lead on when told to."""

import io
import json
import re
from dataclasses import replace
from typing import Any

from PIL import Image

from cms_core.auth.service import acting_user
from cms_core.content import media, renames
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.content.review import approve_newest
from cms_core.testing.pages import harm_in

NAUGHTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def put(desk: Any, slug: str, kind: str, text: str = "Words.", **own: Any) -> str:
    """Save, approve and publish a piece with fields of its own."""
    with desk.workspace.db.transaction() as session:
        editor = acting_user(session, None)
        draft = Draft(kind, f"On {slug}", "Why", {"text": text, **own}, slug=slug)
        asset = content.save(session, desk.workspace.plugins, None, draft, editor).asset
        approve_newest(session, desk.workspace, asset, editor)
    key: str = desk.arm(slug)
    desk.work()
    return key


def data_of(page: str) -> dict[str, Any]:
    """The structured data about the page itself."""
    (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    found: dict[str, Any] = json.loads(text)["@graph"][0]
    return found


def test_questions_of_an_faq_are_read_and_told_to_search_engines(desk: Any, reader: Any) -> None:
    rows = [{"question": "What does it cost?", "answer": "**90** EUR."}]
    put(desk, "faq", "faq", "## Is it safe?\n\nYes.", questions=rows)
    page = reader.get("/faq").text
    assert "<h2>What does it cost?</h2>" in page
    assert "<strong>90</strong> EUR." in page
    data = data_of(page)
    asked = [(each["name"], each["acceptedAnswer"]["text"]) for each in data["mainEntity"]]
    assert data["@type"] == "FAQPage"
    assert asked == [("Is it safe?", "Yes."), ("What does it cost?", "90 EUR.")]


def test_an_faq_may_consist_of_its_questions_alone(desk: Any, reader: Any) -> None:
    put(desk, "faq", "faq", "", questions=[{"question": "Why?", "answer": "So."}])
    assert "<h2>Why?</h2>" in reader.get("/faq").text


def test_a_case_study_shows_customer_results_and_quote(desk: Any, reader: Any) -> None:
    results = [{"label": "Days to close", "value": "11 → 4"}, {"label": NAUGHTY, "value": NAUGHTY}]
    put(
        desk,
        "case",
        "case-study",
        customer="Northmoor",
        industry=NAUGHTY,
        results=results,
        quote="It & works",
        quoted="Tove",
    )
    page = reader.get("/case").text
    assert "<dt>Days to close</dt><dd>11 → 4</dd>" in page
    assert "<dt>Customer</dt><dd>Northmoor</dd>" in page
    assert "<p>It &amp; works</p>" in page
    assert "<cite>Tove</cite>" in page
    assert [each for each in harm_in(page) if each != "script"] == []
    assert "<script>alert" not in page
    assert {"@type": "Thing", "name": "Northmoor"} in data_of(page)["about"]


def test_a_video_plays_or_is_led_to_with_its_transcript(desk: Any, reader: Any) -> None:
    put(desk, "film", "video", url="https://video.example/1", duration=90, transcript="Hello *you*.")
    page = reader.get("/film").text
    assert 'href="https://video.example/1"' in page
    assert "Hello <em>you</em>." in page
    data = data_of(page)
    assert (data["@type"], data["embedUrl"], data["duration"]) == (
        "VideoObject",
        "https://video.example/1",
        "PT1M30S",
    )
    assert data["transcript"] == "Hello you."

    with desk.workspace.db.transaction() as session:
        film = media.take_in(desk.workspace.config.media_dir, b"\0\0\0\x18ftypmp42", "film.mp4")
        media.record(session, film)
    put(desk, "own", "video", url=media.url_path(film))
    page = reader.get("/own").text
    assert f'src="{media.url_path(film)}"' in page
    assert data_of(page)["contentUrl"].endswith(media.url_path(film))


def test_the_button_of_a_landing_page_leads_on(desk: Any, reader: Any) -> None:
    put(desk, "offer", "landing-page", action_label="Book a look", action_url="/book")
    assert '<strong><a href="/book">Book a look</a></strong>' in reader.get("/offer").text


def test_pictures_offer_smaller_sizes_that_are_served_for_ever(desk: Any, reader: Any) -> None:
    out = io.BytesIO()
    Image.new("RGB", (700, 350), "red").save(out, "PNG")
    with desk.workspace.db.transaction() as session:
        stored = media.take_in(desk.workspace.config.media_dir, out.getvalue(), "red.png")
        media.record(session, stored, "Red")
    put(desk, "seen", "article", f"![]({media.url_path(stored)})\n\nWords.")
    (found,) = re.findall(r'srcset="([^"]+)"', reader.get("/seen").text)
    offered = dict(each.rsplit(" ", 1) for each in found.split(", "))
    assert list(offered.values()) == ["160w", "320w", "480w", "640w", "700w"]
    for address, width in offered.items():
        answer = reader.get(address)
        with answer, Image.open(io.BytesIO(answer.data)) as image:
            assert f"{image.width}w" == width
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    folder = media.url_path(stored).rsplit("/", 1)[0]
    for size in ("w161", "w641", "c10x10", "c1200x630-1", "../x"):
        assert reader.get(f"{folder}/{size}/red.png").status_code == 404
    crop = reader.get(f"{folder}/c1200x630-7-9/red.png")
    assert (crop.status_code, crop.headers["Location"]) == (302, f"{folder}/c1200x630-50-50/red.png")


def test_an_old_slug_leads_on_once_somebody_said_so(desk: Any, reader: Any) -> None:
    key = desk.publish("calm")
    with desk.workspace.db.transaction() as session:
        asset = content.find(session, "calm")
        editor = acting_user(session, None)
        draft = replace(content.draft_of(session, asset), slug="quiet", title="On quiet")
        content.save(session, desk.workspace.plugins, asset, draft, editor)
        approve_newest(session, desk.workspace, asset, editor)
    assert reader.get("/calm").status_code == 200, "the page stands where it was until it is updated"
    desk.update(key)
    assert reader.get("/quiet").status_code == 200
    assert reader.get("/calm").status_code == 404, "nobody has decided yet"
    with desk.workspace.db.transaction() as session:
        renames.accept(session, renames.find(session, "calm"))
    answer = reader.get("/calm?utm_source=x")
    assert (answer.status_code, answer.headers["Location"]) == (301, "/quiet?utm_source=x")
    with desk.workspace.db.transaction() as session:
        renames.remove(session, renames.find(session, "calm"))
    assert reader.get("/calm").status_code == 404
