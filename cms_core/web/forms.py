"""Forms from marshmallow schemas: plugin settings, connections, campaigns, contacts.

A field's ``metadata`` may hold ``label``, ``hint``, ``group`` (a heading), ``widget``, ``choices`` and ``secret``. A secret's value
never reaches the page: its input is empty, and left empty it keeps what is stored. What a browser cannot send (unticked boxes,
empty inputs) is turned into what the schema expects; unknown names are passed on, so that the schema refuses them.
"""

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
    widget_of,
    words,
)

IGNORED = frozenset({"csrf_token", "next"})
CLEAR = "clear-"


class FormData(Protocol):
    """What a posted form offers (werkzeug's MultiDict)."""

    def __contains__(self, key: object, /) -> bool: ...
    def __iter__(self) -> Any: ...
    def get(self, key: str, /) -> Any: ...
    def getlist(self, key: str, /) -> list[Any]: ...


@dataclass(frozen=True)
class FormField:
    """One input, ready to be drawn by the ``field`` macro.

    ``value`` is text, ``values`` are the chosen ones of several; ``required`` is what the browser must insist on (a stored secret
    may stay empty), ``optional`` what the schema allows.
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
        data.update({name: form.get(name) for name in form if name not in known})
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
        again.fields = [_retyped(item, form) if not item.locked else item for item in again.fields]
        return again

    def _posted(self, form: FormData, name: str, key: str, spec: fields.Field[Any]) -> Any:
        widget = widget_of(spec)
        if widget == "checkbox":
            return name in form
        if widget == "checkboxes":
            return form.getlist(name)
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
        several = () if secret else items_of(spec, current)
        text = joined(widget, several) if isinstance(spec, fields.List) else as_text(spec, current)
        shown = "" if secret else text
        return FormField(
            name=name,
            label=str(meta.get("label") or humane(key)),
            hint=str(meta.get("hint") or ""),
            group=str(meta.get("group") or ""),
            widget=widget,
            optional=not spec.required,
            required=spec.required and not (secret and bool(current)),
            value=shown,
            values=several,
            checked=widget == "checkbox" and bool(current),
            choices=choices_of(spec),
            error=words(self.errors.get(name)),
            stored=secret and bool(current),
            locked=self.locked.get(name, ""),
            limits=limits_of(spec, widget),
            prefix=self.prefix,
        )


def _retyped(item: FormField, form: FormData) -> FormField:
    if item.widget == "password":
        return item
    if item.widget == "checkbox":
        return replace(item, checked=item.name in form)
    if item.widget == "checkboxes":
        return replace(item, values=tuple(map(str, form.getlist(item.name))))
    return replace(item, value=str(form.get(item.name) or ""))
