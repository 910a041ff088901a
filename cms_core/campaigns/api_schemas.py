"""Calendar entries as the REST interface takes and shows them."""

from marshmallow import fields, validate

from cms_core.api.schemas import Document, Input, PageArgs, instant, listing, number, text
from cms_core.campaigns.models import EntryKind
from cms_core.campaigns.recurrence import MAX_OCCURRENCES
from cms_core.campaigns.schemas import METRICS, TEXT
from cms_core.campaigns.series import Scope

WHEN = validate.Length(1, 200)
WHEN_SHOWN = "ISO 8601 with the offset of its zone; a wall clock without one where it is each recipient's own (`local`)."


class EntryShown(Document):
    """What stands on the calendar."""

    id = text()
    kind = text("publish, task, milestone or flight")
    title = text()
    when = text(WHEN_SHOWN)
    tz = text("A zone, or `recipient`.")
    state = text("planned, armed, done or dropped")
    channel = text(null=True)
    connection = text(null=True)
    campaign = text(null=True)
    asset = text(null=True)
    ends_at = instant(null=True)


class Moved(Document):
    """An entry that has another time now."""

    id = text()
    title = text()
    when = text(WHEN_SHOWN)


class PlanFields(Input):
    """What goes out, or is to be done."""

    tz = fields.String(
        load_default="",
        validate=validate.Length(max=64),
        metadata={"description": "Left out, the campaign's or the caller's."},
    )
    asset = fields.String(load_default="", validate=TEXT)
    connection = fields.String(load_default="", validate=TEXT, metadata={"description": "channel:name"})
    segment = fields.String(load_default="", validate=TEXT)
    campaign = fields.String(load_default="", validate=TEXT)
    title = fields.String(load_default="", validate=validate.Length(max=500))
    kind = fields.String(load_default="publish", validate=validate.OneOf([str(each) for each in EntryKind]))


class NewEntry(PlanFields):
    """An entry that is to be planned."""

    when = fields.String(
        required=True,
        validate=WHEN,
        metadata={
            "description": "`2026-05-04 09:00`; `local 2026-05-04 09:00`: each recipient's own; `slot`: the next free one."
        },
    )
    end = fields.String(
        load_default="",
        validate=TEXT,
        metadata={"description": "When a flight ends, or what is public is taken back."},
    )
    budget = fields.String(load_default="", validate=TEXT, metadata={"description": "Such as `500 EUR`."})


class Test(Input):
    """How an entry is armed; left empty, without a test."""

    arms = fields.List(
        fields.String(validate=validate.Length(1, 200)),
        load_default=list,
        validate=validate.Length(max=20),
        metadata={"description": "`NAME[=VARIANT][:PERCENT]`, one for each arm of a test."},
    )
    metric = fields.String(
        load_default="opened_people", validate=validate.OneOf([name for name, _ in METRICS])
    )
    share = fields.Integer(
        load_default=100,
        validate=validate.Range(1, 100),
        metadata={"description": "How many percent take part."},
    )
    hold_out = fields.Integer(
        load_default=0,
        validate=validate.Range(0, 50),
        metadata={"description": "How many percent of all get nothing."},
    )
    decide = fields.String(
        load_default="",
        validate=TEXT,
        metadata={"description": "`4h`, a time, or `by-hand`: when the rest gets the arm that did best."},
    )


class Armed(Document):
    """An entry that goes out by itself."""

    id = text()
    state = text()
    publication = text(null=True)


class PlanFault(Document):
    """What is wrong with a row, or to be known of it."""

    row = number()
    column = text()
    reason = text()


class PlanImported(Document):
    """What became of a plan."""

    ready = number()
    saved = number()
    unchanged = number()
    faulty = listing(PlanFault)
    findings = listing(PlanFault)


class Date(Document):
    """One date of a series."""

    local = text("The wall clock that the rule gives.")
    when = text()
    utc = text()
    note = text("What a clock change does to it.")


class Range(PageArgs):
    """Which days."""

    from_ = fields.String(
        required=True,
        data_key="from",
        validate=validate.Length(1, 40),
        metadata={"description": "First day, or an instant."},
    )
    to = fields.String(
        required=True,
        validate=validate.Length(1, 40),
        metadata={"description": "Last day (included), or an instant."},
    )
    tz = fields.String(
        load_default="UTC",
        validate=validate.Length(1, 64),
        metadata={"description": "The zone in which days begin."},
    )


class PlanQuery(Input):
    """How to import a plan."""

    arm = fields.Boolean(load_default=False)
    dry_run = fields.Boolean(load_default=False)
    all_or_nothing = fields.Boolean(load_default=False)
    tz = fields.String(
        load_default="",
        validate=validate.Length(max=64),
        metadata={"description": "The zone of rows without one; else that of the caller."},
    )
    name = fields.String(load_default="plan.csv", validate=validate.Length(1, 200))


class Time(Input):
    """Another time of an entry."""

    scope = fields.String(
        load_default="one",
        validate=validate.OneOf([str(each) for each in Scope]),
        metadata={"description": "Of a series: this one, the following too, or all."},
    )
    when = fields.String(
        required=True,
        validate=WHEN,
        metadata={
            "description": "`2026-05-04 09:00`, with a zone or offset if that changes; `local 2026-05-04 09:00`."
        },
    )


class Series(Input):
    """A recurrence."""

    rrule = fields.String(
        required=True,
        validate=validate.Length(1, 1000),
        metadata={"description": "RFC 5545: FREQ=WEEKLY;BYDAY=MO"},
    )
    start = fields.String(
        required=True, validate=WHEN, metadata={"description": "The first, local: 2026-05-04 09:00"}
    )
    tz = fields.String(required=True, validate=validate.Length(1, 64))
    count = fields.Integer(load_default=10, validate=validate.Range(1, min(1000, MAX_OCCURRENCES)))
