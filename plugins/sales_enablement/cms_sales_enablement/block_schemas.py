"""The forms of blocks. Their words may hold fields (``{{ company.name }}``), as those of any slide."""

from marshmallow import Schema, fields, validate

MOST_ROWS, MOST_COLUMNS = 30, 12
MOST_CATEGORIES, MOST_SERIES = 60, 8
SHA256 = validate.Regexp(r"[0-9a-f]{64}$", error="Not a picture that was sent.")
PLAIN = validate.Regexp(r"(?s)(?!.*\{\{)", error="Fields are not filled here.")
CHART_LABELS = {"column": "Columns", "bar": "Bars", "line": "Lines", "pie": "Pie"}
LINES = "One point a line; begin deeper ones with two spaces"


def _text(
    label: str, most: int = 200, hint: str = "", *, long: bool = False, required: bool = False
) -> fields.String:
    metadata = {"label": label, "hint": hint} | ({"widget": "textarea"} if long else {})
    length = validate.Length(1 if required else 0, most)
    if required:
        return fields.String(required=True, validate=length, metadata=metadata)
    return fields.String(load_default="", validate=length, metadata=metadata)


class TitleBlock(Schema):
    """A slide that opens a deck, or a part of it."""

    title = _text("Title", required=True)
    subtitle = _text("Below it", 300)
    notes = _text("Notes for you", 4000, long=True)


class BulletsBlock(Schema):
    """A title and points."""

    title = _text("Title", required=True)
    lines = _text("Points", 4000, LINES, long=True, required=True)
    notes = _text("Notes for you", 4000, long=True)


class QuoteBlock(Schema):
    """What somebody said."""

    quote = _text("What they said", 600, long=True, required=True)
    by = _text("Who said it", 200, "Name, role, company")
    title = _text("Title")
    notes = _text("Notes for you", 4000, long=True)


class PictureBlock(Schema):
    """A picture, and points beside it."""

    picture = fields.String(
        required=True, validate=SHA256, metadata={"label": "Picture", "hint": "PNG or JPEG", "file": True}
    )
    alt = fields.String(
        required=True,
        validate=[validate.Length(1, 300), PLAIN],
        metadata={"label": "What it shows", "hint": "For those who cannot see it"},
    )
    title = _text("Title")
    lines = _text("Points beside it", 2000, LINES, long=True)
    notes = _text("Notes for you", 4000, long=True)


class TableBlock(Schema):
    """Rows, of which the first one says what is in the columns."""

    title = _text("Title")
    rows = _text(
        "Rows", 20_000, "One a line, with commas; or paste cells of a spreadsheet", long=True, required=True
    )
    lines = _text("Points beside it", 2000, LINES, long=True)
    notes = _text("Notes for you", 4000, long=True)


class ChartBlock(Schema):
    """Figures."""

    title = _text("Title")
    figures = fields.String(
        required=True,
        validate=[validate.Length(1, 20_000), PLAIN],
        metadata={
            "label": "Figures",
            "hint": "A header (Quarter,Cost), then a line for each category",
            "widget": "textarea",
        },
    )
    chart_kind = fields.String(
        load_default="column",
        validate=validate.OneOf(tuple(CHART_LABELS)),
        metadata={"label": "Shown as", "choices": CHART_LABELS},
    )
    lines = _text("Points beside it", 2000, LINES, long=True)
    notes = _text("Notes for you", 4000, long=True)


class CaseStudyBlock(Schema):
    """An approved piece of content, as it is whenever the deck is written."""

    asset = _text("Piece", 200, "Its slug, as the library shows it", required=True)
    title = _text("Title", 200, "Left empty: that of the piece")
    notes = _text("Notes for you", 4000, long=True)
