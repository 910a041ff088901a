"""From the items of a WordPress export to documents that can be saved, with a note for all that has no place here."""

import re
from collections import Counter
from datetime import datetime
from html import unescape
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from cms_core.content import service
from cms_core.content.drafts import MAX_TAGS, BadField, Draft, clean
from cms_core.content.media import url_path
from cms_core.content.models import Asset, Media
from cms_core.errors import CmsError
from cms_core.imports.attachments import host_of
from cms_core.imports.documents import Document, Folder, Problem
from cms_core.imports.frontmatter import FileFault
from cms_core.imports.wordpress.body import Body, convert
from cms_core.imports.wordpress.site import KINDS, Site, read_site
from cms_core.imports.wordpress.wxr import Export, Item, read_wxr
from cms_core.markdown.inline import destination, escape
from cms_core.markdown.tree import parse_html
from cms_core.workspace import Workspace

LEFT_OUT = {
    "trash": "it was in the trash",
    "auto-draft": "it was never written",
    "inherit": "it is an old version",
}
UNFINISHED = {"draft": "a draft", "pending": "waiting for review", "private": "private"}
_NO_DATE = "0000-00-00"
_NO_TERM = "uncategorized"
_LONGEST_TITLE, _LONGEST_SUMMARY, _LONGEST_TAG = 500, 5_000, 80


def read_export(
    session: Session, workspace: Workspace, path: Path, name: str, folder: Folder, tz: str
) -> None:
    """Read one export into the folder: posts become articles, pages landing pages. A broken file is one error, and adds nothing."""
    try:
        export = read_wxr(path)
    except FileFault as fault:
        folder.errors.append(Problem(name, fault.line, fault.reason))
        return
    taken_here = {document.draft.slug for document in folder.documents}
    site, renamed = read_site(
        export,
        lambda source: session.scalars(select(Asset.slug).where(Asset.source == source)).first(),
        lambda slug: slug in taken_here or service.is_taken(session, slug),
        _fetched(session),
    )
    folder.hosts |= {
        host_of(each) for each in (site.base, *(file.address for file in site.attachments.values()))
    } - {""}
    reader = _Reader(workspace, site, name, folder, tz)
    for item, wanted in renamed:
        reader.note(item, f"slug {wanted!r} was taken: it became {site.slugs[site.identity(item)]!r}")
    for item in export.items:
        reader.add(item)
    reader.note_the_rest(export)


def _fetched(session: Session) -> dict[str, str]:
    """The stored files that came from the web, by the address they had there."""
    rows = session.scalars(select(Media).where(Media.source_url != ""))
    return {row.source_url: url_path(row) for row in rows}


