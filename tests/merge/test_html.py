"""Values in HTML: escaped where that is enough, percent-encoded inside addresses, refused elsewhere."""

import html
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core import merge
from cms_core.merge import Escape, Fields, MergeError

EVIL = "\"'><script>alert(1)</script> javascript:alert(1) &amp; /../?a=b#c"


def render(fields: Fields, source: str, **contact: Any) -> str:
    message = {"token": "t0k_-", "unsubscribe_url": "https://mail.example/t/t0k_-/u?a=1&b=2"}
    return merge.compile(source, fields, escape=Escape.HTML).render({"contact": contact, "message": message})


@pytest.mark.parametrize(
    "source",
    [
        "<{{ contact.first_name }}>",
        "</{{ contact.first_name }}>",
        "<a{{ contact.first_name }}>",
        "<a {{ contact.first_name }}>",
        "<a title{{ contact.first_name }}='x'>",
        "<a title={{ contact.first_name }}>",
        "<a title= x{{ contact.first_name }}>",
        "<a title='x'{{ contact.first_name }}>",
        "<a {% if contact.vip %}title='x'{% endif %}>",
        "<!-- {{ contact.first_name }} -->",
        "<!-- <p title='{{ contact.first_name }}'> -->",
        "<!doctype {{ contact.first_name }}>",
        "<script>{{ contact.first_name }}</script>",
        "<SCRIPT src='/x'>var x = '</scripts>{{ contact.first_name }}</SCRIPT>",
        "<style>{{ contact.first_name }}</style>",
        "<{# x #}script>{{ contact.first_name }}",
        "<title><a title='</title><script>{{ contact.first_name }}",
        "<!--><script>{{ contact.first_name }}",
        "<svg><title><b{{ contact.first_name }}",
        "<math><style><a title='{{ contact.first_name }}'>",
        "<p onclick=\"f('{{ contact.first_name }}')\">",
        "<p style='color:{{ contact.first_name }}'>",
        "<iframe srcdoc='{{ contact.first_name }}'></iframe>",
        "<img srcset='/a?{{ contact.first_name }} 2x'>",
        "<meta http-equiv='refresh' content='0;url={{ contact.website }}'>",
        "<a href='{{ contact.first_name }}'>",
        "<a href=' {{ contact.first_name }}'>",
        "<a href='{{ custom.site }}'>",
        "<a href='java{{ contact.first_name }}'>",
        "<a href='javascript:{{ contact.first_name }}'>",
        "<a href='java\nscript:{{ contact.first_name }}'>",
        "<a href='javascript&colon;{{ contact.first_name }}'>",
        "<a href='javascript&#58;/{{ contact.first_name }}'>",
        "<a href='data:text/html,{{ contact.first_name }}'>",
        "<a href='https:{{ contact.first_name }}'>",
        "<a href='https://{{ contact.first_name }}'>",
        "<a href='https://x{{ contact.first_name }}/'>",
        "<a href='//{{ contact.first_name }}/'>",
        "<a href='/\t/{{ contact.first_name }}/'>",
        "<a href='\\\\{{ contact.first_name }}/'>",
        "<a href='{{ contact.website }}{{ contact.first_name }}'>",
        "<a href='{{ contact.website }}//{{ contact.first_name }}'>",
        "<a href='javascript:{{ contact.website }}'>",
        "<form action='{{ contact.first_name }}'>",
        "<img SRC='{{ contact.first_name }}'>",
        "{% if contact.vip %}<a title='{% endif %}",
        "{% if contact.vip %}<script>{% else %}<style>{% endif %}",
        "{% for x in contact.tags %}<a title='{% endfor %}",
        "<a href='{% if contact.vip %}https://x/{% else %}java{% endif %}{{ contact.first_name }}'>",
    ],
)  # fmt: skip
def test_a_value_is_refused_where_escaping_does_not_help(source: str, fields: Fields) -> None:
    with pytest.raises(MergeError) as caught:
        merge.compile(source, fields, escape=Escape.HTML)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p title='{{ contact.first_name }}'>{{ contact.first_name }}</p>",
         "<p title='a &amp; &#39;b&#39;'>a &amp; &#39;b&#39;</p>"),
        ("<title>{{ contact.first_name }}</title>", "<title>a &amp; &#39;b&#39;</title>"),
        ("a < b <- {{ contact.first_name }}", "a < b <- a &amp; &#39;b&#39;"),
        ("<a href='/s?q={{ contact.first_name }}'>", "<a href='/s?q=a%20%26%20%27b%27'>"),
        ("<a href='/s?q={{ contact.first_name | urlencode }}'>", "<a href='/s?q=a%20%26%20%27b%27'>"),
        ("<a href='https://x/{{ contact.first_name }}'>", "<a href='https://x/a%20%26%20%27b%27'>"),
        ("<a href='#{{ contact.first_name }}'>", "<a href='#a%20%26%20%27b%27'>"),
        ("<a href='{{ contact.website }}'>", "<a href='https://a.example/?x=1&amp;y'>"),
        ("<a href='{{ contact.website }}/?q={{ contact.first_name }}'>",
         "<a href='https://a.example/?x=1&amp;y/?q=a%20%26%20%27b%27'>"),
        ("<a href='mailto:{{ contact.company }}?subject={{ contact.company }}'>",
         "<a href='mailto:a+b@x.example?subject=a%2Bb%40x.example'>"),
        ("<a href='{{ message.unsubscribe_url }}'>", "<a href='https://mail.example/t/t0k_-/u?a=1&amp;b=2'>"),
        ("<a href='https://x/t/{{ message.token }}/1'>", "<a href='https://x/t/t0k_-/1'>"),
        ("<!-- [if mso]>{{ message.token }}<![endif] --><p class='{% if contact.vip %}vip{% endif %}'>",
         "<!-- [if mso]>t0k_-<![endif] --><p class=''>"),
        ("{% if contact.vip %}<b>x</b>{% else %}<i title='y'>z</i>{% endif %}", "<i title='y'>z</i>"),
        ("<a href='{% if contact.vip %}https://a{% else %}https://b{% endif %}/{{ contact.first_name }}'>",
         "<a href='https://b/a%20%26%20%27b%27'>"),
        ("{% for o in contact.orders %}<a href='{{ o.url }}'>{{ o.name }}</a>{% endfor %}",
         "<a href='https://o/'>&lt;o&gt;</a><a href=''></a>"),
    ],
)  # fmt: skip
def test_a_value_is_quoted_for_its_place(source: str, expected: str, fields: Fields) -> None:
    orders = [{"url": "https://o/", "name": "<o>"}, {"url": "javascript:alert(1)"}]
    contact = {
        "first_name": "a & 'b'",
        "website": "https://a.example/?x=1&y",
        "company": "a+b@x.example",
        "orders": orders,
    }
    message = {"token": "t0k_-", "unsubscribe_url": "https://mail.example/t/t0k_-/u?a=1&b=2"}
    template = merge.compile(source, fields, escape=Escape.HTML)
    assert template.render({"contact": contact, "message": message}) == expected


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", " JavaScript:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "//evil.example", "/x", "x",
     "vbscript:x", "https:evil", "http://a b", "https://x/\n", "file:///etc/passwd", "https://x\\@evil", "\x01https://x", None, 5],
)  # fmt: skip
def test_only_web_and_mail_addresses_pass_as_a_whole_link(address: Any, fields: Fields) -> None:
    expected = "https://x/" if address == "https://x/\n" else ""
    assert render(fields, "<a href='{{ contact.website }}'>", website=address) == f"<a href='{expected}'>"


class Reader(HTMLParser):
    """Tags, attributes and text as a parser finds them."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(max_size=40) | st.sampled_from([EVIL, "</title>", "-->", "&#x3c;b&#x3e;"]))
def test_no_value_adds_a_tag_or_an_attribute_or_leaves_its_part_of_an_address(
    fields: Fields, name: str
) -> None:
    page = Reader(
        render(
            fields,
            '<a title="{{ contact.first_name }}" '
            "href='https://x.example/{{ contact.first_name }}/?q={{ contact.first_name }}&z=1'>{{ contact.first_name }}</a>",
            first_name=name,
        )
    )
    ((tag, attributes),) = page.tags
    assert (tag, list(attributes)) == ("a", ["title", "href"])
    assert attributes["title"] == name
    assert page.text.replace("\r", "\n") == html.unescape(html.escape(name)).replace("\r", "\n")
    parts = urlsplit(attributes["href"] or "")
    assert (parts.netloc, unquote(parts.path)) == ("x.example", f"/{name}/")
    assert parse_qs(parts.query, keep_blank_values=True) == {"q": [name], "z": ["1"]}
