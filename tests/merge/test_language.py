"""What the merge language takes, what it gives, and what it refuses: with line, column and remedy."""

import contextlib
import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cms_core import merge
from cms_core.contract import FieldProvider, FieldSpec, Level
from cms_core.merge import Escape, Fields, FieldType, MergeError

CONTACT = {
    "first_name": "Ana",
    "company": "Müller & Söhne",
    "website": "https://ana.example/",
    "score": 73,
    "signed_up": "2026-03-01",
    "vip": "false",
    "tags": ["beta", "news"],
    "orders": [{"id": 1, "lines": ["a", "b"]}, {"id": 2, "lines": []}],
}


def render(source: str, fields: Fields, escape: Escape = Escape.NONE, **contact: Any) -> str:
    values = {"contact": {**CONTACT, **contact}, "custom": {"plan": "pro"}, "message": {"token": "t0k"}}
    return merge.compile(source, fields, escape=escape).render(values)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Hi {{ contact.first_name }}!", "Hi Ana!"),
        ("{{contact.first_name|upper|lower|capitalize}}", "Ana"),
        ("{{ custom.plan }}{{ custom.nothing }}", "pro"),
        ('{{ custom.nothing | default("there") }}', "there"),
        ("{{ custom.nothing | title | default('there') }}", "there"),
        ("{{ custom.nothing | default(3) }}", "3"),
        ('{{ "{{" }} {{ 7 }} {{ -1.5 }}', "{{ 7 -1.5"),
        (r'{{ "a\"b\n" }}', 'a"b\n'),
        ("a{# a comment {{ 7*7 }} #}b", "ab"),
        ("a \n {%- if contact.score -%} \n b{% endif %}", "ab"),
        ("line\r\nline\rline\n", "line\nline\nline\n"),
        ("{% if contact.score > 50 %}a{% else %}b{% endif %}", "a"),
        ("{% if contact.score < 50 %}a{% elif contact.score == 73 %}b{% else %}c{% endif %}", "b"),
        ("{% if custom.nothing %}a{% endif %}", ""),
        ("{% if contact.score >= 73 and not custom.nothing or false %}a{% endif %}", "a"),
        ('{% if "beta" in contact.tags and "x" not in contact.tags %}a{% endif %}', "a"),
        ('{% if contact.first_name in ["Bea", "Ana"] and contact.score in (1, 73) %}a{% endif %}', "a"),
        ('{% if contact.first_name | lower == "ana" and contact.tags | length > 1 %}a{% endif %}', "a"),
        ("{% if contact.vip %}a{% else %}b{% endif %}", "b"),
        ('{% if contact.signed_up >= "2026-02-28" %}a{% endif %}', "a"),
        ('{% if custom.plan == "pro" and custom.nothing == "" %}a{% endif %}', "a"),
        ("{% for tag in contact.tags %}{{ tag | upper }} {% endfor %}", "BETA NEWS "),
        ("{% for o in contact.orders %}{{ o.id }}{% for x in o.lines %}{{ x }}{% endfor %};{% endfor %}", "1ab;2;"),
        ("{% for x in contact.tags %}{% if x == 'news' %}a{% else %}{{ contact.score }}{% endif %}{% endfor %}", "73a"),
        ("{{ contact.tags }} {{ contact.tags | join('/') }}", "beta, news beta/news"),
    ],
)  # fmt: skip
def test_a_template_of_the_language_renders(source: str, expected: str, fields: Fields) -> None:
    assert render(source, fields) == expected


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("{{7*7}}", (1, 3)),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", (1, 4)),
        ("{{ cycler.__init__.__globals__.os.popen('id').read() }}", (1, 4)),
        ("{{ lipsum.__globals__ }}", (1, 4)),
        ("{{ config }}", (1, 4)),
        ("{{ request.application.__globals__ }}", (1, 4)),
        ("{{ self.__init__ }}", (1, 4)),
        ("{% for x in range(10**9) %}{% endfor %}", (1, 18)),
        ("{{ 'a'*10**9 }}", (1, 4)),
        ("{{ '%c' % 7 }}", (1, 4)),
        ("{{ x|attr('__class__') }}", (1, 6)),
        ("{{ contact.first_name|attr('__class__') }}", (1, 23)),
        ("{%include '/etc/passwd'%}", (1, 3)),
        ("one\ntwo {% set x = 1 %}", (2, 8)),
        ("one\r\n\r\n  {{ contact.fist_name }}", (3, 6)),
        ("{% import 'x' as y %}", (1, 4)),
        ("{% macro x() %}{% endmacro %}", (1, 4)),
        ("{% raw %}x{% endraw %}", (1, 1)),
        ("{% %}", (1, 4)),
        ("{{ contact.first_name.title }}", (1, 4)),
        ("{{ contact.first_name() }}", (1, 4)),
        ("{{ contact['first_name'] }}", (1, 4)),
        ("{{ contact.first_name[0:1] }}", (1, 4)),
        ("{{ contact.__class__ }}", (1, 4)),
        ("{{ custom.__class__ }}", (1, 4)),
        ("{{ contact }}", (1, 4)),
        ("{{ nobody.first_name }}", (1, 4)),
        ("{{ contact.first_name | nope }}", (1, 25)),
        ("{{ contact.first_name | default }}", (1, 25)),
        ("{{ contact.first_name | default(contact.company) }}", (1, 33)),
        ("{{ contact.first_name | default('x', true) }}", (1, 25)),
        ("{{ contact.first_name | truncate(length=3) }}", (1, 25)),
        ("{{ contact.first_name | truncate(0) }}", (1, 34)),
        ("{{ contact.first_name | upper(1) }}", (1, 25)),
        ("{{ contact.signed_up | date('%99999d') }}", (1, 29)),
        ("{{ contact.tags | join('123456789012345678901') }}", (1, 24)),
        ("{{ contact.first_name if contact.score else 'x' }}", (1, 4)),
        ("{{ contact.score > 5 }}", (1, 4)),
        ("{{ not contact.score }}", (1, 4)),
        ("{{ contact.first_name ~ 'x' }}", (1, 4)),
        ("{{ -contact.score }}", (1, 4)),
        ("{{ [1] }}", (1, 4)),
        ("{{ 1, 2 }}", (1, 4)),
        ("{{ none }}", (1, 4)),
        ("{{ 1e400 }}", (1, 4)),
        ("{{ 1234567890123456 }}", (1, 4)),
        ("{{ ٣.٥ }}", (1, 4)),
        (r"{{ '\x41' }}", (1, 4)),
        ("{{ contact.first_name }", (1, 23)),
        ("{{ '%c'%… }}", (1, 9)),
        ("x {{ }}", (1, 6)),
        ("{% if contact.score is defined %}{% endif %}", (1, 7)),
        ("{% if 1 < contact.score < 5 %}{% endif %}", (1, 7)),
        ("{% if contact.score in [contact.score] %}{% endif %}", (1, 25)),
        ("{% if contact.score = 5 %}{% endif %}", (1, 21)),
        ("a\n {% if contact.score %}", (2, 2)),
        ("{% endif %}", (1, 4)),
        ("{% if contact.score %}{% endfor %}", (1, 26)),
        ("{% for x in contact.tags %}{% else %}{% endfor %}", (1, 31)),
        ("{% for x in contact.tags %}{{ loop.index }}{% endfor %}", (1, 31)),
        ("{% for x in contact.tags %}{{ x.__class__ }}{% endfor %}", (1, 31)),
        ("{% for x in contact.tags %}{% endfor %}{{ x }}", (1, 43)),
        ("{% for x in contact.tags %}{% for x in x %}{% endfor %}{% endfor %}", (1, 35)),
        ("{% for x in contact.tags %}{% for y in contact.tags %}{% endfor %}{% endfor %}", (1, 40)),
        ("{% for x, y in contact.orders %}{% endfor %}", (1, 9)),
        ("{% for contact in contact.tags %}{% endfor %}", (1, 8)),
        ("{% for loop in contact.tags %}{% endfor %}", (1, 8)),
        ("{% for x in contact.tags if x %}{% endfor %}", (1, 29)),
        ("{% for x in contact.orders recursive %}{% endfor %}", (1, 4)),
        ("{% for x in contact.first_name %}{% endfor %}", (1, 13)),
        ("{% for x in contact.tags | join %}{% endfor %}", (1, 13)),
        ("{% for x in 'abc' %}{% endfor %}", (1, 13)),
        ("{{ " + "(" * 9 + "contact.score" + ")" * 9 + " }}", (1, 12)),
        ("{{ contact.score" + "|upper" * 200 + " }}", (1, 605)),
        ("{% if contact.score %}" * 17 + "{% endif %}" * 17, (1, 356)),
        ("ab\ud800", (1, 3)),
    ],
)  # fmt: skip
def test_everything_else_is_refused_where_it_stands(
    source: str, place: tuple[int, int], fields: Fields
) -> None:
    with pytest.raises(MergeError) as caught:
        merge.compile(source, fields, escape=Escape.NONE)

    error = caught.value
    assert (error.line, error.column) == place
    assert error.message.startswith(f"line {place[0]}, column {place[1]}: ")
    assert error.remedy


