"""HTML becomes Markdown that says the same when it is rendered again."""

import re
from html import escape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cms_core.errors import Invalid
from cms_core.markdown.fromhtml import html_to_markdown
from cms_core.markdown.html import render_markdown
from cms_core.markdown.text import markdown_to_text
from cms_core.markdown.tree import parse_html


def markdown(html: str, **how: bool) -> str:
    return html_to_markdown(html, **how).text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<h2>Head <em>line</em> #</h2>", "## Head *line* \\#"),
        ("<p>a <strong> b </strong>c</p>", "a  **b** c"),
        ("<p>x<strong>!</strong></p>", "x<strong>!</strong>"),
        ("<p>a<em>b</em><strong>c</strong></p>", "a*b*<strong>c</strong>"),
        ("<ul><li>a<ol start='3'><li>b</li></ol></li><li>c</li></ul>", "- a\n\n  3. b\n- c"),
        ("<ul><li>a</li></ul><ul><li>b</li></ul>", "- a\n\n* b"),
        ("<ul><li>a</li><ul><li>b</li></ul></ul>", "- a\n  - b"),
        ("<ul><li>a<ul><li></li></ul></li><li></li></ul>", "- a"),
        ("<ul><li>a<ol><li></li><li>b</li></ol></li></ul>", "- a\n\n  1.\n  2. b"),
        ("<ul><li>a</li></ul><p></p><ul><li>b</li></ul>", "- a\n\n* b"),
        ("<ol><li><p>a</p><p>b</p></li></ol>", "1. a\n\n   b"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        ("<p>a<br>b</p>", "a\\\nb"),
        ("<p>1. no list</p><p># no heading</p>", "1\\. no list\n\n\\# no heading"),
        (
            "<p>*a* _b_ snake_case [c](d) &lt;e&gt; `f`</p>",
            "\\*a\\* \\_b\\_ snake_case \\[c\\](d) \\<e> \\`f\\`",
        ),
        ("<a href='/a (b)' title='T \"q\"'>go</a>", '[go](</a%20(b)> "T \\"q\\"")'),
        ("Go!<a href='/a'>on</a>", "Go\\![on](/a)"),
        ("<a href='/a'><img src='/b.png' alt='x'></a>", "[![x](/b.png)](/a)"),
        ("<pre><code class='language-py'>a\n\n```b</code></pre>", "````py\na\n\n```b\n````"),
        ("<p>say <code>a`b</code></p>", "say ``a`b``"),
        ("<p>H<sub>2</sub>O</p>", "H<sub>2</sub>O"),
        ("a<hr>b", "a\n\n___\n\nb"),
        (
            "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2|3</td></tr></table>",
            "| a | b |\n| --- | --- |\n| 1 | 2\\|3 |",
        ),
        ("<table><tr><td>1</td></tr></table>", "<table><tbody><tr><td>1</td></tr></tbody></table>"),
        (
            "<figure><img src='http://x/a.png' alt='A'><figcaption>Cap</figcaption></figure>",
            '<figure><img alt="A" src="http://x/a.png"><figcaption>Cap</figcaption></figure>',
        ),
        ("<figure><img src='http://x/a.png' alt='A'></figure>", "![A](http://x/a.png)"),
        ("<section>a</section><section>b</section>", "a\n\nb"),
        ("<script>alert(1)</script><style>p{}</style>ok", "ok"),
        ("<p onclick='x'>a <a href='javascript:x'>b</a></p>", "a b"),
        ("<strike>old</strike> <acronym title='T'>A</acronym>", '~~old~~ <abbr title="T">A</abbr>'),
        ("<dl><dt>a</dt><dd>b</dd></dl>", "<dl><dt>a</dt><dd>b</dd></dl>"),
        ("", ""),
    ],
)
def test_html_is_written_as_markdown(html: str, text: str) -> None:
    assert markdown(html) == text


def test_line_breaks_matter_where_they_are_said_to() -> None:
    source = "One\ntwo\n\nThree\n<blockquote>four\n\nfive</blockquote>\n"
    assert markdown(source, lines_matter=True) == "One\\\ntwo\n\nThree\n\n> four\n>\n> five"
    assert markdown(source) == "One two Three\n\n> four five"


