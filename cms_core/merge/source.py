"""A template's text with places in it, and the error that names such a place."""

from dataclasses import dataclass

from cms_core.errors import Invalid


class MergeError(Invalid):
    """The template is refused; ``line`` and ``column`` count from 1, the column in characters."""

    def __init__(self, line: int, column: int, what: str, remedy: str) -> None:
        super().__init__(f"line {line}, column {column}: {what}", remedy)
        self.line = line
        self.column = column


@dataclass(frozen=True)
class Source:
    """The text of a template, with line ends as ``\\n``; places in it are offsets."""

    text: str

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, from 1."""
        return self.text.count("\n", 0, offset) + 1, offset - self.text.rfind("\n", 0, offset)

    def refuse(self, offset: int, what: str, remedy: str) -> MergeError:
        """The error for what stands at an offset."""
        line, column = self.place(offset)
        return MergeError(line, column, what, remedy)
