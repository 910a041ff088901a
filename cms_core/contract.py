"""What crosses the border between the core and a plugin: frozen dataclasses and abstract classes, stdlib only.

A channel is one class: :class:`Channel`, or :class:`AddressedChannel` where each contact gets a message of its own. It never
sees a database row; the core gives it a :class:`Placement` (the frozen picture of one publication) and a :class:`Link` (its
handle on the connection). It answers with receipts, findings and measurements, or raises one of the errors below.

ChannelError
├── Retryable       surely not accepted; try again (after …)
├── Refused         permanently refused; trying again would not help
├── NotConnected    the credentials do not work (any more); a person must reconnect
└── OutcomeUnknown  it may have gone out; nobody knows

Any other exception is a fault of the plugin: it is isolated and shown by the plugin's name.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Protocol

Json = Mapping[str, Any]


# --- errors of a channel ----------------------------------------------------------------------------------------------


class ChannelError(Exception):
    """Base of the errors that a channel raises on purpose; ``reason`` is shown to people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Retryable(ChannelError):
    """The remote surely did not accept it; the core tries again, not before ``after`` has passed."""

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Refused(ChannelError):
    """The remote refused for good; the publication fails."""


class NotConnected(ChannelError):
    """The connection's credentials do not work; its publications are held until a person reconnects."""


class OutcomeUnknown(ChannelError):
    """The request may have reached the remote; the core never repeats it unless the channel's idempotency allows."""


class LeaveWithdrawn(Exception):
    """Told by ``Wire.on_wire``: this recipient must not be addressed any more. Nothing is sent, and no outcome is awaited."""


# --- small words ------------------------------------------------------------------------------------------------------


class Level(StrEnum):
    """How much a finding weighs; ``HOLD`` stops a commit (budget, policy), ``ERROR`` stops arming and approval."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"
    HOLD = "hold"


class AgentClass(StrEnum):
    """Who caused an event, as far as can be told; figures about people count ``HUMAN`` only."""

    HUMAN = "human"
    SCANNER = "scanner"
    PROXY = "proxy"
    BOT = "bot"
    INTERNAL = "internal"
    UNKNOWN = "unknown"


class Idempotency(StrEnum):
    """What happens when the same thing is published twice; decides what the core does after a crash or a time-out."""

    KEYED = "keyed"  # the remote honours our key
    CLIENT_ID = "client_id"  # we choose the id, the same id is the same thing
    NATURAL = "natural"  # the remote rejects a second one by its own key
    TWO_PHASE = "two_phase"  # a container, then publish; its state can be read
    LOOKUP = "lookup"  # our own recent items can be searched
    NONE = "none"  # fire and forget


@dataclass(frozen=True)
class IdempotencyRule:
    """The kind of idempotency and how long a key lives at the remote (None: for ever)."""

    kind: Idempotency
    key_life: timedelta | None = None


class Place(StrEnum):
    """Where a plugin may add a panel to a page."""

    ASSET = "asset"
    CAMPAIGN = "campaign"
    REPORT = "report"
    CALENDAR = "calendar"
    CONTACT = "contact"
    PLUGIN = "plugin"


@dataclass(frozen=True)
class Money:
    """An amount with its ISO 4217 code; the core stores micros, the edges show decimals."""

    amount: Decimal
    currency: str


# --- content and people as a plugin sees them ------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """A remark of a check: level, the field it concerns, and words that say what is wrong and how to mend it."""

    level: Level
    field: str
    message: str


@dataclass(frozen=True)
class Media:
    """One stored file; ``path`` can be opened for reading, ``url`` is public, or "" of one that a plugin keeps for itself.

    ``widths`` are those in which a picture is served: ``<url up to the file name>/w<width>/<file name>``.
    """

    id: str
    sha256: str
    mime: str
    size: int
    width: int | None
    height: int | None
    alt: str
    filename: str
    path: str
    url: str
    widths: tuple[int, ...] = ()


@dataclass(frozen=True)
class Rendition:
    """A stored picture in another size; ``path`` can be opened for reading, ``url`` is public."""

    width: int
    height: int
    mime: str
    path: str
    url: str


@dataclass(frozen=True)
class Asset:
    """A content asset at one revision. ``body`` holds the fields of its kind, already merged with the variant's overrides.

    ``overrides`` names the fields that have words of their own for this channel, its group or this connection.
    """

    id: str
    slug: str
    kind: str
    title: str
    summary: str
    body: Json
    revision: int
    content_hash: str
    state: str
    tags: tuple[str, ...] = ()
    funnel_stage: str = ""
    persona: str = ""
    locale: str = ""
    author: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    media: tuple[Media, ...] = ()
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Saved:
    """What became of words that a plugin saved: the asset, the number of its revision, and that one's state."""

    id: str
    slug: str
    revision: int
    state: str


