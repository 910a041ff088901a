"""A checked template: what is left of Jinja's tree once everything outside the merge language is refused."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cms_core.merge.fields import FieldType

# What a template works on while it is rendered: the values at 0, the items of loops, then texts by slot (see assembly.py).
Frame = list[Any]
FIRST_ITEM = 1
MAX_LOOPS = 4


class Quote(Enum):
    """How an interpolated value is made harmless, by the place where it stands."""

    NONE = "none"
    HTML = "html"  # text and quoted attributes: HTML-escaped
    URL = "url"  # inside a web address: percent-encoded
    ADDRESS = "address"  # inside mailto: and the like: percent-encoded, but for @ and +
    LINK = "link"  # a whole address: http, https and mailto only, then HTML-escaped


@dataclass(frozen=True)
class Expression:
    """A value to compute. Two expressions with the same ``key`` give the same value within one frame."""

    read: Callable[[Frame], Any]
    key: str
    offset: int
    type: FieldType | None = None  # None: an item of a list, whose type nobody declared
    fields: frozenset[str] = frozenset()
    items: frozenset[int] = frozenset()  # the loop items it reads, by slot
    filled: bool = False  # a default stands in for a missing value
    encoded: bool = False  # urlencode came last
    trusted: bool = False
    plain: bool = False  # a field without filters


@dataclass(frozen=True)
class Text:
    """Literal text."""

    data: str


@dataclass(frozen=True)
class Output:
    """``{{ value }}``, made harmless by ``quote``."""

    value: Expression
    quote: Quote


@dataclass(frozen=True)
class If:
    """The body of the first branch whose test holds, or ``otherwise``."""

    branches: "tuple[tuple[Expression, Body], ...]"
    otherwise: "Body"


@dataclass(frozen=True)
class For:
    """``body`` once for each item of a list; the item stands in ``slot``."""

    slot: int
    each: Expression
    body: "Body"


Node = Text | Output | If | For
Body = tuple[Node, ...]
