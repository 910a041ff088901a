"""The settings of an e-mail connection: which server, in whose name."""

import re
from typing import Any

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

# Syntax only: .test, .local and .invalid are as good as any other name (the library's documented way to say so).
SPECIAL_USE_DOMAIN_NAMES.clear()

PORTS = {"none": 25, "starttls": 587, "tls": 465}
HOST = re.compile(r"[\w.:\[\]-]{1,253}")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
CONTROL_BUT_LINES = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
TAG = re.compile(r"\{[{%#]")


def one_line(text: str) -> None:
    """What ends up in a header must not be able to begin another one."""
    if CONTROL.search(text):
        raise ValidationError("Line breaks and control characters are not possible here.")


def plain(text: str) -> None:
    """These words are the same in every mail."""
    if TAG.search(text):
        raise ValidationError("Merge tags are not possible here; write plain words.")


def _lines(text: str) -> None:
    if CONTROL_BUT_LINES.search(text.replace("\r\n", "\n")):
        raise ValidationError("Control characters are not possible here.")


def _host(text: str) -> None:
    if not HOST.fullmatch(text):
        raise ValidationError("Not a host name or address; write one like smtp.example.com.")


def ascii_address(text: str) -> str:
    """The address as it goes over the wire, its domain in ASCII; raises ValidationError when it is none."""
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise ValidationError(f"Not an e-mail address: {error}") from None
    return found.ascii_email or found.normalized


def _address(text: str) -> None:
    ascii_address(text)


def _address_or_nothing(text: str) -> None:
    if text:
        ascii_address(text)


class ConnectionSettings(Schema):
    """A mail server and the sender that recipients see."""

    host = fields.String(
        required=True,
        validate=_host,
        metadata={
            "label": "Server",
            "hint": "The name of your mail server, like smtp.example.com",
            "group": "Server",
        },
    )
    port = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 65535),
        metadata={
            "label": "Port",
            "hint": "Left empty: 587 with STARTTLS, 465 with TLS, 25 without",
            "group": "Server",
        },
    )
    security = fields.String(
        load_default="starttls",
        validate=validate.OneOf(["none", "starttls", "tls"], ["none", "STARTTLS", "TLS"]),
        metadata={
            "label": "Encryption",
            "hint": "Kept to the letter: there is no falling back to plain text",
            "group": "Server",
        },
    )
    username = fields.String(
        load_default="",
        validate=[validate.Length(max=320), one_line],
        metadata={"label": "User name", "group": "Server"},
    )
    password = fields.String(
        load_default="",
        validate=[validate.Length(max=1000), one_line],
        metadata={"label": "Password", "secret": True, "group": "Server"},
    )
    from_address = fields.String(
        required=True,
        validate=_address,
        metadata={"label": "Sender's address", "hint": "Bounces come back to it", "group": "Sender"},
    )
    from_name = fields.String(
        load_default="",
        validate=[validate.Length(max=100), one_line, plain],
        metadata={"label": "Sender's name", "hint": "What recipients see in their inbox", "group": "Sender"},
    )
    reply_to = fields.String(
        load_default="",
        validate=_address_or_nothing,
        metadata={"label": "Answers go to", "hint": "Left empty: to the sender's address", "group": "Sender"},
    )
    postal_address = fields.String(
        load_default="",
        validate=[validate.Length(max=500), _lines, plain],
        metadata={
            "label": "Postal address",
            "hint": "Stands at the end of every mail; without it nothing is sent (CAN-SPAM)",
            "widget": "textarea",
            "group": "Sender",
        },
    )

    @validates_schema
    def _password_needs_a_name(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("password") and not data.get("username"):
            raise ValidationError("A password needs a user name.", "username")

    @post_load
    def _port_of_security(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        data["port"] = data.get("port") or PORTS[data["security"]]
        return data
