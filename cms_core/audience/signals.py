"""What the cells of another product's export say of consent: the strictest of them counts, and an empty one says nothing."""

import csv
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cms_core.audience.consent import Standing

MAX_EVIDENCE = 200
MAX_TAGS = 50
_NO = frozenset("0 false f no n nein non none null falsch faux unchecked - n/a [] {}".split())
_YES = frozenset("1 true t yes y ja oui si sí wahr vrai checked x".split())
_TIME = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d|\d{10,13}$|[a-z]{3,9}\.? \d{1,2},? \d{4}", re.IGNORECASE)
_STATUS = {
    "yes": "subscribed enabled active confirmed opted-in optin yes true 1 marketing-contact",
    "no": "disabled inactive unconfirmed pending nonsubscribed non-subscribed transactional archived no false 0 "
    "non-marketing-contact",
    "unsubscribed": "unsubscribed blocklisted blacklisted opted-out optout complained abuse spam",
    "bounced": "cleaned bounced hard-bounced hardbounced undeliverable invalid",
}
_MEANING = {word: meaning for meaning, words in _STATUS.items() for word in words.split()}
_BOUNCED = "bounced"
# From what says least to what beats all.
_ORDER = ("", Standing.YES, Standing.NO, Standing.UNSUBSCRIBED)


@dataclass(frozen=True)
class Said:
    """What a row says: consent in the words of the import ("" for nothing), and whether mail came back for good."""

    consent: str = ""
    bounced: bool = False


def read_signals(cells: Sequence[tuple[str, str]], consent: str = "") -> Said:
    """What pairs of (signal, filled cell) say together with a consent that the row states itself."""
    said = [_SAYS[signal](text) for signal, text in cells if signal in _SAYS]
    words = [consent, *(each for each in said if each != _BOUNCED)]
    return Said(max(words, key=_ORDER.index), _BOUNCED in said)


def evidence_of(cells: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """The cells, (header, signal, text), that a later question about a consent is answered with."""
    kept = (each for each in cells if each[1] in _SAYS or each[1] == "@evidence")
    return {header[:80]: text[:MAX_EVIDENCE] for header, _, text in kept}


def split_tags(text: str) -> list[str]:
    """The tags of a cell: a JSON list, or words between commas, semicolons or bars, with or without quotes."""
    if text.startswith("["):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, list):
            names = (each.get("name", "") if isinstance(each, dict) else each for each in found)
            return _tidy(str(each) for each in names if isinstance(each, str | int))
    quoted = re.findall(r'"([^"]*)"', text)
    return _tidy(
        next(csv.reader([" ".join(text.split())], skipinitialspace=True), [])
        if quoted
        else re.split(r"[,;|]", text)
    )


def split_name(text: str) -> dict[str, str]:
    """A whole name as its first word and the others."""
    first, _, last = " ".join(text.split()).partition(" ")
    return {name: part for name, part in (("first_name", first), ("last_name", last)) if part}


def read_attributes(text: str) -> Mapping[str, str]:
    """A JSON object as fields of text; what holds more than one value stays JSON. Nothing for what is no object."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(name): written for name, value in found.items() if (written := _plain(value))}


def _plain(value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            return value.strip()
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _tidy(names: Iterable[str]) -> list[str]:
    tidy = (" ".join(each.split()) for each in names)
    return list(dict.fromkeys(each for each in tidy if each))[:MAX_TAGS]


def _is_so(text: str) -> bool:
    return text.casefold() not in _NO and not text.startswith("0000-00-00")


def _agreed(text: str) -> str:
    """Only a plain yes or a time is one: of any other word nobody knows what it says."""
    return Standing.YES if _is_so(text) and (text.casefold() in _YES or _TIME.match(text)) else ""


def _status(text: str) -> str:
    return _MEANING.get(re.sub(r"[\s_-]+", "-", text.casefold()), "")


def _do_not_contact(text: str) -> str:
    """Mautic numbers its reasons: 0 none, 1 unsubscribed, 2 bounced, 3 by hand."""
    if not _is_so(text):
        return ""
    return _BOUNCED if text == "2" or "bounce" in text.casefold() else Standing.UNSUBSCRIBED


def _when_so(said: str) -> Callable[[str], str]:
    return lambda text: said if _is_so(text) else ""


_SAYS: Mapping[str, Callable[[str], str]] = {
    "@unsubscribed": _when_so(Standing.UNSUBSCRIBED),
    "@bounced": _when_so(_BOUNCED),
    "@declined": _when_so(Standing.NO),
    "@agreed": _agreed,
    "@status": _status,
    "@do_not_contact": _do_not_contact,
}
