"""S1, S2, S10, S14, S15, S17: words that want to be more than words."""

import csv
import io
import logging
import re
import socket
from datetime import date
from email import message_from_bytes
from email.policy import default
from urllib.parse import quote

import click
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from cms_core import contract as c
from cms_core.app import create_app
from cms_core.audience import consent
from cms_core.audience.models import Contact
from cms_core.audience.upsert import upsert_many
from cms_core.auth.models import User
from cms_core.campaigns import service as campaigns
from cms_core.cli import main
from cms_core.config import load_config
from cms_core.connections import service as connections
from cms_core.content import service as content
from cms_core.content.revisions import head_of
from cms_core.csvfile import read_csv, unprotect_cell
from cms_core.errors import CmsError
from cms_core.reports.campaign import report
from cms_core.reports.files import as_csv
from cms_core.testing.client import FormClient
from cms_core.workspace import open_workspace

from .house import CANARY, PASSWORD, House, picture

BREAKS = (
    "\r\nBcc: thief@evil.test",
    "\nBcc: thief@evil.test",
    "\rBcc: thief@evil.test",
    "\u2028Bcc: x",
    "\x85Bcc: x",
    "\x00",
)
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


def fill_in(house: House, address: str, data: dict[str, str]) -> tuple[int, str]:
    client = house.signed_in("admin")
    answer = client.post(address, data={**data, "csrf_token": client.token("/app/me")})
    return answer.status_code, answer.text


# --- S2: template injection ---------------------------------------------------------------------------------------------


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
    """Also when somebody approves such words: neither arming nor the worker lets them out."""
    slug, before = f"bad-{TEMPLATES.index(template)}", len(house.mail.received)
    house.write(slug, template, kind="email")
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


# --- S17: headers -------------------------------------------------------------------------------------------------------


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


# --- S10: exports -------------------------------------------------------------------------------------------------------

FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    '=HYPERLINK("http://evil.test")',
    "'=1",
    "=cmd|' /C calc'!A0",
)


def test_no_cell_of_a_report_is_a_formula_and_every_one_reads_back(house: House) -> None:
    with house.workspace.db.transaction() as session:
        for n, text in enumerate(FORMULAS):
            made = campaigns.create_campaign(
                session, f"{text} {n}", date(2026, 5, 1), date(2026, 5, 2), "UTC"
            )
            shown = as_csv(report(session, made))
            rows = list(csv.reader(io.StringIO(shown)))
            assert all(
                cell[:1] not in tuple("=+-@\t\r＝＋－＠") or not cell for row in rows for cell in row
            ), text
            back = [unprotect_cell(row[1]) for row in read_csv_rows(shown)]
            assert made.name in back


def read_csv_rows(text: str) -> list[list[str]]:
    return [row.cells for row in read_csv(text.encode(), "report.csv").rows()]


# --- S14: mass assignment -----------------------------------------------------------------------------------------------

EXTRA = {
    "id": "1", "public_id": "x", "role": "admin", "is_admin": "1", "owner_id": "1", "author_id": "1", "state": "approved",
    "created_at": "2000-01-01", "password_hash": "x", "session_epoch": "99", "disabled_at": "", "score": "9", "key": "stolen",
    "__class__": "x", "content_hash": "x", "verified_at": "2026-01-01", "credentials": "x", "channel": "x",
}  # fmt: skip


def test_fields_that_a_form_does_not_have_are_never_taken(house: House) -> None:
    """Each form is sent with everything else that a row has; what it makes is as if they had not been sent, or it is refused."""
    viewer = house.as_role("viewer")
    answer = viewer.submit("/app/me", {**EXTRA, "name": "Viewer", "timezone": "UTC"})
    assert answer.status_code == 422
    with house.workspace.db.session() as session:
        row = session.scalars(select(User).where(User.email == "viewer@acme.test")).one()
        assert (row.role, row.password_hash != "x") == ("viewer", True)
    dates = {"start": "2026-05-01", "end": "2026-05-31", "tz": "UTC"}
    forms = {
        "/app/campaigns/new": {"name": "Assigned", **dates},
        "/app/calendar/new": {"when": "2026-06-01 09:00", "title": "x", "kind": "task"},
        "/app/users": {"email": "assigned@acme.test", "password": PASSWORD, "role": "viewer"},
        "/app/connections/new/email": {
            "connection_name": "x",
            "host": "h.test",
            "from_address": "a@acme.test",
        },
        f"/app/connections/{house.ids['connection:news']}": {"host": "h.test", "from_address": "a@acme.test"},
        "/app/plugins/seo": {},
    }
    for address, data in forms.items():
        before = house.state()
        status, _ = fill_in(house, address, {**EXTRA, **data})
        assert status in (404, 422), address
        assert house.state() == before, address


def test_an_editor_cannot_approve_or_rename_by_extra_fields(house: House) -> None:
    client = house.signed_in("marketer")
    answer = client.submit(
        "/app/content/new", {**EXTRA, "kind": "article", "title": "Mine", "text": "x", "slug": "mine"}
    )
    assert answer.status_code == 303
    client.submit(
        "/app/content/mine/edit", {**EXTRA, "title": "Mine", "text": "y", "slug": "calm", "row_version": "1"}
    )
    assert client.get("/app/content/mine").status_code == 200
    with house.workspace.db.session() as session:
        found = content.find(session, "mine")
        assert head_of(session, found).state == "draft"
        assert found.public_id != "x"


