"""One row of a calendar plan: what its cells name, and what is wrong with each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.audience.models import Segment
from cms_core.campaigns.models import Campaign, Entry, EntryKind, EntryState
from cms_core.campaigns.money import parse_money
from cms_core.campaigns.service import Plan
from cms_core.campaigns.when import Mode, When, parse_when, resolve, zone
from cms_core.connections.models import Connection
from cms_core.content.models import Asset
from cms_core.contract import AddressedChannel
from cms_core.errors import CmsError, Invalid
from cms_core.imports.plan_names import RowFault, Sought, named

T = TypeVar("T")

COLUMNS = (
    "when",
    "tz",
    "channel",
    "connection",
    "asset",
    "campaign",
    "segment",
    "title",
    "kind",
    "end",
    "budget",
)


@dataclass(frozen=True)
class PlanRow:
    """A row whose cells were understood. ``follows`` is the row that its time counts from."""

    number: int
    cells: Mapping[str, str]
    when: When
    when_text: str
    title: str
    kind: EntryKind
    asset: Asset | None
    channel: str
    connection: Connection | None
    campaign: Campaign | None
    segment: Segment | None
    ends_at: datetime | None
    budget: tuple[int | None, str]

    @property
    def follows(self) -> int | None:
        return int(self.when.after) if self.when.after and self.when.after.isdigit() else None

    @property
    def armable(self) -> bool:
        """Whether this row says what shall go out; tasks, milestones and flights without an ad stay planned."""
        whole = self.asset is not None and self.connection is not None
        return self.kind == EntryKind.PUBLISH or (self.kind == EntryKind.FLIGHT and whole)

    @property
    def identity(self) -> list[str]:
        """What else makes it the same row again."""
        named = (self.connection, self.asset, self.campaign, self.segment)
        ids = [each.public_id if each is not None else "" for each in named]
        return [self.channel, *ids] if self.asset else [self.channel, *ids, self.title, self.kind]

    def plan(self, after: Entry | None, source: str) -> Plan:
        """The plan of this row."""
        return Plan(
            when=self.when,
            title=self.title,
            kind=self.kind,
            asset=self.asset,
            channel=self.channel,
            connection=self.connection,
            campaign=self.campaign,
            segment=self.segment,
            after=after,
            ends_at=self.ends_at,
            budget=self.budget,
            source=source,
        )


def read_row(
    sought: Sought, number: int, cells: Mapping[str, str], tz: str
) -> tuple[PlanRow | None, list[RowFault]]:
    """Understand a row; all its faults are told at once."""
    reader = _RowReader(sought, cells, tz)
    row = reader.row(number)
    return row, reader.faults


class _RowReader:
    def __init__(self, sought: Sought, cells: Mapping[str, str], tz: str) -> None:
        self._sought = sought
        self._cells = cells
        self._tz = tz
        self.faults: list[RowFault] = []

    def row(self, number: int) -> PlanRow | None:
        cell = self._cells.get
        campaign = self._try("campaign", lambda: self._sought.campaign(cell("campaign", "")))
        channel = self._try("channel", lambda: self._sought.channel(cell("channel", ""))) or ""
        connection = self._try("connection", lambda: self._sought.connection(channel, cell("connection", "")))
        asset = self._try("asset", lambda: self._sought.asset(cell("asset", "")))
        segment = self._try("segment", lambda: self._sought.segment(cell("segment", "")))
        kind = self._try("kind", lambda: _kind(cell("kind", "")))
        tz = self._try("tz", lambda: zone(cell("tz", "") or (campaign.tz if campaign else self._tz)).key)
        when = self._try("when", lambda: read_when(cell("when", ""), tz or "UTC"))
        ends_at = self._try(
            "end", lambda: resolve(parse_when(cell("end", ""), tz or "UTC")).instant if cell("end") else None
        )
        budget = self._try(
            "budget", lambda: parse_money(cell("budget", "")) if cell("budget") else (None, "")
        )
        if self.faults or when is None or kind is None:
            return None
        self._check(kind, asset, channel or (connection.channel if connection else ""), when)
        return PlanRow(
            number=number,
            cells=self._cells,
            when=when,
            when_text=_when_text(when, cell("when", "")),
            title=cell("title", ""),
            kind=kind,
            asset=asset,
            channel=channel or (connection.channel if connection else ""),
            connection=connection,
            campaign=campaign,
            segment=segment,
            ends_at=ends_at,
            budget=budget or (None, ""),
        )

    def _check(self, kind: EntryKind, asset: Asset | None, channel: str, when: When) -> None:
        if asset is None and not self._cells.get("title"):
            column = "asset" if kind == EntryKind.PUBLISH else "title"
            self.faults.append(
                RowFault(column, "the row names neither an asset nor a title", "fill one of them")
            )
        known = self._sought.plugins.channels.get(channel)
        local = when.mode is Mode.RECIPIENT_LOCAL
        if local and known is not None and not isinstance(known, AddressedChannel):
            self.faults.append(
                RowFault(
                    "when", f"{known.label} has no recipients with a time of their own", "leave out local"
                )
            )
        if asset is not None and known is not None and asset.kind not in known.asset_kinds:
            kinds = ", ".join(known.asset_kinds)
            self.faults.append(
                RowFault("asset", f"{known.label} does not take the kind {asset.kind}", f"it takes {kinds}")
            )

    def _try(self, column: str, act: Callable[[], T]) -> T | None:
        try:
            return act()
        except RowFault as fault:
            self.faults.append(fault)
        except CmsError as error:
            self.faults.append(RowFault(column, error.message, error.remedy))
        return None


def _kind(text: str) -> EntryKind:
    return EntryKind(str(named({str(kind): kind for kind in EntryKind}, text.lower() or "publish", "kind")))


def read_when(text: str, tz: str) -> When:
    """The time of a row; raises Invalid for one that is missing, or that no clock shows."""
    if not text:
        raise Invalid("the row has no time", "write 2026-05-04 09:00")
    when = parse_when(text, tz)
    if when.mode not in (Mode.AFTER, Mode.SLOT):
        resolve(when)
    return when


def _when_text(when: When, text: str) -> str:
    """The same time however it was written."""
    if when.mode in (Mode.AFTER, Mode.SLOT):
        return text.lower()
    return f"{when.mode} {when.instant or when.wall} {when.tz if when.mode in (Mode.ZONED, Mode.RECIPIENT_LOCAL) else ''}"


def seek(session: Session, wanted: Plan) -> Entry | None:
    """The entry that stands for this plan already: imported before, or planned otherwise with the same five things."""
    alive = Entry.state != EntryState.DROPPED
    found = session.scalars(select(Entry).where(Entry.source == wanted.source, alive).limit(1)).first()
    if found is not None or wanted.asset is None or wanted.when.mode is Mode.SLOT:
        return found
    local = Mode.RECIPIENT_LOCAL
    instant = resolve(wanted.when, wanted.after.instant if wanted.after else None).instant
    return session.scalars(
        select(Entry)
        .where(
            alive,
            Entry.instant == instant,
            Entry.mode == local if wanted.when.mode is local else Entry.mode != local,
            Entry.asset_id == wanted.asset.id,
            Entry.connection_id == (wanted.connection.id if wanted.connection else None),
            Entry.campaign_id == (wanted.campaign.id if wanted.campaign else None),
            Entry.segment_id == (wanted.segment.id if wanted.segment else None),
        )
        .limit(1)
    ).first()
