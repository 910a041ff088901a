"""The kinds of content asset that the core brings, each with the fields that it has besides title, summary and text.

All fields are optional: a piece is begun long before everything about it is known. What the core does not know by name
(a plugin's own field) is kept.
"""

import re
from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, pre_load, validate

from cms_core.contract import AssetKind

_ADDRESS = re.compile(r"https?://[^\s/?#]+[^\s]*|/[^\s/][^\s]*|/|mailto:[^\s]+|tel:[^\s]+")
MOST_ROWS = 100


def _address(text: str) -> None:
    if not _ADDRESS.fullmatch(text):
        raise ValidationError("Not an address; write one like https://www.example.com/page or /page.")


def _one_line(text: str) -> None:
    if "\n" in text or "\r" in text:
        raise ValidationError("Write it in one line.")


def _line(label: str, hint: str = "", most: int = 200) -> fields.String:
    rules: list[Any] = [validate.Length(max=most), _one_line]
    return fields.String(validate=rules, metadata={"label": label, "hint": hint})


def _link(label: str, hint: str = "") -> fields.String:
    rules: list[Any] = [validate.Length(max=2000), _address]
    return fields.String(validate=rules, metadata={"label": label, "hint": hint})


def _prose(label: str, hint: str = "") -> fields.String:
    return fields.String(metadata={"label": label, "hint": hint, "widget": "textarea"})


def _lines(label: str, hint: str = "") -> fields.List[Any]:
    item = fields.String(validate=validate.Length(min=1, max=500))
    return fields.List(item, validate=validate.Length(max=MOST_ROWS), metadata={"label": label, "hint": hint})


def _rows(schema: type[Schema], label: str, hint: str = "") -> fields.List[Any]:
    rules = validate.Length(max=MOST_ROWS)
    return fields.List(fields.Nested(schema), validate=rules, metadata={"label": label, "hint": hint})


class _Open(Schema):
    class Meta:
        unknown = INCLUDE


class Article(_Open):
    """A text to be read."""

    author = _line("Author", "Left empty: who wrote the revision")

    @pre_load
    def as_one_line(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Folders of other systems name several authors, or one with a name and more."""
        author = data.get("author")
        people = author if isinstance(author, list) else [author]
        names = [each.get("name") if isinstance(each, dict) else each for each in people]
        if author is None or not all(isinstance(name, str) for name in names):
            return data
        return {**data, "author": ", ".join(map(str, names))}


class LandingPage(_Open):
    """A page that wants one thing from its readers."""

    action_label = _line("Label of the button")
    action_url = _link("Where the button leads")
    goal = _line("Goal", "A visit counts as this conversion", 120)


class Email(_Open):
    """A mailing."""

    subject = _line("Subject", "Left empty: the title", 500)
    preheader = _line("Preheader", "What inboxes show behind the subject; left empty: the summary", 500)


class SocialPost(_Open):
    """A post for social networks."""

    link = _link("Link")
    hashtags = _lines("Hashtags", "One a line, with or without #")


class Ad(_Open):
    """An advertisement in its parts; networks put them together."""

    headlines = _lines("Headlines", "One a line; search ads take up to 15 of 30 characters")
    descriptions = _lines("Descriptions", "One a line; search ads take up to 4 of 90 characters")
    final_url = _link("Landing page")


class Result(Schema):
    """One result of a case study."""

    label = _line("What", most=120)
    value = _line("Result", "Like 11 → 4 days", 120)


class CaseStudy(_Open):
    """What a customer achieved."""

    customer = _line("Customer")
    industry = _line("Industry")
    results = _rows(Result, "Results")
    quote = _prose("Quote")
    quoted = _line("Who said it", "Name and role")


class ProductGuide(_Open):
    """How a product is used."""

    product = _line("Product")
    version = _line("Version", most=40)
    audience = _line("For whom")


class Question(Schema):
    """One question with its answer."""

    question = fields.String(
        required=True,
        validate=[validate.Length(min=1, max=500), _one_line],
        metadata={"label": "Question"},
    )
    answer = fields.String(
        required=True,
        validate=validate.Length(min=1),
        metadata={"label": "Answer", "hint": "Markdown", "widget": "textarea"},
    )


class Faq(_Open):
    """Questions and answers; headings of the text with what stands under them count too."""

    questions = _rows(Question, "Questions")


class OnePager(_Open):
    """One page to hand over."""

    audience = _line("For whom")
    action_label = _line("Label of the button")
    action_url = _link("Where the button leads")


class Video(_Open):
    """A film, stored here (/media/…) or elsewhere."""

    url = _link("Video", "The address of a stored file (/media/…) or of the page that plays it")
    duration = fields.Integer(
        validate=validate.Range(min=1, max=86_400), metadata={"label": "Length", "hint": "In seconds"}
    )
    transcript = _prose("Transcript", "What is said and shown, for those who cannot hear or see it")


KINDS = (
    AssetKind("article", "Article", Article, icon="file-text"),
    AssetKind("landing-page", "Landing page", LandingPage, icon="globe"),
    AssetKind("email", "E-mail", Email, icon="mail"),
    AssetKind("social-post", "Social post", SocialPost, icon="send"),
    AssetKind("ad", "Ad", Ad, icon="megaphone"),
    AssetKind("case-study", "Case study", CaseStudy, icon="flag"),
    AssetKind("product-guide", "Product guide", ProductGuide, icon="library"),
    AssetKind("faq", "FAQ", Faq, icon="circle-help"),
    AssetKind("one-pager", "One-pager", OnePager, icon="file-text"),
    AssetKind("video", "Video", Video, icon="play"),
)
