"""What can be said about a post before it is made: the same remarks in the editor, in dry runs and right before publishing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cms_core import Finding, Level, Media, Placement, merge
from cms_social.counting import graphemes
from cms_social.posts import MOST_PARTS, Words

LONGEST_ALT = 1500
MANY_TAGS = 5


@dataclass(frozen=True)
class Rules:
    """What one network takes: how it counts, how many files of which types, how many bytes of text (None: any number)."""

    network: str
    length: Callable[[str], int]
    media: int
    pictures: tuple[str, ...]
    films: tuple[str, ...] = ()
    most_bytes: int | None = None


def error(field: str, message: str) -> Finding:
    """A finding that stops arming."""
    return Finding(Level.ERROR, field, message)


def some_page(placement: Placement) -> str:
    """Stands for the address that the page will have."""
    return f"https://www.example.com/{placement.asset.slug}"


def check(
    words: Words,
    texts: Callable[[Words], Sequence[str]],
    rules: Rules,
    longest: int,
    beside: Callable[[Words], int] = lambda _: 0,
) -> Iterator[Finding]:
    """All remarks on one placement; ``beside`` is what counts besides each text."""
    broken = False
    for finding in _merge_tags(words):
        broken = broken or finding.level is Level.ERROR
        yield finding
    if broken:
        return
    if not words.parts:
        yield error("text", "the post is empty; write something")
    if len(words.parts) > MOST_PARTS:
        yield error("text", f"a thread of {len(words.parts)} posts; at most {MOST_PARTS} fit")
    for number, text in enumerate(texts(words), 1):
        which = f"post {number} of the thread" if len(words.parts) > 1 else "the post"
        yield from _length(text, which, words, rules, longest - beside(words))
    yield from _link(words)
    for part in words.parts:
        yield from _media(part.media, rules)


def _merge_tags(words: Words) -> Iterator[Finding]:
    for field, source in words.sources():
        try:
            yield from words.findings(field, source)
        except merge.MergeError as fault:
            yield error(field, f"{fault}. {fault.remedy}")


def _length(text: str, which: str, words: Words, rules: Rules, longest: int) -> Iterator[Finding]:
    length = rules.length(text)
    if length > longest:
        says = f"{which} has {length} characters as {rules.network} counts; at most {longest} fit"
        advice = (
            "shorten it, or make a thread with lines of ---"
            if words.own
            else "give it a text of its own for networks"
        )
        yield error("text", f"{says}; {advice}")
    if rules.most_bytes and len(text.encode()) > rules.most_bytes:
        yield error("text", f"{which} has {len(text.encode())} bytes; at most {rules.most_bytes} fit")


def _link(words: Words) -> Iterator[Finding]:
    link = words.word("link")
    if link and not link.startswith(("https://", "http://")):
        yield error("link", f"the link {link[:80]} is not the address of a page; begin it with https://")


def _media(media: Sequence[Media], rules: Rules) -> Iterator[Finding]:
    films = [each for each in media if each.mime in rules.films]
    if len(media) > rules.media:
        yield error("text", f"{len(media)} files; {rules.network} shows {rules.media} in a post")
    if films and len(media) > 1:
        yield error("text", f"a film stands alone on {rules.network}; put the other files into another post")
    for each in media:
        if each.mime not in (*rules.pictures, *rules.films):
            yield error(
                "text",
                f"{each.filename} is {each.mime}, which {rules.network} does not show; link to it instead",
            )
        elif not each.alt.strip():
            yield Finding(
                Level.WARNING,
                "text",
                f"{each.filename} has no alternative text; write it as ![what it shows](…)",
            )
        elif graphemes(each.alt) > LONGEST_ALT:
            yield Finding(
                Level.WARNING,
                "text",
                f"the alternative text of {each.filename} is cut after {LONGEST_ALT} characters",
            )
