"""Child processes that open or make files within limits, and what their end means: foreign files are never opened in our own."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cms_core import Invalid, TryLater

SECONDS = 180
NO_ROOM = 73  # sysexits.h, EX_CANTCREAT


def run(
    module: str, arguments: Sequence[str], slow: Invalid, said: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run ``python -m module`` and give how it ended. Raises ``slow`` where it takes too long, TryLater where it was killed, and
    OSError where it found no room for what it made."""
    command = [sys.executable, "-I", "-m", module, *arguments]
    try:
        child = subprocess.run(command, input=said, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise slow from None
    if child.returncode == NO_ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if child.returncode < 0:
        raise TryLater("a process was killed before its work was done", "try again")
    return child


@contextmanager
def room() -> Iterator[None]:
    """In a child: writing what was made, for which there may be no room."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise SystemExit(NO_ROOM) from error
