"""The reps' library, presentations and the decks made of them, the links that reps share, and who looked."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cms_core import Base, PublicId
from cms_sales_enablement import room_models, training_models  # noqa: F401  # their tables belong to these
from cms_sales_enablement.library_models import TERM

TRIES = 3  # to draw a slide
BLOCK = "block-"  # begins the ids of slides that are told


def is_own(ref: str) -> bool:
    """Whether a slide of a deck is one of its presentation: neither of another one (``<presentation>:<id>``) nor told."""
    return ":" not in ref and not ref.startswith(BLOCK)


class Document(Base):
    """An approved asset as it is searched; made again whenever ``version`` is no longer that of the asset.

    ``file`` is the hash of a presentation's file: its slides are those of the ``Presentation`` with that hash.
    """

    __tablename__ = "sales_enablement_document"

    id: Mapped[int] = mapped_column(primary_key=True)
    asset: Mapped[str] = mapped_column(String(36), unique=True)
    version: Mapped[str] = mapped_column(String(40))
    slug: Mapped[str] = mapped_column(String(200), index=True)
    revision: Mapped[int]
    kind: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(500))
    summary: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    funnel_stage: Mapped[str] = mapped_column(String(40))
    persona: Mapped[str] = mapped_column(String(80))
    locale: Mapped[str] = mapped_column(String(35))
    industry: Mapped[str] = mapped_column(String(80), default="", server_default="")
    product: Mapped[str] = mapped_column(String(80), default="", server_default="")
    file: Mapped[str] = mapped_column(String(64), default="", server_default="", index=True)
    updated_at: Mapped[datetime]


class Posting(Base):
    """That a document holds a term, and how much that says of it (``words.weights``)."""

    __tablename__ = "sales_enablement_posting"

    term: Mapped[str] = mapped_column(TERM, primary_key=True)
    document_id: Mapped[int] = mapped_column(
        ForeignKey("sales_enablement_document.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    weight: Mapped[int]


class DocumentTag(Base):
    """A tag of a document."""

    __tablename__ = "sales_enablement_tag"

    document_id: Mapped[int] = mapped_column(
        ForeignKey("sales_enablement_document.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(80), primary_key=True)


class Shelf(Base):
    """Until which day (included, UTC) reps may use an asset; kept apart from the index, which is made anew."""

    __tablename__ = "sales_enablement_shelf"
    __audited__ = True

    asset: Mapped[str] = mapped_column(String(36), primary_key=True)
    until: Mapped[date]


class Presentation(Base):
    """What was read out of a presentation's file, once per content: revisions of assets name the file by its hash.

    ``asset`` is the one that it was taken in as, while it is the newest file of that one.
    """

    __tablename__ = "sales_enablement_presentation"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    fonts: Mapped[list[str]] = mapped_column(JSON)
    findings: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    read_at: Mapped[datetime]
    asset: Mapped[str | None] = mapped_column(String(36), index=True)

    slides: Mapped[list["Slide"]] = relationship(cascade="all, delete-orphan", order_by="Slide.number")


class Slide(Base):
    """One slide of a presentation. ``uid`` is the same in each version of the file; ``digest`` changes whenever its looks may."""

    __tablename__ = "sales_enablement_slide"
    __table_args__ = (UniqueConstraint("presentation_id", "uid"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    presentation_id: Mapped[int] = mapped_column(
        ForeignKey("sales_enablement_presentation.id", ondelete="CASCADE")
    )
    uid: Mapped[str] = mapped_column(String(80))
    number: Mapped[int]
    title: Mapped[str] = mapped_column(String(500))
    text: Mapped[str] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text)
    slots: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    jumps: Mapped[list[int]] = mapped_column(JSON)
    hidden: Mapped[bool]
    digest: Mapped[str] = mapped_column(String(64))

    @property
    def fields(self) -> list[str]:
        """The fields that it asks for, whatever they take (``slots``: text, picture, chart or table)."""
        return list(dict.fromkeys(each["name"] for each in self.slots))


class SlideRule(Base):
    """What marketing says of a slide, whatever version of the file it is in; kept apart from what is read out of files.

    ``required``: in each deck; ``locked``: required, and in the presentation's order among the other locked ones; ``forbidden``: in
    none; ``pinned``: "first" or "last"; ``until``: the last day (included, UTC) on which it may be used.
    """

    __tablename__ = "sales_enablement_slide_rule"
    __audited__ = True

    asset: Mapped[str] = mapped_column(String(36), primary_key=True)
    uid: Mapped[str] = mapped_column(String(80), primary_key=True)
    required: Mapped[bool] = mapped_column(default=False)
    locked: Mapped[bool] = mapped_column(default=False)
    forbidden: Mapped[bool] = mapped_column(default=False)
    pinned: Mapped[str] = mapped_column(String(5), default="")
    until: Mapped[date | None]


class DeckLimit(Base):
    """How few and how many slides a deck of a presentation may have."""

    __tablename__ = "sales_enablement_deck_limit"
    __audited__ = True

    asset: Mapped[str] = mapped_column(String(36), primary_key=True)
    least: Mapped[int | None]
    most: Mapped[int | None]


class Deck(Base, PublicId):
    """Slides that a rep picked for somebody, with the values of their fields: text and where it is from, and pictures."""

    __tablename__ = "sales_enablement_deck"
    __audited__ = True

    asset: Mapped[str] = mapped_column(String(36), index=True)
    name: Mapped[str] = mapped_column(String(200))
    company: Mapped[str | None] = mapped_column(String(36), index=True)
    deal: Mapped[str | None] = mapped_column(String(36), index=True)
    contact: Mapped[str | None] = mapped_column(String(36), index=True)
    values: Mapped[dict[str, Any]] = mapped_column(JSON)
    pictures: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    user: Mapped[str] = mapped_column(String(36), index=True)
    user_name: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    slides: Mapped[list["DeckSlide"]] = relationship(
        cascade="all, delete-orphan", order_by="DeckSlide.position"
    )

    __mapper_args__ = {"version_id_col": version}

    def picture(self, name: str) -> str:
        """The id of the picture for a field, or ""; the logo serves each logo that has none of its own."""
        return self.pictures.get(name) or (
            self.pictures.get("logo", "") if name.rpartition(".")[2] == "logo" else ""
        )


class DeckSlide(Base):
    """A slide of a deck, and what it looked like (``digest``) when the rep saw it last.

    ``uid`` is its id in the deck's presentation, ``<presentation>:<id>`` for a slide of another one, or the id of a slide that was
    told: then ``block`` holds what.
    """

    __tablename__ = "sales_enablement_deck_slide"

    deck_id: Mapped[int] = mapped_column(
        ForeignKey("sales_enablement_deck.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(80))
    digest: Mapped[str] = mapped_column(String(64))
    block: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    @property
    def is_own(self) -> bool:
        """Whether it is a slide of the deck's presentation."""
        return is_own(self.uid)


