"""The site in a real browser: nothing that people write runs, nothing of ours is blocked, and it fits every screen."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from cms_core.errors import Invalid

pytestmark = pytest.mark.browser

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "</script><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "'-alert(1)-'",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)' id=hot>x</a>",
    "<a href=' java&#x09;script:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "![x](javascript:alert(1))",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<style>@import'//evil.test';*{background:url(//evil.test)}</style>",
    "<base href='//evil.test/'>",
    "<meta http-equiv=refresh content='0;url=//evil.test'>",
    "<form action='//evil.test'><input autofocus onfocus=alert(1)></form>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<body onload=alert(1)>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<x onclick=alert(1)>x</x>",
    "{{ '<script>alert(1)</script>' }}",
    "\u2028\u2029<\u0000script>alert(1)</script>".replace("\u0000", ""),
]
RICH = """
A first paragraph with a [link](/other), `code`, *stress* and **weight**.

## A heading that is long enough to break on a small screen into two lines

> Somebody said this, and it was long enough to matter to those who read it.

1. One
2. Two
   - Deeper

| Channel | Sent | Opened |
|:--|--:|--:|
| E-mail with a rather long name | 12,345 | 4,567 |
| Website | 1 | 1 |

```python
print("a line of code that is certainly wider than a telephone of three hundred and ninety pixels")
```

### Smaller

averyveryverylongwordthatdoesnotfitonatelephoneandmustbebrokensomewhereintheend
"""


@pytest.fixture
def noises(page: Page) -> Iterator[list[str]]:
    """What the browser complained about, and scripts that ran."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (heard.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    yield heard
    page.close()


def test_nothing_that_people_write_runs(desk: Any, served: str, page: Page, noises: list[str]) -> None:
    seen = 0
    for n, payload in enumerate(PAYLOADS):
        words = {"title": payload or "x", "summary": payload, "tags": (payload[:80],)}
        try:
            key = desk.publish(f"p{n}", "", site={"text": f"{payload}\n\nEnd.", "author": payload}, **words)
        except Invalid:
            continue  # refused in words: the page never was
        assert desk.shown(key)["state"] == "published", payload
        seen += 1
        page.goto(f"{served}/p{n}")
        for link in page.locator(".prose a[href]").all():
            assert (link.get_attribute("href") or "").startswith(("http", "/", "#", "mailto:"))
        assert page.locator("script:not([type='application/ld+json'])").count() == 0
        if "{{" not in payload:
            assert page.locator("h1").first.text_content() == " ".join(payload.split())
    assert seen > len(PAYLOADS) * 3 / 4
    page.goto(served)
    page.goto(f"{served}/feed.xml")
    loud = [noise for noise in noises if noise.startswith(("dialog", "error: "))]
    assert [noise for noise in loud if "404" not in noise] == []


def test_other_peoples_naughty_strings_are_only_words(
    desk: Any, served: str, page: Page, noises: list[str]
) -> None:
    folder = Path(os.environ.get("CMS_CONFORMANCE_DATA", "missing")) / "naughty-strings" / "blns.json"
    if not folder.is_file():
        pytest.skip("data not present: CMS_CONFORMANCE_DATA names no folder with naughty-strings/blns.json")
    strings = [
        "".join(char for char in text if char in "\t\n" or char >= " ")
        for text in json.loads(folder.read_text(encoding="utf-8"))
    ]
    harmless = [text for text in strings if "{{" not in text and "{%" not in text]
    assert len(harmless) > 480
    desk.publish("naughty", "\n\n".join(harmless), title="Naughty strings", tags=tuple(harmless[100:110]))
    page.goto(f"{served}/naughty")
    assert page.locator("h1").first.text_content() == "Naughty strings"
    assert page.locator("script:not([type='application/ld+json'])").count() == 0
    assert (
        page.evaluate("document.querySelectorAll('[onerror],[onload],[onclick],iframe,object,form').length")
        == 0
    )
    assert [noise for noise in noises if noise.startswith(("dialog", "error: "))] == []
    page.goto(f"{served}/feed.xml")


def test_no_rule_of_the_page_is_broken_by_the_page(
    desk: Any, served: str, page: Page, noises: list[str]
) -> None:
    desk.publish("calm", RICH, tags=("pace",))
    desk.publish("why", "Intro.\n\n## Is it calm?\n\nYes.", kind="faq")
    for path in ("/", "/calm", "/why", "/?page=1"):
        page.goto(f"{served}{path}")
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).fontWeight") == "680"
        accent = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--accent')")
        assert "#0d5c47" in accent
    assert noises == []


@pytest.mark.parametrize("width", [320, 390, 1440])
def test_nothing_is_wider_than_the_screen(desk: Any, served: str, page: Page, width: int) -> None:
    desk.publish("calm", RICH, title="Averyveryverylongtitlewithoutanyspacethatmustbebroken calm")
    page.set_viewport_size({"width": width, "height": 800})
    for path in ("/calm", "/"):
        page.goto(f"{served}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_read(desk: Any, served: str, page: Page, scheme: str) -> None:
    desk.configure(accent="#7a1f5c")
    desk.publish("calm", RICH)
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{served}/calm")
    for selector in (".prose p", ".prose a", ".lede", ".byline", ".colophon p", ".prose blockquote"):
        assert contrast(page, selector) >= 4.5, selector


CONTRAST = """selector => {
  const box = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const light = colour => {
    box.fillStyle = colour; box.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...box.getImageData(0, 0, 1, 1).data].slice(0, 3).map(
      c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const pair = [getComputedStyle(document.querySelector(selector)).color, getComputedStyle(document.body).backgroundColor];
  const [high, low] = pair.map(light).sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}"""


def contrast(page: Page, selector: str) -> float:
    """The contrast of an element's text on the page's ground (WCAG 2.2)."""
    return float(page.evaluate(CONTRAST, selector))


def test_visitor_of_a_browser_is_one_visitor(desk: Any, served: str, page: Page) -> None:
    desk.publish("calm")
    desk.publish("second")
    agent: Callable[[], str] = lambda: str(page.evaluate("navigator.userAgent"))  # noqa: E731
    page.context.set_extra_http_headers({"User-Agent": agent().replace("HeadlessChrome", "Chrome")})
    for path in ("/calm", "/second", "/calm"):
        page.goto(f"{served}{path}")
    assert page.evaluate("document.cookie") == ""
    visits = desk.events()
    assert len(visits) == 2
    assert len({visit.visitor for visit in visits}) == 1
