"""The forms of campaigns and entries."""

from collections.abc import Mapping, Sequence

from marshmallow import Schema, fields, validate

from cms_core.campaigns.models import EntryKind, Policy

TEXT = validate.Length(max=200)
METRICS = (
    ("opened_people", "More people opened it"),
    ("clicked_people", "More people clicked"),
    ("conversions", "More people converted"),
)


class CampaignForm(Schema):
    """A new campaign."""

    name = fields.String(required=True, validate=validate.Length(1, 200), metadata={"label": "Name"})
    start = fields.Date(required=True, metadata={"label": "First day"})
    end = fields.Date(required=True, metadata={"label": "Last day"})
    tz = fields.String(
        required=True,
        validate=validate.Length(1, 64),
        metadata={"label": "Time zone", "hint": "Such as Europe/Paris: its days and times are meant there"},
    )
    goal = fields.String(
        load_default="",
        validate=validate.Length(max=2000),
        metadata={"label": "Goal", "hint": "What it shall reach, in words"},
    )
    budget = fields.String(
        load_default="", validate=TEXT, metadata={"label": "Budget", "hint": "Such as 500 EUR"}
    )


class CalendarSettings(Schema):
    """How much is too much on the calendar; settings of the core."""

    weekly_limit = fields.Integer(
        load_default=3,
        validate=validate.Range(1, 100),
        metadata={
            "label": "Items a person may get in seven days",
            "hint": "More than that is a warning on the calendar and at arming",
        },
    )


class BlackoutForm(Schema):
    """A window in which nothing goes out, or the holidays of a country."""

    name = fields.String(required=True, validate=validate.Length(1, 200), metadata={"label": "Name"})
    policy = fields.String(
        required=True,
        validate=validate.OneOf(
            [str(policy) for policy in Policy],
            ["Refuse what would go out", "Warn", "Put it after the window", "Only show it"],
        ),
        metadata={"label": "What it does"},
    )
    tz = fields.String(required=True, validate=validate.Length(1, 64), metadata={"label": "Time zone"})
    starts = fields.String(
        load_default="",
        validate=TEXT,
        metadata={"label": "From", "hint": "2026-12-24 or 2026-12-24 18:00", "group": "A window"},
    )
    ends = fields.String(
        load_default="",
        validate=TEXT,
        metadata={"label": "To", "hint": "A day counts whole", "group": "A window"},
    )
    rrule = fields.String(
        load_default="",
        validate=validate.Length(max=500),
        metadata={
            "label": "Comes again",
            "hint": "A rule of RFC 5545, such as FREQ=WEEKLY;BYDAY=SA. Left empty, once",
            "group": "A window",
        },
    )
    country = fields.String(
        load_default="",
        validate=validate.Length(max=10),
        metadata={
            "label": "Country",
            "hint": "Two letters, such as FR: its public holidays instead of a window",
            "group": "Holidays",
        },
    )
    subdivision = fields.String(
        load_default="",
        validate=validate.Length(max=20),
        metadata={"label": "Part of the country", "hint": "Such as BY for Bavaria", "group": "Holidays"},
    )
    campaign = fields.String(
        load_default="",
        validate=TEXT,
        metadata={"label": "Campaign", "blank": "All campaigns", "group": "For what"},
    )
    connection = fields.String(
        load_default="",
        validate=TEXT,
        metadata={"label": "Connection", "blank": "All connections", "group": "For what"},
    )


def entry_form(choices: Mapping[str, Sequence[tuple[str, str]]]) -> Schema:
    """A new entry on the calendar; ``choices`` are those of asset, connection, segment and campaign."""

    def pick(name: str, label: str, hint: str = "", group: str = "") -> fields.String:
        known = validate.OneOf([value for value, _ in choices[name]])
        said = {"label": label, "hint": hint, "group": group, "choices": [*choices[name]], "widget": "select"}
        return fields.String(load_default="", validate=known, metadata=said)

    form: Schema = Schema.from_dict(
        {
            "when": fields.String(
                required=True,
                validate=TEXT,
                metadata={
                    "label": "When",
                    "hint": "2026-05-04 09:00, in the campaign's zone or one of its own; slot for the next free one; "
                    "local 2026-05-04 09:00 for each recipient's own time",
                },
            ),
            "repeats": fields.String(
                load_default="",
                validate=validate.Length(max=500),
                metadata={
                    "label": "Comes again",
                    "hint": "A rule of RFC 5545, such as FREQ=WEEKLY;BYDAY=MO. Left empty, once",
                },
            ),
            "campaign": pick("campaign", "Campaign"),
            "asset": pick("asset", "Content", group="What goes out"),
            "connection": pick("connection", "Where", group="What goes out"),
            "segment": pick(
                "segment", "To whom", "Only for channels that go to people, such as e-mail", "What goes out"
            ),
            "title": fields.String(
                load_default="",
                validate=validate.Length(max=500),
                metadata={"label": "Title", "hint": "Left empty, the content's own", "group": "About it"},
            ),
            "kind": fields.String(
                load_default="publish",
                validate=validate.OneOf([str(kind) for kind in EntryKind]),
                metadata={"label": "Kind", "group": "About it"},
            ),
            "end": fields.String(
                load_default="",
                validate=TEXT,
                metadata={
                    "label": "Ends",
                    "hint": "When a flight is over, or what is public is taken back: 2026-05-18 09:00",
                    "group": "About it",
                },
            ),
            "budget": fields.String(
                load_default="",
                validate=TEXT,
                metadata={"label": "Budget", "hint": "Of a flight, such as 500 EUR", "group": "About it"},
            ),
        },
        name="EntryForm",
    )()
    return form


def experiment_form(variants: Sequence[str]) -> Schema:
    """A test with which an entry is armed; ``variants`` are those of the revision that goes out."""
    known = [(name, name) for name in variants]
    form: Schema = Schema.from_dict(
        {
            "variant": fields.String(
                load_default="",
                validate=validate.OneOf(["", *variants]),
                metadata={
                    "label": "Against which version",
                    "hint": "A variant of the content; the other half gets the words as they are",
                    "choices": known,
                    "widget": "select",
                },
            ),
            "share": fields.Integer(
                load_default=20,
                validate=validate.Range(1, 100),
                metadata={"label": "Percent who take part", "hint": "The rest gets what did better"},
            ),
            "metric": fields.String(
                load_default=METRICS[0][0],
                validate=validate.OneOf([name for name, _ in METRICS]),
                metadata={"label": "Better is", "choices": [*METRICS], "widget": "select"},
            ),
            "decide": fields.String(
                load_default="4h",
                validate=TEXT,
                metadata={"label": "Ends after", "hint": "4h, 2d, or a time such as 2026-05-04 13:00"},
            ),
            "by_hand": fields.Boolean(load_default=False, metadata={"label": "I pick the winner myself"}),
            "hold_out": fields.Integer(
                load_default=0,
                validate=validate.Range(0, 50),
                metadata={
                    "label": "Percent who get nothing",
                    "hint": "To compare with: they are never sent it",
                },
            ),
        },
        name="TestForm",
    )()
    return form
