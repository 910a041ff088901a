"""Settings of the plugin, and the form of a share."""

from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, pre_load, validate, validates_schema

PASSWORD = validate.Length(4, 200)
SAID, VERIFIED = "email", "verified"
GATES = ("", SAID, VERIFIED)  # what a link asks for; each asks for more than the one before
GATE_LABELS = {SAID: "Their e-mail address, as they say it", VERIFIED: "An address that a code was mailed to"}
MOST_VIEWS = 100_000


RARE = "More"  # the heading of what is rarely wanted


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

    gate = fields.String(
        load_default="",
        validate=validate.OneOf(GATES),
        metadata={
            "label": "Every link asks readers at least for",
            "choices": GATE_LABELS,
            "blank": "Nothing",
            "hint": "Holds for links that were made before, too",
        },
    )

    downloads = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Links may give the file of a deck",
            "hint": "Where whoever shares it says so. Off: no link does, those that were made before neither",
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
    industry = fields.String(
        validate=validate.Length(max=80),
        metadata={"label": "Industry", "hint": "Of all slides that say nothing else"},
    )
    product = fields.String(
        validate=validate.Length(max=80),
        metadata={"label": "Product", "hint": "Of all slides that say nothing else"},
    )

    pdf = fields.String(
        validate=validate.Regexp(r"/media/[0-9a-f]{64}/[^/]+\.pdf$", error="Not the PDF of a presentation."),
        metadata={"label": "PDF of it", "hint": "Brought along under Decks, for where no LibreOffice is"},
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
    gate = fields.String(
        load_default=None,
        validate=validate.OneOf(GATES),
        metadata={
            "label": "Ask the reader for",
            "choices": GATE_LABELS,
            "blank": "What the settings say",
            "hint": "Before anything is shown; you see who looked",
            "group": RARE,
        },
    )
    allow = fields.List(
        fields.String(validate=validate.Length(max=320)),
        load_default=list,
        metadata={
            "label": "Only for",
            "hint": "Addresses or domains (@acme.com), one a line. Needs the question above",
            "group": RARE,
        },
    )
    deny = fields.List(
        fields.String(validate=validate.Length(max=320)),
        load_default=list,
        metadata={"label": "Not for", "hint": "The same; they win over “Only for”", "group": RARE},
    )
    max_views = fields.Integer(
        load_default=None,
        validate=validate.Range(1, MOST_VIEWS),
        metadata={"label": "Ends after so many looks", "group": RARE},
    )


class DeckShareForm(ShareForm):
    """A new link to a deck."""

    download = fields.Boolean(
        load_default=False,
        metadata={"label": "They may download it", "hint": "As PowerPoint, and as PDF", "group": RARE},
    )
    watermark = fields.Boolean(
        load_default=False,
        metadata={
            "label": "Their address is drawn into the slides",
            "hint": "A watermark. Slides are shown as pictures alone, without text for screen readers",
            "group": RARE,
        },
    )
