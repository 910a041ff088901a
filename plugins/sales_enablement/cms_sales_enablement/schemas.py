"""Settings of the plugin, and the form of a share."""

from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, pre_load, validate, validates_schema

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


class QuestionForm(Schema):
    """One question of a quiz."""

    question = fields.String(required=True, validate=validate.Length(1, 500), metadata={"label": "Question"})
    options = fields.List(
        fields.String(validate=validate.Length(1, 300)),
        required=True,
        validate=validate.Length(2, 10),
        metadata={"label": "Answers", "hint": "One a line; begin the right one with *", "widget": "lines"},
    )

    @pre_load
    def lines_are_a_list(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """A form sends a text, one option a line."""
        said = data.get("options")
        lines = (
            [line.strip() for line in said.splitlines() if line.strip()] if isinstance(said, str) else said
        )
        return {**data, "options": lines} if said is not None else data

    @validates_schema
    def one_is_right(self, data: dict[str, Any], **_: Any) -> None:
        """Exactly one of the answers is marked."""
        if sum(each.startswith("*") for each in data.get("options", ())) != 1:
            raise ValidationError("Begin the one right answer with *.", "options")


class TrainingForm(Schema):
    """A new initiative."""

    name = fields.String(required=True, validate=validate.Length(1, 200), metadata={"label": "Name"})
    lessons = fields.List(
        fields.String(validate=validate.Length(1, 200)),
        required=True,
        validate=validate.Length(1, 50),
        metadata={"label": "Lessons", "hint": "The slugs of approved pieces, one a line", "widget": "lines"},
    )
    guards = fields.List(
        fields.String(validate=validate.Length(1, 200)),
        load_default=list,
        validate=validate.Length(max=50),
        metadata={
            "label": "Needed for",
            "hint": "The slugs of presentations: decks of them are made by those who passed",
            "widget": "lines",
        },
    )
    questions = fields.List(
        fields.Nested(QuestionForm),
        required=True,
        validate=validate.Length(1, 50),
        metadata={"label": "Questions"},
    )
    pass_percent = fields.Integer(
        load_default=80,
        validate=validate.Range(1, 100),
        metadata={"label": "Passed with", "hint": "Percent of right answers"},
    )
    valid_days = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 3650),
        metadata={"label": "A certificate is valid for", "hint": "In days; left empty: for good"},
    )
    due_on = fields.Date(load_default=None, allow_none=True, metadata={"label": "To be done by"})


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
