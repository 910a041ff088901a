"""Where in an HTML text a place is, so that a value can be made harmless for that place or refused there.

The scanner follows the HTML standard's tokenizer as far as it matters here. A tag may stand in text and in quoted attributes
only; everywhere else (tag and attribute names, unquoted values, scripts, styles, comments) escaping would not help.
Links: a value may not decide where a link leads, unless its field is a ``url`` (of which http, https and mailto pass) or
trusted; inside the path, query or fragment it is percent-encoded by itself, so ``| urlencode`` is not needed there.
"""

import html
import re
from dataclasses import dataclass, replace
from enum import Enum

from cms_core.merge.fields import FieldType
from cms_core.merge.nodes import Expression, Quote


class At(Enum):
    """What the scanner is inside of; the values are the words for people."""

    TEXT = "text"
    QUOTED = "a quoted attribute"
    TAG = "a tag"
    UNQUOTED = "an attribute without quotes"
    COMMENT = "an HTML comment"
    RAW = "a script, a style, a drawing or another element that holds no plain HTML"


class Url(Enum):
    """How much of an address is decided."""

    NOT = "not an address"
    START = "the start of an address"
    SCHEME = "the scheme of an address"
    HOST = "the host of an address"
    OPAQUE = "an address without a host"
    INSIDE = "the path or query of an address"
    FORBIDDEN = "an address with a scheme that is not allowed"


@dataclass(frozen=True)
class Place:
    """A place in an HTML text; equal places may hold the same things."""

    at: At = At.TEXT
    tag: str = ""
    attribute: str = ""
    quote: str = ""
    url: Url = Url.NOT


