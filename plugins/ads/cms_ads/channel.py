"""The channel ``ads``: flights at vendors. It asks no vendor for anything: a flight is recorded here and set up by people there."""

from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cms_ads.models import Running
from cms_ads.settings import CHANNEL, AccountSettings
from cms_ads.vendors import VENDORS
from cms_core import (
    Absent,
    Channel,
    Finding,
    Idempotency,
    IdempotencyRule,
    Identity,
    Json,
    Level,
    Link,
    Placement,
    Prepared,
    Preview,
    Receipt,
    utm_for,
    with_utm,
)

HEADLINE, DESCRIPTION = 30, 90  # characters of a responsive search ad, the tightest of the three


class AdsChannel(Channel):
    """A flight is a row with the publication's id as its key: the same key is the same flight."""

    name = CHANNEL
    label = "Ads"
    group = "ads"
    asset_kinds = ("ad", "landing-page", "article", "case-study", "video", "social-post")
    connection_schema = AccountSettings
    limits = {"headline": HEADLINE, "description": DESCRIPTION}
    override_fields = (
        ("headline", "Headline"),
        ("description", "Description"),
        ("final_url", "Final address"),
    )
    grace = timedelta(days=1)
    idempotency = IdempotencyRule(Idempotency.CLIENT_ID)

    def test(self, link: Link) -> Identity:
        """Nothing is asked of the vendor: who we are there is what a person has said."""
        vendor = VENDORS.get(str(link.settings.get("vendor")), "")
        return Identity(str(link.settings.get("account") or vendor), rights=("costs by report",))

    def check(self, placement: Placement) -> Iterable[Finding]:
        body = placement.asset.body
        for field, most in self.limits.items():
            text = str(body.get(field) or "")
            if len(text) > most:
                yield Finding(Level.WARNING, field, f"{len(text)} characters; search ads show {most} at most")
        url = str(body.get("final_url") or "")
        if not url:
            yield Finding(Level.NOTE, "final_url", "no final address: visits cannot be told to be this ad's")
        elif not _is_address(url):
            yield Finding(
                Level.ERROR, "final_url", "not an address; write one like https://www.example.com/offer"
            )

    def preview(self, placement: Placement) -> Preview:
        """The words as a search ad has them, and the final address with its UTM parameters."""
        body, asset = placement.asset.body, placement.asset
        facts = [
            ("Headline", str(body.get("headline") or asset.title)),
            ("Final address", final_url(placement)),
        ]
        text = str(body.get("description") or asset.summary or body.get("text") or "")
        return Preview(asset.title, text=text, facts=tuple((name, value) for name, value in facts if value))

    def prepare(self, link: Link, placement: Placement, progress: Json | None) -> Prepared:
        return Prepared({"title": placement.asset.title, "url": final_url(placement)})

    def publish(self, link: Link, prepared: Prepared, key: str, previous: Receipt | None) -> Receipt:
        try:
            return _start(link, prepared, key, previous)
        except IntegrityError:  # the same flight was started at the same moment: now it is seen
            return _start(link, prepared, key, previous)

    def reconcile(self, link: Link, prepared: Prepared, key: str) -> Receipt | Absent:
        """The row was committed, or it was not: there is no third way."""
        with link.services.session() as session:
            row = _shown(session, key)
            return _receipt(row, prepared) if row is not None and row.state != "ended" else Absent()

    def withdraw(self, link: Link, receipt: Receipt) -> None:
        """The flight is over here; at the vendor it ends by its own end date, or by a person."""
        _change(link, receipt, "ended")

    def set_active(self, link: Link, receipt: Receipt, on: bool) -> None:
        """Mark it here; at the vendor a person does it (whoever asks for the pause says so)."""
        _change(link, receipt, "running" if on else "paused")


def final_url(placement: Placement) -> str:
    """Where the ad leads, with the campaign's UTM parameters; "" where it has no address."""
    url = str(placement.asset.body.get("final_url") or "")
    vendor = str(placement.settings.get("vendor") or CHANNEL)
    return with_utm(url, utm_for(placement, source=vendor, medium="cpc")) if _is_address(url) else ""


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https") and bool(parts.hostname) and not any(each.isspace() for each in url)
    )


def _start(link: Link, prepared: Prepared, key: str, previous: Receipt | None) -> Receipt:
    with link.services.transaction() as session:
        row = _shown(session, key)
        if row is None and previous is not None:
            row = session.scalar(select(Running).where(Running.key == previous.external_id))
        if row is None:
            row = Running(key=key, connection=link.connection)
            session.add(row)
        row.shown, row.title, row.state = key, str(prepared.data.get("title", ""))[:500], "running"
        row.changed_at = link.now()
        session.flush()
        return _receipt(row, prepared)


def _shown(session: Session, key: str) -> Running | None:
    return session.scalar(select(Running).where(Running.shown == key))


def _receipt(row: Running, prepared: Prepared) -> Receipt:
    return Receipt(row.key, str(prepared.data.get("url", "")))


def _change(link: Link, receipt: Receipt, state: str) -> None:
    with link.services.transaction() as session:
        row = session.scalar(select(Running).where(Running.key == receipt.external_id))
        if row is not None and row.state != "ended":
            row.state, row.changed_at = state, link.now()
