"""To which of our campaigns and flights a vendor's campaign belongs.

In this order: what a person has said (``cms ads map``); a flight with the same title; a campaign with the same name or key; the
utm_campaign of its address. Within its campaign a row belongs to the one flight of that vendor that runs on its day, if there is
one.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select

from cms_ads.models import Mapping as Mapped
from cms_ads.settings import CHANNEL
from cms_core import Campaign, Flight, NotFound, Services

_NOT_WORD = re.compile(r"[\W_]+")


@lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """A name as it is compared: its words without case and signs."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return (_NOT_WORD.sub("-", text).strip("-") or text.strip())[:300]


class Target(NamedTuple):
    """A campaign (its key), and the publication of a flight, or ""."""

    campaign: str
    publication: str = ""


class Belonging:
    """All that is needed to tell, read once."""

    def __init__(
        self,
        campaigns: Sequence[Campaign],
        flights: Sequence[Flight],
        mapped: Mapping[str, str],
        vendors: Mapping[str, str],
    ) -> None:
        self.campaigns = {each.key: each for each in campaigns}
        self.currencies = {each.key: each.budget.currency for each in campaigns if each.budget}
        self._mapped = {name: key for name, key in mapped.items() if key in self.campaigns}
        self._names = {folded(text): each.key for each in campaigns for text in (each.key, each.name)}
        self.flights = [each for each in flights if each.campaign]
        self._titles = {folded(each.title): each for each in self.flights}
        self._vendors = vendors

    @classmethod
    def of(cls, svc: Services) -> "Belonging":
        """As it is now."""
        with svc.session() as session:
            mapped = {row.name: row.campaign for row in session.scalars(select(Mapped))}
        vendors = {name: str(settings.get("vendor")) for name, settings in svc.connections(CHANNEL).items()}
        return cls(svc.campaigns(), svc.flights(CHANNEL), mapped, vendors)

    def of_row(self, vendor: str, name: str, utm: str, day: date) -> Target | None:
        """To what a row belongs; None: to nothing of ours yet."""
        same = folded(name)
        titled = self._titles.get(same)
        if titled and same not in self._mapped and self._vendors.get(titled.connection) == vendor:
            return Target(titled.campaign, titled.publication)
        key = self._mapped.get(same) or self._names.get(same) or (utm if utm in self.campaigns else "")
        if not key:
            return None
        running = [each for each in self.flights if each.campaign == key and self._runs(each, vendor, day)]
        return Target(key, running[0].publication if len(running) == 1 else "")

    def currency_of(self, name: str, utm: str) -> str:
        """The currency of the budget of the campaign that a row belongs to, or ""."""
        same = folded(name)
        titled = self._titles.get(same)
        key = self._mapped.get(same) or (titled.campaign if titled else "") or self._names.get(same) or utm
        return self.currencies.get(key, "")

    def _runs(self, flight: Flight, vendor: str, day: date) -> bool:
        zone = (
            ZoneInfo(self.campaigns[flight.campaign].tz)
            if flight.campaign in self.campaigns
            else ZoneInfo("UTC")
        )
        first = flight.starts_at.astimezone(zone).date()
        last = flight.ends_at.astimezone(zone).date() if flight.ends_at else date.max
        return self._vendors.get(flight.connection) == vendor and first <= day <= last


def say(svc: Services, name: str, campaign: str) -> str:
    """A person says that a vendor's campaign is one of ours (its name or key); returns the key. Raises NotFound."""
    wanted = {text: each.key for each in svc.campaigns() for text in (each.name, each.key, each.id)}
    key = wanted.get(campaign)
    if key is None:
        raise NotFound(f"there is no campaign {campaign[:200]!r}", "`cms campaigns list` shows them")
    with svc.transaction() as session:
        session.merge(Mapped(name=folded(name), campaign=key))
    return key
