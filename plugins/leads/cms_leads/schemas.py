"""The settings of this plugin, and the form of a deal."""

from collections.abc import Callable
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from cms_core import CmsError
from cms_leads import cells, rules

CURRENCY = validate.Regexp(r"[A-Z]{3}\Z", error="Three capital letters, such as EUR.")


def _readable(read: Callable[[str], Any]) -> Callable[[str], None]:
    def check(line: str) -> None:
        try:
            read(line)
        except CmsError as error:
            raise ValidationError(f"{error.message}: {error.remedy}") from None

    return check


def _each_once(lines: list[str]) -> None:
    _readable(lambda _: rules.each_once(rules.read_points(line)[0] for line in lines))("")


class Settings(Schema):
    """What a workspace decides about points, hand-offs and deals."""

    points = fields.List(
        fields.String(validate=_readable(rules.read_points)),
        load_default=list,
        validate=[validate.Length(max=rules.MOST_RULES), _each_once],
        metadata={
            "label": "Points for what people do",
            "hint": "One kind a line, over the defaults: clicked 3 cap 15 half-life 30 days. "
            "0 points switch a kind off.",
        },
    )
    fit = fields.List(
        fields.String(validate=_readable(rules.read_fit)),
        load_default=list,
        validate=validate.Length(max=rules.MOST_RULES),
        metadata={
            "label": "Points for who people are",
            "hint": 'One rule of segments a line: 10 "Works in France" when country = "FR". Points below 0 speak against.',
        },
    )
    threshold = fields.Integer(
        load_default=50,
        validate=validate.Range(1, 1_000_000),
        metadata={
            "label": "Hand over to sales from",
            "hint": "Points. Rising to it again after falling below counts anew.",
        },
    )
    answer_hours = fields.Integer(
        load_default=24,
        validate=validate.Range(1, 24 * 365),
        metadata={"label": "Sales answers within", "hint": "Hours"},
    )
    currency = fields.String(
        load_default="EUR",
        validate=CURRENCY,
        metadata={"label": "Currency of deals", "hint": "Of amounts in imported files that name none"},
    )


def _amount_or_nothing(text: str) -> None:
    if text:
        _readable(cells.read_amount)(text)


class DealForm(Schema):
    """A deal as a person writes it down."""

    name = fields.String(required=True, validate=validate.Length(1, 200), metadata={"label": "Name"})
    company = fields.String(
        load_default="",
        validate=validate.Length(max=200),
        metadata={"label": "Company", "hint": "By name; one that is not there yet is made"},
    )
    contacts = fields.List(
        fields.String(validate=validate.Length(max=320)),
        load_default=list,
        validate=validate.Length(max=50),
        metadata={
            "label": "People",
            "widget": "csv",
            "hint": "E-mail addresses, with commas between; the first one matters most",
        },
    )
    amount = fields.String(
        load_default="",
        validate=[validate.Length(max=40), _amount_or_nothing],
        metadata={"label": "Amount", "hint": "Such as 5000 EUR"},
    )
    stage = fields.String(load_default="", validate=validate.Length(max=100), metadata={"label": "Stage"})
    owner = fields.String(
        load_default="", validate=validate.Length(max=200), metadata={"label": "Who works on it"}
    )
    expected_on = fields.Date(load_default=None, metadata={"label": "Expected to end on"})
