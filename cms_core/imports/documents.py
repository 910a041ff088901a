"""What an import reads before anything is saved: documents, faults and notes, each with file and line."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cms_core.content.drafts import Draft
from cms_core.content.media import Stored


@dataclass(frozen=True)
class Problem:
    """An error or note: file (relative to what was imported), line, reason."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True)
class Document:
    """One asset as it will be saved; ``publish_at`` is the time as written, ``publish_to`` pairs of channel and connection.

    Of what comes from another system: ``source`` is what it stays known by, ``source_url`` its address there, ``owner`` the mail
    address of its author. What is not ``finished`` (a draft, something private) is never approved on the way.
    """

    file: str
    draft: Draft
    line: int = 1
    source: str = ""
    source_url: str = ""
    owner: str = ""
    finished: bool = True
    publish_at: str = ""
    publish_to: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[Stored, str], ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)

    def line_of(self, key: str) -> int:
        """The line of a front matter key, or of the text."""
        return self.lines.get(key, self.line)


@dataclass
class Folder:
    """What was read: documents to save, errors (what is left out) and notes (things not used).

    ``hosts`` are those that files of the texts may be fetched from: the sites that were read.
    """

    documents: list[Document] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
