"""Reading an uploaded presentation in a child process, within limits of memory and time: nobody knows what is in it.

``python -m cms_sales_enablement.pptx.reading FILE`` prints what was read as JSON.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cms_sales_enablement.pptx import fields
from cms_sales_enablement.pptx.findings import Finding, Level
from cms_sales_enablement.pptx.package import Package, PackageRefused
from cms_sales_enablement.pptx.slides import Slide
from cms_sales_enablement.pptx.slots import Kind, P, Slot
from cms_sales_enablement.pptx.template import DeckTemplate

MODULE = "cms_sales_enablement.pptx.reading"
MEMORY_BYTES = 1536 << 20
SECONDS = 60
TAKEN_OUT = ("macro", "active_x", "ole", "external", "bad_link")  # of every copy that is made
LATIN = f"{{{fields.A}}}latin"
EMBEDDED, FONT = f"{{{P}}}embeddedFont", f"{{{P}}}font"


@dataclass(frozen=True)
class ReadSlide:
    """A slide, and a digest that changes whenever its looks may."""

    slide: Slide
    digest: str


@dataclass(frozen=True)
class Read:
    """What a file holds."""

    slides: tuple[ReadSlide, ...]
    fonts: tuple[str, ...]
    findings: tuple[Finding, ...]
    embedded: tuple[str, ...] = ()  # fonts that the file brings along


def read_in_child(path: Path) -> Read:
    """Raises PackageRefused for a file that cannot be used, and for one that needs too much to be read."""
    command = [sys.executable, "-I", "-m", MODULE, str(path)]
    try:
        child = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise PackageRefused("too_slow", f"it takes more than {SECONDS} seconds to read") from None
    try:
        answer: dict[str, Any] = json.loads(child.stdout)
    except ValueError:
        raise PackageRefused("too_large", "it needs too much memory to be read, or is broken") from None
    if refused := answer.get("refused"):
        raise PackageRefused(**refused)
    return Read(
        tuple(ReadSlide(_slide(each["slide"]), each["digest"]) for each in answer["slides"]),
        tuple(answer["fonts"]),
        tuple(Finding(**{**each, "level": Level(each["level"])}) for each in answer["findings"]),
        tuple(answer["embedded"]),
    )


def read(path: Path) -> Read:
    """The same in this process."""
    with Package(path) as package, DeckTemplate(path) as template:
        if not template.slides:
            raise PackageRefused("no_slides", "it has no slides")
        return Read(
            tuple(ReadSlide(each, template.looks(each.id)) for each in template.slides),
            tuple(sorted(_fonts(package))),
            tuple(_findings(template.findings)),
            tuple(sorted(_embedded(package))),
        )


def _slide(told: dict[str, Any]) -> Slide:
    slots = tuple(Slot(each["name"], Kind(each["kind"])) for each in told["slots"])
    return Slide(**{**told, "slots": slots, "jumps": tuple(told["jumps"])})


def _findings(found: Iterable[Finding]) -> Iterator[Finding]:
    """What is taken out of each copy need not be mended: it is told."""
    for each in found:
        if each.code in TAKEN_OUT:
            message = f"{each.message}; it is taken out of every deck"
            yield Finding(Level.WARNING, each.code, each.where, message)
        else:
            yield each


def _fonts(package: Package) -> Iterator[str]:
    """Those that are named somewhere; a name that begins with + stands for one of the theme."""
    names = set()
    for name in package.names:
        if name.startswith(("ppt/slides/", "ppt/slideMasters/", "ppt/theme/")) and name.endswith(".xml"):
            names |= {each.get("typeface", "") for each in package.xml(name).iter(LATIN)}
    return (each for each in names if each and not each.startswith("+"))


def _embedded(package: Package) -> set[str]:
    names = (name for name in package.names if name.startswith("ppt/presentation") and name.endswith(".xml"))
    fonts = (each for name in names for each in package.xml(name).iter(EMBEDDED))
    return {font.get("typeface", "") for each in fonts for font in each.iter(FONT)} - {""}


def main(path: str) -> None:
    """What the child does."""
    _limit()
    try:
        found = read(Path(path))
        answer: dict[str, Any] = asdict(found)
    except PackageRefused as refused:
        answer = {"refused": refused.told()}
    json.dump(answer, sys.stdout)


def _limit() -> None:
    try:
        import resource
    except ImportError:  # not on Windows; the time limit and those of the package still hold
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


if __name__ == "__main__":
    main(sys.argv[1])
