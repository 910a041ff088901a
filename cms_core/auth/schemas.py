"""Forms of people."""

from functools import cache

from marshmallow import Schema, fields, validate

from cms_core.auth.models import Role
from cms_core.auth.service import MAX_NAME, MAX_PASSWORD, MIN_PASSWORD
from cms_core.zones import zone_names

PASSWORD = validate.Length(MIN_PASSWORD, MAX_PASSWORD)


@cache
def zones() -> list[str]:
    """The names of all zones that somebody may live in."""
    return sorted(name for name in zone_names() if "/" in name or name == "UTC")


class NewUser(Schema):
    """Somebody who is to sign in."""

    email = fields.String(required=True, metadata={"label": "E-mail", "widget": "email"})
    name = fields.String(load_default="", validate=validate.Length(max=MAX_NAME), metadata={"label": "Name"})
    role = fields.String(
        required=True, validate=validate.OneOf([str(role) for role in Role]), metadata={"label": "Role"}
    )
    password = fields.String(
        required=True,
        validate=PASSWORD,
        metadata={"label": "Password", "secret": True, "hint": f"At least {MIN_PASSWORD} characters"},
    )


class Me(Schema):
    """What people may change about themselves."""

    name = fields.String(load_default="", validate=validate.Length(max=MAX_NAME), metadata={"label": "Name"})
    timezone = fields.String(
        required=True,
        validate=validate.OneOf(zones(), labels=[zone.replace("_", " ") for zone in zones()]),
        metadata={"label": "Time zone", "hint": "In which you read times that are stated in another one"},
    )


class NewPassword(Schema):
    """A password changed by its owner."""

    current = fields.String(required=True, metadata={"label": "Present password", "secret": True})
    password = fields.String(
        required=True,
        validate=PASSWORD,
        metadata={"label": "New password", "secret": True, "hint": "Ends your sessions in other browsers"},
    )
