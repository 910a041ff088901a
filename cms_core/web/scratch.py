"""Files that one signed-in user needs between two requests: a preview to look at, an upload to be looked through.

They lie on disk, so that any process of the app finds them, in a folder per user, so that nobody else does; they go after an hour.
"""

import hashlib
import os
import re
import tempfile
import time
from pathlib import Path

from cms_core.errors import NotFound
from cms_core.web.auth import user
from cms_core.web.request import workspace

LIFE_SECONDS = 3600
MOST_FILES = 100
_NAME = re.compile(r"[0-9a-f]{40}")


def keep(data: bytes) -> str:
    """Keep some bytes for an hour; the same bytes have the same name."""
    folder, name = _folder(), hashlib.sha256(data).hexdigest()[:40]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / name
    if path.exists():
        os.utime(path)
    else:
        descriptor, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)
    _tidy(folder)
    return name


def read(name: str) -> bytes:
    """What this user kept under a name; raises NotFound when it is gone."""
    try:
        if not _NAME.fullmatch(name):
            raise FileNotFoundError
        return (_folder() / name).read_bytes()
    except FileNotFoundError:
        raise NotFound(
            "this was kept for an hour only and is gone", "go back, reload the page and try again"
        ) from None


def drop(name: str) -> None:
    """Forget what is not needed any more."""
    if _NAME.fullmatch(name):
        (_folder() / name).unlink(missing_ok=True)


def _folder() -> Path:
    return workspace().config.run_dir / "scratch" / user().public_id


def _tidy(folder: Path) -> None:
    found = []
    for path in folder.iterdir():
        try:
            found.append((path.stat().st_mtime, path))
        except FileNotFoundError:
            continue  # another request was quicker
    found.sort(reverse=True)
    oldest = time.time() - LIFE_SECONDS
    for n, (modified, path) in enumerate(found):
        if n >= MOST_FILES or modified < oldest:
            path.unlink(missing_ok=True)
