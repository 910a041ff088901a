"""Accounts of vendors (connections), and the settings of the guard."""

from collections import defaultdict

from babel.numbers import is_currency
from marshmallow import Schema, ValidationError, fields, validate

from cms_ads.vendors import VENDORS
from cms_core import Services

CHANNEL = "ads"


def _currency(text: str) -> None:
    if not is_currency(text.upper()):
        raise ValidationError("Not a currency; write its ISO code, like EUR.")


class AccountSettings(Schema):
    """An account at a vendor. Nothing is asked of the vendor: costs come by its reports."""

    vendor = fields.String(
        required=True,
        validate=validate.OneOf(list(VENDORS), list(VENDORS.values())),
        metadata={"label": "Vendor"},
    )
    currency = fields.String(
        required=True,
        validate=_currency,
        metadata={
            "label": "Currency of the account",
            "hint": "Its ISO code, like EUR; for reports that name none",
        },
    )
    account = fields.String(
        load_default="",
        validate=validate.Length(max=200),
        metadata={"label": "Account", "hint": "Its name or number at the vendor, for people"},
    )


class GuardSettings(Schema):
    """When the guard of budgets speaks, and whether it acts."""

    warn_at = fields.Integer(
        load_default=80,
        validate=validate.Range(1, 99),
        metadata={"label": "Warn at", "hint": "Percent of a budget"},
    )
    pause = fields.Boolean(
        load_default=True,
        metadata={
            "label": "Pause at 100 %",
            "hint": "Of a flight's budget that flight, of a campaign's all of its flights",
        },
    )


def accounts(svc: Services) -> dict[str, str]:
    """The currency of each vendor's accounts, where all of them have the same."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for settings in svc.connections(CHANNEL).values():
        found[str(settings.get("vendor"))].add(str(settings.get("currency", "")).upper())
    return {vendor: codes.pop() for vendor, codes in found.items() if len(codes) == 1}