@pytest.mark.parametrize(
    "source", ["${7*7}", "#{7*7}", "%(x)s", "{0.__class__}", "{ {7*7} }", "$x `x` <%= 7*7 %>"]
)
def test_other_template_languages_are_literal_text(source: str, fields: Fields) -> None:
    assert render(source, fields) == source


@pytest.mark.parametrize(
    "name", ["{{7*7}}", "{% for x in contact.tags %}x{% endfor %}", "{{ contact.score }}", "{# x", "%s{0}"]
)
def test_a_value_is_never_parsed_again(name: str, fields: Fields) -> None:
    assert render("{{ contact.first_name }}", fields, first_name=name) == name
    looped = "{% for x in contact.tags %}{{ x | default('y') }}{% endfor %}"
    assert render(looped, fields, tags=[name]) == name


def test_no_attribute_of_a_value_is_read(fields: Fields) -> None:
    class Loud:
        def __getattribute__(self, name: str) -> object:
            return super().__getattribute__(name) if name == "__class__" else pytest.fail(name)

    source = "{% for x in contact.tags %}{{ x.title }}{% endfor %}"
    assert render(source, fields, tags=["text", {"title": "a"}, None]) == "a"
    assert render("{{ contact.first_name }}", fields, first_name=Loud()) == ""