def test_films_and_frames_become_links() -> None:
    done = html_to_markdown("<iframe src='https://v.example/1'></iframe><video><source src='/a.mp4'></video>")
    assert done.players == ("https://v.example/1", "/a.mp4")
    assert "[https://v.example/1](https://v.example/1)" in done.text
    assert "<iframe" not in done.text


def test_addresses_may_be_changed() -> None:
    html = "<a href='/old'>x</a><table><tr><td><img src='/p.png'></td></tr></table>"
    moved = html_to_markdown(html, address=lambda at: f"/new{at}")
    assert "[x](/new/old)" in moved.text
    assert 'src="/new/p.png"' in moved.text


def test_what_is_nested_without_end_is_refused_or_flat() -> None:
    with pytest.raises(Invalid, match="inside one another"):
        markdown("<div>" * 100_000)
    assert markdown("<div>" * 1_000 + "deep" + "</div>" * 1_000) == "deep"
    assert "x" in markdown("<blockquote>" * 300 + "x")
    assert markdown("<p>a<li>b" * 3_000).count("b") == 3_000


TRICKY = "* _ **a** `  - + = > # --- === ~~ | a|b \\ ! &amp; <b> [a](b) 1. :-".split()
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12) | st.sampled_from(
    [*TRICKY, "# a", "- ", "1. ", "> q", "  "]
)
INLINE = st.recursive(
    WORDS.map(escape),
    lambda inner: st.one_of(
        st.builds(
            lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
            st.sampled_from(["em", "strong", "s", "sup", "span", "u", "code"]),
            st.lists(inner, max_size=3),
        ),
        st.builds(
            lambda parts: f'<a href="/x_y*(1)">{"".join(parts)}</a>', st.lists(WORDS.map(escape), max_size=2)
        ),
        st.just("<br>"),
    ),
    max_leaves=8,
)
FLAT = st.builds(
    lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
    st.sampled_from(["p", "h2", "h3"]),
    st.lists(INLINE, max_size=4),
)


def listed(tag: str, items: list[str]) -> str:
    return f"<{tag}>{''.join(f'<li>{each}</li>' for each in items)}</{tag[:2]}>"


BLOCK = st.recursive(
    FLAT | WORDS.map(lambda text: f"<pre>\n{escape(text)}</pre>") | st.just("<hr>"),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(lambda parts: f"<blockquote>{''.join(parts)}</blockquote>"),
        st.builds(
            listed, st.sampled_from(["ul", "ol", "ol start='3'"]), st.lists(inner | INLINE, max_size=3)
        ),
    ),
    max_leaves=6,
)


def words(html: str) -> str:
    """All that can be read, however it is spaced."""
    return re.sub(r"\s+", "", parse_html(html).text())


def test_codes_side_by_side_stay_two() -> None:
    for html in ("<p><code>0</code><code>1</code></p>", "<p><span><code>0</code></span><code>1</code></p>"):
        read = render_markdown(markdown(html))
        assert (words(read), read.count("<code>")) == ("01", 2)
        assert markdown_to_text(markdown(html)).strip() == "01"


@settings(max_examples=400, deadline=None)
@given(st.lists(BLOCK, max_size=4))
def test_the_same_words_are_read_afterwards(blocks: list[str]) -> None:
    html = "".join(blocks)
    assert words(render_markdown(markdown(html))) == words(html)


@settings(max_examples=200, deadline=None)
@given(st.lists(BLOCK, max_size=3))
@example(["<ul><li><ul><li><ul><li><hr></li><li><p></p></li></ul></li></ul></li></ul>"])
@example(["<ul><li><ul><li><ul><li></li><li>a</li></ul></li></ul></li></ul>"])
@example(["<ul><li>a<ul><li></li></ul></li></ul>"])
@example(["<ul><li>a<ol start='3'><li>b</li></ol></li></ul>"])
def test_headings_lists_quotes_and_links_are_still_there(blocks: list[str]) -> None:
    def skeleton(html: str) -> list[str]:
        shown = parse_html(html).all("h2", "h3", "blockquote", "a", "pre", "ul", "ol", "li", "hr")
        return [each.tag for each in shown if each.tag == "hr" or words_of(each.text())]

    html = "".join(blocks)
    assert skeleton(render_markdown(markdown(html))) == skeleton(html)


def words_of(text: str) -> str:
    return "".join(text.split())
