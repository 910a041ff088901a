"""Content as the REST interface takes and shows it."""

from marshmallow import fields, validate

from cms_core.api.schemas import Document, Input, PageArgs, instant, listing, number, table, text, truth
from cms_core.content.models import RevisionState


class ContentRow(Document):
    """One line of the library: an asset with the state of its newest revision."""

    id = text()
    slug = text()
    kind = text()
    title = text()
    state = text()
    revision = number()
    approved_revision = number(null=True)
    funnel_stage = text()
    locale = text()
    updated_at = instant()


class ContentFull(Document):
    """One asset with its words, variants, files and reviews."""

    id = text()
    slug = text()
    kind = text()
    title = text()
    summary = text()
    state = text()
    revision = number()
    approved_revision = number(null=True)
    content_hash = text()
    body = table("The fields of its kind; `text` is Markdown.")
    variants = table("Overrides by channel, group or `channel:connection`.")
    tags = listing(fields.String())
    row_version = number()
    updated_at = instant()


class Found(Document):
    """A remark of a check."""

    level = text("note, warning, error or hold")
    field = text()
    message = text()


class Approved(Document):
    """An approved revision."""

    id = text()
    slug = text()
    state = text()
    revision = number()


class Reviewed(Document):
    """A revision whose approval was asked for, or that was sent back."""

    id = text()
    slug = text()
    revision = number()
    state = text()
    review = text("open, approved, changes_requested or withdrawn")
    comment = text()


class Changes(Input):
    """What is to be changed."""

    comment = fields.String(required=True, validate=validate.Length(1, 5000))


class Problem(Document):
    """A fault or note of an import, at its place."""

    file = text()
    line = number()
    reason = text()


class Imported(Document):
    """What an import did, or would do."""

    created = number()
    updated = number()
    unchanged = number()
    scheduled = number("How many calendar entries were made.")
    saved = truth("No: a dry run, or all files were faulty.")
    errors = listing(Problem)
    notes = listing(Problem)
    by_kind = table()


class ContentQuery(PageArgs):
    """Which content to list."""

    kind = fields.String(load_default="", validate=validate.Length(max=40))
    state = fields.String(load_default="", validate=validate.OneOf(["", *map(str, RevisionState)]))
    tag = fields.String(load_default="", validate=validate.Length(max=80))
    funnel_stage = fields.String(load_default="", validate=validate.Length(max=40))
    persona = fields.String(load_default="", validate=validate.Length(max=80))
    words = fields.String(
        load_default="",
        validate=validate.Length(max=200),
        metadata={"description": "All of these stand in title, slug or summary."},
    )


class ImportQuery(Input):
    """How to import."""

    dry_run = fields.Boolean(load_default=False)
    approve = fields.Boolean(
        load_default=False, metadata={"description": "Approve in the name of the caller."}
    )
    name = fields.String(
        load_default="",
        validate=validate.Length(max=200),
        metadata={"description": "The file's name, when the body is the file: its address is made from it."},
    )


class CheckQuery(Input):
    """For which channel to check."""

    channel = fields.String(required=True, validate=validate.Length(1, 40))
    connection = fields.String(load_default="", validate=validate.Length(max=100))


class Words(Input):
    """What an asset is to be. ``body`` holds the fields of its kind, ``text`` is its Markdown."""

    title = fields.String()
    summary = fields.String()
    body = fields.Dict(keys=fields.String())
    variants = fields.Dict(keys=fields.String(), values=fields.Dict(keys=fields.String()))
    tags = fields.List(fields.String())
    funnel_stage = fields.String()
    persona = fields.String()
    locale = fields.String()
    slug = fields.String()


class NewContent(Words):
    """A new asset."""

    kind = fields.String(required=True)
    title = fields.String(required=True)
