"""Days as vendors write them: ISO, ``04.05.2026``, ``5/4/2026``, ``May 4, 2026``, ``4 mai 2026``, ``20260504``."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from functools import cache

LANGUAGES = ("en", "de", "fr")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]\d\d:\d\d.*)?")
_TIGHT = re.compile(r"(\d{4})(\d\d)(\d\d)")
_PARTED = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d\d)(?: .*)?")
_YEAR_FIRST = re.compile(r"(\d{4})[./](\d{1,2})[./](\d{1,2})")
_WORDED = re.compile(
    r"(?:[^\W\d]+\.?,? )??(?:(\d{1,2})(?:er|\.)? ([^\W\d]+)\.?|([^\W\d]+)\.? (\d{1,2})),? (\d{4})"
)


def learn(texts: Iterable[str], usual: str) -> str:
    """Whether day ("dmy") or month ("mdy") comes first where dates are written by figures; ``usual`` where nothing tells."""
    votes = set()
    for text in texts:
        found = _PARTED.fullmatch(text.strip())
        if found and (int(found[1]) > 12 or found[2] == "."):
            votes.add("dmy")
        elif found and int(found[3]) > 12:
            votes.add("mdy")
    return votes.pop() if len(votes) == 1 else usual


def is_ambiguous(texts: Iterable[str]) -> bool:
    """Whether some day could be read both ways and be another one, and none of them tells how it is meant."""
    found = [match for text in texts if (match := _PARTED.fullmatch(text.strip())) and match[2] != "."]
    tells = any(int(match[1]) > 12 or int(match[3]) > 12 for match in found)
    return not tells and any(match[1] != match[3] for match in found)


def parse(text: str, order: str) -> date:
    """The day of a cell; raises ValueError for what is none."""
    text = " ".join(unicodedata.normalize("NFKC", text).split())
    for pattern in (_ISO, _YEAR_FIRST, _TIGHT):
        if found := pattern.fullmatch(text):
            return date(int(found[1]), int(found[2]), int(found[3]))
    if found := _PARTED.fullmatch(text):
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        day, month = (second, first) if order == "mdy" and found[2] != "." else (first, second)
        return date(year if year > 99 else 2000 + year, month, day)
    if found := _WORDED.fullmatch(text):
        month = _months().get(_plain(found[2] or found[3]), 0)
        return date(int(found[5]), month, int(found[1] or found[4]))
    raise ValueError(f"{text[:40]!r} is not a day")


def period(text: str, order: str) -> tuple[date, date] | None:
    """The first and last day that a line names ("1 May 2026 - 31 May 2026"), if it is such a line."""
    text = text.strip().strip('"').partition(": ")[2] or text.strip().strip('"')
    for parted in (" - ", " – ", " — ", ",", " to ", " bis ", " au "):
        halves = text.split(parted)
        if len(halves) == 2 or (len(halves) == 4 and parted == ","):
            half = len(halves) // 2
            try:
                found = tuple(parse(parted.join(each), order) for each in (halves[:half], halves[half:]))
            except ValueError:
                continue
            return found[0], found[1]
    return None


@cache
def _months() -> dict[str, int]:
    from babel import Locale

    found = {}
    for language in LANGUAGES:
        for widths in Locale(language).months.values():
            for width in ("wide", "abbreviated"):
                found.update({_plain(name): n for n, name in widths.get(width, {}).items()})
    return {**found, "mrz": 3, "sept": 9}


def _plain(word: str) -> str:
    return word.casefold().rstrip(".")
