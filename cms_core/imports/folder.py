"""Reads a folder of somebody's Markdown: what each file wants to be, and what is wrong where. Saving is a step of its own."""

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from cms_core.campaigns.when import parse_when, resolve
from cms_core.content.drafts import BadField, Draft, clean
from cms_core.content.slugs import slug_fault, slug_or_digest, slugify
from cms_core.errors import Invalid, NotFound
from cms_core.imports.attachments import Attachments
from cms_core.imports.documents import Document, Folder, Problem
from cms_core.imports.finding import ENDINGS, find_files, read_bytes
from cms_core.imports.frontmatter import FileFault, Page, parse_page
from cms_core.imports.unpack import unpack
from cms_core.imports.wordpress.documents import read_export
from cms_core.markdown.headings import lift_title
from cms_core.plugins import Plugins
from cms_core.workspace import Workspace

DEFAULT_KIND = "article"
_TEXT_KEYS = (
    "title",
    "slug",
    "kind",
    "summary",
    "funnel_stage",
    "persona",
    "locale",
    "publish_at",
    "unpublish_at",
)
_KEYS = {*_TEXT_KEYS, "tags", "publish_to", "channels"}


def read_folder(
    session: Session, workspace: Workspace, path: Path, media_dir: Path, tz: str = "UTC"
) -> Folder:
    """Read a Markdown file, a WordPress export, a zip archive, or all of these in a folder; what a file is, its content says.

    Pictures that the texts show are stored in ``media_dir``; ``tz`` is the zone of times that name none. Hidden files, links and a
    README without front matter are left out. Raises NotFound or Invalid where there is nothing to read.
    """
    if not path.exists():
        raise NotFound(
            f"{path} does not exist", "name a Markdown file, a WordPress export, or a folder of them"
        )
    with tempfile.TemporaryDirectory() as scratch:
        if path.is_file() and _begins(path, b"PK\x03\x04"):
            unpack([(path.name, path.read_bytes())], Path(scratch))
            return _read(session, workspace, Path(scratch), media_dir, tz, shown=path)
        return _read(session, workspace, path, media_dir, tz, shown=path)


def _read(
    session: Session, workspace: Workspace, path: Path, media_dir: Path, tz: str, *, shown: Path
) -> Folder:
    root = (path.parent if path.is_file() else path).resolve()
    folder = Folder()
    found = list(find_files(path.resolve(), folder))
    if not found:
        raise Invalid(
            f"{shown} holds no Markdown and no WordPress export",
            f"Markdown ends with {', '.join(ENDINGS)}; export from WordPress with Tools, Export (a file that ends with .xml)",
        )
    attachments = Attachments(session, root, media_dir)
    reader = _Reader(workspace.plugins, root, attachments, folder)
    for file, wordpress in found:
        name = file.relative_to(root).as_posix()
        if wordpress:
            read_export(session, workspace, file, name, folder, tz)
        else:
            reader.add(file, name)
    return folder


