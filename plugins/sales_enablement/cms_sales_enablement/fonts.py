"""Fonts that a presentation names and that would be drawn by others here: it looks otherwise than its author saw it.

Fontconfig says what is installed; where it is not, nothing is said. Fonts of the same widths stand in for others unnoticed.
"""

import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence

from cms_sales_enablement.pptx.findings import Finding, Level

CODE = "missing_font"
SECONDS = 10
AS_WIDE = {
    "arial": ("liberation sans", "arimo"),
    "arial narrow": ("liberation sans narrow",),
    "helvetica": ("liberation sans", "arimo", "nimbus sans"),
    "times new roman": ("liberation serif", "tinos"),
    "times": ("liberation serif", "tinos", "nimbus roman"),
    "courier new": ("liberation mono", "cousine"),
    "courier": ("liberation mono", "cousine", "nimbus mono ps"),
    "calibri": ("carlito",),
    "cambria": ("caladea",),
    "georgia": ("gelasio",),
}


def installed() -> frozenset[str] | None:
    """The families that are installed, in small letters; None where nobody can tell."""
    program = shutil.which("fc-list")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "--format", "%{family}\n"], capture_output=True, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    families = done.stdout.decode("utf-8", "replace").replace("\n", ",").split(",")
    return frozenset(each.strip().casefold() for each in families if each.strip())


def missing(names: Collection[str], embedded: Collection[str], there: Collection[str]) -> list[str]:
    """Those of these fonts that are neither in the file nor installed, nor stood in for by one of the same widths."""
    inside = {each.casefold() for each in embedded}
    return [
        name
        for name in names
        if name.casefold() not in inside and not any(each in there for each in _names(name))
    ]


def current(found: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Findings of a file as they are now: without fonts that were installed since it was read."""
    if not any(each["code"] == CODE for each in found):
        return list(found)
    there = installed() or ()
    return [
        each
        for each in found
        if each["code"] != CODE or not any(name in there for name in _names(each["where"]))
    ]


def _names(font: str) -> tuple[str, ...]:
    """What a font may be called that stands for this one."""
    return (font.casefold(), *AS_WIDE.get(font.casefold(), ()))


def findings(names: Collection[str], embedded: Collection[str]) -> Iterator[Finding]:
    """What is to be said of the fonts of a file; ``where`` is the name of the font."""
    there = installed()
    for name in missing(names, embedded, there) if there is not None else ():
        message = (
            f"the font {name!r:.120} is neither installed nor in the file; pictures and PDFs show another one. "
            "Install it where slides are drawn, embed it in the file, or use one that is there"
        )
        yield Finding(Level.WARNING, CODE, name[:120], message)
