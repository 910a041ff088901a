"""Other ways to send the same mail to the same server: what ours is measured against."""

import json
import shutil
import smtplib
import socket
import subprocess
from collections.abc import Iterator, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from cms_core.outbound import Guard, SmtpDoor, SmtpMessage, SmtpServer

SENDER = "news@example.com"
NODE = shutil.which("node")
NODEMAILER = Path(__file__).with_name("nodemailer.cjs")
SMTP_SOURCE = shutil.which("smtp-source", path="/usr/sbin:/usr/lib/postfix/sbin:/usr/local/sbin")


class NoJournal:
    """A wire that keeps nothing (contract.Wire)."""

    def on_wire(self, key: int) -> None:
        """Nothing is told to anybody."""

    def flush(self) -> None:
        """Nothing is kept."""


def door_alone(port: int, data: bytes, count: int, connections: int) -> None:
    """The product's own door, fed with bytes that were written before: no ledger, no journal, no rendering."""
    server = SmtpServer("127.0.0.1", port, "none")
    door = SmtpDoor(server, Guard("127.0.0.1"), NoJournal(), connections=connections)
    messages = (SmtpMessage(n, SENDER, f"user{n}@example.org", data, None) for n in range(count))
    sent = sum(outcome.status == "accepted" for outcome in door.send(messages))
    door.close()
    if sent != count:
        raise RuntimeError(f"{sent} of {count} messages were accepted")


def raw_socket(port: int, data: bytes, count: int) -> None:
    """The floor of Python: one blocking connection, each body with the next envelope behind it, replies hardly read."""
    body = data.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        replies = _replies(sock)
        next(replies)
        sock.sendall(b"EHLO bench.example.com\r\n")
        next(replies)
        following = _envelope(0)
        sock.sendall(following)
        for n in range(1, count + 1):
            if [next(replies)[:3] for _ in range(3)] != [b"250", b"250", b"354"]:
                raise RuntimeError("the server refuses an envelope")
            sock.sendall(body + (_envelope(n) if n < count else b"QUIT\r\n"))
            if next(replies)[:3] != b"250":
                raise RuntimeError("the server refuses a message")


def _envelope(n: int) -> bytes:
    return b"MAIL FROM:<%s>\r\nRCPT TO:<user%d@example.org>\r\nDATA\r\n" % (SENDER.encode(), n)


def _replies(sock: socket.socket) -> Iterator[bytes]:
    buffer = b""
    while chunk := sock.recv(65_536):
        *lines, buffer = (buffer + chunk).split(b"\r\n")
        yield from (line for line in lines if line[3:4] == b" ")


def standard_library(port: int, subject: str, text: str, html: str, people: Sequence[str]) -> None:
    """smtplib and EmailMessage, as the documentation shows them; the words are ready, which favours it."""
    with smtplib.SMTP("127.0.0.1", port) as server:
        for number, address in enumerate(people):
            message = EmailMessage(policy=SMTP)
            message["From"] = Address("Acme News", addr_spec=SENDER)
            message["To"] = address
            message["Subject"] = subject
            message["Date"] = formatdate()
            message["Message-ID"] = f"<{number}@example.com>"
            message["List-Unsubscribe"] = f"<https://news.example.com/t/{number}/u>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
            message.set_content(text)
            message.add_alternative(html, subtype="html")
            server.send_message(message, SENDER, [address])


def django(port: int, subject: str, text: str, html: str, people: Sequence[str]) -> None:
    """Django's ``send_messages`` of finished messages, over its one connection."""
    settings, mail = import_module("django.conf").settings, import_module("django.core.mail")
    if not settings.configured:
        settings.configure(EMAIL_HOST="127.0.0.1")
    messages = []
    for number, address in enumerate(people):
        headers = {
            "Message-ID": f"<{number}@example.com>",
            "List-Unsubscribe": f"<https://news.example.com/t/{number}/u>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
        message = mail.EmailMultiAlternatives(
            subject, text, f"Acme News <{SENDER}>", [address], headers=headers
        )
        message.attach_alternative(html, "text/html")
        messages.append(message)
    if mail.get_connection(host="127.0.0.1", port=port).send_messages(messages) != len(people):
        raise RuntimeError("not all messages were accepted")


def nodemailer(port: int, subject: str, text: str, html: str, people: Sequence[str]) -> None:
    """nodemailer's pool; the start of Node.js counts for it."""
    mail = {"port": port, "subject": subject, "text": text, "html": html, "people": people}
    subprocess.run([str(NODE), str(NODEMAILER)], input=json.dumps(mail), text=True, check=True)


def has_nodemailer() -> bool:
    """Whether Node.js is there and finds nodemailer, here or by NODE_PATH."""
    ask = "require.resolve('nodemailer')"
    return (
        NODE is not None
        and subprocess.run([NODE, "-e", ask], capture_output=True, check=False).returncode == 0
    )


def has_django() -> bool:
    """Whether Django is installed beside us."""
    return find_spec("django") is not None


def smtp_source(port: int, size: int, count: int) -> None:
    """Postfix's load generator with four connections: about what this machine and the server can do."""
    command = [
        str(SMTP_SOURCE),
        "-d",
        "-s4",
        f"-m{count}",
        f"-l{size}",
        "-f",
        SENDER,
        "-t",
        "user@example.org",
    ]
    subprocess.run([*command, f"127.0.0.1:{port}"], check=True, stdout=subprocess.DEVNULL)
