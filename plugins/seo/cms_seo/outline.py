"""What stands in a page: headings, links, pictures, words, and questions with their answers."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset("p li dt dd td th pre blockquote figcaption br hr tr div table ul ol".split())


@dataclass
class Section:
    """A heading (level 0: before the first) and the text below it."""

    level: int = 0
    heading: str = ""
    text: str = ""


@dataclass
class Outline:
    """The facts about one sanitised HTML text; ``links`` and ``pictures`` hold None where an attribute is missing."""

    sections: list[Section] = field(default_factory=lambda: [Section()])
    links: list[str | None] = field(default_factory=list)
    pictures: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def headings(self) -> list[Section]:
        """The sections that begin with a heading."""
        return self.sections[1:]

    @property
    def text(self) -> str:
        """All words below headings, with single spaces."""
        return " ".join(" ".join(section.text for section in self.sections).split())

    @property
    def words(self) -> int:
        """How many words there are, headings included."""
        return len(self.text.split()) + sum(len(section.heading.split()) for section in self.headings)

    @property
    def questions(self) -> list[tuple[str, str]]:
        """Headings below the title with the text under them: the questions and answers of an FAQ."""
        pairs = [(each.heading, " ".join(each.text.split())) for each in self.headings if each.level > 1]
        return [(question, answer) for question, answer in pairs if question and answer]


def outline_of(html: str) -> Outline:
    """Read a sanitised HTML text once."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    for section in reader.found.sections:
        section.heading = " ".join(section.heading.split())
    return reader.found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = Outline()
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in HEADINGS:
            self.found.sections.append(Section(HEADINGS[tag]))
            self._in_heading = True
        elif tag == "a":
            self.found.links.append(dict(attrs).get("href"))
        elif tag == "img":
            attributes = dict(attrs)
            self.found.pictures.append((attributes.get("src") or "", attributes.get("alt")))
        elif tag in _BLOCKS:
            self._write(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in HEADINGS:
            self._in_heading = False
        elif tag in _BLOCKS:
            self._write(" ")

    def handle_data(self, data: str) -> None:
        self._write(data)

    def _write(self, text: str) -> None:
        section = self.found.sections[-1]
        if self._in_heading:
            section.heading += text
        else:
            section.text += text