class _Reader:
    def __init__(self, workspace: Workspace, site: Site, name: str, folder: Folder, tz: str) -> None:
        self._kinds = workspace.plugins.asset_kinds
        self._site = site
        self._name = name
        self._folder = folder
        self._tz = tz
        self._seen: set[str] = set()

    def add(self, item: Item) -> None:
        """Read one item into the folder's documents, or its fault into the errors; other kinds of items pass by."""
        if item.kind not in KINDS:
            return
        why = LEFT_OUT.get(item.get("wp:status").strip())
        identity = self._site.identity(item)
        if identity in self._seen:
            why = "the file has it twice"
        if why:
            self.note(item, f"left out: {why}")
            return
        self._seen.add(identity)
        try:
            self._folder.documents.append(self._document(item))
        except BadField as error:
            self._fault(item, error, f"{error.field}: ")
        except CmsError as error:
            self._fault(item, error)

    def note(self, item: Item, reason: str) -> None:
        """Say something of an item, with its title."""
        title = _words(item.get("title"))[:60] or "(no title)"
        self._folder.notes.append(Problem(self._name, item.line, f"{title}: {reason}"))

    def note_the_rest(self, export: Export) -> None:
        """Say what the file holds besides posts and pages."""
        others = Counter(item.kind for item in export.items if item.kind not in (*KINDS, "attachment"))
        for kind, count in sorted(others.items()):
            self._say(f"left out: {count} of the kind {kind or 'without a name'}")
        comments = sum(item.comments for item in export.items if item.kind in KINDS)
        if comments:
            self._say(f"left out: {comments} comments")
        if self._site.attachments:
            self._say(
                f"{len(self._site.attachments)} uploaded files stay at their addresses unless they are fetched (--fetch-media)"
            )

    def _document(self, item: Item) -> Document:
        body = convert(
            item.get("content:encoded"),
            self._site.address,
            lambda attributes: self._site.gallery(item, attributes),
        )
        self._note_losses(item, body)
        status = item.get("wp:status").strip()
        source = self._site.identity(item)
        draft = Draft(
            kind=KINDS[item.kind],
            title=_literal(self._title(item)),
            summary=_literal(_words(item.get("excerpt:encoded"))[:_LONGEST_SUMMARY]),
            body={"text": _literal(self._with_picture(item, body.text))},
            slug=self._site.slugs[source],
            tags=self._tags(item),
            locale=self._locale(),
        )
        return Document(
            file=self._name,
            line=item.line,
            draft=clean(self._kinds, draft),
            publish_at=self._instant(item) if status == "future" else "",
            source=source,
            source_url=item.get("link").strip(),
            owner=self._site.export.authors.get(item.get("dc:creator").strip(), ("", ""))[0],
            finished=status not in UNFINISHED and not item.get("wp:post_password").strip(),
        )

    def _title(self, item: Item) -> str:
        title = _words(item.get("title"))
        if len(title) > _LONGEST_TITLE:
            self.note(item, f"the title was cut after {_LONGEST_TITLE} characters")
        if not title:
            title = " ".join(_words(item.get("content:encoded")).split()[:8])
            title = title[:80] or f"{item.kind} {item.get('wp:post_id').strip()}".strip()
            self.note(item, f"it has no title; it is called {title!r}")
        return title[:_LONGEST_TITLE]

    def _tags(self, item: Item) -> tuple[str, ...]:
        names = [
            unescape(name)
            for domain, nicename, name in item.terms
            if domain in ("category", "post_tag", "tag") and nicename != _NO_TERM
        ]
        short = [name for name in dict.fromkeys(names) if 0 < len(name) <= _LONGEST_TAG]
        if len(short) > MAX_TAGS or len(short) < len(set(names)):
            self.note(
                item, f"{len(set(names)) - len(short[:MAX_TAGS])} tags were left out: too many, or too long"
            )
        return tuple(short[:MAX_TAGS])

    def _locale(self) -> str:
        language = self._site.export.site.get("language", "")
        try:
            return clean(self._kinds, Draft("article", "x", locale=language)).locale
        except BadField:
            return ""

    def _instant(self, item: Item) -> str:
        """The time as ``parse_when`` reads it: WordPress writes UTC beside the site's clock, but not for all."""
        utc = item.get("wp:post_date_gmt").strip()
        if utc and not utc.startswith(_NO_DATE):
            return f"{_checked(utc)}+00:00"
        local = _checked(item.get("wp:post_date").strip())
        self.note(item, f"its time names no zone: {local} was taken as {self._tz}, your own zone")
        return f"{local} {self._tz}"

    def _with_picture(self, item: Item, text: str) -> str:
        """The text with the featured image on top, if it is not shown already."""
        picture = self._site.attachments.get(item.meta.get("_thumbnail_id", ""))
        target = self._site.address(picture.address) if picture else ""
        if not picture or target in text:
            return text
        return f"![{escape(picture.alt)}]({destination(target)})\n\n{text}".rstrip()

    def _note_losses(self, item: Item, body: Body) -> None:
        status = UNFINISHED.get(item.get("wp:status").strip())
        said = [
            *([f"it was {status}: it is not approved on the way"] if status else []),
            *(
                ["it had a password: look at it before it is published"]
                if item.get("wp:post_password").strip()
                else []
            ),
            *(
                ["that it stayed on top (sticky) was left out"]
                if item.get("wp:is_sticky").strip() == "1"
                else []
            ),
            *body.notes,
        ]
        for reason in said:
            self.note(item, reason)

    def _fault(self, item: Item, error: CmsError, where: str = "") -> None:
        title = _words(item.get("title"))[:60] or "(no title)"
        reason = f"{title}: {where}{error.message}; {error.remedy}"
        self._folder.errors.append(Problem(self._name, item.line, reason))

    def _say(self, reason: str) -> None:
        self._folder.notes.append(Problem(self._name, 1, reason))


def _words(html: str) -> str:
    """HTML as one line of plain words."""
    return " ".join(parse_html(html).text().split())


def _literal(text: str) -> str:
    """The text as it is for the merge language, which WordPress does not have; in addresses only the brace may be written anew."""
    return re.sub(r"\{(?=[{%#])", '{{ "{" }}', text)


def _checked(written: str) -> str:
    try:
        return datetime.strptime(written, "%Y-%m-%d %H:%M:%S").strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - a wall clock
    except ValueError:
        raise BadField(
            "publish_at", f"{written[:40]!r} is no time", "give the post a date in WordPress"
        ) from None
