"""What somebody's points are: a pure function of what they did, the rules, and the instant of asking.

The points are the sum of the reasons, and nothing else. All is whole numbers:

- Half-life: an event of age *a* has lost half its points after each whole half-life and a straight share in between:
  ``points × (2h − a mod h) ÷ (2h × 2^(a div h))``, rounded to the nearest whole number, halves away from nothing.
- Cap: the events of a kind together give at most ``cap`` points (or take that many); the newest count first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cms_core import Event

NOTHING_LEFT = 64  # half-lives after which nothing is left of any points
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Rule:
    """What an event of one kind is worth: points (also below 0), the most of all together, and how fast they fade."""

    points: int
    cap: int | None = None
    half_life: timedelta | None = None


@dataclass(frozen=True)
class Reason:
    """One line of "why": the event (None: a rule of fit), its kind, the points that it gives now, and when it was."""

    event: str | None
    kind: str
    points: int
    at: datetime
    about: str = ""
    campaign: str | None = None


def faded(points: int, age: timedelta, half_life: timedelta | None) -> int:
    """The points that are left at this age; all of them before and at age 0."""
    if half_life is None or age <= timedelta(0):
        return points
    halvings, rest = divmod(age // _TICK, half_life // _TICK)
    if halvings >= NOTHING_LEFT:
        return 0
    span = 2 * (half_life // _TICK)
    return _rounded(points * (span - rest), span << halvings)


def _rounded(numerator: int, denominator: int) -> int:
    """The nearest whole number; halves away from 0."""
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return size if numerator >= 0 else -size


def reasons(events: Iterable[Event], rules: Mapping[str, Rule], as_of: datetime) -> list[Reason]:
    """Why somebody has their points at an instant, the newest first: each event once, whatever the order in which they come."""
    distinct = {event.id: event for event in events if event.kind in rules and event.at <= as_of}
    left = {kind: rule.cap for kind, rule in rules.items()}
    found = []
    for event in sorted(distinct.values(), key=lambda each: (each.at, each.id), reverse=True):
        rule = rules[event.kind]
        points = faded(rule.points, as_of - event.at, rule.half_life)
        room = left[event.kind]
        if room is not None:
            points = max(-room, min(room, points))
            left[event.kind] = room - abs(points)
        if points:
            found.append(Reason(event.id, event.kind, points, event.at, event.url or "", event.campaign))
    return found
