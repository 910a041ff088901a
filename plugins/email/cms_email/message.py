"""Writes the bytes of one mail per recipient; everything that is the same for all is made once per run.

multipart/alternative of two quoted-printable parts. The boundary begins with ``=_``, which quoted-printable text cannot contain
(RFC 2045, 6.7), so no part can end early whatever its fields hold.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from cms_core import FieldProvider, Json, Placement, Recipient, SmtpMessage, merge
from cms_email.headers import address_field, mailbox, text_field
from cms_email.schemas import ascii_address

MESSAGE = "message"  # the namespace of what only the mail itself knows


def fields_of(providers: tuple[FieldProvider, ...]) -> merge.Fields:
    """The merge fields of mails: those of all plugins, and the mail's own token and unsubscribe address."""
    return _with_own(merge.Fields.of(providers))


def _with_own(fields: merge.Fields) -> merge.Fields:
    return fields.trusting(MESSAGE, token=merge.FieldType.TEXT, unsubscribe_url=merge.FieldType.URL)


def freeze_fields(placement: Placement) -> Json:
    """The declared merge fields as JSON, so that a prepared mail does not depend on what plugins say later."""
    return {
        each.namespace: {"open": each.open, "fields": {spec.name: spec.type for spec in each.fields}}
        for each in placement.merge_fields
    }


def own_values(token: str, base: str) -> Mapping[str, str]:
    """The values of the mail's own merge fields."""
    return {"token": token, "unsubscribe_url": f"{base}/{token}/u"}


class Writer:
    """Writes mails from what ``prepare`` made; compiling it costs some milliseconds, a mail some microseconds.

    Raises ``merge.MergeError`` or ``Forbidden`` when the prepared templates cannot be used at all.
    """

    def __init__(self, data: Json, now: Callable[[], datetime]) -> None:
        fields = _with_own(_thawed(data["fields"]))
        self._subject = merge.compile(data["subject"], fields, escape=merge.Escape.NONE)
        self._text = merge.compile_bytes(data["text"], fields, escape=merge.Escape.NONE)
        self._html = merge.compile_bytes(data["html"], fields, escape=merge.Escape.HTML)
        self._base = str(data["base"])
        self._now = now
        self._sender = ascii_address(data["from_address"])
        self._domain = self._sender.rpartition("@")[2].encode("ascii")
        self._unsubscribe = b"\r\nList-Unsubscribe: <" + self._base.encode("ascii") + b"/"
        boundary = (
            b"=_" + hashlib.sha256(f"{data['html']}\0{data['text']}".encode()).hexdigest()[:24].encode()
        )
        self._top = _top(data, self._sender)
        self._constant = _constant(data, boundary)
        self._before_html = b"\r\n--%s\r\n%s" % (boundary, _part(b"html"))
        self._end = b"\r\n--%s--\r\n" % boundary

    def message_id(self, recipient: Recipient) -> str:
        """The Message-ID without its brackets; the delivery's token makes it unique and unforgeable."""
        return f"{recipient.token}@{self._domain.decode('ascii')}"

    def write(self, recipient: Recipient) -> SmtpMessage:
        """The mail of one recipient; raises Forbidden when a header would hold a line break or no address."""
        token = recipient.token.encode("ascii")
        values = {**recipient.values, MESSAGE: own_values(recipient.token, self._base)}
        data = b"".join(
            (
                self._top,
                address_field(recipient.address),
                b"\r\n",
                text_field("Subject", self._subject.render(values)),
                b"\r\nDate: ",
                _date(int(self._now().timestamp())),
                b"\r\nMessage-ID: <%s@%s>" % (token, self._domain),
                self._unsubscribe,
                token,
                self._constant,
                self._text.render(values),
                self._before_html,
                self._html.render(values),
                self._end,
            )
        )
        return SmtpMessage(recipient.key, self._sender, recipient.address, data, recipient)


def _top(data: Json, sender: str) -> bytes:
    reply_to = data["reply_to"]
    lines = [b"From: " + mailbox(data["from_name"], sender)]
    if reply_to:
        lines.append(b"Reply-To: " + mailbox("", ascii_address(reply_to)))
    return b"\r\n".join([*lines, b"To: "])


def _constant(data: Json, boundary: bytes) -> bytes:
    """From the end of the unsubscribe address to the start of the plain text."""
    return b"\r\n".join(
        [
            b"/u>",
            b"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            b"MIME-Version: 1.0",
            b'Content-Type: multipart/alternative; boundary="%s"' % boundary,
            b"",
            b"--" + boundary,
            _part(b"plain"),
        ]
    )


def _part(subtype: bytes) -> bytes:
    return (
        b"Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        % subtype
    )


def _thawed(frozen: Json) -> merge.Fields:
    return merge.Fields(
        {
            namespace: merge.Namespace(
                {name: merge.FieldType(kind) for name, kind in held["fields"].items()}, open=held["open"]
            )
            for namespace, held in frozen.items()
        }
    )


@lru_cache(maxsize=4)
def _date(second: int) -> bytes:
    return format_datetime(datetime.fromtimestamp(second, UTC)).encode("ascii")