# --- S15: secrets -------------------------------------------------------------------------------------------------------


def test_no_secret_is_shown_kept_in_the_clear_or_logged(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = house.signed_in("admin")
    vault = house.ids["connection:vault"]
    shown = [
        client.get(each).text
        for each in (
            "/app/connections",
            f"/app/connections/{vault}",
            "/app/plugins/email",
            "/app/audit",
            "/healthz",
        )
    ]
    token = client.token("/app/me")
    settings = {
        "host": "mail.acme.test",
        "security": "none",
        "from_address": "a@acme.test",
        "username": "acme",
    }
    typed = "canary-typed-just-now"
    wrong = ({"port": "no"}, {"surprise": "1"})
    shown += [
        client.post(
            f"/app/connections/{vault}",
            data={**settings, "password": typed, **each, "csrf_token": token},
        ).text
        for each in wrong
    ]
    shown.append(
        client.post(f"/app/connections/{vault}/test", data={"csrf_token": token}, follow_redirects=True).text
    )
    shown.append(house.client().sign_in("admin@acme.test", "canary-typed-just-now").text)
    shown += [
        repr(house.workspace.config),
        repr(house.workspace),
        repr(house.workspace.vault),
        house.texts(),
        caplog.text,
    ]
    for secret in (*CANARY.values(), typed, PASSWORD):
        assert all(secret not in text for text in shown), secret


def test_commands_tell_no_secret(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CMS_HOME", str(house.workspace.config.home))
    for words in (
        ["connections", "list", "--json"],
        ["plugins", "list", "--json"],
        ["status", "--json"],
        ["users", "list", "--json"],
        ["plugins", "info", "email"],
    ):
        entry = click.Command("cms", callback=lambda words=words: main(words))
        result = CliRunner().invoke(entry, [])
        assert result.output, words
        assert all(secret not in result.output for secret in CANARY.values()), words
    assert all(secret not in capsys.readouterr().out for secret in CANARY.values())


# --- S1: requests to where they should not go ---------------------------------------------------------------------------

INSIDE = (
    "127.0.0.1", "localhost", "localhost.", "0.0.0.0", "127.1", "2130706433", "0x7f.1", "017700000001", "[::1]", "::1",
    "[::ffff:127.0.0.1]", "169.254.169.254", "[fd00:ec2::254]", "100.100.100.200", "10.0.0.1", "192.168.0.1", "172.16.0.1",
    "[64:ff9b::7f00:1]", "[fe80::1]", "127。0。0。1", "①②⑦.⓪.⓪.①", "a@127.0.0.1", "127.0.0.1#x", "file:///etc/passwd",
)  # fmt: skip


def test_a_mail_server_inside_is_refused_the_same_whether_it_listens_or_not(house: House) -> None:
    """With nothing allowed, no door leads to loopback, the metadata service or a private network, however it is written."""
    strict = load_config(house.workspace.config.home, {"CMS_OUTBOUND_ALLOW": ""})
    opened = open_workspace(strict, clock=house.workspace.db.clock)
    app = create_app(workspace=opened)
    app.test_client_class = FormClient
    client = app.test_client()
    assert isinstance(client, FormClient)
    client.sign_in("admin@acme.test", PASSWORD)
    seen: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.05)
        port = canary.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as closed:
            nobody = closed.getsockname()[1]
        for n, host in enumerate(INSIDE):
            seen += [_tested(house, client, f"in-{n}-{each}", host, each) for each in (port, nobody)]
        with pytest.raises(TimeoutError):
            canary.accept()
    opened.db.dispose()
    assert "" not in seen
    for n in range(0, len(seen), 2):
        assert seen[n] == seen[n + 1], INSIDE[n // 2]


def _tested(house: House, client: FormClient, name: str, host: str, port: int) -> str:
    data = {
        "connection_name": name,
        "host": host,
        "port": str(port),
        "security": "none",
        "from_address": "a@acme.test",
    }
    added = client.submit("/app/connections/new/email", data)
    if added.status_code == 422:
        return "refused at once"
    with house.workspace.db.session() as session:
        public_id = connections.find(session, "email", name).public_id
    page = {"csrf_token": client.token("/app/me")}
    told = client.post(f"/app/connections/{public_id}/test", data=page, follow_redirects=True).text
    toast = re.search(r'class="[^"]*toast[^"]*"[^>]*>(.*?)</', told, re.DOTALL)
    return re.sub(r"\d{4,5}", "PORT", toast[1].strip()) if toast else ""


def test_a_site_is_never_fetched_so_any_address_of_it_is_harmless(house: House) -> None:
    for base in (
        "file:///etc/passwd",
        "gopher://127.0.0.1",
        "javascript:alert(1)",
        "http://a@127.0.0.1/",
        "http://x/\r\nHost: y",
        "//x",
    ):
        status, _ = fill_in(house, "/app/connections/new/site", {"connection_name": "x", "base_url": base})
        assert status == 422, base