def _begins(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


class _Reader:
    def __init__(self, plugins: Plugins, root: Path, attachments: Attachments, folder: Folder) -> None:
        self._plugins = plugins
        self._root = root
        self._attachments = attachments
        self._folder = folder
        self._file_of_slug: dict[str, str] = {}
        self._targets = {name for each in plugins.channels.values() for name in (each.name, each.group)}

    def add(self, path: Path, name: str) -> None:
        """Read one file into the folder's documents, or its fault into the errors."""
        page = Page("")
        try:
            page = parse_page(read_bytes(path))
            if path.stem.lower() == "readme" and not page.fields:
                self._note(name, 1, "left out: a README without front matter")
                return
            document = self._document(path, name, page)
            first = self._file_of_slug.setdefault(document.draft.slug, name)
            if first != name:
                raise FileFault(
                    document.line_of("slug"),
                    f"slug {document.draft.slug!r} of {name} is that of {first} too; give one of them another slug",
                )
            self._folder.documents.append(document)
        except FileFault as fault:
            self._folder.errors.append(Problem(name, fault.line, fault.reason))
        except BadField as error:
            line = page.lines.get(error.field, page.text_line if error.field == "text" else 1)
            self._folder.errors.append(Problem(name, line, f"{error.message}; {error.remedy}"))

    def _document(self, path: Path, name: str, page: Page) -> Document:
        values = {key: page.text_of(key) for key in _TEXT_KEYS}
        kind = "-".join(values["kind"].lower().replace("_", " ").split()) or DEFAULT_KIND
        title, text = lift_title(values["title"], page.text)
        text, files, faults = self._attachments.take_from(text, path.parent)
        for fault in faults:
            self._note(name, page.text_line, fault)
        draft = Draft(
            kind=kind,
            title=title or path.stem.replace("-", " ").replace("_", " ").strip().capitalize(),
            summary=values["summary"],
            body={**self._own_fields(kind, page), "text": text},
            variants=self._variants(name, page),
            slug=self._slug(path, name, page, values["slug"]),
            tags=page.list_of("tags"),
            funnel_stage=values["funnel_stage"],
            persona=values["persona"],
            locale=values["locale"],
            unpublish_at=_instant(page, values["unpublish_at"]),
        )
        self._note_unused(name, page, kind)
        return Document(
            file=name,
            draft=clean(self._plugins.asset_kinds, draft),
            publish_at=values["publish_at"],
            publish_to=self._publish_to(name, page, values["publish_at"]),
            files=tuple(files),
            lines={**page.lines, "text": page.text_line},
        )

    def _slug(self, path: Path, name: str, page: Page, given: str) -> str:
        if given and slug_fault(given):
            slug = slugify(given)
            self._note(name, page.lines["slug"], f"slug {given[:80]!r} became {slug!r}")
            if not slug:
                raise FileFault(
                    page.lines["slug"],
                    f"slug {given[:80]!r} has no letter that an address can hold; write it with a–z",
                )
        else:
            stem = (
                path.parent.name
                if path.stem.lower() in ("index", "_index") and path.parent != self._root
                else path.stem
            )
            slug = given or slug_or_digest(stem)
        if fault := slug_fault(slug):
            raise FileFault(page.lines.get("slug", 1), f"{fault}; give the file another slug:")
        return slug

    def _own_fields(self, kind: str, page: Page) -> dict[str, Any]:
        return {
            key: page.fields[key]
            for key in self._schema_keys(kind)
            if key in page.fields and key not in _KEYS
        }

    def _schema_keys(self, kind: str) -> set[str]:
        known = self._plugins.asset_kinds.get(kind)
        return set(known.schema().fields) if known and known.schema else set()

    def _variants(self, name: str, page: Page) -> dict[str, dict[str, Any]]:
        channels = page.fields.get("channels") or {}
        line = page.lines.get("channels", 1)
        if not isinstance(channels, dict):
            raise FileFault(
                line, "channels: must hold channels with their fields, like `channels: {email: {subject: …}}`"
            )
        for key in channels:
            if key.partition(":")[0] not in self._targets:
                said = (
                    f"channels: {key!r} is kept as a variant of that name; no channel or group is called so"
                )
                self._note(name, line, said)
        return {key: overrides or {} for key, overrides in channels.items()}

    def _publish_to(self, name: str, page: Page, publish_at: str) -> tuple[tuple[str, str], ...]:
        targets = []
        for target in page.list_of("publish_to"):
            channel, _, connection = (part.strip() for part in target.partition(":"))
            if not channel or not connection:
                raise FileFault(
                    page.lines["publish_to"], f"publish_to {target[:80]!r} must be written channel:connection"
                )
            targets.append((channel, connection))
        if targets and not publish_at:
            self._note(
                name, page.lines["publish_to"], "publish_to without publish_at plans nothing; add publish_at"
            )
        return tuple(dict.fromkeys(targets))

    def _note_unused(self, name: str, page: Page, kind: str) -> None:
        unused = [key for key in page.fields if key not in _KEYS and key not in self._schema_keys(kind)]
        if unused:
            self._note(name, page.lines[unused[0]], f"not used: {', '.join(unused)}")

    def _note(self, name: str, line: int, reason: str) -> None:
        self._folder.notes.append(Problem(name, line, reason))


def _instant(page: Page, text: str) -> datetime | None:
    try:
        return resolve(parse_when(text, "UTC")).instant if text else None
    except Invalid as error:
        line = page.lines["unpublish_at"]
        raise FileFault(line, f"unpublish_at: {error.message}; {error.remedy}") from None
