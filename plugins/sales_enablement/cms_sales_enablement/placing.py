"""Files that are there whole or not at all, with the rights that files of their folder get."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def placed(out: Path) -> Iterator[Path]:
    """A file beside it to be written, which takes its place when all went well; of several writers the last one wins."""
    partial = out.with_name(f".{out.name[:80]}.{secrets.token_hex(4)}.part")
    try:
        yield partial
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