@dataclass(frozen=True)
class Campaign:
    """A campaign by its key (used in UTM parameters and events) and name."""

    id: str
    name: str
    key: str
    tz: str
    utm: Mapping[str, str] = field(default_factory=dict)
    budget: Money | None = None


@dataclass(frozen=True)
class Reached:
    """What content reached: figures as reports count them (``docs/figures.md``), of people alone."""

    sent: int = 0
    opened_people: int = 0
    clicked_people: int = 0
    visits: int = 0
    conversions: int = 0
    likes: int = 0
    reposts: int = 0
    replies: int = 0
    quotes: int = 0


@dataclass(frozen=True)
class CampaignFigures:
    """What an asset reached in one campaign, and the campaign's first and last day."""

    campaign: Campaign
    starts_on: date
    ends_on: date
    reached: Reached


@dataclass(frozen=True)
class Company:
    """A company; ``fields`` are the workspace's own."""

    id: str
    name: str
    domain: str = ""
    fields: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Contact:
    """A person; ``fields`` are the workspace's own."""

    id: str
    email: str | None
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    country: str = ""
    language: str = ""
    timezone: str = ""
    fields: Json = field(default_factory=dict)


@dataclass(frozen=True)
class User:
    """Somebody who signs in."""

    id: str
    email: str
    name: str
    role: str


@dataclass(frozen=True)
class Subject:
    """What a page is about: kind ("asset", "campaign", …) and public id."""

    kind: str
    id: str


# --- publishing -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Placement:
    """The frozen picture of one publication that a channel is given.

    ``asset.body`` is the approved revision with the overrides of this channel and connection applied. ``connection`` is its
    name; ``settings`` are the connection's public settings. ``due_at`` is the planned instant (UTC). ``merge_fields`` are those
    that texts may name.
    """

    publication: str
    channel: str
    connection: str
    asset: Asset
    settings: Json
    due_at: datetime
    campaign: Campaign | None = None
    ends_at: datetime | None = None
    arm: str = ""
    merge_fields: "tuple[FieldProvider, ...]" = ()


@dataclass(frozen=True)
class Prepared:
    """What ``prepare`` made ready: JSON that is stored and frozen once a commit intent exists."""

    data: Json


@dataclass(frozen=True)
class Wait:
    """``prepare`` is not done: call again after ``after`` with ``progress`` (JSON: what is done already)."""

    after: timedelta
    progress: Json


@dataclass(frozen=True)
class Receipt:
    """Proof that something is public: the remote's id and address, and what the channel needs later (JSON)."""

    external_id: str
    url: str = ""
    data: Json = field(default_factory=dict)
    publication: str = ""
    channel: str = ""
    connection: str = ""
    asset: str = ""
    campaign: str = ""
    published_at: datetime | None = None


@dataclass(frozen=True)
class Flight:
    """A period in which ads run: an armed entry of kind flight with its publication. ``budget`` is for the whole period."""

    publication: str
    title: str
    connection: str
    campaign: str
    state: str
    starts_at: datetime
    ends_at: datetime | None = None
    budget: Money | None = None
    paused: bool = False


