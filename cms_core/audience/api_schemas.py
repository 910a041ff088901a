"""Contacts and segments as the REST interface takes and shows them."""

from marshmallow import fields, validate

from cms_core.api.schemas import Document, Input, PageArgs, instant, listing, number, table, text, truth


class ContactShown(Document):
    """A contact; consent is how they stand to e-mail now."""

    id = text()
    email = text(null=True)
    first_name = text()
    last_name = text()
    company = text()
    country = text()
    language = text()
    timezone = text()
    consent = text("yes, no or unsubscribed")
    fields_ = fields.Dict(required=True, data_key="fields")


class PersonalData(Document):
    """Everything that is kept about one person."""

    contact = table()


class Erased(Document):
    """Whether somebody is erased whole."""

    complete = truth()
    pending = table("What each plugin still keeps, and why.")


class Goodbye(Input):
    """How somebody asked to get no more mail."""

    reason = fields.String(
        required=True,
        validate=validate.Length(1, 500),
        metadata={"description": "Such as `asked by phone`; kept on record."},
    )


class Skipped(Document):
    """A row that was left out."""

    row = number("Data record + 1: the header is row 1.")
    reason = text()


class PeopleImported(Document):
    """What an import did, or would do."""

    format = text()
    created = number()
    updated = number()
    unchanged = number()
    skipped = listing(Skipped)
    notes = listing(fields.String())
    saved = truth()


class Group(Document):
    """A segment."""

    id = text()
    name = text()
    kind = text("rule or static")
    rule = text()
    created_at = instant()


class GroupFull(Group):
    """A segment with how many are in it now."""

    count = number()


class Counted(Document):
    """How many contacts."""

    count = number()


class PeopleQuery(PageArgs):
    """Which contacts to list."""

    words = fields.String(load_default="", validate=validate.Length(max=200))
    segment = fields.String(
        load_default="",
        validate=validate.Length(max=120),
        metadata={"description": "Only members of this segment."},
    )


class PeopleImport(Input):
    """How to import."""

    map = fields.List(
        fields.String(validate=validate.Length(3, 300)),
        load_default=list,
        validate=validate.Length(max=200),
        metadata={"description": "`CSV_COLUMN=field`, `-` leaves the column out; may be repeated."},
    )
    dry_run = fields.Boolean(load_default=False)
    all_or_nothing = fields.Boolean(load_default=False)
    name = fields.String(load_default="contacts.csv", validate=validate.Length(1, 200))


class CountQuery(Input):
    """What to count."""

    q = fields.String(
        required=True,
        validate=validate.Length(1, 10_000),
        metadata={"description": "The name of a segment, or a rule."},
    )


class NewGroup(Input):
    """A segment that is to be made."""

    name = fields.String(required=True, validate=validate.Length(1, 120))
    rule = fields.String(required=True, validate=validate.Length(1, 10_000))


class Rule(Input):
    """Another rule of a segment."""

    rule = fields.String(required=True, validate=validate.Length(1, 10_000))


class Merge(Input):
    """The contact that is the same person."""

    gone = fields.String(
        required=True, validate=validate.Length(1, 320), metadata={"description": "Its address or id."}
    )


class Merged(Document):
    """What became of the two."""

    id = text()
    gone = text()
    deliveries = number("How many deliveries are the kept contact's now.")
    skipped = number("How many that waited were doubles.")