def test_an_unknown_field_names_those_that_resemble_it(fields: Fields) -> None:
    with pytest.raises(MergeError) as caught:
        merge.compile("{{ contcat.fist_name }}", fields, escape=Escape.NONE)
    assert caught.value.remedy == "Did you mean contact.first_name?"


def test_a_field_without_a_default_is_a_finding(fields: Fields) -> None:
    source = (
        "{{ contact.first_name }}\n{{ contact.company | default('you') }}{{ message.token }}"
        "{% if contact.website %}{{ contact.website }}{% else %}{{ contact.score | number }}{% endif %}"
    )
    template = merge.compile(source, fields, escape=Escape.NONE)

    assert template.required_fields == {"contact.first_name", "contact.score"}
    assert template.fields == template.required_fields | {
        "contact.company",
        "message.token",
        "contact.website",
    }
    first, second = template.findings("text")
    assert (first.level, first.field) == (Level.WARNING, "text")
    assert "line 1, column 4: contact.first_name has no default" in first.message
    assert "line 2, column 116: contact.score" in second.message
    assert template.missing({"contact": {"first_name": " ", "score": 0}}) == ("contact.first_name",)
    assert template.missing({}) == ("contact.first_name", "contact.score")


def test_fields_come_from_providers() -> None:
    specs = (FieldSpec("name"), FieldSpec("founded", "date"))
    provider = FieldProvider("company", specs, fetch_many=lambda contacts: {}, open=True)
    fields = Fields.of([provider])

    assert fields.type_of("company", "founded") is FieldType.DATE
    assert fields.type_of("company", "anything") is FieldType.TEXT
    assert fields.type_of("company", "_anything") is None
    assert fields.type_of("deal", "name") is None


def test_limits_hold(fields: Fields) -> None:
    for source, words in (
        ("x" * 1_000_001, "longer than"),
        ("{{ contact.score }}" * 10_001, "more than 10,000 tags"),
        ("{% for a in custom.x %}{% endfor %}", "not a list"),
    ):
        with pytest.raises(MergeError, match=words):
            merge.compile(source, fields, escape=Escape.NONE)


def test_comments_do_not_count_as_complicated(fields: Fields) -> None:
    assert render("{# x #}a" * 500, fields) == "a" * 500


@pytest.mark.parametrize(
    "piece",
    ["{{ ", "{% ", "{#", "<", "<a ", "<a b='", "<!--", "&#", "<script>", "{{ '", "=", " ", "</", "{{ not ", "{{ 1_",
     "{{ contact.a"],
)  # fmt: skip
def test_hostile_repetition_takes_time_in_proportion(piece: str, fields: Fields) -> None:
    def cost(length: int) -> float:
        source = f'<a href="{piece * (length // len(piece))}'
        begun = time.thread_time()
        with contextlib.suppress(MergeError):
            merge.compile_bytes(source, fields, escape=Escape.HTML)
        return time.thread_time() - begun

    assert cost(200_000) < 0.2 + 30 * cost(20_000)  # quadratic would be 100 times as much


def test_messages_name_no_internals(fields: Fields) -> None:
    for source in ("{{ contact.score | attr('x') }}", "{{ {} }}", "{{ 1 }", "{% if %}{% endif %}"):
        with pytest.raises(MergeError) as caught:
            merge.compile(source, fields, escape=Escape.NONE)
        assert not re.search(
            r"jinja|nodes\.|Traceback", f"{caught.value.message} {caught.value.remedy}", re.IGNORECASE
        )


SYNTAX = r"""{{ }} {% %} {# #} {%- -%} if elif else endif for endfor in not and or is contact.first_name contact.tags custom.x
x . , : | ( ) [ ] { } default upper ' " \\ == != < > <= = ~ + - * ** / // % 1 2.5 1e9 true none loop range raw endraw set block
é \x00 < <a <!-- href=' > </script <script &#""".split()
SOUP = st.lists(
    st.sampled_from(SYNTAX)
    | st.text(max_size=3),
    max_size=25,
)  # fmt: skip


@settings(max_examples=1500)
@given(SOUP, st.sampled_from(["", " "]), st.sampled_from(Escape))
def test_any_text_is_compiled_and_rendered_or_refused_with_a_place(
    fields: Fields, parts: list[str], glue: str, escape: Escape
) -> None:
    source = glue.join(parts)
    try:
        template = merge.compile_bytes(source, fields, escape=escape)
    except MergeError as refused:
        error = refused
    else:
        template.render({"contact": {"first_name": "Ana", "tags": ["a", {"b": 1}]}, "custom": {"x": None}})
        return
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert 1 <= error.column <= len(lines[error.line - 1]) + 1
    assert error.remedy