@dataclass(frozen=True)
class Absent:
    """``reconcile`` answers: surely not there."""


@dataclass(frozen=True)
class Identity:
    """Who we are at the remote, with which rights; ``expires_at`` is when the credentials end, where the remote says so.

    People are told two weeks before that.
    """

    name: str
    url: str = ""
    rights: tuple[str, ...] = ()
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Preview:
    """How a placement will look. ``html`` is shown only in a sandboxed frame without scripts."""

    title: str
    html: str = ""
    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Measurement:
    """A number that a channel reports about one publication; cumulative at ``at``, the newest one counts.

    With ``publication`` empty it is about a whole campaign (its key) on one channel: what no single publication has cost.
    """

    publication: str
    metric: str
    value: Decimal
    at: datetime
    currency: str = ""
    campaign: str = ""
    channel: str = ""


class Recipient(Protocol):
    """One delivery handed to ``deliver``: to whom, and the values for merge fields."""

    @property
    def key(self) -> int:
        """The delivery's number; goes into tracked links and names it in the journal."""
        ...

    @property
    def address(self) -> str: ...

    @property
    def token(self) -> str:
        """The signed token of this delivery for links, pixel, unsubscribe and Message-ID (28 URL-safe characters)."""
        ...

    @property
    def values(self) -> Mapping[str, Any]:
        """Merge values by namespace, e.g. ``values["contact"]["first_name"]``."""
        ...

    @property
    def arm(self) -> str: ...


class OutcomeStatus(StrEnum):
    """What became of one recipient."""

    ACCEPTED = "accepted"
    RETRY = "retry"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The settled fate of one recipient; ``detail`` is the remote's answer in its own words."""

    recipient: Recipient
    status: OutcomeStatus
    detail: str = ""
    code: int | None = None
    provider_id: str | None = None


class Wire(Protocol):
    """The journal of the running delivery; the door (SMTP, HTTP) tells it what is about to be on the wire."""

    def on_wire(self, key: int) -> None:
        """The message of this recipient is about to be completed by the next write; raises LeaveWithdrawn when it must not be."""
        ...

    def flush(self) -> None:
        """Make everything told so far survive the death of the process; called before the bytes leave."""
        ...


class Http(Protocol):
    """The outbound HTTP client of a connection: guarded, limited, mapped to the errors of this module."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: bytes | Mapping[str, str] | None = None,
        idempotent: bool = False,
        expect: Collection[int] = (),
    ) -> Any:
        """Send one request; statuses other than 2xx and ``expect`` are raised as errors of this module."""
        ...


class TrackedLinks(Protocol):
    """Makes the tracked addresses of one publication (``/t/<token>/<n>``)."""

    base: str

    def index(self, url: str) -> int:
        """The number under which this target is stored for the publication; the same target gets the same number."""
        ...


@dataclass(frozen=True)
class Link:
    """A channel's handle on its connection. ``secrets`` never appear in repr, logs or pages."""

    connection: str
    settings: Json
    secrets: Mapping[str, str] = field(repr=False)
    http: Http = field(repr=False)
    now: Callable[[], datetime] = field(repr=False)
    data_dir: str
    base_url: str
    guard: Any = field(default=None, repr=False)
    services: Any = field(default=None, repr=False)
    wire: Wire | None = field(default=None, repr=False)
    links: TrackedLinks | None = field(default=None, repr=False)


