"""What a plugin may ask of the core: dataclasses in and out, sessions handled here.

A job gets them as ``ctx.services``, a channel as ``link.services``, a page by ``services.current("<plugin>")``, a command by
``state.services("<plugin>")``. What is asked within ``transaction()`` is part of it: it sees what was written there, and is kept
or rolled back with it.
"""

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core import contract as c
from cms_core.addresses import normalise
from cms_core.audience import companies, upsert
from cms_core.audience import contacts as people
from cms_core.audience import history as past
from cms_core.audience.compile import compile_rule
from cms_core.audience.models import Contact
from cms_core.auth import audit
from cms_core.auth import service as auth
from cms_core.auth.audit import Actor
from cms_core.auth.models import User
from cms_core.campaigns import service as calendar
from cms_core.campaigns.models import Campaign, EntryKind
from cms_core.campaigns.money import to_micros
from cms_core.campaigns.when import parse_when
from cms_core.connections import service as connections
from cms_core.connections import settings as plugin_settings
from cms_core.connections.models import Connection
from cms_core.content import approved, renames, renditions
from cms_core.content import media as files
from cms_core.content import service as content
from cms_core.content.drafts import Draft
from cms_core.content.models import Asset
from cms_core.content.placements import to_contract
from cms_core.content.review import approve_or_ask, approved_revision
from cms_core.content.revisions import head_of
from cms_core.db import PublicId
from cms_core.dialect import among
from cms_core.errors import ConfigError, Forbidden, Invalid, TryLater
from cms_core.events import hits
from cms_core.events import service as ledger
from cms_core.events.service import NewEvent, NewMeasurement
from cms_core.notices import for_plugins as notices
from cms_core.notices.transport import transport_of
from cms_core.publishing import live, planned, streams
from cms_core.publishing import service as publishing
from cms_core.publishing.models import Publication, PublicationState
from cms_core.publishing.receipts import WITH_RECEIPT, receipt_of
from cms_core.reports import of_asset, rollups
from cms_core.secrets import storable
from cms_core.workspace import Workspace, calling_workspace

T = TypeVar("T")


