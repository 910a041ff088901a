"""Markdown as plain text, and the title of a text."""

import pytest

from cms_core import markdown_to_text
from cms_core.markdown.headings import lift_title

SITE = "https://site.example"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Title\n\nA **bold** _word_.", "Title\n\nA bold word."),
        (
            "See [our site](/x) and [mail](mailto:a@b.example).",
            "See our site <https://site.example/x> and mail <mailto:a@b.example>.",
        ),
        ("<https://e.example> <a@b.example>", "https://e.example a@b.example"),
        ("[x](javascript:alert(1)) [part](#p)", "[x](javascript:alert(1)) part"),
        ("- one\n- two\n  1. sub\n  2. more", "- one\n- two\n  1. sub\n  2. more"),
        ("- one\n\n- two", "- one\n\n- two"),
        ("3. c\n4. d", "3. c\n4. d"),
        ("> said\n>\n> twice", "> said\n>\n> twice"),
        ("```\na < b\n\nc\n```", "    a < b\n\n    c"),
        ('| a | b |\n|---|---|\n| 1 | {{ x | default("y") }} |', 'a | b\n1 | {{ x | default("y") }}'),
        ("a\nb  \nc<br>d", "a\nb\nc\nd"),
        ("![A *red* square](/r.png)", "A red square"),
        ("<div>\n<p>Hi &amp; bye</p>\n</div>", "Hi & bye"),
        ("<script>alert(1)</script>", ""),
        ('a & b < c &copy; "q"', 'a & b < c © "q"'),
        ("***", "---"),
        ('Hi {{ contact.first_name | default("there") }}', 'Hi {{ contact.first_name | default("there") }}'),
        ('[x](https://e.com/?c={{ c | default("d") }})', 'x <https://e.com/?c={{ c | default("d") }}>'),
    ],
)
def test_plain_text_reads_like_the_page(text: str, expected: str) -> None:
    assert markdown_to_text(text, SITE) == expected + "\n"


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        ("", "# Hello *you* `now`\n\nText", ("Hello you now", "Text")),
        ("", "Hello\n=====\nText", ("Hello", "Text")),
        ("", "Intro\n\n## Part\n\nText", ("Part", "Intro\n\n## Part\n\nText")),
        ("", "```\n# no\n```\n", ("", "```\n# no\n```")),
        ("Launch", "# LAUNCH\n\nText", ("Launch", "Text")),
        ("Launch", "# Other\n\nText", ("Launch", "# Other\n\nText")),
        (
            "",
            '# Hi {{ contact.first_name | default("you") }}\nText',
            ('Hi {{ contact.first_name | default("you") }}', "Text"),
        ),
        ("", "#\n\nText", ("", "#\n\nText")),
        ("", "\n\n    code first\n", ("", "    code first")),
    ],
)
def test_the_first_heading_is_the_title_and_is_not_said_twice(
    title: str, text: str, expected: tuple[str, str]
) -> None:
    assert lift_title(title, text) == expected
