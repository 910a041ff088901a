"""The bytes of a mail: what the standards and the mailbox providers ask for, whatever the fields hold."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import parseaddr
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cms_core import Link, Refused, merge
from cms_email.channel import EmailChannel
from cms_email.headers import Forbidden
from cms_email.message import Writer

Write = Callable[..., bytes]
NEWSLETTER = """Dear {{ contact.first_name | default("reader") }},

{% if contact.company %}How is **{{ contact.company }}**?{% else %}How are you?{% endif %}

1. [Read on](https://acme.test/a?x=1&y=2)
2. [And on](https://acme.test/b)

| A | B |
|---|---|
| {{ contact.note }} | ünïcode – “quotes” |

.starts with a dot, =_ ends with =
"""
VALUES = {"first_name": "Ann", "company": "Lee & Sons", "note": "<b>x</b>"}


@pytest.fixture
def ann(kit: SimpleNamespace) -> Any:
    return kit.person(7, "ann@example.com", VALUES)


def body_lines(raw: bytes) -> list[bytes]:
    return raw.partition(b"\r\n\r\n")[2].split(b"\r\n")


def test_mail_has_text_and_html_of_the_same_words(kit: SimpleNamespace, ann: Any, write: Write) -> None:
    raw = write(NEWSLETTER, person=ann)
    message = kit.parsed(raw)
    assert message.get_content_type() == "multipart/alternative"
    assert [each.get_content_type() for each in message.iter_parts()] == ["text/plain", "text/html"]
    for kind in ("plain", "html"):
        assert "Dear Ann," in kit.part(raw, kind)
    assert "How is Lee & Sons?" in kit.part(raw, "plain")
    assert "<strong>Lee &amp; Sons</strong>" in kit.part(raw, "html")
    assert "&lt;b&gt;x&lt;/b&gt;" in kit.part(raw, "html")
    assert "<b>x</b>" not in kit.part(raw, "html")


def test_headers_of_a_mail(kit: SimpleNamespace, ann: Any, write: Write) -> None:
    message = kit.parsed(
        write("Hi", title="News of May", person=ann, settings={"reply_to": "help@acme.test"})
    )
    assert message["From"] == "Acme News <news@acme.test>"
    assert message["Reply-To"] == "help@acme.test"
    assert message["To"] == "ann@example.com"
    assert message["Subject"] == "News of May"
    assert message["Date"] == "Mon, 04 May 2026 07:00:00 +0000"
    assert message["Message-ID"] == f"<{ann.token}@acme.test>"
    assert message["MIME-Version"] == "1.0"
    assert len(set(message.keys())) == len(message.keys())


def test_one_click_unsubscribe_stands_in_every_mail(kit: SimpleNamespace, ann: Any, write: Write) -> None:
    raw = write("No word about leaving.", person=ann)
    message = kit.parsed(raw)
    address = f"{kit.base_url}/t/{ann.token}/u"
    assert message.get_all("List-Unsubscribe") == [f"<{address}>"]
    assert message.get_all("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]
    assert f'href="{address}"' in kit.part(raw, "html")
    assert f"Unsubscribe: {address}\n" in kit.part(raw, "plain")


def test_postal_address_and_sender_stand_in_both_parts(kit: SimpleNamespace, write: Write) -> None:
    raw = write("Hi", settings={"from_name": "Lee & Søn"})
    for line in ("1 Main Street", "Springfield"):
        assert line in kit.part(raw, "plain")
        assert line in kit.part(raw, "html")
    assert "hear from Lee &amp; Søn" in kit.part(raw, "html")


def test_nothing_is_sent_without_a_postal_address(
    kit: SimpleNamespace, channel: EmailChannel, link: Link
) -> None:
    bare = {**link.settings, "postal_address": " \n"}
    with pytest.raises(Refused, match="postal address"):
        channel.prepare(replace(link, settings=bare), kit.placement(settings={"postal_address": " \n"}), None)


def test_message_ids_differ_by_delivery(kit: SimpleNamespace, channel: EmailChannel, link: Link) -> None:
    writer = Writer(channel.prepare(link, kit.placement(), None).data, link.now)
    people = [kit.person(n, "same@example.com") for n in range(50)]
    ids = {str(kit.parsed(writer.write(person).data)["Message-ID"]) for person in people}
    assert len(ids) == 50


def test_prepare_is_deterministic_and_json(kit: SimpleNamespace, channel: EmailChannel, link: Link) -> None:
    once, again = (
        channel.prepare(replace(link, links=kit.links()), kit.placement(NEWSLETTER), None).data
        for _ in range(2)
    )
    assert json.loads(json.dumps(once)) == again


TEXT = st.text(max_size=200)
ODD = st.text(alphabet="ab =.\r\n\t\"'<>&{%}_-\u2028é😀\x00", max_size=120)


@settings(max_examples=150, deadline=None)
@given(first=TEXT | ODD, company=ODD, note=TEXT)
@example(first="{{7*7}}{% for x in y %}", company="=_", note="\r\n.\r\nRCPT TO:<x@y.test>\r\n")
@example(first="x" * 3000, company="é" * 500, note="--=_")
def test_parsed_mail_equals_the_plain_render(
    kit: SimpleNamespace, channel: EmailChannel, link: Link, first: str, company: str, note: str
) -> None:
    prepared = channel.prepare(replace(link, links=kit.links()), kit.placement(NEWSLETTER), None)
    writer = Writer(prepared.data, link.now)
    person = kit.person(1, "ann@example.com", {"first_name": first, "company": company, "note": note})
    raw = writer.write(person).data

    assert raw.isascii()
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert max(map(len, body_lines(raw))) <= 76
    assert raw.count(b"\r\n--=_") == 3
    fields = merge.Fields.of(kit.placement().merge_fields).trusting("message", token=merge.FieldType.TEXT)
    values = {**person.values, "message": {"token": person.token}}
    for name, kind, escape in (
        ("text", "plain", merge.Escape.NONE),
        ("html", "html", merge.Escape.HTML),
    ):
        plain = merge.compile(prepared.data[name], fields, escape=escape).render(values)
        assert kit.part(raw, kind) == plain.replace("\r\n", "\n").replace("\r", "\n")


@settings(max_examples=200, deadline=None)
@given(first=st.text(max_size=300))
@example(first="\r\nBcc: evil@example.com")
@example(first="\nBcc: evil@example.com\n\nbody")
@example(first="=?utf-8?q?=0D=0ABcc:_x?=")
@example(first="  two   spaces  ")
@example(first="\u2028Bcc: x")
def test_subject_is_what_was_rendered_or_refused(
    kit: SimpleNamespace, channel: EmailChannel, link: Link, first: str
) -> None:
    placement = kit.placement("Hi", body={"subject": "{{ contact.first_name }}: news – 今日"})
    writer = Writer(channel.prepare(replace(link, links=kit.links()), placement, None).data, link.now)
    person = kit.person(1, "ann@example.com", {"first_name": first})
    try:
        raw = writer.write(person).data
    except Forbidden:
        assert re.search(r"[\x00-\x1f\x7f]", first)
        return
    message = kit.parsed(raw)
    expected = merge.compile(
        "{{ contact.first_name }}", merge.Fields.of(placement.merge_fields), escape=merge.Escape.NONE
    )
    assert message["Subject"] == expected.render(person.values) + ": news – 今日"
    assert message["Bcc"] is None
    assert max(map(len, raw.partition(b"\r\n\r\n")[0].split(b"\r\n"))) <= 78


@pytest.mark.parametrize("name", ["Ann\r\nBcc: x@y.test", "Ann\nX: y", "Ann\rX: y", "Ann\x00"])
def test_line_breaks_in_names_are_refused(kit: SimpleNamespace, write: Write, name: str) -> None:
    with pytest.raises(Forbidden):
        write(
            "Hi",
            person=kit.person(1, "a@example.com", {"first_name": name}),
            body={"subject": "{{ contact.first_name }}"},
        )
    with pytest.raises(Refused):
        write("Hi", settings={"from_name": name})


@pytest.mark.parametrize(
    "address",
    ["a@b.test\r\nBcc: c@d.test", "a b@c.test", "<a@b.test>", "a@b.test, c@d.test", "a@b.test>\r\nDATA", "a"],
)
def test_odd_addresses_are_refused(kit: SimpleNamespace, write: Write, address: str) -> None:
    with pytest.raises(Forbidden):
        write("Hi", person=kit.person(1, address))


@pytest.mark.parametrize(
    "name",
    ['Acme "News"', "Acme, Inc. (EU)", "Ünïted Söciety of Très Long Nämes – 今日の日本語ニュース", "a=?b"],
)
def test_sender_names_survive(write: Write, name: str) -> None:
    # The newer policy of the standard library puts a blank between the encoded words of a name; RFC 2047, 6.2, puts none.
    header = str(
        make_header(decode_header(message_from_bytes(write("Hi", settings={"from_name": name}))["From"]))
    )
    assert parseaddr(header) == (name, "news@acme.test")


def test_international_domains_are_written_in_ascii(kit: SimpleNamespace, write: Write) -> None:
    raw = write(
        "Hi", settings={"from_address": "news@bücher.test"}, person=kit.person(1, "leser@bücher.test")
    )
    assert b"From: Acme News <news@xn--bcher-kva.test>\r\n" in raw
    assert b"To: <leser@xn--bcher-kva.test>\r\n" in raw
    assert kit.parsed(raw)["Message-ID"].endswith("@xn--bcher-kva.test>")


def test_template_code_in_values_is_printed_as_it_is(kit: SimpleNamespace, write: Write) -> None:
    raw = write(
        "Hi {{ contact.first_name }}",
        person=kit.person(1, "a@example.com", {"first_name": "{{7*7}} ${7*7} %(x)s"}),
    )
    assert "Hi {{7*7}} ${7*7} %(x)s" in kit.part(raw, "plain")
    assert "{{7*7}} ${7*7} %(x)s" in kit.part(raw, "html")


def test_empty_field_without_default_is_empty(kit: SimpleNamespace, write: Write) -> None:
    assert "Hi !" in kit.part(write("Hi {{ contact.first_name }}!"), "plain")
