"""What is said about a mail before it is sent."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from cms_core import Finding, Level
from cms_email.channel import EmailChannel

Check = Callable[..., list[Finding]]
ERROR, WARNING, NOTE = Level.ERROR, Level.WARNING, Level.NOTE


@pytest.fixture
def check(channel: EmailChannel, kit: SimpleNamespace) -> Check:
    def run(text: str = "Hello", **more: object) -> list[Finding]:
        return list(channel.check(kit.placement(text, **more)))

    return run


def said(findings: list[Finding]) -> list[tuple[Level, str]]:
    return [(each.level, each.field) for each in findings]


def test_good_mail_has_no_remarks(check: Check) -> None:
    assert (
        check('Hi {{ contact.first_name | default("there") }}, [read](https://acme.test).', summary="News")
        == []
    )


@pytest.mark.parametrize("text", ["", "  \n", None, 5])
def test_empty_mail_is_an_error(check: Check, text: Any) -> None:
    assert (ERROR, "text") in said(check(text))


def test_missing_subject_is_an_error_and_the_title_stands_in(check: Check) -> None:
    assert said(check(title=" ")) == [(ERROR, "subject")]
    assert said(check(title=" ", body={"subject": "Hi"})) == []


def test_long_subject_and_preheader_are_told(check: Check) -> None:
    found = check(body={"subject": "x" * 71, "preheader": "y" * 141})
    assert said(found) == [(WARNING, "subject"), (NOTE, "preheader")]
    assert "71 characters" in found[0].message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("Hi\n\nDear {{ contct.first_name }}", "line 3, column 9"),
        ("{{ 7*7 }}", "line 1, column 4"),
        ("a {% for x in range(9) %}{% endfor %}", "line 1, column 20"),
        ("a\n{{ ''.__class__ }}", "line 2, column 4"),
        ("{% if contact.x %} open", "line 1, column 1"),
    ],
)
def test_merge_errors_name_line_and_column(check: Check, text: str, place: str) -> None:
    (finding,) = check(text)
    assert (finding.level, finding.field) == (ERROR, "text")
    assert finding.message.startswith(place)


@pytest.mark.parametrize("field", ["subject", "preheader"])
def test_merge_errors_in_lines_of_the_envelope(check: Check, field: Any) -> None:
    (finding,) = check(body={field: "Hi {{ config }}"})
    assert (finding.level, finding.field) == (ERROR, field)
    assert "line 1, column 7" in finding.message


def test_field_without_default_is_a_warning(check: Check) -> None:
    (finding,) = check("Hi\n{{ contact.first_name }}")
    assert finding.level is WARNING
    assert "line 2" in finding.message
    assert "contact.first_name" in finding.message


def test_field_where_it_may_not_stand_is_an_error(check: Check) -> None:
    found = check('<a href="https://{{ contact.company | default("x") }}/">x</a>')
    assert said(found) == [(NOTE, "text"), (ERROR, "text")]
    assert "host" in found[1].message


@pytest.mark.parametrize(
    "address", ["ftp://a.test/x", "data:text/html,x", "javascript:alert(1)", "file:///etc/passwd"]
)
def test_link_that_leads_nowhere_good_is_an_error(check: Check, address: Any) -> None:
    assert said(check(f'<a href="{address}">x</a>')) == [(ERROR, "text")]


@pytest.mark.parametrize("address", ["https://", "http://[bad/"])
def test_broken_web_address_is_an_error(check: Check, address: Any) -> None:
    assert said(check(f'<a href="{address}">x</a>')) == [(ERROR, "text")]


@pytest.mark.parametrize(
    "address", ["https://a.test", "http://a.test:8000/x", "mailto:a@b.test", "tel:+49", "/x", "#top"]
)
def test_good_links_are_not_remarked(check: Check, address: Any) -> None:
    assert check(f"[x]({address})") == []


def test_link_that_cannot_be_counted_is_a_note(check: Check) -> None:
    found = check('[x](https://a.test/{{ contact.company | default("x") }})')
    assert said(found) == [(NOTE, "text")]
    assert "not counted" in found[0].message


def test_images_without_alternative_text_are_counted(check: Check) -> None:
    (finding,) = check("![](https://a.test/1.png) ![two](https://a.test/2.png) ![ ](https://a.test/3.png)")
    assert finding.level is WARNING
    assert finding.message.startswith("2 images")


def test_clipped_mail_and_many_links_are_warnings(check: Check) -> None:
    (finding,) = check("word " * 21_000)
    assert (finding.level, "Gmail" in finding.message) == (WARNING, True)
    links = "\n\n".join(f"[{n}](https://a.test/{n})" for n in range(61))
    assert "61 links" in check(links)[0].message


def test_postal_address_is_asked_for_with_a_connection_only(check: Check) -> None:
    bare = {"postal_address": ""}
    assert said(check(settings=bare)) == [(ERROR, "connection")]
    assert check(settings=bare, connection="") == []