class Channel(ABC):
    """A place where content is published. Plain methods: testable without pluggy or Flask.

    ``lead`` is how long before the due instant ``prepare`` may start; ``grace`` how late a first start may be before the
    publication is missed; ``limits`` are shown in the editor ({"text": 500}); ``connection_schema`` is a marshmallow Schema
    class: form, validation, secrets (``metadata={"secret": True}``), environment override and docs come from it.
    ``override_fields`` (name, label) are what the editor offers for this channel besides title, summary and text.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    group: ClassVar[str]
    asset_kinds: ClassVar[tuple[str, ...]]
    connection_schema: ClassVar[type]
    limits: ClassVar[Mapping[str, int]] = {}
    override_fields: ClassVar[tuple[tuple[str, str], ...]] = ()
    lead: ClassVar[timedelta] = timedelta(0)
    grace: ClassVar[timedelta] = timedelta(hours=2)
    idempotency: ClassVar[IdempotencyRule]
    oauth: ClassVar[Json | None] = None
    refresh: ClassVar[str | None] = None

    @abstractmethod
    def test(self, link: Link) -> Identity:
        """Say who we are at the remote; raise NotConnected when the credentials do not work."""

    @abstractmethod
    def check(self, placement: Placement) -> Iterable[Finding]:
        """Remarks on this placement; the same rules in the editor, in dry runs and at commit. No network."""

    @abstractmethod
    def preview(self, placement: Placement) -> Preview:
        """Show how it will look. No network."""

    @abstractmethod
    def prepare(self, link: Link, placement: Placement, progress: Json | None) -> Prepared | Wait:
        """Get everything ready (render, upload); may be repeated until a commit intent exists."""

    @abstractmethod
    def publish(self, link: Link, prepared: Prepared, key: str, previous: Receipt | None) -> Receipt:
        """The one call that makes it public. ``key`` is the same on every try; ``previous`` set means update."""

    @abstractmethod
    def reconcile(self, link: Link, prepared: Prepared, key: str) -> Receipt | Absent | None:
        """After a crash or time-out: found, surely not there, or cannot tell (None)."""

    def measure(
        self, link: Link, receipts: Sequence[Receipt], since: datetime | None
    ) -> Iterable[Measurement]:
        """Numbers of what is public, in one batch."""
        return ()

    def withdraw(self, link: Link, receipt: Receipt) -> None:
        """Take it back; idempotent. Channels that cannot do this leave the method alone."""
        raise Refused(f"{self.label} cannot take back what is public")

    def set_active(self, link: Link, receipt: Receipt, on: bool) -> None:
        """Pause or resume what is live (flights); optional."""
        raise Refused(f"{self.label} cannot be paused")


class AddressedChannel(Channel):
    """A channel that sends one message to each contact (e-mail, SMS, push).

    Consent, suppression, caps, throttles and the ledger of deliveries belong to the core. *Pulling* a recipient from the
    iterator asks leave; *yielding* its outcome settles it; in between the door journals it before the bytes leave. The
    iterator may yield ``None``: nothing to send right now, settle what is in flight and pull again. ``door`` is True where
    ``deliver`` hands ``link.wire`` to the outbound door; any other transport counts as on the wire from the pull on.
    """

    door: ClassVar[bool] = False

    @abstractmethod
    def address(self, contact: Contact) -> str | None:
        """The address of this contact on this channel, or None."""

    @abstractmethod
    def deliver(
        self, link: Link, prepared: Prepared, recipients: Iterator[Recipient | None]
    ) -> Iterator[Outcome]:
        """Send one message to each recipient and yield what became of it."""

    def publish(self, link: Link, prepared: Prepared, key: str, previous: Receipt | None) -> Receipt:
        """Addressed channels publish by ``deliver``."""
        raise Refused(f"{self.label} is sent to contacts, not published")

    def reconcile(self, link: Link, prepared: Prepared, key: str) -> Receipt | Absent | None:
        """Addressed channels are reconciled per delivery; as a whole nobody can tell."""
        return None


# --- what plugins register -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AssetKind:
    """A kind of asset: the marshmallow schema of its own fields, and where its plain text stands.

    ``text_fields`` need not stand in the schema; what is neither in the one nor in the other is refused.
    """

    name: str
    label: str
    schema: type | None = None
    icon: str = "file-text"
    text_fields: tuple[str, ...] = ("text",)


@dataclass(frozen=True)
class Permission:
    """Something a role may do; ``roles`` are those that may by default."""

    name: str
    label: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class FieldSpec:
    """One merge field: its name, type (text, number, date, list, bool, url) and label."""

    name: str
    type: str = "text"
    label: str = ""


@dataclass(frozen=True)
class FieldProvider:
    """Merge fields under one namespace; ``fetch_many`` maps contact ids to values, in one batch."""

    namespace: str
    fields: tuple[FieldSpec, ...]
    fetch_many: Callable[[Sequence[Contact]], Mapping[str, Json]]
    open: bool = False


@dataclass(frozen=True)
class EventType:
    """A kind of event; points, cap and half-life are used by lead scores."""

    kind: str
    label: str
    points: int = 0
    cap: int | None = None
    half_life: timedelta | None = None


@dataclass(frozen=True)
class Action:
    """Something to do on an object, shown in menus and the palette; ``endpoint`` is a Flask endpoint."""

    label: str
    endpoint: str
    icon: str = ""
    subject: str = ""
    permission: str = ""
    shortcut: str = ""


@dataclass(frozen=True)
class NavItem:
    """An entry of the side navigation; ``endpoint`` is a Flask endpoint of the plugin's blueprint.

    ``tab`` puts it into the phone's tab bar, where there is room beside those of the core.
    """

    label: str
    endpoint: str
    icon: str = "puzzle"
    group: str = "System"
    permission: str = ""
    shortcut: str = ""
    tab: bool = False


@dataclass(frozen=True)
class Notice:
    """Something that people should know: what it is about (``title``), the reason in words, and where it is mended.

    ``path`` is a page of the app (``/app/p/hello/…``). It is for all who have ``permission``, or for one ``user`` (an id, or an
    address). ``key`` names the matter: as long as it is open it is told once. ``urgent``: mailed at once rather than with the
    notices of the day, for those who have not chosen. ``contact`` is the id of a person of the audience who is named in it; erasing
    them erases it.
    """

    key: str
    title: str
    reason: str = ""
    path: str = ""
    permission: str = ""
    user: str = ""
    contact: str = ""
    urgent: bool = False


@dataclass(frozen=True)
class JobContext:
    """What a job gets: the instant of this run and the services of the core."""

    now: datetime
    services: Any


@dataclass(frozen=True)
class Job:
    """Work done by one process, when ``every`` has passed since it was done last; it opens its own sessions."""

    id: str
    every: timedelta
    run: Callable[[JobContext], None]


@dataclass(frozen=True)
class Mark:
    """A badge or band on the calendar, from ``start`` to ``end`` (both included)."""

    start: date
    end: date
    label: str
    kind: str = "note"


@dataclass(frozen=True)
class Panel:
    """A card on a page: a template of the plugin with its context; small weights come first."""

    title: str
    template: str
    context: Json = field(default_factory=dict)
    weight: int = 0


@dataclass(frozen=True)
class PersonalRecord:
    """What a plugin keeps about a contact, for export and erasure."""

    contact: str
    label: str
    data: Json


@dataclass(frozen=True)
class Event:
    """Something that happened; unique by (source, source_id), so recording it twice records it once.

    ``campaign`` is the campaign's key; ``value`` with ``currency`` only where money is meant. ``id`` is the ledger's own public id:
    given with what is read from it, never taken.
    """

    kind: str
    at: datetime
    source: str
    source_id: str
    agent_class: AgentClass = AgentClass.UNKNOWN
    contact: str | None = None
    visitor: str | None = None
    campaign: str | None = None
    publication: str | None = None
    asset: str | None = None
    url: str | None = None
    value: Decimal | None = None
    currency: str = ""
    props: Json = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True)
class ContactChange:
    """A contact was created, updated, merged or erased; ``fields`` are those that changed."""

    contact: str
    change: str
    at: datetime
    fields: tuple[str, ...] = ()
