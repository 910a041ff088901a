"""The fields that a kind has of its own, as inputs of the editor: drawn from the kind's schema, named ``own-<field>``."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from marshmallow import Schema
from werkzeug.datastructures import MultiDict

from cms_core import contract as c
from cms_core.content.drafts import EMPTY
from cms_core.web.forms import FormField, SchemaForm
from cms_core.web.inputs import widget_of

PREFIX = "own-"


def own_fields(kind: c.AssetKind | None, body: Mapping[str, Any], judged: bool) -> list[FormField]:
    """The inputs of a kind's own fields with their values; ``judged``: with what is wrong with each."""
    schema = _schema(kind)
    if schema is None:
        return []
    values = {name: body[name] for name in schema.fields if body.get(name) not in EMPTY}
    errors = schema.validate(values) if judged else {}
    return [_named(each) for each in SchemaForm(schema, values, errors).fields]


def with_own_fields(kind: c.AssetKind | None, body: Mapping[str, Any], form: Any) -> dict[str, Any]:
    """The body with what was typed into the inputs of the kind; those left empty are taken out."""
    schema = _schema(kind)
    if schema is None:
        return dict(body)
    typed = {name.removeprefix(PREFIX): form.getlist(name) for name in form if name.startswith(PREFIX)}
    posted = SchemaForm(schema).parse(MultiDict(typed))
    shown = {key: spec for key, spec in schema.load_fields.items() if _is_there(key, spec, typed)}
    kept = {name: value for name, value in body.items() if name not in shown}
    return kept | {name: posted[name] for name in shown if posted.get(name) not in EMPTY}


def _is_there(name: str, spec: Any, typed: Mapping[str, Any]) -> bool:
    """Whether the form showed this field; what a browser leaves out (boxes, rows) counts as shown when any other field was."""
    plain = name in typed or any(key.startswith(f"{name}.") for key in typed)
    return plain or (bool(typed) and widget_of(spec) in ("checkbox", "checkboxes", "rows"))


def _schema(kind: c.AssetKind | None) -> Schema | None:
    """The kind's schema without its texts and without what a flat form cannot show; None where nothing is left."""
    if kind is None or kind.schema is None:
        return None
    whole: Schema = kind.schema()
    names = [
        name
        for name, spec in whole.load_fields.items()
        if name not in kind.text_fields and spec.data_key in (None, name) and _can_show(spec)
    ]
    return kind.schema(only=names) if names else None


def _can_show(spec: Any) -> bool:
    try:
        widget_of(spec)
    except TypeError:
        return False
    return True


def _named(field: FormField) -> FormField:
    rows = tuple(tuple(map(_named, row)) for row in field.rows)
    return replace(field, name=f"{PREFIX}{field.name}", rows=rows)
