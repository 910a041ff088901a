"""What a check says: how much it weighs, what was found, and what to do about it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from cms_core.workspace import Workspace


class Grade(StrEnum):
    """How much a finding weighs; the words of ``contract.Level``, and ``OK`` for what is in order."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that a check has found."""

    level: Grade
    message: str
    remedy: str = ""
    check: str = ""

    def document(self) -> dict[str, str]:
        """The keys of ``cms doctor --json``."""
        return {
            "check": self.check,
            "level": str(self.level),
            "message": self.message,
            "remedy": self.remedy,
        }


Look = Callable[[Workspace], Iterator[Finding]]


def ok(message: str) -> Finding:
    """Looked at, and in order."""
    return Finding(Grade.OK, message)


def note(message: str, remedy: str = "") -> Finding:
    """Good to know."""
    return Finding(Grade.NOTE, message, remedy)


def warning(message: str, remedy: str) -> Finding:
    """It works, but should be seen to."""
    return Finding(Grade.WARNING, message, remedy)


def error(message: str, remedy: str) -> Finding:
    """Something does not work."""
    return Finding(Grade.ERROR, message, remedy)


def has_error(findings: Iterable[Finding]) -> bool:
    """Whether anything does not work (exit code 1)."""
    return any(each.level is Grade.ERROR for each in findings)