class Picture(Base):
    """How a slide looks, named by all that its looks depend on: two files of the core's, once they are made."""

    __tablename__ = "sales_enablement_picture"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    asset: Mapped[str] = mapped_column(String(36))
    deck: Mapped[str | None] = mapped_column(String(36))
    slide: Mapped[str] = mapped_column(String(80))
    asked_at: Mapped[datetime] = mapped_column(index=True)
    tries: Mapped[int]
    reason: Mapped[str] = mapped_column(String(500), default="", server_default="")
    wide: Mapped[str | None] = mapped_column(String(64))
    small: Mapped[str | None] = mapped_column(String(64))

    @property
    def awaited(self) -> bool:
        """Whether it is still to be made."""
        return self.wide is None and self.tries < TRIES

    @property
    def failed(self) -> bool:
        """Whether it could not be made (``reason``), and is tried no more."""
        return self.wide is None and self.tries >= TRIES


class Share(Base, PublicId):
    """A link to an asset, to a deck of one, or to a room, for somebody outside; or a piece of a room.

    Of its token only the hash is kept; the link is shown once, when it is made. ``gate`` is what it asks for before anything is
    shown (``terms.GATES``), ``max_views`` after how many counted views it ends. A link to a room has no asset (""). A piece has
    both: nobody knows its token, and what is asked for is asked by the room's link.
    """

    __tablename__ = "sales_enablement_share"
    __audited__ = True

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    asset: Mapped[str] = mapped_column(String(36), index=True)
    deck: Mapped[str | None] = mapped_column(String(36), index=True)
    room: Mapped[str | None] = mapped_column(String(36), index=True)
    slug: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(500))
    contact: Mapped[str | None] = mapped_column(String(36), index=True)
    contact_email: Mapped[str] = mapped_column(String(320), default="")
    user: Mapped[str] = mapped_column(String(36), index=True)
    user_name: Mapped[str] = mapped_column(String(320))
    password_hash: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    gate: Mapped[str] = mapped_column(String(10), default="")
    download: Mapped[bool] = mapped_column(default=False)
    watermark: Mapped[bool] = mapped_column(default=False)
    max_views: Mapped[int | None]

    @property
    def is_piece(self) -> bool:
        """Whether it is no link, but a piece of a room."""
        return self.room is not None and self.asset != ""


