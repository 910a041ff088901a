"""What is remarked on a file: how grave it is, a word for programs, where it is, and a sentence for people."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How grave it is."""

    ERROR = "error"  # programs will want to repair it, or it must not be sent
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One remark. ``where`` is a part of the file, a slide, a field, a font, or ""."""

    level: Level
    code: str
    where: str
    message: str

    def document(self) -> dict[str, str]:
        """Its keys in JSON."""
        return {"level": str(self.level), "code": self.code, "where": self.where, "message": self.message}


def is_sound(findings: Iterable[Finding]) -> bool:
    """Whether there is no error among them."""
    return all(each.level is not Level.ERROR for each in findings)
