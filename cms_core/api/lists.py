"""Lists, page by page. A page begins after the key of the last row of the page before, so rows that come meanwhile shift nothing.

The cursor is that key, signed: what is no cursor of ours, or one of another list, is refused before it reaches the database.
"""

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from flask import Response, request
from sqlalchemy import Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from cms_core.api.answers import answer
from cms_core.errors import CmsError
from cms_core.web.request import workspace

SIGNED = 12
PURPOSE = "cursor"

Row = Mapping[str, Any]
Key = InstrumentedAttribute[Any]


class BadCursor(CmsError):
    """What was sent as a cursor is none of ours."""

    status = 400


def page(
    session: Session,
    query: Select[*tuple[Any, ...]],
    keys: Sequence[Key],
    args: Mapping[str, Any],
    document: Callable[[Row], Any] = dict,
) -> Response:
    """A page of the rows of a query in the order of ``keys``, which together are unique and do not change.

    ``args`` are those of PageArgs; ``document`` makes what is shown of a row (its columns by their labels).
    """
    named = query.add_columns(*(key.label(f"_key{n}") for n, key in enumerate(keys)))
    if args["cursor"]:
        values = read_cursor(workspace().vault.derive(PURPOSE), _name(), args["cursor"], len(keys))
        after = [literal(value, key.type) for value, key in zip(values, keys, strict=True)]
        named = named.where(tuple_(*keys) > tuple_(*after))
    limit = args["limit"]
    rows = session.execute(named.order_by(*keys).limit(limit + 1)).mappings().all()
    next_ = None
    if len(rows) > limit:
        last = [rows[limit - 1][f"_key{n}"] for n in range(len(keys))]
        next_ = write_cursor(workspace().vault.derive(PURPOSE), _name(), last)
    shown = [document(_without_keys(dict(row))) for row in rows[:limit]]
    return answer({"items": shown, "next": next_})


def without(*names: str) -> Callable[[Row], Row]:
    """Shows a row as it is, but for these columns."""
    return lambda row: {name: value for name, value in row.items() if name not in names}


def write_cursor(key: bytes, name: str, values: Sequence[Any]) -> str:
    """The cursor of a list after the row with this key."""
    told = [
        {"at": each.astimezone(UTC).isoformat()} if isinstance(each, datetime) else each for each in values
    ]
    text = orjson.dumps(told)
    return base64.urlsafe_b64encode(_signature(key, name, text) + text).decode().rstrip("=")


def read_cursor(key: bytes, name: str, cursor: str, count: int) -> list[Any]:
    """The key in a cursor of this list; raises BadCursor for anything else."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        signature, text = raw[:SIGNED], raw[SIGNED:]
        if not hmac.compare_digest(signature, _signature(key, name, text)):
            raise ValueError
        values: list[Any] = [_value(each) for each in orjson.loads(text)]
    except ValueError:
        values = []
    if len(values) != count:
        raise BadCursor(
            "this is no cursor of this list", "use `next` of the page before, or begin without a cursor"
        )
    return values


def _value(told: Any) -> Any:
    return datetime.fromisoformat(told["at"]) if isinstance(told, dict) else told


def _signature(key: bytes, name: str, text: bytes) -> bytes:
    return hmac.digest(key, name.encode() + b"\0" + text, "sha256")[:SIGNED]


def _name() -> str:
    return request.endpoint or ""


def _without_keys(row: Row) -> Row:
    return {name: value for name, value in row.items() if not name.startswith("_key")}
