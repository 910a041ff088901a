"""Forms from marshmallow schemas: plugin settings, connections, campaigns, contacts.

A field's ``metadata`` may hold ``label``, ``hint``, ``group`` (a heading), ``widget``, ``choices``, ``blank`` (no choice, in words)
and ``secret``. A secret's value never reaches the page: its input is empty, and left empty it keeps what is stored. What a browser
cannot send (unticked boxes, empty inputs) is turned into what the schema expects; unknown names are passed on, so that the schema
refuses them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from marshmallow import RAISE, Schema, ValidationError, fields

from cms_core.web.inputs import (
    as_text,
    choices_of,
    default_of,
    humane,
    input_name,
    is_secret,
    items_of,
    joined,
    limits_of,
    row_schema,
    widget_of,
    words,
)

IGNORED = frozenset({"csrf_token", "next"})
CLEAR = "clear-"
MOST_ROWS = 200
SPARE_ROWS = 2  # empty ones below those that are filled, for browsers without script
_ROW = re.compile(r"(.+)\.(\d{1,3})\.([^.]+)")


class FormData(Protocol):
    """What a posted form offers (werkzeug's MultiDict)."""

    def __contains__(self, key: object, /) -> bool: ...
    def __iter__(self) -> Any: ...
    def get(self, key: str, /) -> Any: ...
    def getlist(self, key: str, /) -> list[Any]: ...


@dataclass(frozen=True)
class FormField:
    """One input, ready to be drawn by the ``field`` macro.

    ``value`` is text, ``values`` are the chosen ones of several, ``rows`` the inputs of a list of objects; ``required`` is what
    the browser must insist on (a stored secret may stay empty), ``optional`` what the schema allows.
    """

    name: str
    label: str
    widget: str
    hint: str = ""
    group: str = ""
    optional: bool = True
    required: bool = False
    value: str = ""
    values: tuple[str, ...] = ()
    checked: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    error: str = ""
    stored: bool = False
    locked: str = ""
    limits: tuple[tuple[str, str], ...] = ()
    prefix: str = ""
    rows: tuple[tuple["FormField", ...], ...] = ()
    blank: str = ""

    @property
    def id(self) -> str:
        """The input's id in the page."""
        return self.prefix + self.name

    @property
    def described_by(self) -> str:
        """The ids of hint and error, for ``aria-describedby``."""
        ids = [f"{self.id}-hint"] if self.hint or self.locked or self.stored else []
        return " ".join([*ids, *([f"{self.id}-error"] if self.error else [])])


class SchemaForm:
    """The fields of a schema with current values and errors; ``locked`` names fields set elsewhere and says where.

    ``prefix`` keeps the ids of two forms on one page apart; names are not changed by it.
    """

    def __init__(
        self,
        schema: Schema,
        values: Mapping[str, Any] | None = None,
        errors: Mapping[str, Any] | None = None,
        *,
        locked: Mapping[str, str] | None = None,
        prefix: str = "",
    ) -> None:
        self.schema = schema
        self.schema.unknown = RAISE
        self.values = dict(values or {})
        self.errors = dict(errors or {})
        self.locked = dict(locked or {})
        self.prefix = prefix
        self._inputs = {input_name(name, spec): (name, spec) for name, spec in schema.load_fields.items()}
        self.fields = [self._field(name, *found) for name, found in self._inputs.items()]

    @property
    def general_errors(self) -> list[str]:
        """Errors that belong to no field shown (of the whole schema, or of names that it does not know)."""
        shown = set(self._inputs)
        return [
            f"{name}: {words(e)}" if name != "_schema" else words(e)
            for name, e in self.errors.items()
            if name not in shown
        ]

    @property
    def groups(self) -> list[tuple[str, list[FormField]]]:
        """The fields under their headings, in the order in which the headings first appear."""
        found: dict[str, list[FormField]] = {}
        for item in self.fields:
            found.setdefault(item.group, []).append(item)
        return list(found.items())

    def parse(self, form: FormData) -> dict[str, Any]:
        """What was posted, as a dict for ``schema.load``; empty inputs are left out, empty secrets keep what is stored."""
        data: dict[str, Any] = {}
        for name, (key, spec) in self._inputs.items():
            if name not in self.locked:
                value = self._posted(form, name, key, spec)
                if value is not None:
                    data[name] = value
            elif key in self.values:
                data[name] = spec.serialize(key, self.values)
        known = {*self._inputs, *(CLEAR + name for name in self._inputs), *IGNORED}
        data.update({name: form.get(name) for name in form if name not in known and not self._in_row(name)})
        return data

    def load(self, form: FormData) -> dict[str, Any]:
        """Parse and validate; raises marshmallow's ValidationError (give it to ``rejected``)."""
        loaded: dict[str, Any] = self.schema.load(self.parse(form))
        return loaded

    def rejected(self, form: FormData, error: ValidationError) -> "SchemaForm":
        """The same form with what was typed and what is wrong with it; typed secrets are dropped."""
        again = SchemaForm(
            self.schema, self.values, error.messages_dict, locked=self.locked, prefix=self.prefix
        )
        again.fields = [again._retyped(item, form) if not item.locked else item for item in again.fields]
        return again

    def _retyped(self, item: FormField, form: FormData) -> FormField:
        if item.widget == "password":
            return item
        if item.widget == "checkbox":
            return replace(item, checked=item.name in form)
        if item.widget == "checkboxes":
            return replace(item, values=tuple(map(str, form.getlist(item.name))))
        if item.widget == "rows":
            _, spec = self._inputs[item.name]
            return replace(item, rows=self._rows(item.name, spec, _posted_rows(form, item.name, spec)))
        return replace(item, value=str(form.get(item.name) or ""))

    def _in_row(self, name: str) -> bool:
        found = _ROW.fullmatch(name)
        return found is not None and found[1] in self._inputs

    def _posted(self, form: FormData, name: str, key: str, spec: fields.Field[Any]) -> Any:
        widget = widget_of(spec)
        if widget == "checkbox":
            return name in form
        if widget in ("checkboxes", "rows"):
            return form.getlist(name) if widget == "checkboxes" else _posted_rows(form, name, spec)
        raw = str(form.get(name) or "")
        if widget == "lines":
            return [line.strip() for line in raw.split("\n") if line.strip()]
        if widget == "csv":
            return [part.strip() for part in raw.split(",") if part.strip()]
        if is_secret(spec):
            return raw or (None if CLEAR + name in form else self.values.get(key))
        # A browser sends line ends as CRLF; what is stored and hashed has plain ones.
        text = raw.replace("\r\n", "\n") if widget == "textarea" else raw.strip()
        return text or None

    def _field(self, name: str, key: str, spec: fields.Field[Any]) -> FormField:
        widget, meta = widget_of(spec), spec.metadata
        current = self.values.get(key, default_of(spec))
        secret = is_secret(spec)
        several = () if secret or widget == "rows" else items_of(spec, current)
        text = joined(widget, several) if isinstance(spec, fields.List) else as_text(spec, current)
        shown = "" if secret else text
        return FormField(
            name=name,
            label=str(meta.get("label") or humane(key)),
            hint=str(meta.get("hint") or ""),
            group=str(meta.get("group") or ""),
            blank=str(meta.get("blank") or ""),
            widget=widget,
            optional=not spec.required,
            required=spec.required and not (secret and bool(current)),
            value=shown,
            values=several,
            checked=widget == "checkbox" and bool(current),
            choices=choices_of(spec),
            error="" if widget == "rows" and _by_row(self.errors.get(name)) else words(self.errors.get(name)),
            stored=secret and bool(current),
            locked=self.locked.get(name, ""),
            limits=limits_of(spec, widget),
            prefix=self.prefix,
            rows=self._rows(name, spec, current) if widget == "rows" else (),
        )

    def _rows(self, name: str, spec: fields.Field[Any], current: Any) -> tuple[tuple[FormField, ...], ...]:
        schema = row_schema(spec)
        filled = [row for row in current or () if isinstance(row, Mapping)]
        errors = _by_row(self.errors.get(name))
        forms = [
            SchemaForm(schema, row, errors.get(n), prefix=self.prefix)
            for n, row in enumerate([*filled, *[{}] * SPARE_ROWS])
            if schema is not None
        ]
        return tuple(
            tuple(replace(each, name=f"{name}.{n}.{each.name}", required=False) for each in form.fields)
            for n, form in enumerate(forms)
        )


def _by_row(error: Any) -> dict[int, Any]:
    """marshmallow's errors of a list of objects, by row."""
    return {n: each for n, each in error.items() if isinstance(n, int)} if isinstance(error, Mapping) else {}


def _posted_rows(form: FormData, name: str, spec: fields.Field[Any]) -> list[dict[str, Any]]:
    """The rows in which something was typed, in their order."""
    schema = row_schema(spec)
    numbers = {int(found[2]) for key in form if (found := _ROW.fullmatch(key)) and found[1] == name}
    names = schema.load_fields if schema is not None else ()
    rows = []
    for n in sorted(numbers)[:MOST_ROWS]:
        inner = {key: str(form.get(f"{name}.{n}.{key}") or "") for key in names}
        row = {key: value.replace("\r\n", "\n").strip() for key, value in inner.items() if value.strip()}
        if row:
            rows.append(row)
    return rows
