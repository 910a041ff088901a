"""Any template of the language with any values: the rendered text, and the same in quoted-printable."""

import json
import os
import quopri
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import Environment
from markupsafe import escape

from cms_core import merge
from cms_core.merge import Escape, Fields
from cms_core.merge.filters import FILTERS

NAUGHTY = ["{{7*7}}", "", " ", "ends with blank ", "\ttab\t", "a\r\nb\rc\n", ".", "..", "=3D=", "x" * 200, "ü" * 60,
           "\x00\x7f\x85\u2028",
           "<script>alert('x')</script>", "田中さんにあげて下さい", "\U0001f468\u200d\U0001f469", "From me", "\n",
           "\n\n.\n", " =", "{%"]  # fmt: skip

LITERALS = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(" \t\n=.<'é"), max_size=120
).filter(lambda data: not any(mark in data for mark in ("{", "}", "#", "%")))
TEXTS = st.sampled_from(["contact.first_name", "contact.company", "custom.x"])
OUTPUTS = st.one_of(
    st.just("{{ message.token }}"),
    TEXTS.map("{{{{ {} }}}}".format),
    st.builds(
        "{{{{ {} | {} }}}}".format,
        TEXTS,
        st.sampled_from(["upper", "trim", "default('it is')", "truncate(20)"]),
    ),
)
TESTS = st.sampled_from(
    [
        "contact.vip == true",
        "contact.score > 50",
        "contact.company",
        "not contact.company",
        "contact.first_name == 'Ana' or contact.score",
    ]
)
TEMPLATES = st.recursive(
    LITERALS | OUTPUTS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=6).map("".join),
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, TESTS, inner, inner),
        st.builds("{{% if {} %}}{}{{% elif {} %}}{}{{% endif %}}".format, TESTS, inner, TESTS, inner),
        st.builds("{{% for tag in contact.tags %}}{}{{{{ tag }}}}{}{{% endfor %}}".format, LITERALS, OUTPUTS),
        st.builds("{{% for o in contact.orders %}}{}{{% for l in o.lines %}}{}{{{{ l }}}}{{% endfor %}}{{% endfor %}}".format,
            LITERALS, LITERALS),
    ),
    max_leaves=12,
)  # fmt: skip
VALUE = st.sampled_from(NAUGHTY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=120)
VALUES = st.builds(
    lambda first, company, own, vip, score, tags: {
        "contact": {"first_name": first, "company": company, "vip": vip, "score": score, "tags": tags,
                    "orders": [{"lines": tags}, {"lines": [first]}]},
        "custom": {"x": own},
        "message": {"token": "AbCdEfGhIjKlMnOpQrStUvWxYz_-"},
    },
    VALUE, VALUE, VALUE, st.booleans(), st.integers(0, 100), st.lists(VALUE, max_size=4),
)  # fmt: skip


def lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def check_body(body: bytes, expected: str) -> None:
    assert lines(quopri.decodestring(body).decode()) == lines(expected)
    assert b"\n" not in body.replace(b"\r\n", b"")
    assert b"\r" not in body.replace(b"\r\n", b"")
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    assert not any(line.endswith((b" ", b"\t")) for line in body.split(b"\r\n"))
    assert all(byte in (9, 13, 10) or 32 <= byte < 127 for byte in body)


@settings(max_examples=400)
@given(TEMPLATES, VALUES)
@example("{{ contact.first_name }}" * 6, {"contact": {"first_name": "x" * 32}})
@example("{{ contact.first_name }} \n{{ contact.company }}", {"contact": {"company": "\nx "}})
@example(
    "y" * 43 + "{% for t in contact.tags %}{{ t }}{% endfor %}" + "z" * 40,
    {"contact": {"tags": ["x" * 32] * 3}},
)
def test_the_quoted_printable_body_is_the_plain_text_encoded(
    fields: Fields, source: str, values: dict[str, Any]
) -> None:
    plain = merge.compile(source, fields, escape=Escape.NONE).render(values)
    check_body(merge.compile_bytes(source, fields, escape=Escape.NONE).render(values), plain)


