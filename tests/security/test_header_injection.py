"""No text begins another header, another recipient or another command, in a mail or in an answer."""

import csv
import io
import re
from urllib.parse import quote

import pytest
from sqlalchemy import select

from cms_core import contract as c
from cms_core.audience import consent
from cms_core.audience.models import Contact
from cms_core.audience.upsert import upsert_many
from cms_core.errors import CmsError

from .house import House, fill_in, picture

BREAKS = (
    "\r\nBcc: thief@evil.test",
    "\nBcc: thief@evil.test",
    "\rBcc: thief@evil.test",
    "\u2028Bcc: x",
    "\x85Bcc: x",
    "\x00",
)


@pytest.mark.parametrize("end", BREAKS)
def test_no_text_of_a_mail_begins_another_header(house: House, end: str) -> None:
    """Settings are refused; a subject and a recipient's name get through as one line or not at all."""
    data = {
        "connection_name": "inj",
        "host": "mail.acme.test",
        "security": "none",
        "from_address": "a@acme.test",
    }
    for field in ("from_name", "reply_to", "from_address", "username", "password", "host"):
        status, _ = fill_in(house, "/app/connections/new/email", {**data, field: f"a@acme.test{end}"})
        assert status == 422, field
    with house.workspace.db.transaction() as session:
        people = [c.Contact(id="", email=f"inj{BREAKS.index(end)}@people.test", first_name=f"Eve{end}")]
        try:
            upsert_many(session, people, source="test")
        except CmsError:
            assert "\0" in end
        for row in session.scalars(select(Contact.id)).all():
            consent.grant(session, [row], "email", basis="asked", source="test", evidence={})
    slug = f"header-{BREAKS.index(end)}"
    house.write(slug, "Hello {{ contact.first_name }}", title="Hi {{ contact.first_name }}", kind="email")
    before = len(house.mail.received)
    house.publish(slug, "email", "news", "", "Everybody")
    assert len(house.mail.received) > before
    for mail in house.mail.received[before:]:
        head = mail.data.partition(b"\r\n\r\n")[0]
        names = [line.split(b":")[0].lower() for line in head.split(b"\r\n") if line[:1] not in b" \t"]
        assert b"bcc" not in names
        assert len(names) == len(set(names)), names
        assert b"\n" not in head.replace(b"\r\n", b"")
        assert b"\r" not in head.replace(b"\r\n", b"")
        assert mail.recipients[0].endswith("@people.test")
        assert len(mail.recipients) == 1


def test_no_address_ends_its_command_early(house: House) -> None:
    bad = (
        '"a@b> SIZE=1\r\nRCPT TO:<c"@people.test',
        "a@people.test>\r\nDATA",
        "a@people.test\nRCPT TO:<x@evil.test>",
        "<a@people.test>",
    )
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["email", "consent"])
    writer.writerows([each, "yes"] for each in bad)
    client = house.signed_in("marketer")
    token = client.token("/app/me")
    file = (io.BytesIO(text.getvalue().encode()), "people.csv")
    client.post("/app/contacts/import", data={"file": file, "do": "save", "csrf_token": token})
    with house.workspace.db.session() as session:
        stored = [each or "" for each in session.scalars(select(Contact.email))]
    assert all(re.fullmatch(r"[^\s<>]+@[^\s<>@]+", each) for each in stored)
    assert all("RCPT TO:<X@EVIL" not in each.upper() for each in house.mail.commands)


@pytest.mark.parametrize("end", ["\r\nX-Injected: 1", "\nX-Injected: 1", "\r\n\r\n<script>"])
def test_no_text_begins_another_header_of_an_answer(house: House, end: str) -> None:
    client = house.signed_in("admin")
    token = client.token("/app/me")
    addresses = [
        f"/app/login?next=/app/{end}",
        f"/app/content?q={end}",
        f"/calm{end}",
        f"/app/reports/{end}/report.csv",
    ]
    for address in addresses:
        answer = client.get(
            address.replace("\r", "%0d").replace("\n", "%0a"), headers={"Host": "www.acme.test"}
        )
        assert "X-Injected" not in answer.headers, address
    name = f"picture{quote(end)}.png"  # as browsers write it
    sent = {"file": (io.BytesIO(picture()), name), "alt": end, "csrf_token": token}
    stored = client.post("/app/content/media", data=sent)
    assert stored.status_code == 200
    path = re.search(r"\((/media/[^)]+)\)", stored.get_json()["markdown"])
    assert path
    with client.get(path[1]) as picture_answer:
        assert picture_answer.status_code == 200
        assert "X-Injected" not in picture_answer.headers
    themed = client.post(
        "/app/theme", data={"theme": f"dark{end}", "next": f"/app/{end}", "csrf_token": token}
    )
    assert "X-Injected" not in themed.headers
