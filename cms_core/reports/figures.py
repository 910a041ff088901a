"""The figures of a report: their names, in their order, and what each one counts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from cms_core.campaigns.money import from_micros


@dataclass(frozen=True)
class Figures:
    """The figures of one row: a campaign, one of its channels, or one of its assets."""

    addressed: int = 0
    sent: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    pending: int = 0
    bounced: int = 0
    opened_people: int = 0
    opened_total: int = 0
    clicked_people: int = 0
    clicked_total: int = 0
    machine_opens: int = 0
    machine_clicks: int = 0
    visits: int = 0
    conversions: int = 0
    cost: Decimal = Decimal(0)
    likes: int = 0
    reposts: int = 0
    replies: int = 0
    quotes: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int], people: Mapping[str, int]) -> "Figures":
        """The figures from what was added up (cost in micros) and the people counted at this level."""
        plain = {name: counts[name] for name in DEFINITIONS if name in counts and name != "cost"}
        return cls(
            **plain,
            opened_people=people.get("opened", 0),
            clicked_people=people.get("clicked", 0),
            cost=from_micros(counts.get("cost", 0)),
        )

    def document(self) -> dict[str, Any]:
        """The figures by name."""
        return asdict(self)


@dataclass(frozen=True)
class Definition:
    """What a figure is called and what it counts."""

    label: str
    text: str


DEFINITIONS: dict[str, Definition] = {
    "addressed": Definition("Addressed", "Members of the segment when the run started: one delivery each."),
    "sent": Definition("Sent", "Deliveries that the receiving server accepted. A later bounce does not take one back."),
    "failed": Definition("Failed", "Deliveries that the server refused for good, or that were given up."),
    "unknown": Definition("Not known", "Deliveries of which nobody knows whether they arrived; never sent again by themselves."),
    "skipped": Definition("Skipped", "Nothing was sent: no consent, suppressed, over a cap, no address, or cancelled."),
    "pending": Definition("Pending", "Deliveries still to be made. 0 once the run has ended."),
    "bounced": Definition("Bounced", "Deliveries reported as bounced, each counted once."),
    "opened_people": Definition("People who opened", "Different contacts with at least one open by a human."),
    "opened_total": Definition("Opens", "All opens by humans, repeated ones too."),
    "clicked_people": Definition("People who clicked", "Different contacts with at least one click by a human."),
    "clicked_total": Definition("Clicks", "All clicks by humans, repeated ones too."),
    "machine_opens": Definition("Opens by machines", "Opens by anything but a human: scanner, proxy, bot, internal, unknown."),
    "machine_clicks": Definition("Clicks by machines", "Clicks by anything but a human."),
    "visits": Definition("Visits", "Page loads of the public site by humans; the same visitor and page within 30 minutes: one."),
    "conversions": Definition("Conversions", "Conversions by humans, or recorded by the system itself."),
    "cost": Definition("Cost", "The newest cost that the channel reported for each publication, in the campaign's currency."),
    "likes": Definition("Likes", "The newest number of likes that the channel reported for each post that is public."),
    "reposts": Definition("Reposts", "The same of reposts: shown again by others as it is."),
    "replies": Definition("Replies", "The same of replies, without the posts of one's own thread."),
    "quotes": Definition("Quotes", "The same of quotes: shown again by others with words of their own."),
}  # fmt: skip
