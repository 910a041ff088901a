"""Campaigns as the REST interface takes and shows them."""

from marshmallow import fields, validate

from cms_core.api.schemas import Document, Input, instant, listing, number, text
from cms_core.campaigns.schemas import CampaignForm


class CampaignShown(Document):
    """A campaign."""

    id = text()
    name = text()
    key = text("What its links and events carry.")
    start = fields.Date(required=True)
    end = fields.Date(required=True)
    tz = text()
    budget = text(null=True)
    goal = text()


class NewCampaign(CampaignForm, Input):
    """A campaign that is to be made."""

    utm = fields.Dict(
        keys=fields.String(),
        values=fields.String(validate=validate.Length(max=200)),
        load_default=dict,
        metadata={"description": "source, medium, content or term"},
    )


class Placed(Document):
    """An entry of a campaign with its new time."""

    id = text()
    title = text()
    state = text()
    new = instant()


class Shifted(Placed):
    """An entry of a campaign with its old and its new time."""

    old = instant()


class Staying(Shifted):
    """An entry that does not move along."""

    reason = text()


class CampaignMoved(CampaignShown):
    """A campaign at its new days."""

    by = number("Days.")
    moved = listing(Shifted)
    stays = listing(Staying)


class CampaignCopied(CampaignShown):
    """A copy of a campaign with what is planned in it."""

    entries = listing(Placed)


class Move(Input):
    """By how many days a campaign moves, or on which day it is to begin: one of both."""

    by = fields.Integer(load_default=None, validate=validate.Range(-100_000, 100_000))
    start = fields.Date(load_default=None)
    dry_run = fields.Boolean(load_default=False)


class Copy(Input):
    """What a copy of a campaign is called, and when it begins."""

    name = fields.String(required=True, validate=validate.Length(1, 200))
    start = fields.Date(required=True)
    dry_run = fields.Boolean(load_default=False)
