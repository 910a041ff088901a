"""The forms of campaigns and entries."""

from collections.abc import Mapping, Sequence

from marshmallow import Schema, fields, validate

from cms_core.campaigns.models import EntryKind

TEXT = validate.Length(max=200)


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
                    "hint": "2026-05-04 09:00, in the campaign's zone or one of its own",
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
        },
        name="EntryForm",
    )()
    return form
