"""The channel ``email``: one personal multipart mail per contact, over SMTP."""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import timedelta

from marshmallow import ValidationError

from cms_core import (
    AddressedChannel,
    Contact,
    Finding,
    Idempotency,
    IdempotencyRule,
    Identity,
    Json,
    Link,
    Outcome,
    OutcomeStatus,
    Placement,
    Prepared,
    Preview,
    Recipient,
    Refused,
    SmtpDoor,
    SmtpMessage,
    SmtpServer,
    check_smtp,
    merge,
)
from cms_email import findings, preview
from cms_email.document import compose
from cms_email.headers import Forbidden
from cms_email.message import Writer, freeze_fields
from cms_email.schemas import ConnectionSettings

CONNECTIONS = 2  # two in one thread send more than twice as much as one; more help no further


class EmailChannel(AddressedChannel):
    """Sends through the mail server of its connection. SMTP knows no keys: what was lost after the final dot stays unknown."""

    name = "email"
    label = "E-mail"
    group = "email"
    asset_kinds = ("email", "article", "case-study", "product-guide", "faq", "one-pager")
    connection_schema = ConnectionSettings
    limits = {"subject": findings.SUBJECT_LENGTH, "preheader": findings.PREHEADER_LENGTH}
    override_fields = (("subject", "Subject"), ("preheader", "Preheader"))
    grace = timedelta(hours=1)
    idempotency = IdempotencyRule(Idempotency.NONE)
    door = True

    def test(self, link: Link) -> Identity:
        """Connect, encrypt and sign in; nothing is sent."""
        server = server_of(link)
        found = check_smtp(server, link.guard)
        return Identity(f"{server.host} as {link.settings['from_address']}", rights=found.rights)

    def check(self, placement: Placement) -> Iterable[Finding]:
        return findings.check(placement)

    def preview(self, placement: Placement) -> Preview:
        return preview.preview(placement)

    def address(self, contact: Contact) -> str | None:
        return contact.email or None

    def prepare(self, link: Link, placement: Placement, progress: Json | None) -> Prepared:
        """Write the templates once; they and the sender's names are frozen with them."""
        if link.links is None:
            raise ValueError("a mail is prepared with tracked links, else nobody could unsubscribe")
        settings = link.settings
        if not str(settings.get("postal_address") or "").strip():
            raise Refused(findings.NO_POSTAL_ADDRESS)
        document = compose(placement, link.base_url, link.links)
        data = {
            "subject": document.subject,
            "html": document.html,
            "text": document.text,
            "base": link.links.base,
            "fields": freeze_fields(placement),
            **{name: str(settings.get(name) or "") for name in ("from_address", "from_name", "reply_to")},
        }
        _writer(data, link)
        return Prepared(data)

    def deliver(
        self, link: Link, prepared: Prepared, recipients: Iterator[Recipient | None]
    ) -> Iterator[Outcome]:
        if link.wire is None:
            raise ValueError("mails are delivered with the journal of a sending")
        writer = _writer(prepared.data, link)
        unwritten: deque[Outcome] = deque()
        door = SmtpDoor(server_of(link), link.guard, link.wire, connections=CONNECTIONS)
        try:
            for sent in door.send(_messages(writer, recipients, unwritten)):
                while unwritten:
                    yield unwritten.popleft()
                recipient: Recipient = sent.context
                detail = f"{sent.code} {sent.reply}" if sent.code else sent.reply
                yield Outcome(recipient, sent.status, detail, sent.code or None, writer.message_id(recipient))
        finally:
            door.close()
        yield from unwritten


def server_of(link: Link) -> SmtpServer:
    """The mail server of a connection."""
    settings = link.settings
    return SmtpServer(
        host=settings["host"],
        port=settings["port"],
        security=settings["security"],
        username=settings.get("username") or "",
        password=link.secrets.get("password") or "",
    )


def _writer(data: Json, link: Link) -> Writer:
    """Compile what was prepared; whoever sees the error is told what to mend."""
    try:
        return Writer(data, link.now)
    except (merge.MergeError, Forbidden, ValidationError, UnicodeEncodeError) as error:
        raise Refused(f"the mail cannot be written: {error}") from error


def _messages(
    writer: Writer, recipients: Iterator[Recipient | None], unwritten: deque[Outcome]
) -> Iterator[SmtpMessage | None]:
    """A mail for each recipient; one that cannot be written fails alone."""
    for recipient in recipients:
        if recipient is None:
            yield None
            continue
        try:
            message = writer.write(recipient)
        except Exception as error:  # whatever it is, it is this recipient's; its words may name them, so only its kind is told
            reason = str(error) if isinstance(error, Forbidden) else type(error).__name__
            unwritten.append(
                Outcome(recipient, OutcomeStatus.FAILED, f"the mail could not be written: {reason}")
            )
            continue
        yield message
