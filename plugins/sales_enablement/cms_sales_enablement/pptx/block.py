"""What a slide is to say that nobody drew: ``authoring`` makes one of it."""

from dataclasses import dataclass

from cms_sales_enablement.pptx.data import Chart, Rows

CHART_KINDS = ("column", "bar", "line", "pie")


@dataclass(frozen=True)
class Block:
    """What a slide is to say. ``lines`` stand below each other, with a tab for each level; ``opening`` begins a part."""

    title: str = ""
    subtitle: str = ""
    lines: tuple[str, ...] = ()
    quote: str = ""
    by: str = ""
    picture: bytes = b""
    alt: str = ""
    rows: Rows = ()
    chart: Chart | None = None
    chart_kind: str = "column"
    notes: str = ""
    opening: bool = False

    @property
    def speaks(self) -> bool:
        """Whether it has words below its title."""
        return bool(self.lines or self.quote or (self.subtitle and not self.opening))

    @property
    def shows(self) -> bool:
        """Whether it has a thing beside the words."""
        return bool(self.picture or self.rows or self.chart)
