"""What the looks of a slide depend on: its own part, and all that it leads to but other slides and its notes."""

import hashlib
from collections.abc import Collection

from cms_sales_enablement.pptx.package import Package

UNSEEN = ("notesSlide", "package")  # a chart shows what stands in itself, not in its workbook


class Looks:
    """Digests of the slides of one package."""

    def __init__(self, package: Package, slides: Collection[str]) -> None:
        self._package = package
        self._slides = frozenset(slides)

    def digest(self, part: str) -> str:
        """The same for the same bytes, wherever they stand in the file."""
        found, waiting = {part}, [part]
        while waiting:
            for each in self._package.relationships(waiting.pop()):
                inside = not each.external and each.target in self._package
                if inside and each.kind not in UNSEEN and each.target not in found | self._slides:
                    found.add(each.target)
                    waiting.append(each.target)
        sums = sorted(map(self._package.checksum, found))
        return hashlib.sha256("\n".join([self._package.checksum(part), *sums]).encode()).hexdigest()
