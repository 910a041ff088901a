"""Forms from schemas: what is shown, what is posted, and that a secret never comes back."""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.datastructures import MultiDict

from cms_core.web.forms import SchemaForm

PARIS = ZoneInfo("Europe/Paris")


class Tone(Enum):
    DRY = "dry"
    WARM_WORDS = "warm"


class Mixed(Schema):
    host = fields.String(required=True, metadata={"label": "Server", "hint": "A name or an address"})
    port = fields.Integer(load_default=587, validate=validate.Range(1, 65535))
    security = fields.String(
        load_default="starttls", validate=validate.OneOf(["none", "starttls"], ["None at all", "STARTTLS"])
    )
    password = fields.String(load_default="", metadata={"secret": True})
    budget = fields.Decimal(allow_none=True, load_default=None)
    active = fields.Boolean(load_default=True)
    start = fields.AwareDateTime(default_timezone=PARIS)
    day = fields.Date()
    tone = fields.Enum(Tone, by_value=True)
    tags = fields.List(fields.String(), metadata={"widget": "csv", "group": "More"})
    lines = fields.List(fields.Email(), metadata={"group": "More"})
    kinds = fields.List(
        fields.String(validate=validate.OneOf(["article", "faq"])), metadata={"group": "More"}
    )
    note = fields.String(metadata={"widget": "textarea"})
    home = fields.Url(data_key="home-page")
    shown_only = fields.String(dump_only=True)


def by_name(form: SchemaForm, name: str):  # type: ignore[no-untyped-def]
    return next(item for item in form.fields if item.name == name)


def test_fields_come_in_the_schemas_order_with_the_input_their_type_asks_for() -> None:
    widgets = {item.name: item.widget for item in SchemaForm(Mixed()).fields}

    assert list(widgets)[:4] == ["host", "port", "security", "password"]
    assert widgets == {
        "host": "text",
        "port": "number",
        "security": "select",
        "password": "password",
        "budget": "number",
        "active": "checkbox",
        "start": "datetime-local",
        "day": "date",
        "tone": "select",
        "tags": "csv",
        "lines": "lines",
        "kinds": "checkboxes",
        "note": "textarea",
        "home-page": "url",
    }


def test_labels_hints_choices_bounds_and_groups_come_from_the_schema() -> None:
    form = SchemaForm(Mixed())

    assert (by_name(form, "host").label, by_name(form, "host").hint) == ("Server", "A name or an address")
    assert by_name(form, "security").choices == (("none", "None at all"), ("starttls", "STARTTLS"))
    assert by_name(form, "tone").choices == (("dry", "Dry"), ("warm", "Warm words"))
    assert dict(by_name(form, "port").limits) == {"min": "1", "max": "65535", "step": "1"}
    assert [heading for heading, _ in form.groups] == ["", "More"]


def test_without_values_the_defaults_of_the_schema_are_shown() -> None:
    form = SchemaForm(Mixed())

    assert by_name(form, "port").value == "587"
    assert by_name(form, "active").checked
    assert by_name(form, "start").value == ""


def test_values_are_shown_as_their_inputs_want_them() -> None:
    instant = datetime(2026, 5, 4, 7, 0, tzinfo=ZoneInfo("UTC"))
    form = SchemaForm(
        Mixed(),
        {
            "start": instant,
            "budget": Decimal("1E+2"),
            "tone": Tone.WARM_WORDS,
            "tags": ["a", "b"],
            "lines": ["x@y.example"],
        },
    )

    assert by_name(form, "start").value == "2026-05-04T09:00"
    assert by_name(form, "budget").value == "100"
    assert by_name(form, "tone").value == "warm"
    assert by_name(form, "tags").value == "a, b"
    assert by_name(form, "lines").value == "x@y.example"


def test_what_a_browser_posts_loads_into_what_the_schema_means() -> None:
    posted = MultiDict(
        [
            ("csrf_token", "x"),
            ("host", " smtp.example "),
            ("port", ""),
            ("security", "none"),
            ("budget", "12.50"),
            ("start", "2026-05-04T09:00"),
            ("tone", "dry"),
            ("tags", "a, ,b"),
            ("lines", "x@y.example\r\n\r\nz@y.example"),
            ("kinds", "article"),
            ("kinds", "faq"),
            ("note", "one\r\ntwo "),
            ("home-page", "https://larkfield.example"),
        ]
    )

    loaded = SchemaForm(Mixed()).load(posted)

    assert loaded == {
        "host": "smtp.example",
        "port": 587,
        "security": "none",
        "password": "",
        "budget": Decimal("12.50"),
        "active": False,
        "start": datetime(2026, 5, 4, 9, 0, tzinfo=PARIS),
        "tone": Tone.DRY,
        "tags": ["a", "b"],
        "lines": ["x@y.example", "z@y.example"],
        "kinds": ["article", "faq"],
        "note": "one\ntwo ",
        "home": "https://larkfield.example",
    }


def test_an_unknown_name_is_refused_and_said() -> None:
    form = SchemaForm(Mixed())
    posted = MultiDict({"host": "h", "is_admin": "1"})

    with pytest.raises(ValidationError) as refused:
        form.load(posted)

    assert form.rejected(posted, refused.value).general_errors == ["is_admin: Unknown field."]


