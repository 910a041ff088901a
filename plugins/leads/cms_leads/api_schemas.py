"""Leads, companies and deals as the REST interface takes and shows them."""

from datetime import datetime

from marshmallow import ValidationError, fields, validate

from cms_core import api
from cms_leads.handoffs import MAX_NOTE, REASONS
from cms_leads.models import Result
from cms_leads.schemas import CURRENCY, DealForm


def _of_our_time(at: datetime) -> None:
    if not 1970 <= at.year < 9999:
        raise ValidationError("Not between 1970 and 9998.")


class Reason(api.Document):
    """One line of why; the points of all add up."""

    event = api.text("None: a rule of fit.", null=True)
    kind = api.text()
    points = api.number()
    at = api.instant()
    about = api.text()
    campaign = api.text(null=True)


class LeadShown(api.Document):
    """A contact with points."""

    contact = api.text("The id of the contact.")
    email = api.text(null=True)
    name = api.text()
    company = api.text()
    points = api.number()
    reasons = api.listing(Reason)


class HandoffShown(api.Document):
    """A lead that marketing handed over to sales, and what sales said."""

    id = api.text()
    contact = api.text()
    points = api.number()
    state = api.text("waiting, accepted or returned")
    at = api.instant()
    due_at = api.instant()
    decided_at = api.instant(null=True)
    decided_by = api.text()
    reason = api.text()
    note = api.text()


class LeadFull(LeadShown):
    """A contact with points, and what sales said."""

    handoffs = api.listing(HandoffShown)


class LeadQuery(api.PageArgs):
    """Which leads to list."""

    min = fields.Integer(
        load_default=None,
        validate=validate.Range(-(2**31), 2**31 - 1),
        metadata={"description": "Only those with at least so many points."},
    )


class At(api.Input):
    """As of when."""

    at = fields.AwareDateTime(
        load_default=None,
        validate=_of_our_time,
        metadata={"description": "An instant with its offset; left out, now."},
    )


class Verdict(api.Input):
    """What sales says to a lead."""

    accept = fields.Boolean(required=True)
    reason = fields.String(load_default="", validate=validate.OneOf(["", *REASONS]))
    note = fields.String(load_default="", validate=validate.Length(max=MAX_NOTE))


class Rebuilt(api.Document):
    """How many have points."""

    leads = api.number()


class CompanyShown(api.Document):
    """A company."""

    id = api.text()
    name = api.text()
    domain = api.text(null=True)
    contacts = api.number("How many work there.")
    custom = fields.Dict(required=True, data_key="fields", metadata={"description": "Fields of your own."})


class Colleague(api.Document):
    """Who works at a company."""

    contact = api.text()
    email = api.text(null=True)
    name = api.text()
    points = api.number()


class DealShown(api.Document):
    """A possible sale."""

    id = api.text()
    name = api.text()
    company = api.text(null=True)
    contacts = api.listing(fields.String(), "E-mail addresses, the one that matters most first.")
    amount = fields.Float(required=True, allow_none=True)
    currency = api.text(null=True)
    stage = api.text()
    outcome = api.text("open, won or lost")
    owner = api.text()
    expected_on = fields.Date(required=True, allow_none=True)
    closed_at = api.instant(null=True)
    external_id = api.text(null=True)


class CompanyFull(api.Document):
    """A company with its people and deals."""

    id = api.text()
    name = api.text()
    domain = api.text(null=True)
    custom = fields.Dict(required=True, data_key="fields", metadata={"description": "Fields of your own."})
    people = api.listing(Colleague, "The newest ones, the most points first.")
    deals = api.listing(DealShown, "The newest ones.")


class CompanyQuery(api.PageArgs):
    """Which companies to list."""

    words = fields.String(load_default="", validate=validate.Length(max=200))


class DealQuery(api.PageArgs):
    """Which deals to list."""

    outcome = fields.String(load_default="", validate=validate.OneOf(["", *map(str, Result)]))
    company = fields.String(
        load_default="",
        validate=validate.Length(max=36),
        metadata={"description": "The id of a company."},
    )


class NewDeal(DealForm, api.Input):
    """A deal that is to be written down."""


class DealChange(DealForm, api.Input):
    """What is to change of a deal."""


class Outcome(api.Input):
    """How a deal stands."""

    outcome = fields.String(required=True, validate=validate.OneOf([str(each) for each in Result]))


class FileQuery(api.Input):
    """How to import a file."""

    dry_run = fields.Boolean(load_default=False)
    all_or_nothing = fields.Boolean(load_default=False)
    name = fields.String(load_default="upload.csv", validate=validate.Length(1, 200))


class DealFile(FileQuery):
    """How to import deals."""

    map = fields.List(
        fields.String(validate=validate.Regexp(r"(?s).*\S.*=\s*\S", error="Write CSV_COLUMN=field.")),
        load_default=list,
        validate=validate.Length(max=200),
        metadata={"description": "`CSV_COLUMN=field`, `-` leaves the column out; may be repeated."},
    )
    currency = fields.String(
        load_default=None,
        validate=CURRENCY,
        metadata={"description": "Of amounts that name none; left out, that of the settings."},
    )
    dates = fields.String(load_default="", validate=validate.OneOf(["", "mdy", "dmy"]))


class Skipped(api.Document):
    """A row that was left out."""

    row = api.number()
    reason = api.text()


class Imported(api.Document):
    """What became of a file."""

    format = api.text()
    created = api.number()
    updated = api.number()
    unchanged = api.number()
    skipped = api.listing(Skipped)
    notes = api.listing(fields.String())
    saved = api.truth("No for a dry run.")
