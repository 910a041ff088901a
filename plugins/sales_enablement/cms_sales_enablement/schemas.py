"""Settings of the plugin, and the form of a share."""

from marshmallow import INCLUDE, Schema, fields, validate

PASSWORD = validate.Length(4, 200)


class SalesSettings(Schema):
    """What holds for all links that reps share."""

    longest_days = fields.Integer(
        load_default=0,
        validate=validate.Range(0, 3650),
        metadata={
            "label": "Longest life of a link",
            "hint": "In days. A link without an end gets this one. 0: links may live for ever",
        },
    )

    foreign = fields.String(
        load_default="take out",
        validate=validate.OneOf(["take out", "refuse"]),
        metadata={
            "label": "Programs and foreign objects in presentations",
            "hint": "Macros, OLE, what lies outside of the file: taken out of every deck, or the file is refused",
        },
    )


class PresentationFile(Schema):
    """What an asset of the kind has of its own: the file, which is taken in on the page of presentations."""

    class Meta:
        unknown = INCLUDE

    file = fields.String(
        validate=validate.Regexp(
            r"/media/[0-9a-f]{64}/[^/]+\.pptx$", error="Not the file of a presentation."
        ),
        metadata={"label": "File", "hint": "Add a new version under Decks: it is read and checked there"},
    )


class ShareForm(Schema):
    """A new link; everything may be left empty."""

    contact = fields.Email(
        load_default="",
        validate=validate.Length(max=320),
        metadata={
            "label": "For",
            "hint": "The e-mail address of whom you send it to: then you see who looked",
        },
    )
    expires = fields.Date(
        load_default=None,
        metadata={"label": "Works until", "hint": "Through this day (UTC)"},
    )
    password = fields.String(
        load_default=None,
        validate=PASSWORD,
        metadata={"label": "Password", "hint": "Tell it to them by another way", "secret": True},
    )
