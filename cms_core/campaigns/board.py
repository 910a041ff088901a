"""What the calendar pages show, gathered from the rooms to the right: an edge, like the pages that it serves."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from marshmallow import Schema, ValidationError
from sqlalchemy import ColumnElement, Row, ScalarSelect, func, literal_column, select
from sqlalchemy.orm import Session

from cms_core.audience import segments
from cms_core.audience.models import Segment
from cms_core.campaigns import advice, blackouts, calendar, placing, rules, series, service
from cms_core.campaigns.models import Campaign, Entry, EntryKind, EntryState, Series
from cms_core.campaigns.money import from_micros
from cms_core.campaigns.month import Month, campaign_bar, chip, group_of, spread, weeks
from cms_core.campaigns.schemas import BlackoutForm, entry_form, experiment_form
from cms_core.campaigns.when import CONDITIONS, Mode, describe, zone
from cms_core.connections import service as connections
from cms_core.content import listing as assets
from cms_core.content.models import Asset, Review
from cms_core.content.review import approved_revision
from cms_core.contract import AddressedChannel, Mark
from cms_core.db import Base, now
from cms_core.dialect import not_by_index
from cms_core.errors import CmsError
from cms_core.plugins import Plugins
from cms_core.publishing import experiment_plan, status
from cms_core.publishing.experiment_plan import ExperimentPlan
from cms_core.publishing.models import Delivery, DeliveryState, Publication, PublicationState
from cms_core.web.formats import money
from cms_core.web.forms import SchemaForm
from cms_core.workspace import Workspace

NEEDS_PERSON = (
    PublicationState.FAILED,
    PublicationState.UNKNOWN,
    PublicationState.MISSED,
    PublicationState.HELD,
)
SHOWN_NEEDS = 6
HEAD = Publication.superseded_by_id.is_(None)  # of a chain of updates only the newest counts


def today(session: Session, tz: str) -> date:
    """The present day in a zone."""
    return now(session).astimezone(zone(tz)).date()


def month(
    session: Session, workspace: Workspace, shown: Month, present: date, hidden: frozenset[str]
) -> dict[str, Any]:
    """Everything of the days shown: weeks, channels with counts, the cards beside."""
    plugins = workspace.plugins
    rows = entries_shown(session, *shown.range)
    states = publication_states(session, [row.row_id for row in rows])
    counts: dict[str, int] = {}
    chips: list[dict[str, Any]] = []
    for row in rows:
        channel = row.channel or row.kind
        counts[channel] = counts.get(channel, 0) + 1
        if channel in hidden:
            continue
        group = group_of(plugins.channels, row.channel)
        url = f"/app/calendar/entries/{row.id}"
        chips.append(chip(row, shown.tz, group, states.get(row.row_id), f"{url}/move", url))
    days = shown.days
    running = calendar.campaigns_between(session, days[0], days[-1])
    by_day, flights = spread(shown, chips)
    bars = [campaign_bar(each, f"/app/campaigns/{each.public_id}") for each in running] + flights
    marks = [mark for _, mark in plugins.calendar_marks(days[0], days[-1])] + _closed_days(session, shown)
    return {
        "weeks": weeks(shown, present, by_day, bars, marks),
        "channels": [
            (name, _label(plugins, name), group_of(plugins.channels, name), n)
            for name, n in sorted(counts.items())
        ],
        "entries": sum(counts.values()),
        "fatigue": advice.fatigue_between(session, workspace, *shown.range),
        **side(session, plugins, shown.tz),
    }


def entries_shown(session: Session, start: datetime, end: datetime) -> list[Row[Any]]:
    """The flights that began before and have not ended, then the entries between two instants by time."""
    # The kind is written out: SQLite takes the index of flights only where it sees that only these are asked for.
    flight = Entry.kind == literal_column(f"'{EntryKind.FLIGHT}'")
    began = not_by_index(session, Entry.instant) < start
    query = calendar.rows_of(*calendar.COLUMNS).where(Entry.state != EntryState.DROPPED)
    running = query.where(flight, Entry.ends_at > start, began).order_by(Entry.ends_at, Entry.id)
    between = query.where(Entry.instant >= start, Entry.instant < end).order_by(Entry.instant, Entry.id)
    return [*session.execute(running), *session.execute(between)]


def _closed_days(session: Session, shown: Month) -> list[Mark]:
    """Blackouts and holidays as marks on the days that they touch in their own zone: Christmas is on the 25th everywhere."""
    known = blackouts.list_all(session)
    return [_mark(window) for each in known for window in blackouts.windows(each, *shown.range)]


def _mark(window: blackouts.Window) -> Mark:
    local = zone(window.tz)
    last = (window.end - blackouts.MOMENT).astimezone(local)
    return Mark(window.start.astimezone(local).date(), last.date(), window.label)


def side(session: Session, plugins: Plugins, tz: str) -> dict[str, Any]:
    """The cards beside the calendar: what needs a person, what is late, what waits for approval, figures."""
    needs = session.scalars(
        select(Publication)
        .where(Publication.state.in_(NEEDS_PERSON) | Publication.paused_at.is_not(None))
        .order_by(Publication.due_at.desc())
        .limit(SHOWN_NEEDS)
    ).all()
    figures = session.execute(
        select(
            _number_of(Review, Review.state == "open").label("waiting"),
            _number_of(Publication, Publication.state == PublicationState.PUBLISHED, HEAD).label("published"),
            _number_of(Publication, Publication.state == PublicationState.SCHEDULED).label("scheduled"),
            _number_of(Entry, Entry.state == EntryState.PLANNED).label("planned"),
        )
    ).one()
    return {
        "needs": [*map(_need, needs), *_unknown_people(session)],
        **figures._asdict(),
        "late": status.late(session, plugins),
        "tz": tz,
    }


def _number_of(table: type[Base], *which: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(table).where(*which).scalar_subquery()


def _unknown_people(session: Session) -> list[dict[str, Any]]:
    """Mailings of which some messages may or may not have arrived."""
    query = (
        select(Publication, func.count(Delivery.id))
        .join(Delivery, Delivery.publication_id == Publication.id)
        .where(Delivery.state == DeliveryState.UNKNOWN)
        .group_by(Publication.id)
        .order_by(Publication.id.desc())
        .limit(SHOWN_NEEDS)
    )
    return [
        {
            "id": publication.public_id,
            "title": f"{count} of {_title(publication)}: not known whether they arrived",
            "reason": "Nothing is sent again by itself.",
            "level": "warn",
        }
        for publication, count in session.execute(query)
    ]


def _need(publication: Publication) -> dict[str, Any]:
    words = {
        PublicationState.FAILED: "failed",
        PublicationState.UNKNOWN: "may have gone out",
        PublicationState.MISSED: "was missed",
        PublicationState.HELD: "is held",
    }
    state = PublicationState(publication.state)
    return {
        "id": publication.public_id,
        "title": f"{_title(publication)} {words.get(state, 'is paused')}",
        "reason": publication.reason or publication.paused_reason,
        "level": "bad" if state in (PublicationState.FAILED, PublicationState.UNKNOWN) else "warn",
    }


def _title(publication: Publication) -> str:
    return publication.entry.title if publication.entry else publication.revision.title


def publication_states(session: Session, entry_ids: list[int]) -> dict[int, str]:
    """The state of the newest publication of each entry."""
    query = (
        select(Publication.entry_id, Publication.state)
        .where(Publication.entry_id.in_(entry_ids), Publication.state != PublicationState.CANCELLED)
        .order_by(Publication.id)
    )
    return {row.entry_id: row.state for row in session.execute(query) if row.entry_id is not None}


def _label(plugins: Plugins, name: str) -> str:
    channel = plugins.channels.get(name)
    return channel.label if channel else name.capitalize()


# --- one entry --------------------------------------------------------------------------------------------------------


def about(session: Session, entry: Entry) -> list[tuple[str, str]]:
    """Label and text of what an entry is, for people."""
    segment = session.get(Segment, entry.segment_id) if entry.segment_id else None
    after = session.get(Entry, entry.after_id) if entry.after_id else None
    condition = f" {CONDITIONS[entry.condition]}," if entry.condition else ""
    rows = [
        ("When", spoken(entry)),
        ("Follows", f"{after.title}{condition} {entry.offset}" if after else ""),
        ("Comes again", ", ".join(series.describe_rule(entry.series)) if entry.series else ""),
        ("Until", describe(entry.ends_at, entry.tz) if entry.ends_at else ""),
        ("Kind", entry.kind.capitalize()),
        ("Where", f"{entry.channel}:{entry.connection.name}" if entry.connection else entry.channel),
        ("To whom", segment.name if segment else ""),
        ("Budget", _amount(entry)),
    ]
    return [(label, text) for label, text in rows if text]


def _amount(planned: Entry | Campaign) -> str:
    """The budget for people, or nothing."""
    micros = planned.budget_micros
    return "" if micros is None else money(from_micros(micros), planned.currency)


def spoken(entry: Entry) -> str:
    """The entry's time in words, with its zone."""
    if entry.mode == Mode.RECIPIENT_LOCAL:
        return describe(placing.at_wall(entry, placing.wall_of(entry)), entry.tz)
    return describe(entry.instant, entry.tz)


