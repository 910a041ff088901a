"""Lists, page by page. A page begins after the key of the last row of the page before, so rows that come meanwhile shift nothing.

The cursor is that key, signed: what is no cursor of ours, or one of another list, is refused before it reaches the database.
"""

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
from flask import Response, request
from sqlalchemy import RowMapping, Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from cms_core.api.answers import answer
from cms_core.errors import CmsError
from cms_core.web.request import workspace

SIGNED = 12
PURPOSE = "cursor"

T = TypeVar("T")
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

    def read(after: Sequence[Any] | None, count: int) -> Sequence[RowMapping]:
        wanted = named
        if after is not None:
            told = [literal(value, key.type) for value, key in zip(after, keys, strict=True)]
            wanted = named.where(tuple_(*keys) > tuple_(*told))
        return session.execute(wanted.order_by(*keys).limit(count)).mappings().all()

    def key_of(row: RowMapping) -> list[Any]:
        return [row[f"_key{n}"] for n in range(len(keys))]

    return page_by(
        read, key_of, len(keys), args, lambda rows: [document(_without_keys(dict(row))) for row in rows]
    )


def page_by(
    read: Callable[[Sequence[Any] | None, int], Sequence[T]],
    key_of: Callable[[T], Sequence[Any]],
    parts: int,
    args: Mapping[str, Any],
    documents: Callable[[Sequence[T]], Sequence[Any]],
) -> Response:
    """A page of what ``read`` gives: so many after the row whose key (of so many ``parts``) it is given, or from the beginning."""
    after, secret = None, workspace().vault.derive(PURPOSE)
    if args["cursor"]:
        after = read_cursor(secret, _name(), args["cursor"], parts)
    limit = args["limit"]
    rows = read(after, limit + 1)
    next_ = write_cursor(secret, _name(), key_of(rows[limit - 1])) if len(rows) > limit else None
    return answer({"items": documents(rows[:limit]), "next": next_})


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