class Services:
    """The services for one plugin, in the name of ``actor`` (user's row id, by which door); None: the system itself."""

    def __init__(self, workspace: Workspace, plugin: str, actor: Actor | None = None) -> None:
        self._workspace = workspace
        self._plugin = plugin
        self._actor = actor
        self._open = threading.local()

    # --- who asks -----------------------------------------------------------------------------------------------------

    @cached_property
    def _asking(self) -> User | None:
        if self._actor is None:
            return None
        with self._workspace.db.session() as session:
            return session.get(User, self._actor[0])

    @property
    def user(self) -> c.User | None:
        """Who asks (by a page, a command); None where the system itself does (a job)."""
        return auth.as_contract(self._asking) if self._asking else None

    def can(self, permission: str) -> bool:
        """Whether who asks has this permission."""
        return self._asking is not None and auth.can(self._workspace.plugins, self._asking, permission)

    def require(self, permission: str) -> c.User:
        """Who asks, if they have this permission; raises Forbidden otherwise."""
        asking = self._author()
        auth.require(self._workspace.plugins, asking, permission)
        return auth.as_contract(asking)

    def _author(self) -> User:
        if self._asking is None:
            raise Forbidden("nobody is signed in", "sign in first")
        return self._asking

    # --- own tables and settings --------------------------------------------------------------------------------------

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A reading session for the plugin's own tables."""
        joined = getattr(self._open, "session", None)
        if joined is not None:
            yield joined
            return
        with self._workspace.db.session() as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A writing session for the plugin's own tables; commits at its end. No network call inside."""
        joined = getattr(self._open, "session", None)
        if joined is not None:
            yield joined
            return
        with self._workspace.db.transaction() as session:
            if self._actor is not None:
                session.info["actor"] = self._actor
            self._open.session = session
            try:
                yield session
            finally:
                self._open.session = None

    def settings(self) -> dict[str, Any]:
        """The plugin's own settings, secrets included, with the environment over what is stored."""
        work = self._workspace
        with self.session() as session:
            return plugin_settings.load_settings(
                session, work.vault, work.plugins, work.config.environ, self._plugin
            )

    def seal(self, values: Mapping[str, str]) -> str:
        """Encrypt what is to be kept secret in a table of the plugin's own (tokens of a session)."""
        return self._workspace.vault.encrypt(values)

    def unseal(self, text: str) -> dict[str, str]:
        """What was sealed; nothing where no key of this workspace fits (any more)."""
        try:
            return self._workspace.vault.decrypt(text)
        except ConfigError:
            return {}

    def save_settings(self, values: Mapping[str, Any]) -> None:
        """Replace the plugin's own settings; raises Invalid (with ``errors`` by field) where the schema refuses them."""
        work = self._workspace
        with self.transaction() as session:
            plugin_settings.save_settings(
                session, work.vault, work.plugins, work.config.environ, self._plugin, values
            )

    def note(self, action: str, kind: str, subject: str, changes: Mapping[str, Any]) -> None:
        """Write into the audit log what somebody did to ``subject`` (a public id), within the open transaction."""
        with self.transaction() as session:
            audit.note(session, action, kind, subject, changes)

    @property
    def merge_fields(self) -> tuple[c.FieldProvider, ...]:
        """All providers of merge fields: those of the core and of every plugin."""
        return tuple(self._workspace.plugins.merge_fields.values())

    @property
    def asset_kinds(self) -> Mapping[str, c.AssetKind]:
        """All kinds of content by name: those of the core and of every plugin."""
        return self._workspace.plugins.asset_kinds

    @property
    def event_types(self) -> Mapping[str, c.EventType]:
        """All kinds of event by name: those of the core and of every plugin."""
        return self._workspace.plugins.event_types

    def now(self) -> datetime:
        """The present instant."""
        return self._workspace.db.clock.now()

    @property
    def base_url(self) -> str:
        """The address under which the app and the tracked links are served."""
        return self._workspace.config.base_url

    def connections(self, channel: str) -> dict[str, c.Json]:
        """The public settings of each connection of a channel, by name, the oldest first."""
        query = select(Connection).where(Connection.channel == channel).order_by(Connection.id)
        with self.session() as session:
            return {row.name: dict(row.settings) for row in session.scalars(query)}

    def ask(self, hook: str, kind: type[T], /, **arguments: Any) -> list[tuple[str, T]]:
        """Call a hook that this plugin has brought by ``register_hookspecs``: (plugin, answer) of all, faults isolated."""
        found = self._workspace.plugins.each(hook, kind, **arguments)
        return [(plugin, answer) for plugin, answers in found for answer in answers]

    # --- content ------------------------------------------------------------------------------------------------------

    def asset(self, slug: str) -> c.Asset | None:
        """The newest approved revision of an asset, or None."""
        with self.session() as session:
            found = content.find_or_none(session, slug)
            revision = approved_revision(session, found) if found else None
            return to_contract(session, self._workspace, revision) if revision else None

    def save_asset(self, kind: str, title: str, body: c.Json, *, slug: str = "", locale: str = "") -> c.Saved:
        """Save a new asset, or with ``slug`` the newest words of that one, whose other facts stay; the same words add nothing.

        Approved at once where who asks may do so alone, else put up for review. Raises NotFound, Forbidden, and Invalid for words
        that break a rule.
        """
        with self.transaction() as session:
            author = self._author()
            found = content.find(session, slug) if slug else None
            draft = content.draft_of(session, found) if found else Draft(kind, title)
            draft = replace(draft, kind=kind, title=title, body=body, locale=locale or draft.locale)
            revision = content.save(session, self._workspace.plugins, found, draft, author)
            approve_or_ask(session, self._workspace, revision, author)
            saved = revision.asset
            return c.Saved(saved.public_id, saved.slug, revision.n, str(revision.state))

    def saved(self, asset: str) -> c.Saved | None:
        """How the newest words of an asset (by its id) stand, approved or not; None where it is put away or never was."""
        query = select(Asset).where(Asset.public_id == asset, Asset.archived_at.is_(None))
        with self.session() as session:
            found = session.scalars(query).first()
            head = head_of(session, found) if found else None
            return c.Saved(found.public_id, found.slug, head.n, str(head.state)) if found and head else None

    def slug_of(self, asset: str) -> str | None:
        """What an asset (by its id) is called in addresses, also when it is put away: for what is said of it; None of no asset."""
        with self.session() as session:
            return session.scalar(select(Asset.slug).where(Asset.public_id == asset))

    def keep_file(self, data: bytes, filename: str, mime: str) -> c.Media:
        """Keep a file that the plugin has checked, once per content; it has no address, and is part of backups and exports.

        An asset that names it in its body (``/media/<sha256>/<filename>``) gets it in its ``media``. Raises Invalid over 100 MB.
        """
        config = self._workspace.config
        stored = files.keep(config.media_dir, data, filename, mime)
        with self.transaction() as session:
            return files.to_contract(files.record(session, stored), config)

    def keep_picture(self, data: bytes, filename: str) -> c.Media:
        """Keep a picture of a stranger, encoded again from its pixels; it has no address. Raises Invalid for what is none."""
        config = self._workspace.config
        stored = files.take_in(config.media_dir, data, filename)
        if stored.mime not in files.RASTER:
            raise Invalid(f"{filename!r:.120} is no picture", "use PNG, JPEG, GIF or WebP")
        with self.transaction() as session:
            return files.to_contract(files.record(session, replace(stored, private=True)), config)

    def file(self, sha256: str) -> c.Media | None:
        """A stored file by the hash of its content."""
        with self.session() as session:
            found = files.find_any_file(session, sha256)
            return files.to_contract(found, self._workspace.config) if found else None

    def rendition(self, media: str, width: int, height: int = 0) -> c.Rendition:
        """A stored picture (by its id) at most ``width`` pixels wide, or cropped to ``width`` × ``height`` around its focal point.

        Never larger than the picture is; made once. Raises NotFound, and Invalid for what is no picture or a size over 4096.
        """
        with self.session() as session:
            found = files.find_by_public_id(session, media)
        return renditions.rendition(self._workspace.config, found, renditions.Spec.wanted(width, height))

    def redirect(self, slug: str) -> str | None:
        """The present slug of the asset that had this one before, where somebody decided that the old address leads there."""
        with self.session() as session:
            return renames.target_of(session, slug)

    def approved_versions(self) -> dict[str, str]:
        """Every asset that may be published now, by id, with a text that changes whenever it, or what is said of it, does."""
        with self.session() as session:
            return approved.versions(session)

    def assets(self, ids: Sequence[str]) -> list[c.Asset]:
        """The newest approved revisions of those of these assets that have one and are neither archived nor expired."""
        with self.session() as session:
            found = approved.revisions(session, ids)
            return [to_contract(session, self._workspace, each) for each in found]

    # --- people -------------------------------------------------------------------------------------------------------

    def find_contact(self, address: str) -> c.Contact | None:
        """The contact with this address, or None."""
        with self.session() as session:
            found = people.find_or_none(session, address)
            return people.to_contract(session, [found])[0] if found else None

    def address(self, text: str) -> str:
        """An e-mail address in the one spelling under which contacts are kept; raises Invalid for what is none."""
        return normalise(text)

    def upsert_contacts(self, contacts: Iterable[c.Contact]) -> list[str]:
        """Create or complete contacts by their address; returns their ids. Consent is never given this way."""
        with self.transaction() as session:
            return upsert.upsert_many(session, contacts, source=self._plugin)

    def contacts(self, ids: Iterable[str]) -> dict[str, c.Contact]:
        """Those of these contacts who live, by id."""
        with self.session() as session:
            rows = people.find_by_public_ids(session, ids)
            return {each.id: each for each in people.to_contract(session, rows)}

    def survivors(self, ids: Collection[str]) -> dict[str, str]:
        """For each of these contacts the one that it is now, after any number of merges; the erased are left out."""
        with self.session() as session:
            return past.survivors(session, ids)

    def fitting(self, rule: str, ids: Collection[str] | None = None) -> set[str]:
        """The living contacts (of ``ids``, None: of all) that fit a segment rule; raises Invalid where it is not understood."""
        with self.session() as session:
            return people.fitting(session, compile_rule(session, rule), ids)

    def upsert_company(self, company: c.Company) -> tuple[str, str]:
        """Create or complete a company by its name or domain; its id and "created", "updated" or "unchanged". Raises Invalid."""
        with self.transaction() as session:
            row, verdict = companies.upsert(session, company)
            return row.public_id, verdict

    def find_company(self, name_or_domain: str) -> c.Company | None:
        """The company of this name (whatever its case) or domain, or None."""
        with self.session() as session:
            found = companies.find_or_none(session, name_or_domain)
            return companies.to_contract(found) if found else None

    def companies(self, ids: Iterable[str]) -> dict[str, c.Company]:
        """Those of these companies that there are, by id."""
        with self.session() as session:
            found = companies.find_by_public_ids(session, ids)
            return {row.public_id: companies.to_contract(row) for row in found}

    def list_companies(
        self, words: str = "", *, after: str = "", limit: int | None = None
    ) -> list[tuple[c.Company, int]]:
        """Companies by name with how many contacts each has; ``after`` is the name to read on from, no limit: all."""
        with self.session() as session:
            found = companies.list_page(session, words, after=companies.key_of(after), limit=limit)
            return [(companies.to_contract(row), count) for row, count in found]

    def contacts_of(self, company: str, limit: int = 200) -> list[c.Contact]:
        """The newest living contacts of the company with this id."""
        with self.session() as session:
            found = companies.find_by_public_ids(session, [company])
            rows = companies.contacts_of(session, found[0], limit) if found else []
            return people.to_contract(session, rows)

    # --- what happened ------------------------------------------------------------------------------------------------

    def history(
        self, ids: Collection[str] | None, kinds: Collection[str], until: datetime
    ) -> Iterator[tuple[str, c.Event]]:
        """What humans among these living contacts (None: all) did of some kinds up to an instant, each with the contact's id.

        Events of merged contacts and of visitors who turned out to be one of them are among it.
        """
        with self.session() as session:
            yield from past.history(session, ids, kinds, until)

    def reclassified(self, since: datetime) -> list[str]:
        """The contacts of whom an event was found to be a machine's at or after an instant."""
        with self.session() as session:
            return past.reclassified(session, since)

    def identified(self, visitors: Collection[str]) -> dict[str, str]:
        """The contact that each of these visitors turned out to be, for those of whom that is known."""
        with self.session() as session:
            return past.identified(session, visitors)

    def identify(self, visitor: str, contact: str) -> bool:
        """Remember that an anonymous visitor is this contact, the first time it is known; whether it was news."""
        with self.transaction() as session:
            return past.identify(session, visitor, contact)

    def record_events(self, events: Sequence[c.Event]) -> int:
        """Add events to the ledger; recording one twice (by source and source_id) records it once. Returns how many were new."""
        with self.transaction() as session:
            return ledger.record(session, self._new_events(session, events))

    def record_visit(self, event: c.Event) -> bool:
        """Record a page load, once per visitor, page and 30 minutes; says whether it counted as a new visit."""
        with self.transaction() as session:
            (new,) = self._new_events(session, [event])
            return hits.record_visit(session, new)

    def notify(self, notice: c.Notice) -> bool:
        """Tell people of something that needs them, in the app and as each has chosen by mail; once as long as it is open.

        True when it was news. Raises Invalid for a notice that concerns nobody. A plugin that raises more than a hundred within an
        hour has the others counted in one.
        """
        with self.transaction() as session:
            return notices.notify(session, self._workspace, self._plugin, notice)

    def settle_notice(self, key: str) -> bool:
        """Close a notice of the plugin's own: nobody has to do anything about it any more. False when none was open."""
        with self.transaction() as session:
            return notices.resolve(session, self._plugin, key)

    @property
    def sends_mail(self) -> bool:
        """Whether mail of the system can go out: a transport is configured."""
        return transport_of(self._workspace.config) is not None

    def send_mail(self, to: str, subject: str, text: str) -> bool:
        """Mail words of the system to one address, whosesoever it is, after the commit; False where ``sends_mail`` is not.

        For what somebody asked for just now (a code, a confirmation); what markets goes out by ``send``. Raises Invalid for what is
        no address.
        """
        address = normalise(to)
        with self.transaction() as session:
            return notices.send_mail(session, self._workspace, address, subject, text)

    def last_campaign_of(self, visitor: str) -> str | None:
        """The key of the campaign that this visitor's newest visit of the last 30 days belongs to, or None."""
        with self.session() as session:
            return hits.last_campaign_of(session, visitor, self.now())

    def store_measurements(self, measurements: Sequence[c.Measurement]) -> int:
        """Store numbers that a channel reports; returns how many were new."""
        with self.transaction() as session:
            ids = _row_ids(session, Publication, (each.publication for each in measurements))
            found = [
                NewMeasurement(
                    ids.get(each.publication, 0),
                    each.metric,
                    to_micros(each.value),
                    each.at,
                    each.currency,
                    "" if each.publication else each.campaign,
                    "" if each.publication else each.channel,
                )
                for each in measurements
                if each.publication in ids or (not each.publication and each.campaign)
            ]
            return ledger.store_measurements(session, found)

    def _new_events(self, session: Session, events: Sequence[c.Event]) -> list[NewEvent]:
        """The events with the rows that they name; a handful of statements, however many events."""
        publications = _publications(session, {event.publication for event in events if event.publication})
        contacts = _row_ids(session, Contact, (event.contact for event in events))
        assets = _row_ids(session, Asset, (event.asset for event in events))
        return [
            self._new_event(
                event,
                publications.get(event.publication or ""),
                contacts.get(event.contact or ""),
                assets.get(event.asset or ""),
            )
            for event in events
        ]

    def _new_event(
        self, event: c.Event, publication: Publication | None, contact_id: int | None, asset_id: int | None
    ) -> NewEvent:
        campaign = event.campaign or (
            publication.campaign.key if publication and publication.campaign else None
        )
        return NewEvent(
            kind=event.kind,
            at=event.at,
            source=event.source or self._plugin,
            source_id=event.source_id,
            agent_class=event.agent_class,
            contact_id=contact_id,
            visitor=event.visitor,
            campaign=campaign,
            publication_id=publication.id if publication else None,
            asset_id=publication.asset_id if publication else asset_id,
            channel=publication.channel if publication else None,
            url=event.url,
            value_micros=to_micros(event.value) if event.value is not None else None,
            currency=event.currency or None,
            props=event.props,
        )

    # --- the calendar -------------------------------------------------------------------------------------------------

    def add_entry(
        self,
        key: str,
        title: str,
        when: str,
        *,
        kind: str = "task",
        ends_at: datetime | None = None,
        campaign: str = "",
        budget: c.Money | None = None,
    ) -> str:
        """Put a task, milestone or flight on the calendar, once for each key of the plugin; returns its id.

        ``when`` is a time as people write it ("2026-05-04 09:00 Europe/Paris"), ``campaign`` a key. Added again, a planned one gets
        the new time, end and title. Raises CmsError for what cannot be planned.
        """
        if kind not in list(EntryKind) or kind == EntryKind.PUBLISH:
            raise Invalid(f"a plugin adds no entries of kind {kind!r}", "task, milestone or flight")
        with self.transaction() as session:
            found = calendar.find_campaign(session, campaign) if campaign else None
            money = (to_micros(budget.amount), budget.currency) if budget else (None, "")
            wanted = calendar.Plan(
                parse_when(when, found.tz if found else "UTC"),
                title,
                EntryKind(kind),
                campaign=found,
                ends_at=ends_at,
                budget=money,
            )
            return calendar.plan_for_plugin(session, self._plugin, key, wanted).public_id

    # --- publications -------------------------------------------------------------------------------------------------

    def live(self, channel: str) -> list[c.Receipt]:
        """The receipts of what is public on a channel (heads of their chains)."""
        query = select(Publication).where(
            Publication.channel == channel,
            Publication.state == PublicationState.PUBLISHED,
            Publication.superseded_by_id.is_(None),
        )
        query = query.options(*WITH_RECEIPT).order_by(Publication.id)
        with self.session() as session:
            receipts = [receipt_of(row) for row in session.scalars(query)]
            return [receipt for receipt in receipts if receipt is not None]

    def address_of(self, asset: str, channel: str) -> str:
        """Where an asset is public on a channel (the newest of its addresses), or ""."""
        query = (
            select(Publication.external_url)
            .join(Publication.asset)
            .where(Asset.public_id == asset, Publication.channel == channel)
            .where(Publication.state == PublicationState.PUBLISHED, Publication.superseded_by_id.is_(None))
            .order_by(Publication.published_at.desc())
        )
        with self.session() as session:
            return session.scalars(query.limit(1)).first() or ""

    def pause(self, publication: str, reason: str) -> None:
        """Hold what has not gone out, pause what is being sent, and ask the channel to pause what is live.

        Raises CmsError for what is over, and for what is live where the channel cannot pause it.
        """
        with self.transaction() as session:
            found = publishing.find(session, publication)
            live.pause(session, self._workspace.plugins, found, reason)

    def resume(self, publication: str) -> None:
        """Undo a hold or a pause."""
        with self.transaction() as session:
            live.resume(session, self._workspace.plugins, publishing.find(session, publication))

    def withdraw(self, publication: str) -> None:
        """Ask for what is public to be taken back by the worker."""
        with self.transaction() as session:
            publishing.ask_withdrawal(session, publishing.find(session, publication))

    def send(
        self,
        asset: str,
        contacts: Sequence[str],
        *,
        key: str,
        connection: str,
        source: str,
        topic: str = "",
        campaign: str = "",
    ) -> str:
        """Send the approved words of an asset (slug) to contacts (ids), once for each key; returns the id of the publication.

        ``connection`` is channel:name, ``source`` names what sends (a sequence, a trigger; in the list of publications it is
        "<plugin>:<source>"), ``campaign`` is a key. Consent, suppression and caps are looked at when it goes out. Raises CmsError
        for what cannot be sent.
        """
        with self.transaction() as session:
            standing = streams.Standing(
                content.find(session, asset),
                connections.find_by_name(session, connection),
                f"{self._plugin}:{source}",
                topic,
                calendar.find_campaign(session, campaign) if campaign else None,
            )
            return streams.send(session, self._workspace, standing, contacts, key).public_id

    def close_source(self, source: str) -> int:
        """Let a source send no more; what was queued still goes out. Returns how many of its streams were open."""
        with self.transaction() as session:
            return streams.close(session, f"{self._plugin}:{source}")

    def settle(self, provider_id: str, status: c.OutcomeStatus, detail: str = "") -> bool:
        """Say what surely became of a delivery of one of the plugin's channels that was unknown until now.

        False when no unknown delivery has this id of the provider (it may be settled already).
        """
        plugins = self._workspace.plugins
        channels = [name for name in plugins.channels if plugins.owner_of_channel(name) == self._plugin]
        with self.transaction() as session:
            return streams.settle(session, channels, provider_id, status, storable(detail)[:500])

    def campaign(self, key: str) -> c.Campaign | None:
        """The campaign with this key, or None."""
        with self.session() as session:
            row = session.scalar(select(Campaign).where(Campaign.key == key))
            return planned.campaign(row) if row else None

    def campaigns(self) -> list[c.Campaign]:
        """All campaigns with their budgets, the latest start first."""
        with self.session() as session:
            return [planned.campaign(row) for row in calendar.campaigns(session)]

    def reached(self, asset: str) -> list[c.CampaignFigures]:
        """What an asset (by its id) reached in each campaign, the latest first; as far as it was counted while others write.

        Figures of people, as reports count them: neither machines nor money, and nobody's name.
        """
        if getattr(self._open, "session", None) is None:
            with suppress(TryLater):
                rollups.keep_up(self._workspace.db)
        with self.session() as session:
            return list(of_asset.reached(session, asset))

    def flights(self, channel: str) -> list[c.Flight]:
        """What is armed, running or over of the flights of a channel, the earliest first; without those that were cancelled."""
        with self.session() as session:
            return planned.flights(session, channel)


def current(plugin: str) -> Services:
    """The services of the app that is answering the present request; in a hook, those of the workspace that calls it."""
    from flask import g, has_app_context

    if not has_app_context():
        return Services(calling_workspace(), plugin)
    from cms_core.web.request import workspace

    return Services(workspace(), plugin, g.get("session_info", {}).get("actor"))


def _publications(session: Session, public_ids: set[str]) -> dict[str, Publication]:
    if not public_ids:
        return {}
    query = select(Publication).where(among(session, Publication.public_id, sorted(public_ids)))
    return {row.public_id: row for row in session.scalars(query)}


def _row_ids(session: Session, model: type[PublicId], public_ids: Iterable[str | None]) -> dict[str, int]:
    """The row ids of those of these public ids that exist, in one statement."""
    wanted = sorted({public_id for public_id in public_ids if public_id})
    if not wanted:
        return {}
    found = session.execute(select(model.public_id, model.id).where(among(session, model.public_id, wanted)))
    return dict(found.all())
