"""The channel ``site``: publishes assets as pages of the public site, which this workspace serves itself."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy.exc import IntegrityError

from cms_core import (
    Absent,
    Channel,
    Finding,
    Idempotency,
    IdempotencyRule,
    Identity,
    Json,
    Link,
    Placement,
    Prepared,
    Preview,
    Receipt,
    Refused,
    merge,
)
from cms_seo import findings, jsonld, render, store
from cms_seo.addresses import BadPath
from cms_seo.content import Content, compose, excerpt
from cms_seo.models import Page, PageState
from cms_seo.schemas import SiteSettings
from cms_seo.sites import CHANNEL, Site


class SiteChannel(Channel):
    """A page is a row with the publication's id as its key: the same key is the same page, for ever."""

    name = CHANNEL
    label = "Website"
    group = "seo"
    asset_kinds = ("article", "landing-page", "case-study", "product-guide", "faq", "one-pager", "video")
    connection_schema = SiteSettings
    limits = {"title": findings.TITLE_LENGTH, "summary": findings.DESCRIPTION_LENGTH}
    override_fields = (
        ("meta_title", "Title in search results"),
        ("meta_description", "Description in search results"),
        ("path", "Path"),
        ("goal", "Goal"),
        ("author", "Author"),
    )
    grace = timedelta(hours=24)
    idempotency = IdempotencyRule(Idempotency.CLIENT_ID)

    def test(self, link: Link) -> Identity:
        """The site is ours: its settings are all there is to know."""
        site = Site.of(link.connection, link.settings)
        return Identity(site.title, site.base_url, rights=("publish", "withdraw"))

    def check(self, placement: Placement) -> Iterable[Finding]:
        return findings.check(placement)

    def preview(self, placement: Placement) -> Preview:
        """The page as it will look, and what search results show of it; what keeps it from being made is told instead."""
        site = Site.of(placement.connection, placement.settings)
        try:
            content = compose(placement)
        except (merge.MergeError, BadPath) as error:
            return Preview(placement.asset.title, text=str(error))
        path = site.address(content.slug, content.path)
        shown = render.Shown(site, content, path, placement.due_at, placement.due_at)
        facts = (
            ("Address", shown.url if site.base_url else shown.path),
            ("Title in search results", shown.head_title),
            ("Description in search results", excerpt(content.description)),
            ("Structured data", jsonld.type_of(content)),
            ("Words", f"{content.words} ({shown.minutes} min)"),
        )
        return Preview(content.title, render.page(shown, inline_style=True), "", facts)

    def prepare(self, link: Link, placement: Placement, progress: Json | None) -> Prepared:
        try:
            return Prepared(compose(placement).to_json())
        except (merge.MergeError, BadPath) as error:
            raise Refused(f"the page cannot be made: {error}") from error

    def publish(self, link: Link, prepared: Prepared, key: str, previous: Receipt | None) -> Receipt:
        try:
            return _put(link, prepared, key, previous)
        except IntegrityError:  # somebody put a page there at the same moment: now it is seen
            return _put(link, prepared, key, previous)

    def reconcile(self, link: Link, prepared: Prepared, key: str) -> Receipt | Absent:
        """The page's row was committed, or it was not: there is no third way."""
        with link.services.session() as session:
            page = store.by_key(session, key)
            return _receipt(link, page) if page is not None and page.state == PageState.LIVE else Absent()

    def withdraw(self, link: Link, receipt: Receipt) -> None:
        with link.services.transaction() as session:
            store.take_down(session, str(receipt.data.get("key", receipt.publication)), link.now())


def _put(link: Link, prepared: Prepared, key: str, previous: Receipt | None) -> Receipt:
    content = Content.of(prepared.data)
    replaces = (previous.external_id, str(previous.data.get("key", ""))) if previous else None
    with link.services.transaction() as session:
        return _receipt(link, store.put(session, link.connection, key, content, replaces, link.now()))


def _receipt(link: Link, page: Page) -> Receipt:
    site = Site.of(link.connection, link.settings)
    url = site.url(site.address(page.slug, page.path))
    return Receipt(page.public_id, url, {"key": page.key, "path": page.path})
