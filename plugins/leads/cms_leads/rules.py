"""The rules of points: defaults of the kinds of event, over them what the workspace says, and rules of fit over contacts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cms_core import EventType, Invalid
from cms_leads.scoring import Rule

MOST_POINTS = 10_000
MOST_RULES = 50
_LINE = re.compile(
    r"(?P<kind>[a-z][a-z0-9_]{0,39})\s*[:=]?\s*(?P<points>[+-]?\d{1,5})"
    r"(?:\s+cap\s+(?P<cap>\d{1,5}))?(?:\s+half-life\s+(?P<number>\d{1,4})\s*(?P<unit>h|d|w|hours?|days?|weeks?))?",
    re.ASCII,
)
_FIT = re.compile(
    r'(?P<points>[+-]?\d{1,5})\s+(?:"(?P<label>[^"]{1,100})"\s+)?when\s+(?P<rule>\S.*)', re.DOTALL | re.ASCII
)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True)
class Fit:
    """Points for contacts that a segment rule fits (below 0: that speak against them)."""

    points: int
    rule: str
    label: str


@dataclass(frozen=True)
class Model:
    """All that decides about points: by kind of event, by fit, and from how many on a contact is handed over to sales."""

    kinds: Mapping[str, Rule]
    fits: tuple[Fit, ...]
    threshold: int
    answer_within: timedelta


def model(types: Mapping[str, EventType], settings: Mapping[str, Any]) -> Model:
    """The model of a workspace. Kinds that give no points are left out."""
    kinds = {kind: Rule(each.points, each.cap, each.half_life) for kind, each in types.items()}
    kinds |= dict(map(read_points, settings["points"]))
    return Model(
        {kind: rule for kind, rule in kinds.items() if rule.points and rule.cap != 0},
        tuple(map(read_fit, settings["fit"])),
        settings["threshold"],
        timedelta(hours=settings["answer_hours"]),
    )


def read_points(line: str) -> tuple[str, Rule]:
    """The kind and rule of a line like ``clicked 3 cap 15 half-life 30 days``; raises Invalid."""
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise Invalid(
            f"{line[:80]!r} is no rule of points", 'write it like "clicked 3 cap 15 half-life 30 days"'
        )
    half_life = int(found["number"]) * _UNITS[found["unit"][0]] if found["number"] else None
    if half_life == timedelta(0):
        raise Invalid(f"{line[:80]!r}: a half-life of nothing", "leave it out, or give at least 1 hour")
    cap = int(found["cap"]) if found["cap"] else None
    return found["kind"], Rule(_bounded(found["points"]), cap, half_life)


def read_fit(line: str) -> Fit:
    """The rule of a line like ``10 "Works in France" when country = "FR"``; raises Invalid. Fields are not looked up."""
    found = _FIT.fullmatch(line.strip())
    if found is None:
        raise Invalid(f"{line[:80]!r} is no rule of fit", 'write it like: 10 when country = "FR"')
    rule = found["rule"].strip()
    return Fit(_bounded(found["points"]), rule, found["label"] or rule)


def each_once(kinds: Iterable[str]) -> None:
    """Raises Invalid where two lines are about one kind."""
    seen = set()
    for kind in kinds:
        if kind in seen:
            raise Invalid(f"two rules for {kind}", "keep one of them")
        seen.add(kind)


def _bounded(text: str) -> int:
    points = int(text)
    if abs(points) > MOST_POINTS:
        raise Invalid(f"{points:,} points are too many", f"give between {-MOST_POINTS:,} and {MOST_POINTS:,}")
    return points
