"""The settings of connections: where the account lives, and what signs in as it."""

import re
from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, post_load, validate

from cms_social.facets import is_handle

DEFAULT_CHARACTERS = 500
VISIBILITIES = ("public", "unlisted", "private", "direct")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _one_line(text: str) -> None:
    if _CONTROL.search(text) or not text.isprintable():
        raise ValidationError("Line breaks and control characters are not possible here.")


def _header_value(text: str) -> None:
    """A token goes into a header as it is."""
    if not text.isascii() or any(each <= " " for each in text):
        raise ValidationError("Not a token: it has spaces, line breaks or letters that no token has.")


def _address(text: str) -> None:
    try:
        parts = urlsplit(text)
        bare = not (parts.query or parts.fragment or parts.username or parts.path.strip("/"))
        _ = parts.port
    except ValueError:
        raise ValidationError("Not an address; write one like https://mastodon.example.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or _CONTROL.search(text) or " " in text:
        raise ValidationError("Not an address; write one like https://mastodon.example.")
    if not bare:
        raise ValidationError("Only scheme and host, like https://mastodon.example; nothing behind them.")


def _handle(text: str) -> None:
    if not is_handle(text.removeprefix("@")):
        raise ValidationError("Not a handle; write it like acme.bsky.social.")


def _tidy(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.lower()}"


class MastodonSettings(Schema):
    """An account on a Mastodon server (or one that speaks its API)."""

    base_url = fields.String(
        required=True,
        validate=[validate.Length(max=300), _address],
        metadata={"label": "Server", "hint": "Like https://mastodon.social", "widget": "url"},
    )
    access_token = fields.String(
        required=True,
        validate=[validate.Length(min=1, max=500), _header_value],
        metadata={
            "label": "Access token",
            "hint": "On the server: Preferences, Development, New application; scopes read, write:statuses, write:media",
            "secret": True,
        },
    )
    max_characters = fields.Integer(
        load_default=DEFAULT_CHARACTERS,
        validate=validate.Range(1, 100_000),
        metadata={
            "label": "Longest post",
            "hint": "In characters; testing the connection says what the server takes",
        },
    )
    visibility = fields.String(
        load_default="public",
        validate=validate.OneOf(
            VISIBILITIES, ["Public", "Unlisted", "Followers only", "Mentioned people only"]
        ),
        metadata={"label": "Visibility", "hint": "Of posts that name none"},
    )

    @post_load
    def tidy(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """The address without a slash at its end."""
        if "base_url" in data:
            data["base_url"] = _tidy(data["base_url"])
        return data


class BlueskySettings(Schema):
    """An account on the AT Protocol."""

    service_url = fields.String(
        load_default="https://bsky.social",
        validate=[validate.Length(max=300), _address],
        metadata={
            "label": "Server",
            "hint": "Of the account; most are on https://bsky.social",
            "widget": "url",
        },
    )
    handle = fields.String(
        required=True,
        validate=[validate.Length(max=254), _one_line, _handle],
        metadata={"label": "Handle", "hint": "Like acme.bsky.social"},
    )
    app_password = fields.String(
        required=True,
        validate=[validate.Length(min=1, max=200), _one_line],
        metadata={
            "label": "App password",
            "hint": "In the app: Settings, Privacy and security, App passwords; never the account's own password",
            "secret": True,
        },
    )

    @post_load
    def tidy(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """The address without a slash at its end, the handle without @ and in lower case."""
        if "service_url" in data:
            data["service_url"] = _tidy(data["service_url"])
        if "handle" in data:
            data["handle"] = data["handle"].removeprefix("@").lower()
        return data
