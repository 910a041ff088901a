"""From words to posts: threads, pictures, links and lengths; the same remarks everywhere, and previews that load nothing."""

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core import Campaign, Channel, Finding, Level, Link, Media, Placement, Wait
from cms_core.clock import FrozenClock
from cms_core.testing.contracts import make_placement
from cms_core.testing.network import FakeNetwork
from cms_core.testing.pages import harm_in
from cms_social import pictures
from cms_social.bluesky import BlueskyChannel
from cms_social.mastodon import MastodonChannel
from cms_social.posts import Words
from cms_social.sandbox_bluesky import Bluesky
from cms_social.sandbox_mastodon import Mastodon

BOTH: list[Channel] = [MastodonChannel(), BlueskyChannel()]
SHA = "ab" * 32


def placement(text: Any = "Hello", kind: str = "social-post", **more: Any) -> Placement:
    body = {"text": text, **more.pop("body", {})}
    return make_placement("mastodon", kind=kind, body=body, **more)


def file(path: Path | str = "", mime: str = "image/png", alt: str = "A square", size: int = 10) -> Media:
    return Media("m-1", SHA, mime, size, 64, 48, alt, "a.png", str(path), f"http://x/media/{SHA}/a.png")


def errors(channel: Channel, shown: Placement) -> list[Finding]:
    return [each for each in channel.check(shown) if each.level is Level.ERROR]


def texts(shown: Placement, page: str = "") -> list[str]:
    return [part.text for part in Words(shown, page).parts]


def test_lines_of_dashes_and_lists_make_threads() -> None:
    assert texts(placement("One\n---\nTwo\r\n  -----  \r\n\r\n---\nThree --- here")) == [
        "One",
        "Two",
        "Three --- here",
    ]
    assert texts(placement(["One", "", "Two"])) == ["One", "Two"]
    assert texts(placement("")) == []


def test_markup_of_links_and_pictures_becomes_plain() -> None:
    shown = placement(
        f"See [our page](https://acme.test/x) or [home](/) ![My *words*](/media/{SHA}/a.png)",
        media=(file(alt=""),),
    )
    (part,) = Words(shown).parts
    assert part.text == "See our page https://acme.test/x or home"
    assert [each.alt for each in part.media] == ["My *words*"]


def test_articles_are_announced_and_overrides_say_how() -> None:
    article = placement("A very long text", kind="article", title="How to", summary="In short")
    assert texts(article) == ["How to\n\nIn short"]
    own = replace(article, asset=replace(article.asset, overrides=("text",), body={"text": "Look at this"}))
    assert texts(own) == ["Look at this"]
    assert Words(article, "https://acme.test/how").link == "https://acme.test/how"
    assert Words(placement("x"), "https://acme.test/how").link == ""


def test_addresses_get_the_parameters_of_the_campaign() -> None:
    campaign = Campaign("c", "Launch", "launch", "UTC", {"source": "", "utm_medium": "", "utm_content": ""})
    shown = replace(placement("https://a.test/x, https://a.test/x?y=1."), campaign=campaign)
    assert texts(shown) == ["https://a.test/x?utm_campaign=launch, https://a.test/x?y=1&utm_campaign=launch."]


@pytest.mark.parametrize("channel", BOTH, ids=lambda each: each.name)
def test_the_last_character_that_fits_fits(channel: Channel) -> None:
    limit = channel.limits["text"]
    assert not errors(channel, placement("👩‍👩‍👧" * min(limit, 100) + "x" * (limit - min(limit, 100))))
    (found,) = errors(channel, placement("x" * (limit + 1)))
    assert found.field == "text"
    assert str(limit + 1) in found.message


def test_what_counts_besides_the_text_is_counted() -> None:
    mastodon, bluesky = BOTH
    assert not errors(mastodon, placement("x" * 490, body={"content_warning": "x" * 10}))
    assert errors(mastodon, placement("x" * 490, body={"content_warning": "x" * 11}))
    assert not errors(mastodon, placement("x" * 476 + " https://acme.test/" + "y" * 300))
    assert not errors(bluesky, placement("👨‍👩‍👧‍👧" * 110))
    assert [each for each in errors(bluesky, placement("👨‍👩‍👧‍👧" * 130)) if "3250 bytes" in each.message]
    longer = replace(placement("x" * 900), settings={"max_characters": 1000})
    assert not errors(mastodon, longer)


@pytest.mark.parametrize(
    ("shown", "field"),
    [
        (placement(""), "text"),
        (placement("{{ nonsense"), "text"),
        (placement(["x"] * 26), "text"),
        (placement("x", body={"link": "javascript:alert(1)"}), "link"),
        (placement("x", body={"visibility": "everybody"}), "visibility"),
        (placement(f"x ![a](/media/{SHA}/a.png)", media=(file(mime="application/pdf"),)), "text"),
        (placement(f"![a](/media/{SHA}/a.png)" * 5, media=(file(),)), "text"),
        (placement(f"![a](/media/{SHA}/a.png)" * 2, media=(file(mime="video/mp4"),)), "text"),
    ],
)
def test_what_cannot_be_posted_is_an_error_that_names_its_field(shown: Placement, field: str) -> None:
    assert field in [each.field for each in errors(BOTH[0], shown)]


def test_missing_alternative_text_is_a_warning() -> None:
    shown = placement(f"x ![](/media/{SHA}/a.png)", media=(file(alt=""),))
    assert [each.level for each in BOTH[1].check(shown)] == [Level.WARNING]


def naughty() -> list[str]:
    path = Path(os.environ.get("CMS_CONFORMANCE_DATA", "missing")) / "naughty-strings" / "blns.json"
    if not path.parent.parent.exists():
        return [
            "<script>alert(1)</script>",
            "{{7*7}}",
            "\u202ereversed",
            "\u0000",
            "![x](javascript:x)",
            "- - -\n---",
        ]
    found: list[str] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("channel", BOTH, ids=lambda each: each.name)
