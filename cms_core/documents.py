"""Documents for programs: what ``--json`` prints and the REST interface answers, written one way."""

from decimal import Decimal
from typing import Any

import orjson


def dump(document: Any, *, indent: bool = False) -> bytes:
    """A document as JSON in UTF-8; instants as ISO 8601 with offset, amounts as numbers."""
    return orjson.dumps(document, default=_plain, option=orjson.OPT_INDENT_2 if indent else None)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
