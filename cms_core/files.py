"""Files that are there whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cms_core.errors import Conflict


def replace_file(path: Path, data: bytes) -> None:
    """Put this content under this name, readable by the owner only: who reads it sees the old file or the new one, never a part."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(home: Path) -> Iterator[None]:
    """A folder that is empty or not there yet; what was made in it is removed when anything goes wrong."""
    existed = home.exists()
    if existed and (not home.is_dir() or any(home.iterdir())):
        raise Conflict(f"{home} is not an empty folder; nothing was changed", "name a new folder")
    try:
        yield
    except BaseException:
        for path in home.iterdir() if home.is_dir() else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not existed and home.is_dir():
            home.rmdir()
        raise
