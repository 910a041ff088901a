"""TIDs: the keys of records on the AT Protocol. 64 bits as 13 characters that sort by time, microseconds and clock."""

from datetime import UTC, datetime, timedelta

ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_MICROS = (1 << 54) - 1  # what the syntax allows; the highest bit is not used before 2255
CLOCKS = 1 << 10
_LENGTH = 13


def encode(micros: int, clock: int = 0) -> str:
    """The TID of an instant (microseconds since 1970) and a clock (0 to 1023); raises ValueError outside of that."""
    if not 0 <= micros <= MOST_MICROS or not 0 <= clock < CLOCKS:
        raise ValueError(f"no TID for {micros} µs on clock {clock}")
    number = micros << 10 | clock
    return "".join(ALPHABET[number >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))


def decode(text: str) -> tuple[int, int]:
    """Microseconds and clock of a TID; raises ValueError for what is none."""
    if len(text) != _LENGTH or any(each not in ALPHABET for each in text):
        raise ValueError(f"{text[:40]!r} is not a TID")
    number = 0
    for each in text:
        number = number << 5 | ALPHABET.index(each)
    if number >> 64:
        raise ValueError(f"{text!r} is not a TID: its highest bit is set")
    return number >> 10, number & CLOCKS - 1


def micros_of(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - EPOCH) // timedelta(microseconds=1)


def instant_of(micros: int) -> datetime:
    """The instant of these microseconds, in UTC."""
    return EPOCH + timedelta(microseconds=micros)
