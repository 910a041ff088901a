"""What one marshmallow field looks like as an input: kind, choices, bounds, and its value as text."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any

from marshmallow import Schema, fields, missing, validate

REQUIRED_WORDS = fields.Field.default_error_messages["required"]

_WIDGETS: tuple[tuple[type[fields.Field[Any]], str], ...] = (
    (fields.Boolean, "checkbox"),
    (fields.Email, "email"),
    (fields.Url, "url"),
    (fields.Number, "number"),
    (fields.DateTime, "datetime-local"),
    (fields.Date, "date"),
    (fields.Time, "time"),
    (fields.Enum, "select"),
    (fields.List, "lines"),
    (fields.String, "text"),
)
_TEXTUAL = frozenset(
    {"text", "textarea", "email", "url", "number", "password", "datetime-local", "date", "time"}
)
_KNOWN = _TEXTUAL | {"checkbox", "select", "lines", "csv", "checkboxes", "rows"}


def input_name(name: str, spec: fields.Field[Any]) -> str:
    """The name of the input: the key under which the schema loads the field."""
    return spec.data_key if spec.data_key is not None else name


def is_secret(spec: fields.Field[Any]) -> bool:
    """Whether the field's value must never be shown."""
    return bool(spec.metadata.get("secret"))


def widget_of(spec: fields.Field[Any]) -> str:
    """The kind of input for a field; TypeError for one that a flat form cannot show (nested schemas, dicts)."""
    if is_secret(spec):
        return "password"
    wanted = spec.metadata.get("widget")
    if wanted is not None:
        if wanted not in _KNOWN:
            raise TypeError(
                f"field {spec.name!r}: there is no widget {wanted!r}; there are {', '.join(sorted(_KNOWN))}"
            )
        return str(wanted)
    if choices_of(spec):
        return "checkboxes" if isinstance(spec, fields.List) else "select"
    if row_schema(spec) is not None:
        return "rows"
    for kind, widget in _WIDGETS:
        if isinstance(spec, kind):
            return widget
    raise TypeError(f"field {spec.name!r}: a form cannot show {type(spec).__name__}")


def row_schema(spec: fields.Field[Any]) -> Schema | None:
    """The schema of one row, for a field that is a list of flat objects."""
    inner = spec.inner if isinstance(spec, fields.List) else None
    return inner.schema if isinstance(inner, fields.Nested) else None


def validators(spec: fields.Field[Any]) -> list[Any]:
    """The validators of a field, or of a list's items."""
    return list(spec.inner.validators if isinstance(spec, fields.List) else spec.validators)


def choices_of(spec: fields.Field[Any]) -> tuple[tuple[str, str], ...]:
    """(value, label) pairs from the metadata, an Enum or a OneOf validator."""
    given = spec.metadata.get("choices")
    if given is not None:
        pairs = given.items() if isinstance(given, Mapping) else given
        return tuple(
            (str(p[0]), str(p[1])) if isinstance(p, tuple | list) else (str(p), str(p)) for p in pairs
        )
    if isinstance(spec, fields.Enum):
        return tuple((as_text(spec, member), humane(member.name)) for member in spec.enum)
    for rule in validators(spec):
        if isinstance(rule, validate.OneOf):
            labels = [*rule.labels, *[""] * len(list(rule.choices))]
            return tuple(
                (str(c), label or humane(str(c))) for c, label in zip(rule.choices, labels, strict=False)
            )
    return ()


def limits_of(spec: fields.Field[Any], widget: str) -> tuple[tuple[str, str], ...]:
    """HTML attributes that let the browser say the same as the schema (min, max, step).

    There is no maxlength: browsers cut pasted text silently, the schema says what is too long.
    """
    found: dict[str, str] = {}
    for rule in () if isinstance(spec, fields.List) else spec.validators:
        if isinstance(rule, validate.Range) and widget == "number":
            bounds = (("min", rule.min), ("max", rule.max))
            found.update({name: str(bound) for name, bound in bounds if bound is not None})
    if widget == "number":
        found["step"] = "1" if isinstance(spec, fields.Integer) else "any"
    return tuple(found.items())


def default_of(spec: fields.Field[Any]) -> Any:
    """What the schema takes when nothing is given, else None."""
    default = spec.load_default() if callable(spec.load_default) else spec.load_default
    return None if default is missing else default


def as_text(spec: fields.Field[Any], value: Any) -> str:
    """The value as its input shows it; instants on the wall clock of the field's default zone."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        zone = getattr(spec, "default_timezone", None)
        local = value.astimezone(zone) if zone is not None and value.tzinfo is not None else value
        return local.replace(tzinfo=None).isoformat(timespec="minutes")
    if isinstance(value, Enum):
        return str(value.value if getattr(spec, "by_value", False) else value.name)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def items_of(spec: fields.Field[Any], value: Any) -> tuple[str, ...]:
    """The items of a list as text, each as its own type shows it; nothing for a field that is no list."""
    return tuple(as_text(spec.inner, item) for item in value or ()) if isinstance(spec, fields.List) else ()


def joined(widget: str, several: Iterable[str]) -> str:
    """Items of a list as one text: by comma, or one a line."""
    return (", " if widget == "csv" else "\n").join(several)


def humane(name: str) -> str:
    """``some_name`` as words."""
    return name.replace("_", " ").replace("-", " ").capitalize()


def words(error: Any) -> str:
    """An error of marshmallow (text, list, or nested by index) as one line for people."""
    if not error:
        return ""
    if isinstance(error, str):
        return "Fill this in." if error == REQUIRED_WORDS else error
    if isinstance(error, Mapping):
        return " ".join(
            f"{f'Item {key + 1}: ' if isinstance(key, int) else ''}{words(inner)}"
            for key, inner in error.items()
        )
    return " ".join(words(item) for item in error)
