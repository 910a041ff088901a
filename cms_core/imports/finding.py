"""Finds what can be imported below a path: Markdown by its ending, WordPress exports by their content."""

import os
from collections.abc import Iterator
from pathlib import Path

from cms_core.imports.documents import Folder, Problem
from cms_core.imports.frontmatter import MAX_BYTES, FileFault
from cms_core.imports.wordpress.wxr import is_wxr

ENDINGS = (".md", ".markdown", ".mdown", ".mkd")


def find_files(path: Path, folder: Folder) -> Iterator[tuple[Path, bool]]:
    """Each file that can be read, in a fixed order, and whether it is a WordPress export; links are noted and left out."""
    for file in [path] if path.is_file() else _plain_files(path, folder):
        markdown = file.name.lower().endswith(ENDINGS)
        try:
            wordpress = is_wxr(file)
        except OSError:
            wordpress = False  # reading it says why, if it is one
        if markdown or wordpress:
            yield file, wordpress


def read_bytes(path: Path) -> bytes:
    """The content of a Markdown file, one byte more than fits at most; raises FileFault."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FileFault(1, f"the file cannot be read: {error.strerror}") from None


def _plain_files(root: Path, folder: Folder) -> Iterator[Path]:
    """All files below a folder in a fixed order; neither hidden ones nor what is behind links."""
    for parent, folders, files in os.walk(root):
        here = Path(parent)
        for name in [*folders, *files]:
            if (here / name).is_symlink() and not name.startswith("."):
                place = (here / name).relative_to(root).as_posix()
                folder.notes.append(Problem(place, 1, "left out: links are not followed"))
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not (here / name).is_symlink()
        )
        for name in sorted(files):
            path = here / name
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path
