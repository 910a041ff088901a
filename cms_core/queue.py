"""How work is rung up. Rows are the truth and carry lease and fence; a ring is only a doorbell, and ringing twice is harmless."""

import threading
from typing import Protocol


class Queue(Protocol):
    """Tells workers that something may be claimable."""

    def ring(self) -> None:
        """Something may be due."""
        ...

    def wait(self, seconds: float) -> None:
        """Sleep until the bell rings, at most this long."""
        ...


class EmbeddedQueue:
    """The doorbell inside one process."""

    def __init__(self) -> None:
        self._bell = threading.Event()

    def ring(self) -> None:
        """Something may be due."""
        self._bell.set()

    def wait(self, seconds: float) -> None:
        """Sleep until the bell rings, at most this long."""
        self._bell.wait(seconds)
        self._bell.clear()
