"""How Google Ads, Microsoft Advertising and Meta name the columns of their reports, in English, German and French."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

VENDORS = {"google": "Google Ads", "microsoft": "Microsoft Advertising", "meta": "Meta"}

_COST = {
    "google": "cost|kosten|coût|cost micros|metrics.cost micros",
    "microsoft": "spend|ausgaben|dépenses|dépense",
    "meta": "amount spent|ausgegebener betrag|montant dépensé",
}
_NAMES = {
    "campaign": "campaign|campaign name|campaignname|campaign.name|kampagne|kampagnenname|campagne|nom de la campagne",
    "day": "day|date|timeperiod|time period|gregorian date|gregoriandate|segments.date|tag|datum|gregorianisches datum|"
    "zeitraum|jour|date grégorienne|période",
    "starts": "reporting starts|date start|berichtsstart|auswertungsbeginn|beginn des berichtszeitraums|début des rapports",
    "ends": "reporting ends|date stop|berichtsende|auswertungsende|ende des berichtszeitraums|fin des rapports",
    "clicks": "clicks|metrics.clicks|klicks|clics|link clicks|link-klicks|clics sur un lien|clics sur le lien",
    "all_clicks": "clicks (all)|klicks (alle)|clics (tous)|clics (tout)",
    "impressions": "impr|impressions|metrics.impressions|impressionen",
    "currency": "currency|currency code|currencycode|customer.currency code|account currency|währung|währungscode|devise|"
    "code de devise|code de la devise|code devise",
    "account": "account|account name|accountname|customer.descriptive name|konto|kontoname|compte|nom du compte",
    "url": "final url|final url suffix|url parameters|tracking template|destination url|landing page url|website url|"
    "finale url|url-parameter|ziel-url|url finale|paramètres d'url|url de destination",
}
_GERMAN = "kampagne|kampagnenname|kosten|ausgaben|ausgegebener betrag|klicks|tag|datum|impressionen|währung|währungscode"
_FRENCH = "campagne|nom de la campagne|coût|dépenses|montant dépensé|clics|jour|devise|code de devise|compte"
_CODE = re.compile(r"\(([A-Z]{3})\)\s*$")


@dataclass
class Columns:
    """Which column of a file means what; ``cost_in`` is the currency in the name of the cost column."""

    vendor: str
    places: dict[str, int] = field(default_factory=dict)
    cost_in: str = ""
    micros: bool = False
    language: str = "en"

    def cell(self, cells: Sequence[str], role: str) -> str:
        """What a row says in this column; "" where there is none."""
        place = self.places.get(role)
        return cells[place].strip() if place is not None and place < len(cells) else ""


def plain(header: str) -> str:
    """A header as it is compared: without case, points at its end and a currency in brackets."""
    text = unicodedata.normalize("NFKC", _CODE.sub("", header.strip().strip("\ufeff")))
    return " ".join(text.replace("_", " ").replace("’", "'").casefold().split()).rstrip(".")


def is_known(header: str) -> bool:
    """Whether a header means something here."""
    return plain(header) in _ROLES or plain(header) in _COSTS


def read_header(header: Sequence[str], vendor: str = "") -> Columns:
    """What the columns of a report mean; the name of its cost tells the vendor, unless that is given."""
    names = [plain(each) for each in header]
    costs = [n for n, name in enumerate(names) if name in _COSTS]
    found = Columns(vendor or (_COSTS[names[costs[0]]] if costs else ""))
    for n, name in enumerate(names):
        role = _ROLES.get(name)
        if role and role not in found.places:
            found.places[role] = n
    if costs:
        found.places["cost"] = costs[0]
        code = _CODE.search(header[costs[0]].strip())
        found.cost_in, found.micros = (code[1] if code else ""), names[costs[0]].endswith("micros")
    if "clicks" not in found.places and "all_clicks" in found.places:
        found.places["clicks"] = found.places["all_clicks"]
    found.language = _language(names)
    return found


def _language(names: Sequence[str]) -> str:
    german = sum(name in _GERMAN.split("|") for name in names)
    french = sum(name in _FRENCH.split("|") for name in names)
    return "en" if not german and not french else "de" if german >= french else "fr"


_ROLES = {name: role for role, names in _NAMES.items() for name in names.split("|")}
_COSTS = {name: vendor for vendor, names in _COST.items() for name in names.split("|")}
