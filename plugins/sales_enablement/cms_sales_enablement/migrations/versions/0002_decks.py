"""Presentations, the decks that reps make of them, and how long each slide was looked at"""

import sqlalchemy as sa
from alembic import op

from cms_core import UTCDateTime

revision = "sales0002"
down_revision = "sales0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _presentations()
    _decks()
    _pictures()
    _rules()
    _training()
    op.create_table(
        "sales_enablement_dwell",
        sa.Column("view_id", sa.Integer(), nullable=False),
        sa.Column("slide", sa.String(length=80), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["view_id"],
            ["sales_enablement_view.id"],
            name=op.f("fk_sales_enablement_dwell_view_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("view_id", "slide", name=op.f("pk_sales_enablement_dwell")),
    )
    op.add_column(
        "sales_enablement_view",
        sa.Column("slide", sa.String(length=80), nullable=False, server_default=""),
    )
    op.add_column("sales_enablement_view", sa.Column("seen_at", UTCDateTime(timezone=True), nullable=True))
    op.add_column("sales_enablement_share", sa.Column("deck", sa.String(length=36), nullable=True))
    op.create_index(op.f("ix_sales_enablement_share_deck"), "sales_enablement_share", ["deck"])


def _presentations() -> None:
    op.create_table(
        "sales_enablement_presentation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("fonts", sa.JSON(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("read_at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_enablement_presentation")),
        sa.UniqueConstraint("sha256", name=op.f("uq_sales_enablement_presentation_sha256")),
    )
    op.create_table(
        "sales_enablement_slide",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("presentation_id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("slots", sa.JSON(), nullable=False),
        sa.Column("jumps", sa.JSON(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["presentation_id"],
            ["sales_enablement_presentation.id"],
            name=op.f("fk_sales_enablement_slide_presentation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_enablement_slide")),
        sa.UniqueConstraint(
            "presentation_id", "uid", name=op.f("uq_sales_enablement_slide_presentation_id_uid")
        ),
    )


def _decks() -> None:
    op.create_table(
        "sales_enablement_deck",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("asset", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("company", sa.String(length=36), nullable=True),
        sa.Column("deal", sa.String(length=36), nullable=True),
        sa.Column("contact", sa.String(length=36), nullable=True),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("logo", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=36), nullable=False),
        sa.Column("user_name", sa.String(length=320), nullable=False),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("changed_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_enablement_deck")),
        sa.UniqueConstraint("public_id", name=op.f("uq_sales_enablement_deck_public_id")),
    )
    for column in ("asset", "company", "deal", "contact", "user"):
        op.create_index(op.f(f"ix_sales_enablement_deck_{column}"), "sales_enablement_deck", [column])
    op.create_table(
        "sales_enablement_deck_slide",
        sa.Column("deck_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["deck_id"],
            ["sales_enablement_deck.id"],
            name=op.f("fk_sales_enablement_deck_slide_deck_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("deck_id", "position", name=op.f("pk_sales_enablement_deck_slide")),
    )


def _rules() -> None:
    op.create_table(
        "sales_enablement_slide_rule",
        sa.Column("asset", sa.String(length=36), nullable=False),
        sa.Column("uid", sa.String(length=80), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("forbidden", sa.Boolean(), nullable=False),
        sa.Column("pinned", sa.String(length=5), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("asset", "uid", name=op.f("pk_sales_enablement_slide_rule")),
    )
    op.create_table(
        "sales_enablement_deck_limit",
        sa.Column("asset", sa.String(length=36), nullable=False),
        sa.Column("least", sa.Integer(), nullable=True),
        sa.Column("most", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("asset", name=op.f("pk_sales_enablement_deck_limit")),
    )


def _training() -> None:
    op.create_table(
        "sales_enablement_initiative",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("guards", sa.JSON(), nullable=False),
        sa.Column("questions", sa.JSON(), nullable=False),
        sa.Column("pass_percent", sa.Integer(), nullable=False),
        sa.Column("valid_days", sa.Integer(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("closed_at", UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_enablement_initiative")),
        sa.UniqueConstraint("public_id", name=op.f("uq_sales_enablement_initiative_public_id")),
    )
    op.create_table(
        "sales_enablement_lesson",
        sa.Column("initiative_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("asset", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["initiative_id"],
            ["sales_enablement_initiative.id"],
            name=op.f("fk_sales_enablement_lesson_initiative_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("initiative_id", "position", name=op.f("pk_sales_enablement_lesson")),
    )
    op.create_table(
        "sales_enablement_lesson_read",
        sa.Column("user", sa.String(length=36), nullable=False),
        sa.Column("asset", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user", "asset", name=op.f("pk_sales_enablement_lesson_read")),
    )
    op.create_table(
        "sales_enablement_quiz_attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("initiative_id", sa.Integer(), nullable=False),
        sa.Column("user", sa.String(length=36), nullable=False),
        sa.Column("user_name", sa.String(length=320), nullable=False),
        sa.Column("at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("right", sa.Integer(), nullable=False),
        sa.Column("all", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("expires_at", UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["initiative_id"],
            ["sales_enablement_initiative.id"],
            name=op.f("fk_sales_enablement_quiz_attempt_initiative_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_enablement_quiz_attempt")),
    )
    for column in ("initiative_id", "user"):
        op.create_index(
            op.f(f"ix_sales_enablement_quiz_attempt_{column}"), "sales_enablement_quiz_attempt", [column]
        )


def _pictures() -> None:
    op.create_table(
        "sales_enablement_picture",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("asset", sa.String(length=36), nullable=False),
        sa.Column("deck", sa.String(length=36), nullable=True),
        sa.Column("slide", sa.String(length=80), nullable=False),
        sa.Column("asked_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False, server_default=""),
        sa.Column("wide", sa.String(length=64), nullable=True),
        sa.Column("small", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sales_enablement_picture")),
    )
    op.create_index(op.f("ix_sales_enablement_picture_asked_at"), "sales_enablement_picture", ["asked_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_sales_enablement_share_deck"), "sales_enablement_share")
    op.drop_column("sales_enablement_share", "deck")
    for column in ("slide", "seen_at"):
        op.drop_column("sales_enablement_view", column)
    for table in (
        "quiz_attempt",
        "lesson_read",
        "lesson",
        "initiative",
        "dwell",
        "slide_rule",
        "deck_limit",
        "picture",
        "deck_slide",
        "deck",
        "slide",
        "presentation",
    ):
        op.drop_table(f"sales_enablement_{table}")