@settings(max_examples=300)
@given(TEMPLATES.filter(lambda source: "<" not in source), VALUES)
def test_the_html_body_is_the_html_text_encoded(fields: Fields, source: str, values: dict[str, Any]) -> None:
    plain = merge.compile(source, fields, escape=Escape.HTML).render(values)
    check_body(merge.compile_bytes(source, fields, escape=Escape.HTML).render(values), plain)


def jinja(source: str, values: dict[str, Any], escaped: bool) -> str:
    """The same template by Jinja itself, with our filters."""
    environment = Environment(autoescape=escaped, keep_trailing_newline=True)  # noqa: S701 - both are compared
    environment.filters.update({name: rule.apply for name, rule in FILTERS.items()})
    return environment.from_string(source).render(values)


def has_no_blank(values: dict[str, Any]) -> bool:
    return bool(values["contact"]["company"].strip())  # a blank text is false here, and true for Jinja


@settings(max_examples=300)
@given(TEMPLATES.filter(lambda source: "<" not in source), VALUES.filter(has_no_blank), st.booleans())
def test_a_template_means_what_it_means_to_jinja(
    fields: Fields, source: str, values: dict[str, Any], escaped: bool
) -> None:
    template = merge.compile(source, fields, escape=Escape.HTML if escaped else Escape.NONE)
    assert template.render(values) == jinja(source, values, escaped)


def check_printed(text: str, fields: Fields) -> None:
    values = {"contact": {"first_name": text}, "custom": {"x": text}, "message": {"token": "t"}}
    plain = merge.compile("{{ contact.first_name }}", fields, escape=Escape.NONE)
    assert plain.render(values) == text
    source = "Hi {{ contact.first_name }}, <b title='{{ contact.first_name }}'>{{ custom.x }}</b> {{ message.token }}\n"
    page = merge.compile(source, fields, escape=Escape.HTML).render(values)
    safe = str(escape(text))
    assert page == f"Hi {safe}, <b title='{safe}'>{safe}</b> t\n"
    check_body(merge.compile_bytes(source, fields, escape=Escape.HTML).render(values), page)


@pytest.mark.parametrize("text", NAUGHTY)
def test_naughty_values_are_printed_as_they_are(text: str, fields: Fields) -> None:
    check_printed(text, fields)


def test_the_big_list_of_naughty_strings_is_printed_as_it_is(fields: Fields) -> None:
    path = Path(os.environ.get("CMS_CONFORMANCE_DATA", "missing")) / "naughty-strings" / "blns.json"
    if not path.exists():
        pytest.skip("data not present: CMS_CONFORMANCE_DATA names no folder with naughty-strings/blns.json")
    strings = json.loads(path.read_text(encoding="utf-8"))
    assert len(strings) > 500
    for text in strings:
        check_printed(text, fields)


def test_one_template_serves_many_contacts_without_mixing_them(fields: Fields) -> None:
    template = merge.compile_bytes(
        "{{ contact.first_name }}/{{ message.token }}/{{ contact.score }}", fields, escape=Escape.NONE
    )
    for number in range(3000):
        values: dict[str, Any] = {
            "contact": {"first_name": f"n{number % 1500}", "score": number % 2 == 0},
            "message": {"token": f"t{number}"},
        }
        expected = f"n{number % 1500}/t{number}/{'true' if number % 2 == 0 else 'false'}"
        assert quopri.decodestring(template.render(values)).decode() == expected


def test_a_message_of_many_tokens_stays_readable(fields: Fields) -> None:
    source = "".join(
        f'<p><a href="https://mail.example/t/{{{{ message.token }}}}/{n}">Read {n}</a></p>\n'
        for n in range(18)
    )
    body = merge.compile_bytes(source, fields, escape=Escape.HTML).render({"message": {"token": "A" * 28}})
    assert body.count(b"A" * 28) == 18
    assert merge.BytesTemplate.encoding == "quoted-printable"
