"""What can be said about a mail before it is sent: the same remarks in the editor, in dry runs and right before sending."""

import re
from collections.abc import Iterator

from cms_core import Asset, Finding, Level, Placement, merge, render_markdown
from cms_email.document import Document, compose, preheader_of, subject_of, text_of
from cms_email.message import fields_of
from cms_email.preview import sample_values
from cms_email.tracking import addresses_in, is_web

SUBJECT_LENGTH = 70  # characters; inboxes cut off what is longer
PREHEADER_LENGTH = 140
CLIPPED_AT = 102_000  # bytes of HTML; Gmail hides the rest, and with it the link to unsubscribe
MANY_LINKS = 60
NO_POSTAL_ADDRESS = (
    "the connection has no postal address, which every mail must carry (CAN-SPAM); add one to its settings"
)
_IMAGE = re.compile(r"""<img(?:\s+[\w:-]+(?:="[^"]*")?)*\s*/?>""", re.IGNORECASE)
_ALT = re.compile(r'\salt="\s*[^"\s]')


def check(placement: Placement) -> Iterator[Finding]:
    """All remarks on one mail."""
    asset = placement.asset
    if placement.connection and not str(placement.settings.get("postal_address") or "").strip():
        yield Finding(Level.ERROR, "connection", NO_POSTAL_ADDRESS)
    yield from _lengths(asset)
    broken = False
    for finding in _merge_tags(placement):
        broken = broken or finding.level is Level.ERROR
        yield finding
    if not text_of(asset).strip():
        yield Finding(Level.ERROR, "text", "the mail is empty; write something")
        return
    yield from _links_and_images(asset)
    if not broken:
        yield from _whole(placement)


def _lengths(asset: Asset) -> Iterator[Finding]:
    subject, preheader = subject_of(asset), preheader_of(asset)
    if not subject:
        yield Finding(Level.ERROR, "subject", "the mail has no subject; give it one, or the asset a title")
    if len(subject) > SUBJECT_LENGTH:
        says = f"the subject has {len(subject)} characters; inboxes show about {SUBJECT_LENGTH}"
        yield Finding(Level.WARNING, "subject", says)
    if len(preheader) > PREHEADER_LENGTH:
        says = f"the preheader has {len(preheader)} characters; inboxes show at most {PREHEADER_LENGTH}"
        yield Finding(Level.NOTE, "preheader", says)


def _merge_tags(placement: Placement) -> Iterator[Finding]:
    """What the merge language refuses, with line and column in what was written, and fields that may leave a hole."""
    asset, fields = placement.asset, fields_of(placement.merge_fields)
    texts = {"subject": subject_of(asset), "preheader": preheader_of(asset), "text": text_of(asset)}
    for name, source in texts.items():
        try:
            yield from merge.compile(source, fields, escape=merge.Escape.NONE).findings(name)
        except merge.MergeError as error:
            yield Finding(Level.ERROR, name, f"{error}. {error.remedy}")


def _links_and_images(asset: Asset) -> Iterator[Finding]:
    markup = render_markdown(text_of(asset), asset.media)
    addresses = list(addresses_in(markup))
    for address in dict.fromkeys(addresses):
        yield from _link(address)
    if len(addresses) > MANY_LINKS:
        yield Finding(Level.WARNING, "text", f"the mail has {len(addresses)} links; filters distrust so many")
    bare = sum(not _ALT.search(image.group()) for image in _IMAGE.finditer(markup))
    if bare:
        which = "an image has" if bare == 1 else f"{bare} images have"
        yield Finding(Level.WARNING, "text", f"{which} no alternative text; many readers see no images")


def _link(address: str | None) -> Iterator[Finding]:
    if address is None:
        says = "a link leads nowhere: its address must start with https://, http://, mailto: or tel:"
        yield Finding(Level.ERROR, "text", says)
    elif "{" in address:
        says = f"the link {_short(address)} has a merge tag in its address, so its clicks are not counted"
        yield Finding(Level.NOTE, "text", says)
    elif address.startswith(("http:", "https:")) and not is_web(address):
        yield Finding(Level.ERROR, "text", f"the link {_short(address)} is not the address of a page")


def _whole(placement: Placement) -> Iterator[Finding]:
    """Remarks that only the finished mail allows: places where a field may not stand, and its size."""
    document = compose(placement, "", None)
    try:
        size = html_size(document, placement)
    except merge.MergeError as error:
        what = str(error).partition(": ")[2]
        yield Finding(Level.ERROR, "text", f"{what}. {error.remedy}")
        return
    if size > CLIPPED_AT:
        says = f"the mail has {size // 1000} kB; Gmail clips it at {CLIPPED_AT // 1000} kB and hides the rest"
        yield Finding(Level.WARNING, "text", says)


def html_size(document: Document, placement: Placement) -> int:
    """The bytes of the HTML for a sample contact; raises MergeError."""
    template = merge.compile(document.html, fields_of(placement.merge_fields), escape=merge.Escape.HTML)
    return len(template.render(sample_values(placement)).encode())


def _short(address: str) -> str:
    return address if len(address) <= 80 else address[:79] + "…"
