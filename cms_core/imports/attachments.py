"""Finds the pictures and files that an imported text shows, stores them, and lets the text refer to the stored ones."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from sqlalchemy.orm import Session

from cms_core.content.media import MAX_BYTES, Stored, find_upload, take_in, url_path
from cms_core.errors import Invalid
from cms_core.markdown.html import markdown_parser

if TYPE_CHECKING:
    from markdown_it.token import Token

_HTML_IMAGE = re.compile(r"<img\b[^>]*?\bsrc\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\"'\s>]+))", re.IGNORECASE)
_FILE_ENDINGS = (".pdf", ".mp4", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg")
_ANY = re.compile(r"!\[|<img|" + "|".join(map(re.escape, _FILE_ENDINGS)), re.IGNORECASE)


class Attachments:
    """Takes in local files below ``root``; the same file is taken in once."""

    def __init__(self, session: Session, root: Path, media_dir: Path) -> None:
        self._session = session
        self._root = root
        self._media_dir = media_dir
        self._taken: dict[Path, Stored] = {}

    def take_from(self, text: str, folder: Path) -> tuple[str, list[tuple[Stored, str]], list[str]]:
        """The text with stored addresses, the files with their alternative texts, and what could not be taken in."""
        files: list[tuple[Stored, str]] = []
        faults: list[str] = []
        for address, alt, shown in dict.fromkeys(_local_addresses(text)):
            try:
                path = self._find(address, folder)
                if path is None:
                    faults += (
                        [f"image {address[:120]!r} is not in the folder; it will not show"] if shown else []
                    )
                    continue
                stored = self._take(path)
            except (Invalid, OSError, ValueError) as error:
                faults.append(f"{address[:120]!r} was not taken in: {error}")
                continue
            files.append((stored, alt))
            text = point_to(text, address, url_path(stored))
        return text, files, faults

    def _find(self, address: str, folder: Path) -> Path | None:
        name = unquote(urlsplit(address).path)
        start = self._root if name.startswith("/") else folder
        path = (start / name.lstrip("/")).resolve()
        inside = path.is_relative_to(self._root) and not any(
            part.startswith(".") for part in path.relative_to(self._root).parts
        )
        return path if inside and path.is_file() else None

    def _take(self, path: Path) -> Stored:
        if path not in self._taken:
            if path.stat().st_size > MAX_BYTES:
                raise Invalid(f"it is larger than {MAX_BYTES // 1024 // 1024} MB", "make the file smaller")
            data = path.read_bytes()
            known = find_upload(self._session, data)
            self._taken[path] = Stored.of(known) if known else take_in(self._media_dir, data, path.name)
        return self._taken[path]


def _local_addresses(text: str) -> Iterator[tuple[str, str, bool]]:
    return (
        each
        for each in file_addresses(text)
        if not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//|#|/media/|\{\{", each[0])
    )


def file_addresses(text: str) -> Iterator[tuple[str, str, bool]]:
    """Of each picture and file that a text refers to: address, alternative text, whether it is shown as a picture."""
    for token in _flat(markdown_parser().parse(text)) if _ANY.search(text) else ():
        found: list[tuple[str, str, bool]] = []
        if token.type == "image":
            found = [(str(token.attrs["src"]), token.content, True)]
        elif token.type == "link_open" and str(token.attrs["href"]).lower().endswith(_FILE_ENDINGS):
            found = [(str(token.attrs["href"]), "", False)]
        elif token.type in ("html_inline", "html_block"):
            found = [("".join(quoted), "", True) for quoted in _HTML_IMAGE.findall(token.content)]
        yield from (each for each in found if each[0])


def _flat(tokens: "list[Token]") -> "Iterator[Token]":
    for token in tokens:
        yield token
        yield from _flat(token.children or [])


def point_to(text: str, address: str, target: str) -> str:
    """Replace an address in links, definitions and HTML attributes, as it was written (with or without %20)."""
    for written in {address, unquote(address)}:
        pattern = rf"(\]\(\s*<?|\]:\s*<?|\b(?:src|href)\s*=\s*[\"']?){re.escape(written)}(?=[\s>)\"'])"
        text = re.sub(pattern, lambda found: found[1] + target, text)
    return text


def host_of(address: str) -> str:
    """The host of a web address in lower case, "" for anything else."""
    try:
        parts = urlsplit(address)
        return (parts.hostname or "") if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""
