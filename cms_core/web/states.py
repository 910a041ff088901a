"""Every state of the closed lists as people see it: words, a mark and a weight, so that colour is never the only sign."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StateMark:
    """Words for a state, the icon and character that go with it, and its level ("", ok, warn, bad, br)."""

    words: str
    icon: str
    glyph: str
    level: str = ""


STATES: dict[str, StateMark] = {
    # entries
    "planned": StateMark("Planned", "circle-dashed", "◌"),
    "armed": StateMark("Armed", "calendar-check", "●", "br"),
    "done": StateMark("Done", "check-check", "✓", "ok"),
    "dropped": StateMark("Dropped", "circle-slash", "∅"),
    # content
    "draft": StateMark("Draft", "pen-line", "✎", "warn"),
    "in_review": StateMark("In review", "clock", "◷", "warn"),
    "approved": StateMark("Approved", "circle-check", "✓", "ok"),
    "superseded": StateMark("Superseded", "history", "↺"),
    "changes_requested": StateMark("Changes requested", "message-square", "↩", "bad"),
    "archived": StateMark("Archived", "archive", "▭"),
    # publications
    "scheduled": StateMark("Scheduled", "calendar-clock", "◷", "br"),
    "preparing": StateMark("Preparing", "loader", "…", "br"),
    "committing": StateMark("Going out", "send", "➤", "br"),
    "sending": StateMark("Sending", "send", "➤", "br"),
    "retry_wait": StateMark("Waiting to try again", "rotate-ccw", "↻", "warn"),
    "published": StateMark("Published", "check-check", "✓", "ok"),
    "withdrawn": StateMark("Withdrawn", "undo-2", "↶"),
    "failed": StateMark("Failed", "triangle-alert", "!", "bad"),
    "unknown": StateMark("Not known", "circle-help", "?", "bad"),
    "missed": StateMark("Missed", "alarm-clock-off", "!", "bad"),
    "held": StateMark("Held", "hand", "‖", "warn"),
    "cancelled": StateMark("Cancelled", "circle-slash", "∅"),
    # deliveries
    "pending": StateMark("Pending", "clock", "◷"),
    "claimed": StateMark("Taken up", "loader", "…", "br"),
    "accepted": StateMark("Accepted", "check-check", "✓", "ok"),
    "skipped": StateMark("Skipped", "skip-forward", "»"),
    # how a contact stands to a channel
    "consent_yes": StateMark("Agreed", "circle-check", "✓", "ok"),
    "consent_no": StateMark("No consent", "circle-slash", "∅"),
    "consent_unsubscribed": StateMark("Unsubscribed", "hand", "‖", "bad"),
    # connections and plugins
    "connected": StateMark("Connected", "plug", "✓", "ok"),
    "untested": StateMark("Not tested yet", "circle-help", "?", "warn"),
    "broken": StateMark("Needs reconnecting", "key-round", "!", "bad"),
    "on": StateMark("On", "circle-check", "✓", "ok"),
    "off": StateMark("Off", "power-off", "○"),
    "error": StateMark("Error", "circle-x", "!", "bad"),
    "missing": StateMark("Package missing", "package-x", "!", "bad"),
}


def state_of(state: str) -> StateMark:
    """How this state is shown; one that the list does not know (a plugin's) keeps its own word."""
    key = str(state).replace(" ", "_")
    return STATES.get(key) or StateMark(str(state).replace("_", " ").capitalize(), "circle", "•")
