"""The card on the page of a contact."""

from cms_core import Panel, Place, Subject, services
from cms_leads import points

SHOWN = 5


def of(place: Place, subject: Subject | None) -> list[Panel]:
    """Points with the newest reasons on the page of a contact."""
    if place is not Place.CONTACT or subject is None:
        return []
    svc = services.current("leads")
    score = points.scores(svc, svc.now(), [subject.id]).get(subject.id)
    context = {
        "contact": subject.id,
        "score": score,
        "reasons": score.reasons[:SHOWN] if score else (),
        "types": svc.event_types,
    }
    return [Panel("Lead", "leads/_panel.html", context, weight=10)]
