"""How a post will look: plain HTML of its own, without scripts, and without anything that would be loaded."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from cms_core import Media, Placement, Preview, merge
from cms_social.facets import detect
from cms_social.posts import Words

SHOWN_BYTES = 400_000  # of a picture inside of the preview; larger ones are told by their alternative text


@dataclass(frozen=True)
class Shown:
    """What stands in a preview. ``card`` is the title of the page that a link is shown as, where the network gets it from us."""

    network: str
    account: str
    words: Words
    texts: Sequence[str]
    warning: str = ""
    card: str = ""


@dataclass(frozen=True)
class Stretch:
    """A piece of text, and whether it is clickable."""

    text: str
    clickable: bool = False


def preview(shown: Shown, lengths: Sequence[int], longest: int) -> Preview:
    """The posts as the network shows them, with their lengths as it counts them."""
    words = shown.words
    parts = [
        {"stretches": list(stretches(text)), "pictures": [_picture(each) for each in part.media]}
        for text, part in zip(shown.texts, words.parts, strict=True)
    ]
    html = _template().render(shown=shown, parts=parts, link=words.link)
    facts = [("Length", ", ".join(f"{length} of {longest}" for length in lengths) or "nothing to show")]
    facts += [("Content warning", shown.warning)] if shown.warning else []
    return Preview(words.title, html, "\n\n".join(shown.texts), tuple(facts))


def fault(placement: Placement, error: merge.MergeError) -> Preview:
    """Told instead of a preview."""
    return Preview(placement.asset.title, text=f"{error}. {error.remedy}")


def stretches(text: str) -> Iterator[Stretch]:
    """A text cut where it is clickable."""
    raw, done = text.encode(), 0
    for facet in detect(text):
        yield Stretch(raw[done : facet.start].decode())
        yield Stretch(raw[facet.start : facet.end].decode(), clickable=True)
        done = facet.end
    yield Stretch(raw[done:].decode())


def _picture(media: Media) -> tuple[str, str]:
    """(Data address or "", alternative text)."""
    path = Path(media.path)
    small = media.mime.startswith("image/") and media.mime != "image/svg+xml" and media.size <= SHOWN_BYTES
    if not small or not path.is_file():
        return "", media.alt or media.filename
    return f"data:{media.mime};base64,{base64.b64encode(path.read_bytes()).decode()}", media.alt


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("cms_social"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("social/post.html")