def local_text(entry: Entry) -> str:
    """The entry's time as ``when`` text of its zone, from which it can be set again."""
    own = "local " if entry.mode == Mode.RECIPIENT_LOCAL else ""
    return f"{own}{placing.shown(entry):%Y-%m-%d %H:%M}"


def undo_text(session: Session, entry: Entry) -> str:
    """The ``when`` text that brings an entry back to where it is now, what it follows included."""
    if entry.after_id is not None:
        condition = f":{entry.condition}" if entry.condition else ""
        return f"after:{session.get_one(Entry, entry.after_id).public_id}{condition}{entry.offset}"
    if entry.mode == Mode.ABSOLUTE:
        return entry.instant.isoformat()
    if entry.mode == Mode.RECIPIENT_LOCAL:
        return f"local {placing.wall_of(entry):%Y-%m-%d %H:%M:%S}"
    return f"{placing.wall_of(entry):%Y-%m-%d %H:%M:%S} {entry.tz}"


def wanted_time(entry: Entry, form: Mapping[str, str]) -> str:
    """Where a move form wants the entry: ``day`` keeps the local time, ``when`` is a time as written."""
    if form.get("when"):
        return form["when"].replace("T", " ") if len(form["when"]) == 16 else form["when"]
    own = "local " if entry.mode == Mode.RECIPIENT_LOCAL else ""
    return f"{own}{form.get('day', '')} {placing.shown(entry):%H:%M}"


