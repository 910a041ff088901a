"""The words of the system's mails, and their bytes. Plain text alone: nothing that somebody typed can become markup.

Whatever comes from people or remotes is one line without control signs before it stands in a subject or a body.
"""

import quopri
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from itertools import groupby

from cms_core.notices.kinds import label_of
from cms_core.notices.models import AccessLink, Mail, Notice, Purpose
from cms_core.notices.transport import Transport

MAX_SUBJECT = 150
LISTED = 20  # notices of one kind in a letter; the others are counted
LINK = "\n{link}\n"


def one_line(text: str, most: int) -> str:
    """Words of others as one line: control signs, line ends and signs that turn the reading order are gone."""
    seen = "".join(sign if sign.isprintable() else " " for sign in text[: 4 * most])
    tidy = " ".join(seen.split())
    return tidy if len(tidy) <= most else f"{tidy[: most - 1]}…"


# --- words ------------------------------------------------------------------------------------------------------------


def invitation(link: AccessLink, by: str, base_url: str) -> tuple[str, str]:
    """Subject and body of an invitation; the link itself is put in when it is sent."""
    who = one_line(by, 100)
    body = (
        f"{who} invites you to {base_url} as {link.role}.\n\n"
        f"Choose your password here, until {_until(link)}:\n{LINK}\n"
        "If you do not know what this is about, do nothing: without you there is no account.\n"
    )
    return f"{who} invites you to cms-core", body


def reset(link: AccessLink, base_url: str) -> tuple[str, str]:
    """Subject and body of the mail with the link for a new password."""
    body = (
        f"Somebody asked for a new password of {link.email} at {base_url}.\n\n"
        f"Choose it here, until {_until(link)}:\n{LINK}\n"
        "If it was not you, do nothing: the present password stays.\n"
    )
    return "A new password for cms-core", body


def changed(email: str, at: datetime, base_url: str) -> tuple[str, str]:
    """Subject and body of the mail that says that a password was changed by such a link."""
    body = (
        f"The password of {email} at {base_url} was changed on {at:%Y-%m-%d at %H:%M} UTC by a link in a mail, "
        "and all sessions have ended.\n\nIf it was not you, tell an administrator now.\n"
    )
    return "Your password was changed", body


def trial(base_url: str) -> tuple[str, str]:
    """Subject and body of a mail that shows that mails arrive."""
    return "A test of cms-core", f"This is a test of the mail that {base_url} sends.\n"


def notices(found: Sequence[Notice], base_url: str) -> tuple[str, str]:
    """Subject and body of one letter about several notices, those of a kind together."""
    groups = by_kind(found)
    if len(found) == 1:
        subject = f"{label_of(found[0].kind)}: {found[0].title}"
    else:
        counted = ", ".join(f"{len(some)} {label_of(kind).lower()}" for kind, some in groups)
        subject = f"{len(found)} notices: {counted}"
    parts = [_group(kind, some, base_url) for kind, some in groups]
    end = (
        f"All notices: {base_url}/app/notices\nChoose what you are mailed about: {base_url}/app/me#notices\n"
    )
    return subject, "\n".join([*parts, end])


def by_kind(found: Iterable[Notice]) -> list[tuple[str, list[Notice]]]:
    """Notices by kind, in the order in which the kinds were first raised."""
    rows = sorted(found, key=lambda each: each.id)
    first = {each.kind: each.id for each in reversed(rows)}
    rows.sort(key=lambda each: (first[each.kind], each.id))
    return [(kind, list(some)) for kind, some in groupby(rows, key=lambda each: each.kind)]


def _group(kind: str, some: Sequence[Notice], base_url: str) -> str:
    lines = [f"{label_of(kind)} ({len(some)})" if len(some) > 1 else label_of(kind), ""]
    for each in some[:LISTED]:
        lines.append(f"- {one_line(each.title, 200)}")
        if each.reason:
            lines.append(f"  {one_line(each.reason, 500)}")
        if each.path:
            lines.append(f"  {base_url}{each.path}")
    if len(some) > LISTED:
        lines.append(f"- and {len(some) - LISTED:,} more")
    return "\n".join([*lines, ""])


def _until(link: AccessLink) -> str:
    return f"{link.expires_at:%Y-%m-%d %H:%M} UTC"


# --- bytes ------------------------------------------------------------------------------------------------------------


def message(mail: Mail, transport: Transport, link: str, at: datetime) -> bytes:
    """A mail as it goes over the wire; ``link`` takes its place in the body."""
    has_link = mail.purpose in (Purpose.INVITATION, Purpose.RESET)
    body = mail.body.replace(LINK, f"\n{link}\n", 1) if has_link else mail.body
    head = {
        "From": formataddr((header(transport.name, "From"), transport.address)),
        "To": f"<{mail.address}>",
        "Subject": header(mail.subject, "Subject"),
        "Date": format_datetime(at),
        "Message-ID": f"<{mail.public_id}@{transport.address.rpartition('@')[2]}>",
        "Auto-Submitted": "auto-generated",  # RFC 3834: nobody's out-of-office answers it
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "quoted-printable",
    }
    lines = [f"{name}: {value}".encode() for name, value in head.items()]
    return b"\r\n".join([*lines, b"", *quopri.encodestring(body.encode()).split(b"\n")])


def header(text: str, name: str) -> str:
    """Words as they stand in a header. What looks encoded already is encoded too, so that it means nothing but itself."""
    # The stdlib's EmailMessage would decode it, line ends included, and before Python 3.11.10 write those out.
    line = one_line(text, MAX_SUBJECT)
    charset = "us-ascii" if line.isascii() and "=?" not in line else "utf-8"
    return Header(line, charset, header_name=name).encode(linesep="\r\n")
