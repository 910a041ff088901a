"""The preview: what a sample contact will see, and no script in it whatever was written."""

import html.parser
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from cms_email.channel import EmailChannel

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "{{ '<script>alert(1)</script>' }}",
    '{{ contact.first_name | default("<img src=x onerror=alert(1)>") }}',
    "$traces ${title} $$",
]


class Tripwire(html.parser.HTMLParser):
    """Keeps what could run: elements, event handlers and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "form", "base", "link", "svg", "math"):
            self.found.append(tag)
        for name, value in attrs:
            scheme = "".join((value or "").split()).lower()
            leads = name in ("href", "src", "action", "formaction", "background", "poster", "srcdoc")
            if name.startswith("on") or (leads and scheme.startswith(("javascript:", "vbscript:", "data:"))):
                self.found.append(f"{tag} {name}")


def payloads() -> list[str]:
    """Our own, and the files of CMS_CONFORMANCE_DATA where it is set."""
    folder = os.environ.get("CMS_CONFORMANCE_DATA")
    if not folder:
        return PAYLOADS
    cases = json.loads(Path(folder, "xss", "expect.json").read_text(encoding="utf-8"))
    naughty = json.loads(Path(folder, "naughty-strings", "blns.json").read_text(encoding="utf-8"))
    return [*PAYLOADS, *(case["payload"] for case in cases), *naughty]


def previews(channel: EmailChannel, kit: SimpleNamespace) -> list[str]:
    return [
        channel.preview(
            kit.placement(each, title=f"T {each}", summary=each, settings={"from_name": each})
        ).html
        for each in payloads()
    ]


def test_preview_shows_sample_values_and_facts(channel: EmailChannel, kit: SimpleNamespace) -> None:
    preview = channel.preview(
        kit.placement("Hi {{ contact.first_name }}, [go](https://acme.test/x)", title="May")
    )
    assert preview.title == "May"
    assert "Hi Ann," in preview.html
    assert "Hi Ann, go <https://acme.test/x>" in preview.text
    assert 'href="https://acme.test/x"' in preview.html
    assert dict(preview.facts)["From"] == "Acme News <news@acme.test>"
    assert dict(preview.facts)["Subject"] == "May"
    assert "/t/" not in preview.html + preview.text


def test_preview_of_broken_merge_tags_tells_the_fault(channel: EmailChannel, kit: SimpleNamespace) -> None:
    preview = channel.preview(kit.placement("Hi {{ contact. }}"))
    assert preview.html == ""
    assert "line" in preview.text


def test_preview_has_nothing_that_runs(channel: EmailChannel, kit: SimpleNamespace) -> None:
    for page in previews(channel, kit):
        wire = Tripwire()
        wire.feed(page)
        assert not wire.found, page


@pytest.mark.browser
def test_preview_runs_nothing_in_a_browser(channel: EmailChannel, kit: SimpleNamespace, page: "Page") -> None:
    alarms: list[Any] = []
    page.on("dialog", lambda dialog: (alarms.append(dialog.message), dialog.dismiss()))
    page.route("**/*", lambda route: route.abort())
    for html_page in previews(channel, kit):
        page.set_content(html_page, wait_until="domcontentloaded")
    page.wait_for_timeout(200)
    assert not alarms