# --- forms ------------------------------------------------------------------------------------------------------------


def entry_schema(session: Session) -> Schema:
    """The form of a new entry, with the choices of this workspace."""
    approved = [(row.slug, f"{row.title} ({row.kind})") for row in assets.list_assets(session)]
    return entry_form(
        {
            **choices(session),
            "asset": approved,
            "segment": [(row.name, row.name) for row in segments.list_all(session)],
        }
    )


def blackout_schema(session: Session) -> Schema:
    """The form of a blackout, with the campaigns and connections of this workspace to choose from."""
    form = BlackoutForm()
    for name, known in choices(session).items():
        spec = form.fields[name]
        spec.metadata = {**spec.metadata, "choices": known, "widget": "select"}
    return form


def choices(session: Session) -> dict[str, list[tuple[str, str]]]:
    """The campaigns and connections of this workspace, as choices of a form."""
    accounts = [f"{row['channel']}:{row['name']}" for row in connections.listing(session)]
    return {
        "campaign": [(row.public_id, row.name) for row in service.campaigns(session)],
        "connection": [(name, name) for name in accounts],
    }


def add(session: Session, values: Mapping[str, Any], tz: str) -> Entry | None:
    """Plan what a filled form stands for: one entry, or a series, whose first entry is returned as soon as there is one."""
    if not values["repeats"]:
        return rules.add_entry(session, values, tz)
    made = rules.add_series(session, {**values, "rrule": values["repeats"]}, tz, "when")
    return next(iter(series.entries_of(session, made)), None)


def refused(session: Session, entry: Entry) -> list[str]:
    """Which entries of this one's series a blackout refuses where they stand."""
    made = session.get(Series, entry.series_id) if entry.series_id else None
    return rules.refused(session, made) if made else []


def experiment_form_of(session: Session, plugins: Plugins, entry: Entry) -> SchemaForm | None:
    """The form of a test for an entry that goes to people, with the variants of its approved words; else None."""
    channel = plugins.channels.get(entry.channel)
    if not isinstance(channel, AddressedChannel) or entry.asset is None:
        return None
    revision = approved_revision(session, entry.asset)
    places = {*plugins.channels, *(each.group for each in plugins.channels.values())}
    variants = [
        name for name in (revision.variants if revision else {}) if name not in places and ":" not in name
    ]
    return SchemaForm(experiment_form(variants), prefix="test-")


def experiment_of(values: Mapping[str, Any], tz: str) -> ExperimentPlan:
    """The test that a filled form stands for: the words as they are against a variant, or a hold-out alone."""
    two = bool(values["variant"])
    undecided = two and values["share"] < 100
    return experiment_plan.parse(
        ["A", f"B={values['variant']}"] if two else [],
        values["metric"],
        values["share"] if two else 100,
        values["hold_out"],
        (experiment_plan.BY_HAND if values["by_hand"] else values["decide"]) if undecided else "",
        tz,
    )


def as_validation(error: ValidationError | CmsError, field: str) -> ValidationError:
    """A refusal of a service as an error beside the field that it names, else beside ``field``."""
    if isinstance(error, ValidationError):
        return error
    return ValidationError({error.field or field: [f"{error.message}. {error.remedy}".rstrip(". ") + "."]})


# --- campaigns --------------------------------------------------------------------------------------------------------


def campaign_rows(session: Session) -> list[dict[str, Any]]:
    """All campaigns with the number of their entries by state."""
    counted: dict[int, dict[str, int]] = {}
    query = select(Entry.campaign_id, Entry.state, func.count()).group_by(Entry.campaign_id, Entry.state)
    for campaign_id, state, count in session.execute(query):
        if campaign_id is not None:
            counted.setdefault(campaign_id, {})[state] = count
    return [
        {
            "campaign": campaign,
            "budget": _amount(campaign),
            "states": counted.get(campaign.id, {}),
        }
        for campaign in service.campaigns(session)
    ]


def entries_of(session: Session, plugins: Plugins, owner: Campaign | Asset) -> list[dict[str, Any]]:
    """The entries of a campaign or of an asset, by time, with the state of what became of each."""
    rows = calendar.entries_of(session, owner)
    states = publication_states(session, [row.row_id for row in rows])
    return [
        {
            **document,
            "group": group_of(plugins.channels, row.channel),
            "state": states.get(row.row_id, row.state),
        }
        for row, document in zip(rows, calendar.documents(rows), strict=True)
    ]
