"""Reads a folder of somebody's Markdown: what each file wants to be, and what is wrong where. Saving is a step of its own."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from cms_core.campaigns.when import parse_when, resolve
from cms_core.content.drafts import BadField, Draft, clean
from cms_core.content.media import Stored
from cms_core.content.slugs import slug_fault, slug_or_digest, slugify
from cms_core.errors import Invalid, NotFound
from cms_core.imports.attachments import Attachments
from cms_core.imports.frontmatter import MAX_BYTES, FileFault, Page, parse_page
from cms_core.markdown.headings import lift_title
from cms_core.plugins import Plugins
from cms_core.workspace import Workspace

ENDINGS = (".md", ".markdown", ".mdown", ".mkd")
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


@dataclass(frozen=True)
class Problem:
    """An error or note: file (relative to what was imported), line, reason."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True)
class Document:
    """One file as it will be saved; ``publish_at`` is the time as written, ``publish_to`` pairs of channel and connection."""

    file: str
    draft: Draft
    publish_at: str = ""
    publish_to: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[Stored, str], ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)

    def line_of(self, key: str) -> int:
        """The line of a front matter key, or of the text."""
        return self.lines.get(key, self.lines["text"] if key == "text" else 1)


@dataclass
class Folder:
    """What was read: documents to save, errors (files left out) and notes (things not used)."""

    documents: list[Document] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


def read_folder(session: Session, workspace: Workspace, path: Path, media_dir: Path) -> Folder:
    """Read a Markdown file, or all of a folder; pictures that the texts show are stored in ``media_dir``.

    Hidden files, links and a README without front matter are left out. Raises NotFound or Invalid where there is nothing to read.
    """
    if not path.exists():
        raise NotFound(f"{path} does not exist", "name a Markdown file or a folder of them")
    single = path.is_file()
    root = (path.parent if single else path).resolve()
    folder = Folder()
    files = [path.resolve()] if single else list(_markdown_files(root, folder))
    if not files or (single and path.suffix.lower() not in ENDINGS):
        raise Invalid(f"{path} holds no Markdown", f"files must end with {', '.join(ENDINGS)}")
    reader = _Reader(workspace.plugins, root, Attachments(session, root, media_dir), folder)
    for file in files:
        reader.add(file, file.relative_to(root).as_posix())
    return folder


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
            page = parse_page(_read_bytes(path))
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
                self._note(
                    name, line, f"channels: no channel or group {key!r} is installed; kept for when it is"
                )
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


def _markdown_files(root: Path, folder: Folder) -> Iterator[Path]:
    """All Markdown files below a folder in a fixed order; neither hidden ones nor what is behind links."""
    for parent, folders, files in os.walk(root):
        here = Path(parent)
        for name in [*folders, *files]:
            if (here / name).is_symlink() and not name.startswith("."):
                folder.notes.append(
                    Problem((here / name).relative_to(root).as_posix(), 1, "left out: links are not followed")
                )
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not (here / name).is_symlink()
        )
        for name in sorted(files):
            path = here / name
            if (
                name.lower().endswith(ENDINGS)
                and not name.startswith(".")
                and path.is_file()
                and not path.is_symlink()
            ):
                yield path


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FileFault(1, f"the file cannot be read: {error.strerror}") from None
