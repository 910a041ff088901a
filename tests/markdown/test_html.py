"""Markdown as HTML: nothing dangerous comes out, and merge tags come out as they went in."""

import html
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core import Media, render_markdown
from cms_core.markdown.html import SCHEMES, TAGS

SITE = "https://site.example"
SHA = "ab" * 32
RED = Media(
    "1",
    SHA,
    "image/png",
    9,
    80,
    60,
    "A red square",
    "red.png",
    "/nowhere",
    f"https://files.example/media/{SHA}/red.png",
)

BUILT_IN_XSS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mi//xlink:href='data:x,<script>alert(4)</script>'>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='java\nscript:alert(1)'>x</a>",
    "<a href=' &#106;avascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](<java script:alert(1)>)",
    "[x](vbscript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "![x](data:image/png;base64,AAAA)",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<style>@import 'https://evil.example'</style>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<form action=https://evil.example><input name=password></form>",
    "<base href=https://evil.example>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<table><td background='javascript:alert(1)'>",
    "<xmp><p title='</xmp><img src=x onerror=alert(1)>'>",
    "`<img src=x onerror=alert(1)>`",
    '{{ "<script>alert(1)</script>" }}',
    "{{ x | default('<img src=x onerror=alert(1)>') }}",
    '[x](https://e.example/{{ a | default("onmouseover=alert(1)//") }})',
    "[x](https://e.example/{{ a | default(\"' onmouseover=alert(1) x='\") }})",
    '<a href="https://e.example/{{ a | default("x\' onmouseover=\'alert(1)") }}">k</a>',
    '[x]({{ "javascript:alert(1)" }})',
    '[x]({{ a | default("javascript:alert(1)") }})',
    "[x]({{ contact.x }}:alert(1))",
    "[x](java{{ contact.x }}:alert(1))",
    "![x]({{ contact.x }})",
    "{% if x %}<script>{% endif %}alert(1)",
    "{% raw %}<script>alert(1)</script>{% endraw %}",
    "<{{ x }} onclick=alert(1)>",
    "<a {{ x }}=y href=x>k</a>",
    "0m0x0z &#48;m0x0z 0m0x99999999999999z {{ x }}",
]


def conformance(name: str) -> Any:
    """A file of the folder CMS_CONFORMANCE_DATA, or None (then the built-in samples have to do, and the test says so)."""
    folder = os.environ.get("CMS_CONFORMANCE_DATA")
    path = Path(folder, name) if folder else None
    if path is None or not path.is_file():
        print(f"conformance data not present: {name}; built-in samples only")  # noqa: T201
        return None
    return json.loads(path.read_text(encoding="utf-8"))


