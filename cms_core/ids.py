"""Public ids: UUIDv7 (RFC 9562 §5.7), so that they sort by time and cannot be guessed from one another."""

import os
import time


def new_id() -> str:
    """Return a new UUIDv7 in its canonical text form."""
    stamp = time.time_ns() // 1_000_000
    value = (stamp << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (7 << 76)
    value = (value & ~(0x3 << 62)) | (2 << 62)
    digits = f"{value:032x}"  # uuid.UUID checks it once more, which takes longer than all the rest
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