def test_naughty_strings_do_no_harm(channel: Channel) -> None:
    for text in naughty():
        shown = placement(
            text, title=text, summary=text, body={"content_warning": text, "link": text, "language": text}
        )
        assert all(isinstance(each, Finding) for each in channel.check(shown))
        html = channel.preview(shown).html
        assert harm_in(html) == []


@pytest.mark.parametrize("channel", BOTH, ids=lambda each: each.name)
def test_preview_loads_nothing(channel: Channel, tmp_path: Path, picture: bytes) -> None:
    (tmp_path / "a").write_bytes(picture)
    shown = placement(
        f"Hi @a.test https://acme.test #x ![A](/media/{SHA}/a.png)", media=(file(tmp_path / "a"),)
    )
    made = channel.preview(shown)
    assert 'src="data:image/png;base64,' in made.html
    assert "http" not in made.html.replace("https://acme.test", "")
    assert made.html.count('class="go"') == 3
    missing = channel.preview(replace(shown, asset=replace(shown.asset, media=(file(tmp_path / "gone"),))))
    assert "<img" not in missing.html


def test_a_preview_names_an_account_only_where_it_is_known() -> None:
    shown = replace(placement(), connection="toots", settings={"base_url": "https://social.test"})
    assert '<span class="who">toots on social.test</span>' in MastodonChannel().preview(shown).html
    assert '<span class="who">toots</span>' in BlueskyChannel().preview(shown).html
    known = replace(shown, settings={"handle": "acme.test"})
    assert '<span class="who">@acme.test</span>' in BlueskyChannel().preview(known).html


@given(st.text(), st.text())
def test_any_text_is_checked_and_shown(text: str, title: str) -> None:
    for channel in BOTH:
        list(channel.check(placement(text, title=title)))
        channel.preview(placement(text, title=title))


def test_pictures_are_made_small_enough(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "noise"
    Image.effect_noise((1800, 1800), 120).convert("RGBA").save(path, "PNG")
    data, mime = pictures.fitting(file(path, size=path.stat().st_size))
    assert path.stat().st_size > pictures.MOST_BYTES >= len(data)
    assert (mime, data[:2]) == ("image/jpeg", b"\xff\xd8")


def test_files_are_waited_for(
    mastodon_link: Link, mastodon: Mastodon, their_clock: FrozenClock, tmp_path: Path, picture: bytes
) -> None:
    mastodon.processing = timedelta(seconds=5)
    (tmp_path / "a").write_bytes(picture)
    shown = placement(f"Look ![A](/media/{SHA}/a.png)", media=(file(tmp_path / "a"),))
    channel = MastodonChannel()
    waiting = channel.prepare(mastodon_link, shown, None)
    assert isinstance(waiting, Wait)
    their_clock.at += timedelta(seconds=5)
    ready = channel.prepare(mastodon_link, shown, json.loads(json.dumps(dict(waiting.progress))))
    assert not isinstance(ready, Wait)
    assert len(mastodon.media) == 1
    receipt = channel.publish(mastodon_link, ready, "k", None)
    assert mastodon.statuses[receipt.external_id]["media"] == list(mastodon.media)


def test_file_that_the_server_cannot_read_is_refused(
    desk: Any, mastodon: Mastodon, mastodon_network: FakeNetwork
) -> None:
    """Accepted at first, and found to be broken while it is processed."""
    mastodon_network.fault("refuse", on="GET /api/v1/media/", status=422)
    store_picture(desk)
    key = desk.publish("mastodon", f"Look ![A](/media/{desk.sha256}/a.png)")
    assert (desk.shown(key)["state"], mastodon.statuses) == ("failed", {})


def test_pictures_arrive_with_their_words(desk: Any, bluesky: Bluesky, mastodon: Mastodon) -> None:
    store_picture(desk)
    text = f"Look ![A teal square](/media/{desk.sha256}/a.png)"
    for channel in ("bluesky", "mastodon"):
        assert desk.shown(desk.publish(channel, text, f"look-{channel}"))["state"] == "published"
    (record,) = (row["value"] for row in bluesky.records.values())
    (image,) = record["embed"]["images"]
    assert (image["alt"], image["aspectRatio"]) == ("A teal square", {"width": 64, "height": 48})
    assert bluesky.blobs[image["image"]["ref"]["$link"]][0] == "image/png"
    assert [each["description"] for each in mastodon.media.values()] == ["A teal square"]


def test_announced_article_leads_to_its_page(desk: Any, mastodon: Mastodon, bluesky: Bluesky) -> None:
    desk.connect("site", base_url="https://www.acme.test")
    desk.write("guide", "The whole text.", kind="article", title="Guide", summary="Eleven steps")
    desk.arm("guide", "site")
    desk.work()
    for channel in ("mastodon", "bluesky"):
        desk.arm("guide", channel)
    desk.work()
    assert [each["text"] for each in mastodon.statuses.values()] == [
        "Guide\n\nEleven steps\n\nhttps://www.acme.test/guide"
    ]
    (record,) = (row["value"] for row in bluesky.records.values())
    assert record["embed"]["external"]["uri"] == "https://www.acme.test/guide"


def store_picture(desk: Any) -> None:
    """A stored picture, whose hash the desk then knows."""
    import io

    from PIL import Image

    from cms_core.content import media

    out = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(out, "PNG")
    stored = media.take_in(desk.workspace.config.media_dir, out.getvalue(), "a.png")
    with desk.workspace.db.transaction() as session:
        media.record(session, stored)
    desk.sha256 = stored.sha256
