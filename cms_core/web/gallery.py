"""The live gallery of components at ``/app/dev/ui``: documentation for plugin authors and the target of the look tests.

It shows made-up data only and reads nothing of the workspace.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from marshmallow import Schema, fields, validate

from cms_core.web.charts import Row, Series
from cms_core.web.forms import SchemaForm
from cms_core.web.security import preview_response
from cms_core.web.states import STATES

blueprint = Blueprint("gallery", __name__, url_prefix="/app/dev")

FIRST = date(2026, 11, 16)
TODAY = date(2026, 11, 18)


class SampleSettings(Schema):
    """A schema with one field of every kind that a form can show."""

    per_hour = fields.Integer(
        load_default=12, validate=validate.Range(1, 60), metadata={"label": "Posts an hour, per account"}
    )
    quiet_from = fields.Time(metadata={"label": "Quiet from"})
    network = fields.String(
        required=True, validate=validate.OneOf(["mastodon", "bluesky"]), metadata={"label": "Network"}
    )
    secret = fields.String(required=True, metadata={"label": "API secret", "secret": True})
    utm = fields.Boolean(load_default=True, metadata={"label": "Add UTM tags to every link"})
    homepage = fields.Url(metadata={"label": "Homepage", "hint": "With https://", "group": "Sender"})
    reply_to = fields.Email(metadata={"label": "Reply to", "group": "Sender"})
    domains = fields.List(
        fields.String(), metadata={"label": "Own domains", "hint": "One a line", "group": "Sender"}
    )


def sample_form() -> SchemaForm:
    """A form with stored values, a stored secret, a locked field and an error."""
    return SchemaForm(
        SampleSettings(),
        {
            "per_hour": 0,
            "network": "mastodon",
            "secret": "never-shown",
            "domains": ["larkfield.example"],
            "homepage": "https://larkfield.example",
        },
        {"per_hour": ["Must be 1 to 60. Switch the plugin off to stop posting."]},
        locked={"homepage": "CMS_SOCIAL_HOMEPAGE"},
    )


def _chip(
    number: int, title: str, channel: str, group: str, kind: str, state: str, time: str = ""
) -> dict[str, Any]:
    movable = kind in ("planned", "armed", "wait")
    return {
        "id": f"sample-{number}",
        "url": "#calendar",
        "title": title,
        "time": time,
        "channel": channel,
        "group": group,
        "kind": kind,
        "state": state,
        "move_url": "/app/dev/ui/move" if movable else "",
    }


CHIPS: dict[int, list[dict[str, Any]]] = {
    0: [_chip(1, "Speaker intro", "linkedin", "social", "done", "published", "09:30")],
    1: [
        _chip(2, "Agenda post", "linkedin", "social", "failed", "failed", "09:30"),
        _chip(3, "Webinar reminder", "email", "email", "done", "published", "14:00"),
    ],
    2: [_chip(4, "Last seats", "x", "social", "armed", "armed", "11:00")],
    4: [
        _chip(5, "Recording and survey", "email", "email", "wait", "in_review", "08:00"),
        _chip(6, "Follow-up guide", "site", "site", "planned", "planned"),
    ],
    7: [_chip(7, "Publish the guide", "site", "site", "armed", "armed")],
    8: [_chip(8, "Guide to segment A", "email", "email", "armed", "armed", "09:00")],
    10: [_chip(9, "Lookalike test", "ads", "ads", "wait", "in_review")],
}
FLIGHT = {
    **_chip(10, "Always-on search", "ads", "ads", "armed", "armed", "08:00"),
    "day": FIRST + timedelta(days=7),
    "until": FIRST + timedelta(days=11),
}
BANDS: dict[int, list[dict[str, Any]]] = {
    0: [
        {
            "label": "Webinar: audit season",
            "url": "#",
            "group": "event",
            "start": 1,
            "span": 4,
            "begins": False,
            "ends": True,
            "lane": 1,
        }
    ],
    1: [
        {
            "label": "Year-end guide",
            "url": "#",
            "group": "email",
            "start": 2,
            "span": 6,
            "begins": True,
            "ends": False,
            "lane": 1,
        },
        {
            "label": FLIGHT["title"],
            "url": FLIGHT["url"],
            "group": "ads",
            "start": 1,
            "span": 5,
            "begins": True,
            "ends": True,
            "lane": 2,
            "entry": FLIGHT,
        },
    ],
}


def sample_weeks() -> list[dict[str, Any]]:
    """Two weeks for the calendar component, in the shape that ``month()`` takes."""
    weeks = []
    for week in range(2):
        days = []
        for offset in range(week * 7, week * 7 + 7):
            day = FIRST + timedelta(days=offset)
            days.append(
                {
                    "iso": day.isoformat(),
                    "number": day.day,
                    "label": f"{day:%A} {day.day} {day:%B}",
                    "today": day == TODAY,
                    "badge": "busy" if offset == 8 else "",
                    "badge_title": "Two messages reach the same people",
                    "chips": CHIPS.get(offset, []),
                }
            )
        weeks.append({"days": days, "bands": BANDS[week], "lanes": len(BANDS[week])})
    return weeks


LABELS = [f"{number} Nov" for number in range(1, 15)]
SERIES = [
    Series("Search", "seo", [150, 176, 184, 176, 172, 134, 162, 238, 241, 232, 231, 251, 228, 245]),
    Series("Email", "email", [60, 66, 65, 61, 56, 37, 44, 490, 245, 62, 59, 63, 49, 52]),
    Series("Social", "social", [90, 111, 111, 96, 84, 60, 84, 132, 286, 109, 102, 235, 108, 119]),
    Series("Ads", "ads", [None] * 8 + [210, 217, 212, 215, 229, 246]),
]
ROWS = [
    Row("Awareness", 24.8, "24.8%", before=23),
    Row("Interest", 28.6, "28.6%", before=29),
    Row("Consideration", 16.7, "16.7%", before=26.1, low=True),
    Row("Intent", 54.6, "54.6%", before=51),
]


@blueprint.get("/ui")
def ui() -> str:
    """Every component once."""
    return render_template(
        "dev/ui.html",
        states=STATES,
        form=sample_form(),
        weeks=sample_weeks(),
        labels=LABELS,
        series=SERIES,
        rows=ROWS,
        runs=[4, 6, 5, 9, 7, 6, 8, 11, 14, 12, 9, 16, 18, 12, 10, 9, 13, 8, 7, 6, 5, 4, 6, 5],
        failed_runs=frozenset({9}),
        instant=datetime(2026, 11, 24, 8, 0, tzinfo=UTC),
        amount=Decimal("1140.5"),
        messages=[
            (
                "ok",
                {
                    "text": "Moved to Fri 27 Nov, 09:30",
                    "undo_url": "/app/dev/ui/move",
                    "undo": {"day": "2026-11-24"},
                },
            ),
            ("bad", "The segment could not be saved: its rule names the unknown field “contry”."),
        ],
    )


@blueprint.get("/ui/preview")
def preview() -> Response:
    """A sandboxed document for the frame."""
    return preview_response("<!doctype html><title>Preview</title><p>This document runs no scripts.</p>")


@blueprint.get("/ui/live")
def live() -> Response:
    """A live part that never changes: after the first time it answers 304."""
    response = make_response("640 of 1,284 sent, 2 bounced")
    response.add_etag()
    response.make_conditional(request.environ)
    return response
