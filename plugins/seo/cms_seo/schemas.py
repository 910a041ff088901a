"""The settings of a site connection: where the site is, and what stands around every page."""

import re
from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, post_load, validate

DEFAULT_ACCENT = "#0d5c47"
MOST_LUMINANCE = 0.183  # of a colour that has a contrast of 4.5 : 1 on white (WCAG 2.2, 1.4.3)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(?:-[a-zA-Z0-9]{2,8}){0,3}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_LOGO = re.compile(r"/media/[0-9a-f]{64}/[\w.-]+")


def one_line(text: str) -> None:
    """Titles end up in feeds and headers of pages: one line without control characters."""
    if _CONTROL.search(text):
        raise ValidationError("Line breaks and control characters are not possible here.")


def _address(text: str) -> None:
    try:
        parts = urlsplit(text)
        bare = not (parts.query or parts.fragment or parts.username or parts.path.strip("/"))
        _ = parts.port
        host = (parts.hostname or "").encode("idna")
    except ValueError:
        raise ValidationError("Not an address; write one like https://www.example.com.") from None
    if parts.scheme not in ("http", "https") or not host or _CONTROL.search(text):
        raise ValidationError("Not an address; write one like https://www.example.com.")
    if not bare:
        raise ValidationError("Only scheme and host, like https://www.example.com; pages stand right below.")


def _language(text: str) -> None:
    if not _LANGUAGE.fullmatch(text):
        raise ValidationError("Not a language tag; write it like en, de-AT or pt-BR.")


def _logo(text: str) -> None:
    if text and not _LOGO.fullmatch(text):
        raise ValidationError("Give the address of a stored image, which begins with /media/.")


def _accent(text: str) -> None:
    if not is_colour(text):
        raise ValidationError("Write the colour like #0d5c47.")
    if luminance(text) > MOST_LUMINANCE:
        raise ValidationError("Too light to be read on white (contrast below 4.5 : 1); choose a darker one.")


def is_colour(text: str) -> bool:
    """Whether this is ``#rrggbb``."""
    return bool(_COLOUR.fullmatch(text))


def luminance(colour: str) -> float:
    """The relative luminance (0 to 1) of ``#rrggbb`` as WCAG 2.2 defines it."""
    shares = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class SiteSettings(Schema):
    """A public site that this workspace serves."""

    base_url = fields.String(
        required=True,
        validate=[validate.Length(max=300), _address],
        metadata={
            "label": "Address",
            "hint": "Where visitors find the site, like https://www.example.com",
            "widget": "url",
        },
    )
    title = fields.String(
        load_default="",
        validate=[validate.Length(max=120), one_line],
        metadata={"label": "Title", "hint": "Left empty: the host name"},
    )
    description = fields.String(
        load_default="",
        validate=[validate.Length(max=300), one_line],
        metadata={"label": "Description", "hint": "One sentence, for the start page and the feeds"},
    )
    language = fields.String(
        load_default="en",
        validate=_language,
        metadata={"label": "Language", "hint": "Of texts that name none, like en or de-AT"},
    )
    organisation = fields.String(
        load_default="",
        validate=[validate.Length(max=120), one_line],
        metadata={"label": "Organisation", "hint": "Who publishes; stands in the structured data"},
    )
    home = fields.String(
        load_default="",
        validate=[validate.Length(max=100), one_line],
        metadata={
            "label": "Home page",
            "hint": "The slug of what stands at /; left empty: a list of what is new",
        },
    )
    logo = fields.String(
        load_default="",
        validate=_logo,
        metadata={"label": "Logo", "hint": "A stored image: /media/…", "group": "Look"},
    )
    accent = fields.String(
        load_default=DEFAULT_ACCENT,
        validate=_accent,
        metadata={"label": "Colour of links", "hint": "Like #0d5c47", "group": "Look"},
    )
    cookie = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Tell visitors apart by a cookie",
            "hint": "Without it, or where the browser asks for privacy, by a hash that changes every day",
            "group": "Visits",
        },
    )

    @post_load
    def tidy(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Scheme and host in lower case, without a slash at the end."""
        if "base_url" in data:
            parts = urlsplit(data["base_url"])
            data["base_url"] = f"{parts.scheme}://{parts.netloc.lower()}"
        return data
