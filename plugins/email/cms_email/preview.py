"""How a mail will look to a sample contact."""

from typing import Any

from cms_core import FieldProvider, Placement, Preview, merge
from cms_email.document import Document, compose, preheader_of, subject_of
from cms_email.message import MESSAGE, fields_of

_SAMPLE = {
    "email": "ann.lee@example.com",
    "first_name": "Ann",
    "last_name": "Lee",
    "company": "Example Ltd",
    "country": "GB",
    "language": "en",
    "timezone": "Europe/London",
}


def preview(placement: Placement) -> Preview:
    """The mail with sample values, without tracking; faults in its merge tags are told instead."""
    try:
        return _rendered(placement, compose(placement, "", None))
    except merge.MergeError as error:
        return Preview(subject_of(placement.asset), text=f"{error}. {error.remedy}")


def sample_values(placement: Placement) -> dict[str, dict[str, Any]]:
    """A value for each field that a plugin declares, so that a preview shows where they stand."""
    samples = {each.namespace: _samples(each) for each in placement.merge_fields}
    return {**samples, MESSAGE: {"token": "", "unsubscribe_url": "#"}}


def _samples(provider: FieldProvider) -> dict[str, Any]:
    known = _SAMPLE if provider.namespace == "contact" else {}
    texts = (spec for spec in provider.fields if spec.type == "text")
    return {**{spec.name: spec.label or spec.name for spec in texts}, **known}


def _rendered(placement: Placement, document: Document) -> Preview:
    fields, values = fields_of(placement.merge_fields), sample_values(placement)

    def render(source: str, escape: merge.Escape = merge.Escape.NONE) -> str:
        return merge.compile(source, fields, escape=escape).render(values)

    subject, html = render(document.subject), render(document.html, merge.Escape.HTML)
    settings = placement.settings
    sender = " ".join(
        filter(
            None,
            [
                settings.get("from_name"),
                f"<{settings['from_address']}>" if settings.get("from_address") else "",
            ],
        )
    )
    facts = (
        ("From", sender or "chosen with the connection"),
        ("Subject", subject),
        ("Preheader", render(preheader_of(placement.asset))),
        ("Size", f"{max(1, round(len(html.encode()) / 1000))} kB"),
    )
    return Preview(subject, html, render(document.text), facts)
