"""What is written as a template is refused or printed as it is: nothing that anybody types is run."""

import re
from datetime import date
from email import message_from_bytes
from email.policy import default

import pytest
from sqlalchemy import select

from cms_core import contract as c
from cms_core.audience import consent
from cms_core.audience.models import Contact
from cms_core.audience.upsert import upsert_many
from cms_core.campaigns import service as campaigns
from cms_core.errors import CmsError

from .house import CANARY, House, fill_in

TEMPLATES = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__ }}",
    "{{ config }}",
    "{{ request.application.__globals__ }}",
    "{{ self.__init__ }}",
    "{{ contact.__class__ }}",
    "{{ contact['__class__'] }}",
    "{{ contact.first_name|attr('__class__') }}",
    "{{ 7*7 }}",
    "{{ 'a'*10**9 }}",
    "{% for x in range(10**9) %}{% endfor %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% set x = 1 %}",
    "{{ contact.first_name",
    "{% raw %}{{ x }}",
)
LITERAL = ("${7*7}", "#{7*7}", "%(secret)s", "{0.__class__}", "<%= 7*7 %>", "[[7*7]]")


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates_that_reach_out_are_refused_with_their_place(house: House, template: str) -> None:
    """The editor's checks name line and column; nobody can approve it, so nothing of it is ever rendered."""
    for field in ("text", "subject"):
        typed = {"kind": "email", "title": "A letter", "text": "Hello\n\nyou", "do": "check"}
        typed |= {"text": f"Hello\n\n{template}"} if field == "text" else {"for-email-subject": template}
        status, shown = fill_in(house, "/app/content/new", typed)
        assert status == 200
        assert re.search(r"line \d+, column \d+", shown), f"{field}: {template}"
        for leak in ("uid=", "&lt;class", "subclasses()</p>", CANARY["secret_key"], "root:"):
            assert leak not in shown


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates_that_reach_out_are_never_sent(house: House, template: str) -> None:
    """Nobody can approve such words; where they came in approved, neither arming nor the worker lets them out."""
    slug, before = f"bad-{TEMPLATES.index(template)}", len(house.mail.received)
    with pytest.raises(CmsError, match=r"line 1, column \d+"):
        house.write(slug, template, kind="email")
    house.write(slug, template, kind="email", imported=True)
    try:
        public_id = house.publish(slug, "email", "news", "", "Everybody")
    except CmsError as error:
        told = str(error)
    else:
        told = house.signed_in("admin").get(f"/app/publications/{public_id}").text
    assert re.search(r"line 1, column \d+", told), told
    assert len(house.mail.received) == before


def test_what_only_looks_like_a_template_is_printed_as_it_is(house: House) -> None:
    text = " ".join(f"`{each}`" for each in LITERAL)
    house.write("literal", text, title=f"49? {' '.join(LITERAL)}", kind="email")
    before = len(house.mail.received)
    house.publish("literal", "email", "news", "", "Everybody")
    mails = house.mail.received[before:]
    assert mails
    for mail in mails:
        message = message_from_bytes(mail.data, policy=default)
        plain = message.get_body(("plain",))
        assert plain is not None
        assert all(each in plain.get_content() for each in LITERAL)
        assert all(each in str(message["Subject"]) for each in LITERAL)


def test_values_are_never_parsed_again(house: House) -> None:
    """A contact, campaign, tag, segment or connection that is named like a template is called just that."""
    name = "{{ 7*7 }}{{ config }}"
    with house.workspace.db.transaction() as session:
        person = c.Contact(id="", email="tpl@people.test", first_name=name, last_name=name, company=name)
        public_id = upsert_many(session, [person], source="test")[0]
        row = session.scalars(select(Contact.id).where(Contact.public_id == public_id)).one()
        consent.grant(session, [row], "email", basis="asked", source="test", evidence={})
        campaign = campaigns.create_campaign(
            session, name, date(2026, 5, 1), date(2026, 5, 2), "UTC", utm={"source": name}
        )
        campaign_id = campaign.public_id
    house.write("greeting", "Dear {{ contact.first_name }}, [go](https://acme.test/x)", kind="email")
    house.publish("greeting", "email", "news", name, "Everybody")
    (mail,) = [
        each
        for each in house.mail.received
        if each.recipients == ["tpl@people.test"] and b"Dear" in each.data
    ]
    plain = message_from_bytes(mail.data, policy=default).get_body(("plain",))
    assert plain is not None
    assert f"Dear {name}" in plain.get_content()
    client = house.signed_in("admin")
    for address in (
        f"/app/contacts/{public_id}",
        f"/app/campaigns/{campaign_id}",
        f"/app/reports/{campaign_id}",
    ):
        assert "{{ 7*7 }}{{ config }}" in client.get(address).text, address
    links = re.search(rb"/t/([\w-]{28})/1\b", mail.data.replace(b"=\r\n", b""))
    assert links
    went_to = house.client().get(f"/t/{links[1].decode()}/1").headers["Location"]
    assert went_to.startswith("https://acme.test/x?")
    assert "%7B%7B+7%2A7+%7D%7D" in went_to


@pytest.mark.parametrize("template", TEMPLATES[:10])
def test_the_settings_of_a_connection_take_no_templates(house: House, template: str) -> None:
    data = {
        "connection_name": "tpl",
        "host": "mail.acme.test",
        "security": "none",
        "from_address": "a@acme.test",
    }
    for field in ("from_name", "postal_address"):
        status, shown = fill_in(house, "/app/connections/new/email", {**data, field: template})
        assert status == 422
        assert "Merge tags are not possible here" in shown