class Dangers(HTMLParser):
    """Reads HTML as a browser would and notes what could do harm."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or name in ("style", "srcdoc", "action", "background"):
                self.found.append(f"{tag} {name}")
            if name in ("href", "src"):
                scheme = re.match(r"[\s\x00-\x20]*([a-zA-Z][a-zA-Z0-9+.\-\s]*):", html.unescape(value or ""))
                if scheme and scheme[1].lower() not in SCHEMES:
                    self.found.append(f"{tag} {name}={value!r}")


@pytest.mark.parametrize("text", BUILT_IN_XSS)
def test_nothing_dangerous_comes_out(text: str) -> None:
    assert not Dangers(render_markdown(text, [], SITE)).found


def test_nothing_dangerous_comes_out_of_the_public_collections() -> None:
    cases = [case["payload"] for case in conformance("xss/expect.json") or []]
    for text in [*cases, *(conformance("naughty-strings/blns.json") or [])]:
        for around in (
            "{}",
            "> {}",
            "# {}",
            "| a |\n|---|\n| {} |",
            "[x]({})",
            "{{{{ x }}}} {} {{% if y %}}",
        ):
            assert not Dangers(render_markdown(around.format(text), [], SITE)).found, (around, text)


SNIPPETS = st.sampled_from(
    [
        *[
            "{{ x }}",
            '{{ a | default("b") }}',
            "{% if a %}",
            "{{",
            "}}",
            "0m0x0z",
            "<b>",
            "<script>",
            "</",
            ">",
            "<",
            "](",
        ],
        *[
            "[",
            "![",
            ")",
            "`",
            "*",
            "\n",
            "|",
            '"',
            "'",
            "javascript:",
            "&quot;",
            "&#60;",
            "onload=",
            "=",
            "a",
            " ",
            "\\",
            "\u202e",
        ],
    ]
)


@given(st.lists(SNIPPETS, max_size=30).map("".join))
def test_no_mixture_of_markup_and_tags_is_dangerous(text: str) -> None:
    assert not Dangers(render_markdown(text, [], SITE)).found


def test_commonmark_is_understood() -> None:
    """The sanitiser may take away, but the words and their order are those of the specification."""
    samples = [
        {"markdown": "*a* **b** `c`\n", "html": "<p><em>a</em> <strong>b</strong> <code>c</code></p>\n"}
    ]
    examples = conformance("commonmark/commonmark.json") or samples
    wrong = []
    for example in examples:
        ours = render_markdown(example["markdown"], [], SITE)
        if words(ours) != words(nh3.clean(example["html"], tags=TAGS)):
            wrong.append(example["markdown"])
    assert not wrong


def words(markup: str) -> list[str]:
    return html.unescape(nh3.clean(markup, tags=set())).split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'Hi {{ contact.first_name | default("there") }}!',
            '<p>Hi {{ contact.first_name | default("there") }}!</p>',
        ),
        ("# {{ a }}", "<h1>{{ a }}</h1>"),
        ("**{{ a }}** *{{ b }}*", "<p><strong>{{ a }}</strong> <em>{{ b }}</em></p>"),
        ("`{{ a }}`", "<p><code>{{ a }}</code></p>"),
        ("    {{ a_b * c }}", "<pre><code>{{ a_b * c }}\n</code></pre>"),
        ("snake{{ a_b }}_c_{{ d_e }}", "<p>snake{{ a_b }}_c_{{ d_e }}</p>"),
        ("{{ a | default('it') }} & co", "<p>{{ a | default('it') }} &amp; co</p>"),
        ("<{{ contact.email }}>", "<p>&lt;{{ contact.email }}&gt;</p>"),
        ('{% if a > 3 and b == "x" %}yes{% endif %}', '<p>{% if a > 3 and b == "x" %}yes{% endif %}</p>'),
        (
            "{% if a %}\n\nA\n\n{% else %}\n\nB\n\n{% endif %}",
            "{% if a %}\n<p>A</p>\n{% else %}\n<p>B</p>\n{% endif %}",
        ),
        ("- {{ a }}\n- {{ b }}", "<ul>\n<li>{{ a }}</li>\n<li>{{ b }}</li>\n</ul>"),
        ('{{ a\n| default("b") }}', '<p>{{ a\n| default("b") }}</p>'),
        ("{{ 7*7 }} ${7} #{7} %(x)s {0.x}", "<p>{{ 7*7 }} ${7} #{7} %(x)s {0.x}</p>"),
        ("{{ '}}' }}", "<p>{{ '}}' }}</p>"),
        ("{ { a } } {{ unclosed", "<p>{ { a } } {{ unclosed</p>"),
        ("{{< figure >}}", "<p>{{< figure >}}</p>"),
    ],
)
def test_tags_in_text_come_out_as_they_went_in(text: str, expected: str) -> None:
    assert render_markdown(text).strip() == expected


@pytest.mark.parametrize(
    ("link", "href"),
    [
        ("https://e.com/?c={{ contact.country }}", "https://e.com/?c={{ contact.country }}"),
        ("https://e.com/?a=1&c={{ contact.country }}", "https://e.com/?a=1&amp;c={{ contact.country }}"),
        ('https://e.com/{{ a | default("b c") }}#x', "https://e.com/{{ a | default('b c') }}#x"),
        ("{{ unsubscribe_url }}", "{{ unsubscribe_url }}"),
        ("{{ contact.site }}/about", "{{ contact.site }}/about"),
        (
            "/offers/{{ contact.country | lower }}",
            "https://site.example/offers/{{ contact.country | lower }}",
        ),
        ("mailto:{{ contact.email }}", "mailto:{{ contact.email }}"),
    ],
)
def test_tags_work_in_addresses(link: str, href: str) -> None:
    assert f'<a href="{href}" rel="noopener noreferrer">x</a>' in render_markdown(f"[x]({link})", [], SITE)
    assert f'<a href="{href}" rel="noopener noreferrer">x</a>' in render_markdown(
        f"[x][1]\n\n[1]: {link}", [], SITE
    )


@pytest.mark.parametrize(
    "link",
    [
        '{{ "javascript:alert(1)" }}',
        '{{ a | default("javascript:alert(1)") }}',
        "{{ a }}:alert(1)",
        "{{ a }}{{ b }}",
        "{{ a }}.example",
    ],
)
def test_a_tag_that_could_spell_a_scheme_does_not_begin_an_address(link: str) -> None:
    assert render_markdown(f"[x]({link})", [], SITE).strip() == '<p><a rel="noopener noreferrer">x</a></p>'
    assert "href" not in render_markdown(f"<a href='{link}'>x</a>", [], SITE)


def test_tags_with_bars_do_not_split_cells() -> None:
    text = '| a | b |\n|---|--:|\n| {{ x | default("y|z") }} | 2 |'
    assert '<td>{{ x | default("y|z") }}</td>\n<td align="right">2</td>' in render_markdown(text)


def test_words_that_look_like_our_own_placeholders_stay() -> None:
    assert render_markdown("0m0x0z {{ a }} 0m1x0z").strip() == "<p>0m0x0z {{ a }} 0m1x0z</p>"
    assert "{{ a }}" in render_markdown("{{ a }} 0m1x5z &#48;m0x7z")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[x](/pricing)", 'href="https://site.example/pricing"'),
        ("[x](other)", 'href="https://site.example/other"'),
        ("[x](#part)", 'href="#part"'),
        ("[x](//cdn.example/a)", 'href="https://cdn.example/a"'),
        ("[x](HTTPS://e.example)", 'href="HTTPS://e.example"'),
        (
            f"![](/media/{SHA}/red.png)",
            f'//files.example/media/{SHA}/red.png" alt="A red square" width="80" height="60">',
        ),
        (f"![Mine](/media/{SHA}/red.png)", 'alt="Mine"'),
        (f"![x](/media/{'cd' * 32}/b.png)", f'src="https://site.example/media/{"cd" * 32}/b.png"'),
        ("~~gone~~", "<s>gone</s>"),
        ("```python\nx\n```", '<code class="language-python">'),
        ("www.example.com", "<p>www.example.com</p>"),
    ],
)
def test_addresses_work_from_anywhere(text: str, expected: str) -> None:
    assert expected in render_markdown(text, [RED], SITE)


@pytest.mark.parametrize(
    "text",
    ["![x](data:image/png;base64,AA)", "<img src='mailto:a@b.example'>", "<img alt=x>", "![x](<http://[>)"],
)
def test_a_picture_without_a_source_is_left_out(text: str) -> None:
    assert "<img" not in render_markdown(text, [], SITE)
