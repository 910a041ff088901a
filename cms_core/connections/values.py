"""Values of a marshmallow schema between people and the database: read from text, checked, and split into open and secret ones.

What is stored is JSON by the names under which the schema loads (``data_key``); secret fields (``metadata={"secret": True}``) go to
an encrypted text of their own and never into JSON, logs or pages.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields

from cms_core.errors import Invalid


class InvalidValues(Invalid):
    """Some values of a schema cannot be used; ``errors`` names what is wrong by field."""

    def __init__(self, message: str, remedy: str, errors: Mapping[str, Any]) -> None:
        super().__init__(message, remedy)
        self.errors = dict(errors)


@dataclass(frozen=True)
class Stored:
    """Values as they are stored: ``open`` is JSON, ``secrets`` are yet to be encrypted."""

    open: dict[str, Any]
    secrets: dict[str, str] = field(repr=False)


def keys(schema: Schema) -> dict[str, tuple[str, fields.Field[Any]]]:
    """For each name under which the schema loads: the name of the loaded value, and the field."""
    return {
        spec.data_key if spec.data_key is not None else name: (name, spec)
        for name, spec in schema.load_fields.items()
    }


def secret_keys(schema: Schema) -> frozenset[str]:
    """The names of the fields whose values must never be shown."""
    return frozenset(key for key, (_, spec) in keys(schema).items() if spec.metadata.get("secret"))


def checked(schema: Schema, raw: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The loaded values of text or JSON; raises InvalidValues that names ``what``, the field, and the fields there are."""
    known = keys(schema)
    schema.unknown = RAISE
    try:
        loaded: dict[str, Any] = schema.load(
            {key: from_text(known[key][1], value) if key in known else value for key, value in raw.items()}
        )
    except ValidationError as error:
        found = "; ".join(f"{key}: {line}" for key, line in lines(error.messages_dict))
        names = ", ".join(f"{key} (required)" if spec.required else key for key, (_, spec) in known.items())
        raise InvalidValues(f"{what}: {found}", f"settings: {names or 'none'}", error.messages_dict) from None
    return loaded


def lenient(schema: Schema, raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The loaded values of what is stored, and what does not fit (any more), by field.

    Required fields without a value are left out, and so is what the schema no longer knows.
    """
    known = keys(schema)
    try:
        loaded: dict[str, Any] = schema.load(
            {key: from_text(known[key][1], value) for key, value in raw.items() if key in known},
            unknown=EXCLUDE,
            partial=[name for name, spec in known.values() if spec.required],
        )
    except ValidationError as error:
        valid = error.valid_data if isinstance(error.valid_data, dict) else {}
        return valid, error.messages_dict
    return loaded, {}


def lines(errors: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """What marshmallow found wrong, as (field, words); a field inside another is written with a dot."""
    if isinstance(errors, Mapping):
        for key, inner in errors.items():
            yield from lines(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, " ".join(str(each) for each in errors) if isinstance(errors, list) else str(errors)


def from_text(spec: fields.Field[Any], value: Any) -> Any:
    """A value as the field reads it: text for a list field is split at commas and line ends."""
    if isinstance(spec, fields.List) and isinstance(value, str):
        return [part.strip() for part in re.split(r"[,\n]", value) if part.strip()]
    return value


def stored(schema: Schema, loaded: Mapping[str, Any]) -> Stored:
    """Loaded values as they are stored."""
    hidden = secret_keys(schema)
    texts = {
        key: spec.serialize(name, loaded) for key, (name, spec) in keys(schema).items() if name in loaded
    }
    secrets = {key: str(value) for key, value in texts.items() if key in hidden and value not in (None, "")}
    plain = {key: value for key, value in texts.items() if key not in hidden}
    return Stored(json.loads(json.dumps(plain, default=str)), secrets)