class Misplaced(Exception):
    """A value or a block may not stand here; ``what`` and ``remedy`` are for people."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


_RAW = frozenset("script style xmp iframe noembed noframes plaintext svg math".split())
_URLS = frozenset(
    "href src action formaction poster background cite data longdesc usemap manifest lowsrc dynsrc xlink:href".split()
)
_TEXT_ONLY = frozenset("title textarea".split())  # tags inside are text, values are welcome
_CODE = frozenset("style srcdoc srcset ping".split())
_HOSTS, _OPAQUE = ("http", "https"), ("mailto", "tel", "sms", "cid")
_S = r" \t\n\f\r"  # white space of HTML, which is less than \s
_TAG = re.compile(rf"</?([a-zA-Z][^{_S}/>]*)")
_ATTRIBUTE = re.compile(
    rf"[{_S}/]*(?:(>)|([^{_S}/>][^{_S}/>=]*)(?:[{_S}]*(=)[{_S}]*([\"']|[^{_S}>\"'][^{_S}>]*)?)?)"
)
_COMMENT = re.compile(r"<!--(-?>)?")
_COMMENT_END = re.compile(r"--!?>")
_REMOVED = re.compile(r"[\t\n\r]")
_SLASHES = re.compile(r"[/\\]{2}")
_STRIPPED = "".join(map(chr, range(33)))
_DELIMITERS = {
    Url.SCHEME: re.compile(r"[:/?#]"),
    Url.HOST: re.compile(r"[/?#]"),
    Url.OPAQUE: re.compile(r"[?#]"),
}


def advance(place: Place, text: str) -> Place:
    """The place after ``text``, when it starts at a place where values or blocks may stand."""
    position = 0
    while position < len(text):
        if place.at is At.QUOTED:
            place, position = _quoted(place, text, position)
        elif place.at is At.COMMENT:
            end = _COMMENT_END.search(text, position)
            place, position = (Place(), end.end()) if end else (place, len(text))
        elif place.at is At.TAG:
            place, position = _in_tag(place, text, position)
        elif place.at is At.RAW:
            place, position = _to_end_tag(place, text, position)
        elif place.at is At.TEXT:
            place, position = _in_text(place, text, position)
        else:
            break
    return place


def quote_at(place: Place, value: Expression) -> tuple[Quote, Place]:
    """How a value is quoted at a place, and the place after it; raises Misplaced."""
    if place.at is At.COMMENT and value.trusted:
        return Quote.HTML, place
    check_place(place)
    if place.at is At.TEXT:
        return Quote.HTML, place
    name = place.attribute
    forbidden = name.startswith("on") or name in _CODE or (place.tag, name) == ("meta", "content")
    if forbidden and not (value.trusted and name in ("srcset", "ping")):
        raise Misplaced(
            f"a value may not stand in the attribute {name}", "Put the value into text or another attribute."
        )
    return (Quote.HTML, place) if place.url is Url.NOT else _quote_in_url(place, value)


def check_place(place: Place) -> None:
    """Refuse what stands neither in text nor in a quoted attribute."""
    if place.at not in (At.TEXT, At.QUOTED):
        remedy = (
            "Write the attribute's value in quotes."
            if place.at is At.UNQUOTED
            else "Move it into text or a quoted attribute."
        )
        raise Misplaced(f"a tag may not stand in {place.at.value}", remedy)


def _quote_in_url(place: Place, value: Expression) -> tuple[Quote, Place]:
    after = replace(place, url=Url.HOST) if place.url is Url.START else place
    if value.trusted:
        return Quote.HTML, after
    if place.url is Url.START and value.type in (FieldType.URL, None):
        return Quote.LINK, after
    if place.url is Url.INSIDE:
        return Quote.HTML if value.encoded else Quote.URL, after
    if place.url is Url.OPAQUE:
        return Quote.ADDRESS, after
    raise Misplaced(
        f"a value may not stand in {place.url.value}",
        "Write the address as far as its path, or use a field of type url for all of it.",
    )


def _to_end_tag(place: Place, text: str, position: int) -> tuple[Place, int]:
    """To where an element ends whose content holds no tags."""
    end = re.compile(rf"</{re.escape(place.tag)}(?=[{_S}/>])", re.IGNORECASE).search(text, position)
    return (Place(), end.start()) if end else (place, len(text))


def _in_text(place: Place, text: str, position: int) -> tuple[Place, int]:
    if place.tag:
        return _to_end_tag(place, text, position)
    start = text.find("<", position)
    if start < 0:
        return Place(), len(text)
    if comment := _COMMENT.match(text, start):
        return (Place() if comment[1] else Place(At.COMMENT)), comment.end()
    if tag := _TAG.match(text, start):
        closing = text.startswith("</", start)
        return Place(At.TAG, "/" if closing else tag[1].lower()), tag.end()
    follower = text[start + 1 : start + 2]
    if follower in ("", "!", "?", "/"):  # a declaration, a bogus comment, or something unfinished
        end = text.find(">", start)
        return (Place(), end + 1) if end >= 0 else (Place(At.TAG), len(text))
    return Place(), start + 1


def _in_tag(place: Place, text: str, position: int) -> tuple[Place, int]:
    """One attribute or the end of the tag; a tag that the text leaves unfinished stays At.TAG or At.UNQUOTED."""
    found = _ATTRIBUTE.match(text, position)
    if found is None:
        return place, len(text)
    end, name, equals, value = found.groups()
    if end:
        return _content(place.tag), found.end()
    if value in ("'", '"'):
        name = name.lower()
        return Place(At.QUOTED, place.tag, name, value, Url.START if name in _URLS else Url.NOT), found.end()
    if equals and found.end() == len(text):
        return replace(place, at=At.UNQUOTED), found.end()
    return place, found.end()


def _content(tag: str) -> Place:
    if tag in _TEXT_ONLY:
        return Place(At.TEXT, tag)
    return Place(At.RAW, tag) if tag in _RAW else Place()


def _quoted(place: Place, text: str, position: int) -> tuple[Place, int]:
    end = text.find(place.quote, position)
    if end >= 0:
        return Place(At.TAG, place.tag), end + 1
    return replace(place, url=_in_url(place.url, text[position:])), len(text)


def _in_url(url: Url, text: str) -> Url:
    """How much of an address is decided after some more of its text, read as browsers read it."""
    if url in (Url.NOT, Url.INSIDE, Url.FORBIDDEN):
        return url
    try:
        text = _REMOVED.sub("", html.unescape(text))
    except ValueError:  # a character reference of thousands of digits
        return Url.FORBIDDEN
    if url is Url.START:
        return _from_start(text.lstrip(_STRIPPED))
    if url is Url.HOST and _SLASHES.match(text):
        return Url.FORBIDDEN  # the value before may be empty, and then a host would follow
    return _further(url, text)


def _from_start(text: str) -> Url:
    if _SLASHES.match(text):
        return _further(Url.HOST, text[2:])
    return _further(Url.SCHEME, text) if text else Url.START


def _further(url: Url, text: str) -> Url:
    """Schemes are allow-listed: an address that goes on after an unknown one is forbidden."""
    delimiter = _DELIMITERS[url].search(text)
    if delimiter is None:
        return url
    if delimiter[0] != ":":
        return Url.INSIDE
    scheme, rest = text[: delimiter.start()].lower(), text[delimiter.end() :]
    if scheme in _HOSTS:
        return _further(Url.HOST, rest.lstrip("/\\"))
    return _further(Url.OPAQUE, rest) if scheme in _OPAQUE else Url.FORBIDDEN
