"""Fetches the files that texts of another site show, through the one door out. Nothing is fetched unless somebody asks for it.

Only from hosts of the sites that were read, so many files and bytes and no more. What cannot be fetched stays at its address.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from cms_core.content.media import MAX_BYTES, Stored, take_in, url_path
from cms_core.contract import ChannelError
from cms_core.errors import CmsError
from cms_core.imports.attachments import file_addresses, host_of, point_to
from cms_core.imports.documents import Document, Folder, Problem
from cms_core.outbound import Guard, HttpClient

MAX_FILES = 10_000
MAX_TOTAL = 4 * 1024 * 1024 * 1024
GIVE_UP_AFTER = 5  # failures of one host, one after the other
TIMEOUT, DEADLINE = 10.0, 60.0

Say = Callable[[str], Any]


def fetch_files(guard: Guard, folder: Folder, media_dir: Path, say: Say = str) -> None:
    """Fetch what the documents of a folder show into ``media_dir`` and let their texts refer to it; no session is open meanwhile.

    ``say`` is told each file. What fails is noted in the folder.
    """
    client = HttpClient(guard, timeout=TIMEOUT, deadline=DEADLINE, max_bytes=MAX_BYTES)
    fetcher = _Fetcher(client, folder, media_dir, say)
    try:
        folder.documents = [fetcher.fill(document) for document in folder.documents]
    finally:
        client.close()


class _Fetcher:
    def __init__(self, client: HttpClient, folder: Folder, media_dir: Path, say: Say) -> None:
        self._client = client
        self._folder = folder
        self._media_dir = media_dir
        self._say = say
        self._known: dict[str, Stored | None] = {}
        self._failures: Counter[str] = Counter()
        self._bytes = 0

    def fill(self, document: Document) -> Document:
        """The document with the files that could be fetched."""
        if not document.source:
            return document
        text = str(document.draft.body.get("text", ""))
        files = list(document.files)
        for address, alt, _ in dict.fromkeys(file_addresses(text)):
            if host_of(address) not in self._folder.hosts:
                continue
            stored = self._fetch(address, document)
            if stored is not None:
                files.append((stored, alt))
                text = point_to(text, address, url_path(stored))
        draft = replace(document.draft, body={**document.draft.body, "text": text})
        return replace(document, draft=draft, files=tuple(files))

    def _fetch(self, address: str, document: Document) -> Stored | None:
        if address not in self._known:
            self._known[address] = None
            host = host_of(address)
            try:
                self._require_room(host)
                self._known[address] = self._take_in(address)
                self._failures[host] = 0
            except (ChannelError, CmsError) as error:
                self._failures[host] += 1
                reason = f"{address[:200]} was not fetched: {error}"
                self._folder.notes.append(Problem(document.file, document.line, reason))
        return self._known[address]

    def _require_room(self, host: str) -> None:
        if self._failures[host] >= GIVE_UP_AFTER:
            raise CmsError(f"{host} failed {GIVE_UP_AFTER} times in a row")
        if len(self._known) > MAX_FILES or self._bytes > MAX_TOTAL:
            raise CmsError(f"more than {MAX_FILES:,} files or {MAX_TOTAL:,} bytes are not fetched at once")

    def _take_in(self, address: str) -> Stored:
        content = self._client.request("GET", address).content
        self._bytes += len(content)
        self._say(f"{len(content):>10,} bytes  {address[:200]}")
        name = PurePosixPath(unquote(urlsplit(address).path)).name
        return replace(take_in(self._media_dir, content, name or "file"), source_url=address)
