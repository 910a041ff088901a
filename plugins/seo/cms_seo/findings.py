"""What can be said about a page before it is published: the same remarks in the editor, in dry runs and right before."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from cms_core import Finding, Level, Placement, merge
from cms_seo.addresses import BadPath, path_of
from cms_seo.content import Manuscript
from cms_seo.outline import Outline

TITLE_LENGTH = 60  # characters; search results cut off what is longer
DESCRIPTION_LENGTH = 160
THIN = 150  # words
THIN_KINDS = ("article", "case-study", "product-guide", "faq")


def check(placement: Placement) -> Iterator[Finding]:
    """All remarks on one page."""
    text = Manuscript(placement)
    yield from _path(placement)
    broken = False
    for finding in _merge_tags(text):
        broken = broken or finding.level is Level.ERROR
        yield finding
    if not text.markdown.strip():
        yield Finding(Level.ERROR, "text", "the page is empty; write something")
    elif not broken:
        yield from _whole(text)


def _path(placement: Placement) -> Iterator[Finding]:
    try:
        path_of(placement.asset)
    except BadPath as error:
        yield Finding(Level.ERROR, "path", str(error))


def _merge_tags(text: Manuscript) -> Iterator[Finding]:
    """What the merge language refuses, and fields that are empty because a page does not know its reader."""
    for name, source in text.texts.items():
        try:
            template = merge.compile(source, text.fields, escape=merge.Escape.NONE)
        except merge.MergeError as error:
            yield Finding(Level.ERROR, name, f"{error}. {error.remedy}")
            continue
        for field in sorted(template.required_fields):
            says = f'{field} stays empty: a page does not know its reader; write {{{{ {field} | default("…") }}}}'
            yield Finding(Level.WARNING, name, says)


def _whole(text: Manuscript) -> Iterator[Finding]:
    try:
        outline = text.outline
    except merge.MergeError as error:
        yield Finding(Level.ERROR, "text", f"{str(error).partition(': ')[2]}. {error.remedy}")
        return
    yield from _head(text)
    yield from _headings(text, outline)
    yield from _links(outline)
    yield from _pictures(outline)
    if not outline.words:
        yield Finding(Level.ERROR, "text", "the page has no words; write something")
    elif outline.words < THIN and text.asset.kind in THIN_KINDS:
        says = f"the text has {outline.words} words; below {THIN} it seldom answers a question"
        yield Finding(Level.NOTE, "text", says)


def _head(text: Manuscript) -> Iterator[Finding]:
    title = text.head_title
    if not title:
        yield Finding(Level.ERROR, "title", "the page has no title; give it one")
    elif len(title) > TITLE_LENGTH:
        says = f"the title has {len(title)} characters; search results show about {TITLE_LENGTH}"
        yield Finding(Level.WARNING, "title", says)
    own = text.words("meta_description") or text.words("summary")
    field = "meta_description" if text.words("meta_description") else "summary"
    if not own:
        says = "there is no summary; search results and shared links show the beginning of the text instead"
        yield Finding(Level.WARNING, field, says)
    elif len(own) > DESCRIPTION_LENGTH:
        says = f"the description has {len(own)} characters; search results show about {DESCRIPTION_LENGTH}"
        yield Finding(Level.WARNING, field, says)


def _headings(text: Manuscript, outline: Outline) -> Iterator[Finding]:
    levels = [section.level for section in outline.headings]
    mains = levels.count(1) + (not text.brings_heading)
    if mains > 1:
        says = f"the page has {mains} main headings, its title among them; begin those in the text with ##"
        yield Finding(Level.WARNING, "text", says)
    before = 1
    for section in outline.headings:
        if section.level > before + 1:
            says = f"the heading “{section.heading[:60]}” skips a level: h{section.level} after h{before}"
            yield Finding(Level.WARNING, "text", says)
        before = section.level


def _links(outline: Outline) -> Iterator[Finding]:
    for address in dict.fromkeys(outline.links):
        if address is None:
            says = "a link leads nowhere: its address must start with https://, http://, mailto:, tel: or /"
            yield Finding(Level.ERROR, "text", says)
        elif address.startswith(("http:", "https:")) and not _has_host(address):
            yield Finding(Level.ERROR, "text", f"the link {address[:80]} is not the address of a page")


def _has_host(address: str) -> bool:
    try:
        return bool(urlsplit(address).hostname)
    except ValueError:
        return False


def _pictures(outline: Outline) -> Iterator[Finding]:
    bare = sum(not (alt or "").strip() for _, alt in outline.pictures)
    if bare:
        which = "a picture has" if bare == 1 else f"{bare} pictures have"
        yield Finding(
            Level.WARNING, "text", f"{which} no alternative text; screen readers and search need one"
        )
    for source in dict.fromkeys(source for source, _ in outline.pictures):
        if not source.startswith("/media/"):
            says = f"the picture {source[:80]} lies on another site and will not be shown; upload it"
            yield Finding(Level.WARNING, "text", says)
