"""Forms from marshmallow schemas: plugin settings, connections, campaigns, contacts.

A field's ``metadata`` may hold ``label``, ``hint``, ``group`` (a heading), ``widget``, ``choices`` and ``secret``. A secret's value
never reaches the page: its input is empty, and left empty it keeps what is stored. What a browser cannot send (unticked boxes,
empty inputs) is turned into what the schema expects; unknown names are passed on, so that the schema refuses them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol

from marshmallow import RAISE, Schema, ValidationError, fields, validate

IGNORED = frozenset({"csrf_token", "next"})
CLEAR = "clear-"
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
_TEXTUAL = frozenset({"text", "textarea", "email", "url", "number", "password", "datetime-local", "date", "time"})
_KNOWN = _TEXTUAL | {"checkbox", "select", "lines", "csv", "checkboxes"}


class FormData(Protocol):
    """What a posted form offers (werkzeug's MultiDict)."""

    def __contains__(self, key: object, /) -> bool: ...
    def __iter__(self) -> Any: ...
    def get(self, key: str, /) -> Any: ...
    def getlist(self, key: str, /) -> list[Any]: ...


@dataclass(frozen=True)
class FormField:
    """One input, ready to be drawn by the ``field`` macro. ``value`` is text; ``values`` are the chosen ones of several."""

    name: str
    label: str
    widget: str
    hint: str = ""
    group: str = ""
    required: bool = False
    value: str = ""
    values: tuple[str, ...] = ()
    checked: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    error: str = ""
    stored: bool = False
    locked: str = ""
    limits: tuple[tuple[str, str], ...] = ()

    @property
    def described_by(self) -> str:
        """The ids of hint and error, for ``aria-describedby``."""
        ids = [f"{self.name}-hint"] if self.hint or self.locked or self.stored else []
        return " ".join([*ids, *([f"{self.name}-error"] if self.error else [])])


class SchemaForm:
    """The fields of a schema with current values and errors; ``locked`` names fields set elsewhere and says where."""

    def __init__(
        self,
        schema: Schema,
        values: Mapping[str, Any] | None = None,
        errors: Mapping[str, Any] | None = None,
        *,
        locked: Mapping[str, str] | None = None,
    ) -> None:
        self.schema = schema
        self.schema.unknown = RAISE
        self.values = dict(values or {})
        self.errors = dict(errors or {})
        self.locked = dict(locked or {})
        self._inputs = {input_name(name, spec): (name, spec) for name, spec in schema.load_fields.items()}
        self.fields = [self._field(name, *found) for name, found in self._inputs.items()]

    @property
    def general_errors(self) -> list[str]:
        """Errors that belong to no field shown (of the whole schema, or of names that it does not know)."""
        shown = set(self._inputs)
        return [f"{name}: {words(e)}" if name != "_schema" else words(e) for name, e in self.errors.items() if name not in shown]

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
        again = SchemaForm(self.schema, self.values, error.normalized_messages(), locked=self.locked)
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
            return [line.strip() for line in raw.splitlines() if line.strip()]
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
        several = tuple(map(str, current or ())) if isinstance(spec, fields.List) else ()
        return FormField(
            name=name,
            label=str(meta.get("label") or key.replace("_", " ").capitalize()),
            hint=str(meta.get("hint") or ""),
            group=str(meta.get("group") or ""),
            widget=widget,
            required=spec.required and not (secret and bool(current)),
            value="" if secret else joined(widget, several) if several else as_text(spec, current),
            values=several,
            checked=widget == "checkbox" and bool(current),
            choices=choices_of(spec),
            error=words(self.errors.get(name)),
            stored=secret and bool(current),
            locked=self.locked.get(name, ""),
            limits=limits_of(spec, widget),
        )


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
            raise TypeError(f"field {spec.name!r}: there is no widget {wanted!r}; there are {', '.join(sorted(_KNOWN))}")
        return str(wanted)
    if choices_of(spec):
        return "checkboxes" if isinstance(spec, fields.List) else "select"
    for kind, widget in _WIDGETS:
        if isinstance(spec, kind):
            return widget
    raise TypeError(f"field {spec.name!r}: a form cannot show {type(spec).__name__}")


def validators(spec: fields.Field[Any]) -> list[Any]:
    """The validators of a field, or of a list's items."""
    return list(spec.inner.validators if isinstance(spec, fields.List) else spec.validators)


def choices_of(spec: fields.Field[Any]) -> tuple[tuple[str, str], ...]:
    """(value, label) pairs from the metadata, an Enum or a OneOf validator."""
    given = spec.metadata.get("choices")
    if given is not None:
        pairs = given.items() if isinstance(given, Mapping) else given
        return tuple((str(p[0]), str(p[1])) if isinstance(p, tuple | list) else (str(p), str(p)) for p in pairs)
    if isinstance(spec, fields.Enum):
        return tuple((as_text(spec, member), humane(member.name)) for member in spec.enum)
    for rule in validators(spec):
        if isinstance(rule, validate.OneOf):
            labels = [*rule.labels, *[""] * len(list(rule.choices))]
            return tuple((str(c), label or humane(str(c))) for c, label in zip(rule.choices, labels, strict=False))
    return ()


def limits_of(spec: fields.Field[Any], widget: str) -> tuple[tuple[str, str], ...]:
    """HTML attributes that let the browser say the same as the schema (min, max, step, maxlength)."""
    found: dict[str, str] = {}
    for rule in () if isinstance(spec, fields.List) else spec.validators:
        if isinstance(rule, validate.Range) and widget == "number":
            bounds = (("min", rule.min), ("max", rule.max))
            found.update({name: str(bound) for name, bound in bounds if bound is not None})
        if isinstance(rule, validate.Length) and widget in _TEXTUAL and (longest := rule.equal or rule.max):
            found["maxlength"] = str(longest)
    if widget == "number":
        found["step"] = "1" if isinstance(spec, fields.Integer) else "any"
    return tuple(found.items())


def default_of(spec: fields.Field[Any]) -> Any:
    """What the schema takes when nothing is given, else None."""
    default = spec.load_default() if callable(spec.load_default) else spec.load_default
    return default if spec.load_default is not fields.missing_ else None


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
            f"{f'Item {key + 1}: ' if isinstance(key, int) else ''}{words(inner)}" for key, inner in error.items()
        )
    return " ".join(words(item) for item in error)


def _retyped(item: FormField, form: FormData) -> FormField:
    if item.widget == "password":
        return item
    if item.widget == "checkbox":
        return _with(item, checked=item.name in form)
    if item.widget == "checkboxes":
        return _with(item, values=tuple(map(str, form.getlist(item.name))))
    return _with(item, value=str(form.get(item.name) or ""))


def _with(item: FormField, **changes: Any) -> FormField:
    from dataclasses import replace

    return replace(item, **changes)
