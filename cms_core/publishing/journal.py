"""The journal of one sender: what was put on the wire and what became of it, between two commits of the database.

One append-only file per sender under the workspace's run folder, and a lock on a second file for as long as its writer lives.
A record is flushed to the operating system before the bytes of a message leave, so it survives the death of the process (not
of the machine: after a reboot everything unsettled is unknown). Only who holds the lock may recover the sender's claims.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cms_core.contract import OutcomeStatus

RECORD = struct.Struct("<cqqB")  # kind, claim, delivery, outcome
ON_WIRE, OUTCOME = b"W", b"O"
STATUSES = (OutcomeStatus.ACCEPTED, OutcomeStatus.RETRY, OutcomeStatus.FAILED, OutcomeStatus.UNKNOWN)
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
ROTATE_AT = 20_000


def boot_id() -> str:
    """Names this boot of this machine; a random value where the system does not tell (then nothing is ever recovered)."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return os.urandom(16).hex()


class Journal:
    """The journal that a living sender writes. ``claim`` is set by the sender before it hands out a batch."""

    def __init__(self, folder: Path, sender: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.sender = sender
        self.claims: dict[int, int] = {}
        self._path = folder / f"{sender}.journal"
        self._lock = _open_lock(folder / f"{sender}.lock")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._file = self._open()
        self._buffer: list[bytes] = []
        self._unwritten = b""
        self._written = 0

    def on_wire(self, key: int) -> None:
        """The message of this delivery is about to be completed by the next write."""
        self._buffer.append(RECORD.pack(ON_WIRE, self.claims[key], key, 0))

    def take_back(self) -> None:
        """Forget what was told last: it has not been flushed, and nothing of it has left."""
        self._buffer.pop()

    def outcome(self, key: int, status: OutcomeStatus) -> None:
        """What became of a delivery; kept in memory until the next flush."""
        self._buffer.append(RECORD.pack(OUTCOME, self.claims[key], key, STATUSES.index(status)))

    def flush(self) -> None:
        """Hand everything to the operating system in one write. What a full disk did not take, the next flush begins with."""
        if self._buffer or self._unwritten:
            self._written += len(self._buffer)
            self._unwritten += b"".join(self._buffer)
            self._buffer.clear()
            while self._unwritten:
                self._unwritten = self._unwritten[os.write(self._file, self._unwritten) :]

    def settled(self, keys: list[int]) -> None:
        """These deliveries are settled in the database; a long journal is started anew with what is still open."""
        for key in keys:
            self.claims.pop(key, None)
        if self._written >= ROTATE_AT:
            with suppress(OSError):  # a long journal is no fault; what it holds stays
                self._rotate()

    def close(self, *, settled: bool) -> None:
        """End: when everything is settled nothing is left to recover; otherwise the journal stays for who inherits it."""
        os.close(self._file)
        if settled:
            self._path.unlink(missing_ok=True)
            self._path.with_suffix(".lock").unlink(missing_ok=True)
        os.close(self._lock)

    def _rotate(self) -> None:
        self.flush()
        fresh = self._path.with_suffix(".new")
        kept = [record for record in _records(self._path.read_bytes()) if record[2] in self.claims]
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            _write_all(file, b"".join(RECORD.pack(*record) for record in kept))
            fresh.rename(self._path)
        except OSError:
            os.close(file)
            raise
        os.close(self._file)
        self._file, self._written = file, len(kept)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


@dataclass(frozen=True)
class Testimony:
    """What a dead sender's journal says: deliveries that were on the wire, and outcomes, by (claim, delivery)."""

    on_wire: set[tuple[int, int]] = field(default_factory=set)
    outcomes: dict[tuple[int, int], OutcomeStatus] = field(default_factory=dict)


@contextmanager
def inherit(folder: Path, sender: str) -> Iterator[Testimony | None]:
    """Take over a dead sender's journal. Yields None while its writer lives; an empty journal file is a testimony too.

    Raises FileNotFoundError when there is no journal: then nobody knows what was on the wire. The files are removed at the end.
    """
    path = folder / f"{sender}.journal"
    if not path.is_file():
        raise FileNotFoundError(path)
    lock = _open_lock(path.with_suffix(".lock"))
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        try:
            testimony = _testimony(path.read_bytes())
        except FileNotFoundError:  # its writer ended in order, just now
            path.with_suffix(".lock").unlink(missing_ok=True)
            raise
        yield testimony
        path.unlink(missing_ok=True)
        path.with_suffix(".lock").unlink(missing_ok=True)
    finally:
        os.close(lock)


def _testimony(data: bytes) -> Testimony:
    testimony = Testimony()
    for kind, claim, delivery, status in _records(data):
        if kind == ON_WIRE:
            testimony.on_wire.add((claim, delivery))
        else:
            testimony.outcomes[claim, delivery] = STATUSES[status]
    return testimony


def _records(data: bytes) -> Iterator[tuple[bytes, int, int, int]]:
    whole = len(data) // RECORD.size * RECORD.size  # a torn last record was never flushed before a send
    yield from RECORD.iter_unpack(data[:whole])


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
