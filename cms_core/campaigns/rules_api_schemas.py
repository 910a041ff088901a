"""Blackouts, posting times, series and the feed as the REST interface takes and shows them."""

from marshmallow import fields, validate

from cms_core.api.schemas import Document, Input, instant, listing, number, text, truth
from cms_core.campaigns.api_schemas import WHEN, PlanFields
from cms_core.campaigns.models import EntryKind
from cms_core.campaigns.schemas import TEXT, BlackoutForm

ZONE = validate.Length(max=64)
RULE = fields.String(
    required=True,
    validate=validate.Length(1, 500),
    metadata={"description": "RFC 5545: FREQ=WEEKLY;BYDAY=MO"},
)
SERIES_KINDS = [str(kind) for kind in EntryKind if kind is not EntryKind.FLIGHT]


class BlackoutShown(Document):
    """A window of time, or the holidays of a country."""

    id = text()
    name = text()
    policy = text("block, warn, defer or show")
    from_ = fields.String(required=True, allow_none=True, data_key="from")
    to = text(null=True)
    tz = text()
    rrule = text(null=True)
    country = text(null=True)
    subdivision = text(null=True)


class NewBlackout(BlackoutForm, Input):
    """A blackout that is to be added."""

    tz = fields.String(
        load_default="", validate=ZONE, metadata={"description": "Left out, that of the caller."}
    )
    starts = fields.String(
        load_default="",
        validate=TEXT,
        data_key="from",
        metadata={"description": "2026-12-24 or 2026-12-24 18:00"},
    )
    ends = fields.String(
        load_default="", validate=TEXT, data_key="to", metadata={"description": "A day counts whole."}
    )


class SlotsShown(Document):
    """When a connection posts."""

    slots = text("mon-fri 09:00 16:30, sat 11:00")
    tz = text(null=True)
    next = listing(fields.DateTime(), "The next free ones.")


class NewSlots(Input):
    """All posting times of a connection."""

    slots = fields.String(
        required=True,
        validate=validate.Length(max=2000),
        metadata={"description": "mon-fri 09:00 16:30, sat 11:00; empty for none."},
    )
    tz = fields.String(
        load_default="", validate=ZONE, metadata={"description": "Left out, that of the caller."}
    )


class SlotsQuery(Input):
    """How many free slots to tell."""

    next = fields.Integer(load_default=5, validate=validate.Range(0, 100))


class Overlap(Document):
    """Something that reaches people who have had enough by then."""

    id = text()
    title = text()
    when = instant()
    people = number()
    most = number("That one of them gets.")


class Fatigue(Document):
    """Who would get too much."""

    limit = number()
    days = number()
    people = number()
    overlaps = listing(Overlap)
    left_out = listing(fields.String(), "Segments whose rule does not hold any more.")


class CheckQuery(Input):
    """Which days, and how much is too much."""

    from_ = fields.String(required=True, data_key="from", validate=validate.Length(1, 40))
    to = fields.String(required=True, validate=validate.Length(1, 40))
    limit = fields.Integer(
        load_default=None,
        validate=validate.Range(1, 100),
        metadata={"description": "Items in seven days; left out, the workspace's setting."},
    )


class FeedShown(Document):
    """One's secret address for calendar programs."""

    made_at = instant(null=True)


class FeedAddress(Document):
    """The address, this once; null when it was taken away."""

    url = text(null=True)


class SeriesShown(Document):
    """Entries that come again."""

    id = text()
    title = text()
    rrule = text()
    start = text()
    tz = text()
    until = text(null=True)
    shift_seconds = number("How far the series was moved.")
    armed = truth("Whether those to come go out by themselves.")
    made_until = instant(null=True)


class Occurrence(Document):
    """One entry of a series."""

    id = text()
    original = text("Where the rule puts it.", null=True)
    when = instant()
    state = text()
    moved = truth()


class SeriesFull(SeriesShown):
    """Entries that come again, one by one."""

    entries = listing(Occurrence)


class SeriesMade(SeriesFull):
    """A new series."""

    problems = listing(fields.String(), "Why some stay planned.")


class NewSeries(PlanFields):
    """A series that is to be made."""

    rrule = RULE
    start = fields.String(
        required=True, validate=WHEN, metadata={"description": "The first, local: 2026-05-04 09:00"}
    )
    kind = fields.String(load_default="publish", validate=validate.OneOf(SERIES_KINDS))
    arm = fields.Boolean(load_default=False)


class SeriesChange(Input):
    """Another rule for a series."""

    rrule = RULE
    entry = fields.String(
        load_default="", validate=TEXT, metadata={"description": "From this entry on; left out, from now on."}
    )


class End(Input):
    """Where a series ends."""

    entry = fields.String(
        load_default="", validate=TEXT, metadata={"description": "Before this entry; left out, now."}
    )


class SeriesEntry(Document):
    """An entry of a series that changed."""

    id = text()
    state = text()


class SeriesChanged(Document):
    """What became of the entries of a series."""

    entries = listing(SeriesEntry)
    problems = listing(fields.String(), "Why others stayed as they are.")