class ShareRule(Base):
    """An address, or a domain with its @, that may open a link (if it has any such, nobody else may), or that may not."""

    __tablename__ = "sales_enablement_share_rule"

    share_id: Mapped[int] = mapped_column(
        ForeignKey("sales_enablement_share.id", ondelete="CASCADE"), primary_key=True
    )
    denied: Mapped[bool] = mapped_column(primary_key=True)
    what: Mapped[str] = mapped_column(String(320), primary_key=True, index=True)


class Code(Base):
    """A code that was mailed to an address for one link. Of the code only a keyed hash is kept, and all of it for an hour."""

    __tablename__ = "sales_enablement_code"
    __table_args__ = (
        Index("ix_sales_enablement_code_share", "share_id", "address"),
        {"info": {"secret": True}},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    share_id: Mapped[int] = mapped_column(ForeignKey("sales_enablement_share.id", ondelete="CASCADE"))
    address: Mapped[str] = mapped_column(String(320), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    sent_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None]


class View(Base, PublicId):
    """One load of a shared page. ``counted`` when it was seen: a person's browser had it in sight for a second.

    ``slide`` is the one of a deck that was in sight when the page told last, at ``seen_at``. ``email`` is the address that was
    given at the gate of the link: only said, unless ``verified``. ``visit`` is the look at a room in which a piece was opened.
    """

    __tablename__ = "sales_enablement_view"
    __table_args__ = (Index("ix_sales_enablement_view_share", "share_id", "at"),)

    share_id: Mapped[int] = mapped_column(ForeignKey("sales_enablement_share.id", ondelete="CASCADE"))
    visitor: Mapped[str] = mapped_column(String(32))
    agent_class: Mapped[str] = mapped_column(String(10))
    revision: Mapped[int]
    at: Mapped[datetime]
    counted: Mapped[bool] = mapped_column(default=False)
    milliseconds: Mapped[int] = mapped_column(default=0)
    beacon: Mapped[int] = mapped_column(default=0)
    slide: Mapped[str] = mapped_column(String(80), default="")
    seen_at: Mapped[datetime | None]
    email: Mapped[str] = mapped_column(String(320), default="", index=True)
    verified: Mapped[bool] = mapped_column(default=False)
    downloaded: Mapped[bool] = mapped_column(default=False)
    visit: Mapped[str] = mapped_column(String(36), default="", index=True)


class Dwell(Base):
    """How long one slide of a deck was in sight in one view."""

    __tablename__ = "sales_enablement_dwell"

    view_id: Mapped[int] = mapped_column(
        ForeignKey("sales_enablement_view.id", ondelete="CASCADE"), primary_key=True
    )
    slide: Mapped[str] = mapped_column(String(80), primary_key=True)
    milliseconds: Mapped[int]


class Feedback(Base):
    """What a rep says of an approved revision: used, or outdated, with a few words."""

    __tablename__ = "sales_enablement_feedback"
    __audited__ = True

    id: Mapped[int] = mapped_column(primary_key=True)
    asset: Mapped[str] = mapped_column(String(36), index=True)
    revision: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    words: Mapped[str] = mapped_column(Text)
    user: Mapped[str] = mapped_column(String(36))
    user_name: Mapped[str] = mapped_column(String(320))
    at: Mapped[datetime]
