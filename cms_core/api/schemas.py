"""What all calls share: input that refuses what it does not know, pages of lists, and the shape of errors."""

from collections.abc import Mapping
from typing import Any

from marshmallow import INCLUDE, RAISE, Schema, fields, validate

MOST = 500
PAGE = 100


class Input(Schema):
    """Base of what is sent: a field that nobody knows is refused, so that no typing error goes unnoticed."""

    class Meta:
        unknown = RAISE


class Document(Schema):
    """Base of what is answered, for the description alone; more keys may be added."""

    class Meta:
        unknown = INCLUDE


class PageArgs(Input):
    """Which page of a list."""

    limit = fields.Integer(
        load_default=PAGE,
        validate=validate.Range(1, MOST),
        metadata={"description": f"How many at most, up to {MOST}."},
    )
    cursor = fields.String(
        load_default="",
        validate=validate.Length(max=1000),
        metadata={"description": "`next` of the page before; no more than that may be known of it."},
    )


def pages_of(item: type[Schema]) -> type[Schema]:
    """The shape of a page of a list."""
    made = Document.from_dict(
        {
            "items": fields.List(fields.Nested(item), required=True),
            "next": fields.String(
                required=True,
                allow_none=True,
                metadata={"description": "The cursor of the next page; null at the end."},
            ),
        },
        name=f"{item.__name__}Page",
    )
    made.__module__ = item.__module__
    return made


def many_of(item: type[Schema]) -> Schema:
    """The shape of a plain array."""
    return item(many=True)


def _about(about: str) -> Mapping[str, Any]:
    return {"description": about} if about else {}


def text(about: str = "", *, null: bool = False) -> fields.String:
    """A text that is always there, perhaps null."""
    return fields.String(required=True, allow_none=null, metadata=_about(about))


def number(about: str = "", *, null: bool = False) -> fields.Integer:
    """A whole number that is always there."""
    return fields.Integer(required=True, allow_none=null, metadata=_about(about))


def instant(about: str = "", *, null: bool = False) -> fields.DateTime:
    """An instant that is always there, perhaps null: ISO 8601 with offset."""
    return fields.DateTime(required=True, allow_none=null, metadata=_about(about))


def truth(about: str = "") -> fields.Boolean:
    """Yes or no, always there."""
    return fields.Boolean(required=True, metadata=_about(about))


def table(about: str = "") -> fields.Dict:
    """An object of any keys."""
    return fields.Dict(required=True, metadata=_about(about))


def listing(item: fields.Field[Any] | type[Schema], about: str = "") -> "fields.List[Any]":
    """An array that is always there."""
    inner = item if isinstance(item, fields.Field) else fields.Nested(item)
    return fields.List(inner, required=True, metadata=_about(about))


class ErrorBody(Document):
    """What happened, and what to do."""

    message = text()
    remedy = text()
    field = fields.String(metadata={"description": "The one field that it is about."})
    errors = fields.Dict(metadata={"description": "What is wrong, by field."})


class Error(Document):
    """Every answer of 400 and above."""

    error = fields.Nested(ErrorBody, required=True)
