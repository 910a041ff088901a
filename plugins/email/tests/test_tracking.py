"""Tracked links, the pixel and the honeypot."""

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from cms_core import Link, Media
from cms_email.channel import EmailChannel

BODY = """See [the launch](https://acme.test/launch?a=1&b=2) and [again](https://acme.test/launch?a=1&b=2),
<https://acme.test/bare>, [mail us](mailto:help@acme.test), [call](tel:+123), [top](#top), [here](/pricing)
and [yours](https://acme.test/for/{{ contact.first_name }}).

Not a link: https://acme.test/plain
"""


@pytest.fixture
def prepared(channel: EmailChannel, link: Link, kit: SimpleNamespace) -> tuple[Any, Any]:
    links = kit.links()
    return channel.prepare(replace(link, links=links), kit.placement(BODY), None).data, links


def hrefs(markup: str) -> list[str]:
    return re.findall(r'<a[^>]* href="([^"]*)"', markup)


def test_targets_are_stored_once_each_and_named_by_number(prepared: tuple[Any, Any]) -> None:
    assert prepared[1].targets == [
        "https://acme.test/launch?a=1&b=2",
        "https://acme.test/bare",
        "https://news.acme.test/pricing",
    ]


def test_both_parts_lead_through_the_same_numbers(prepared: tuple[Any, Any], kit: SimpleNamespace) -> None:
    data = prepared[0]
    tracked = [f"{kit.base_url}/t/{{{{ message.token }}}}/{n}" for n in (1, 2, 3)]
    for address in tracked:
        assert address in hrefs(data["html"])
        assert address in data["text"]
    assert "acme.test/launch" not in data["html"] + data["text"]
    assert "the launch <" + tracked[0] + ">" in data["text"]


def test_other_addresses_stay_as_they_are(prepared: tuple[Any, Any]) -> None:
    found = hrefs(prepared[0]["html"])
    assert {
        "mailto:help@acme.test",
        "tel:+123",
        "#top",
        "https://acme.test/for/{{ contact.first_name }}",
    } <= {*found}
    assert "https://acme.test/plain" in prepared[0]["text"]


def test_pixel_and_honeypot_stand_in_the_html_only(prepared: tuple[Any, Any], kit: SimpleNamespace) -> None:
    data, mine = prepared[0], f"{kit.base_url}/t/{{{{ message.token }}}}"
    assert data["html"].count(f'<img src="{mine}.gif"') == 1
    honeypot = re.search(rf'<a [^>]*href="{re.escape(mine)}/h"[^>]*>', data["html"])
    assert honeypot
    for word in ('aria-hidden="true"', 'tabindex="-1"', "display: none"):
        assert word in honeypot.group()
    assert ".gif" not in data["text"]
    assert f"{mine}/h" not in data["text"]


def test_every_tracked_address_of_a_mail_begins_with_the_base(write: Any, kit: SimpleNamespace) -> None:
    person = kit.person(5, "ann@example.com", {"first_name": "Ann & Bo"})
    html = kit.part(write(BODY, person=person), "html")
    mine = [each for each in hrefs(html) if person.token in each]
    assert len(mine) == 6
    assert all(each.startswith(f"{kit.base_url}/t/{person.token}/") for each in mine)
    assert "https://acme.test/for/Ann%20%26%20Bo" in html


def test_own_unsubscribe_link_of_the_author_works(write: Any, kit: SimpleNamespace) -> None:
    person = kit.person(5, "ann@example.com")
    raw = write("[Leave]({{ message.unsubscribe_url }})", person=person)
    address = f"{kit.base_url}/t/{person.token}/u"
    assert hrefs(kit.part(raw, "html")).count(address) == 2
    assert f"Leave <{address}>" in kit.part(raw, "plain")


def test_images_are_absolute(write: Any, kit: SimpleNamespace) -> None:
    sha = "ab" * 32
    media = Media("m1", sha, "image/png", 10, 20, 30, "A cat", "cat.png", "", f"/media/{sha}/cat.png")
    html = kit.part(write(f"![]( /media/{sha}/cat.png )", media=(media,)), "html")
    assert f'src="{kit.base_url}/media/{sha}/cat.png"' in html
    assert 'alt="A cat"' in html


def test_styles_are_on_the_elements_and_merge_tags_survive_them(
    prepared: tuple[Any, Any], write: Any, kit: Any
) -> None:
    assert re.search(r'<p style="[^"]*margin', prepared[0]["html"])
    text = '{% if contact.score > 5 and contact.first_name != "" %}High{% else %}Low{% endif %}'
    for score, word in ((9, "High"), (1, "Low")):
        person = kit.person(1, "a@example.com", {"score": score, "first_name": "A"})
        assert word in kit.part(write(text, person=person), "html")


def test_other_kinds_stand_under_their_title(write: Any, kit: SimpleNamespace) -> None:
    assert re.search(
        r"<h1[^>]*>A &lt; B</h1>", kit.part(write("Text", title="A < B", kind="article"), "html")
    )
    assert "<h1" not in kit.part(write("Text", title="A < B"), "html")