def test_an_error_stands_at_its_field_and_what_was_typed_stays() -> None:
    form = SchemaForm(Mixed())
    posted = MultiDict({"port": "99999", "lines": "x@y.example\nnonsense", "password": "typed"})

    with pytest.raises(ValidationError) as refused:
        form.load(posted)
    again = form.rejected(posted, refused.value)

    assert by_name(again, "host").error == "Fill this in."
    assert "65535" in by_name(again, "port").error
    assert by_name(again, "port").value == "99999"
    assert by_name(again, "lines").error == "Item 2: Not a valid email address."
    assert by_name(again, "lines").described_by == "lines-error"
    assert not by_name(again, "active").checked
    assert by_name(again, "password").value == ""


def test_a_secret_list_is_not_shown_either() -> None:
    class Keys(Schema):
        keys = fields.List(fields.String(), metadata={"secret": True})

    assert "s3cret" not in repr(SchemaForm(Keys(), {"keys": ["s3cret"]}).fields)


def test_two_forms_on_a_page_have_ids_of_their_own_and_the_same_names() -> None:
    first = by_name(SchemaForm(Mixed(), prefix="a-"), "host")
    second = by_name(SchemaForm(Mixed(), prefix="b-"), "host")

    assert (first.id, second.id, first.name, second.name) == ("a-host", "b-host", "host", "host")
    assert first.described_by == "a-host-hint"


class Credentials(Schema):
    token = fields.String(required=True, metadata={"secret": True})
    spare = fields.String(load_default="", metadata={"secret": True})


def test_a_stored_secret_is_not_shown_and_need_not_be_typed_again() -> None:
    form = SchemaForm(Credentials(), {"token": "s3cret"})
    token = by_name(form, "token")

    assert "s3cret" not in repr(form.fields)
    assert (token.value, token.stored, token.required, token.optional) == ("", True, False, False)
    assert form.load(MultiDict({"token": "", "spare": ""})) == {"token": "s3cret", "spare": ""}
    assert form.load(MultiDict({"token": "new"}))["token"] == "new"


def test_an_optional_secret_can_be_removed_and_a_missing_one_is_asked_for() -> None:
    form = SchemaForm(Credentials(), {"token": "a", "spare": "b"})

    assert form.load(MultiDict({"clear-spare": "1"})) == {"token": "a", "spare": ""}
    with pytest.raises(ValidationError, match="token"):
        SchemaForm(Credentials()).load(MultiDict({"token": ""}))


def test_a_field_set_elsewhere_ignores_what_is_posted() -> None:
    form = SchemaForm(Mixed(), {"host": "from-env"}, locked={"host": "CMS_EMAIL_HOST"})

    assert by_name(form, "host").locked == "CMS_EMAIL_HOST"
    assert form.load(MultiDict({"host": "posted"}))["host"] == "from-env"


def test_a_field_that_a_flat_form_cannot_show_is_named() -> None:
    class Deep(Schema):
        inner = fields.Nested(Credentials)

    class Odd(Schema):
        colour = fields.String(metadata={"widget": "wheel"})

    with pytest.raises(TypeError, match=r"'inner'.*Nested"):
        SchemaForm(Deep())
    with pytest.raises(TypeError, match="no widget 'wheel'"):
        SchemaForm(Odd())


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).map(str.strip).filter(bool)


@given(
    host=TEXT,
    port=st.integers(1, 65535),
    active=st.booleans(),
    tags=st.lists(TEXT.filter(lambda t: "," not in t)),
)
def test_a_form_posted_as_it_was_shown_changes_nothing(
    host: str, port: int, active: bool, tags: list[str]
) -> None:
    values = {"host": host, "port": port, "active": active, "tags": tags, "password": "kept"}
    form = SchemaForm(Mixed(), values)
    posted: MultiDict[str, str] = MultiDict()
    for item in form.fields:
        if item.widget == "checkbox" and item.checked:
            posted.add(item.name, "1")
        elif item.widget not in ("checkbox", "checkboxes"):
            posted.add(item.name, item.value)

    loaded = form.load(posted)

    assert {key: loaded[key] for key in values} == values


class Lesson(Schema):
    question = fields.String(required=True, validate=validate.Length(max=10))
    answer = fields.String(load_default="")


class Lessons(Schema):
    lessons = fields.List(fields.Nested(Lesson))
    title = fields.String(required=True)


def test_rows_that_were_typed_are_shown_again_with_their_faults() -> None:
    form = SchemaForm(Lessons())
    posted: MultiDict[str, str] = MultiDict(
        [
            ("lessons.0.question", "why?"),
            ("lessons.0.answer", "because"),
            ("lessons.2.question", "far too long a question"),
        ]
    )
    with pytest.raises(ValidationError) as refused:
        form.load(posted)
    rows = by_name(form.rejected(posted, refused.value), "lessons").rows
    assert [[each.value for each in row] for row in rows] == [
        ["why?", "because"],
        ["far too long a question", ""],
        ["", ""],
        ["", ""],
    ]
    assert [row[0].error for row in rows] == ["", "Longer than maximum length 10.", "", ""]
    assert rows[1][0].name == "lessons.1.question"
