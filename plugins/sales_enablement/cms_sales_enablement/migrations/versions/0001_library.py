"""The reps' library, shared links and who looked"""

import sqlalchemy as sa
from alembic import op

from cms_core import UTCDateTime

revision = "sales0001"
down_revision = None
branch_labels = None
depends_on = None

TERM = sa.String(40).with_variant(sa.String(40, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "sales_enablement_document",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asset", sa.String(length=36), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("slug", sa.String(length=200), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("funnel_stage", sa.String(length=40), nullable=False),
        sa.Column("persona", sa.String(length=80), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("updated_at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_enablement_document")),
        sa.UniqueConstraint("asset", name=op.f("uq_sales_enablement_document_asset")),
    )
    op.create_index(op.f("ix_sales_enablement_document_slug"), "sales_enablement_document", ["slug"])
    op.create_table(
        "sales_enablement_posting",
        sa.Column("term", TERM, nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["sales_enablement_document.id"],
            name=op.f("fk_sales_enablement_posting_document_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("term", "document_id", name=op.f("pk_sales_enablement_posting")),
    )
    op.create_index(
        op.f("ix_sales_enablement_posting_document_id"), "sales_enablement_posting", ["document_id"]
    )
    op.create_table(
        "sales_enablement_tag",
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["sales_enablement_document.id"],
            name=op.f("fk_sales_enablement_tag_document_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("document_id", "name", name=op.f("pk_sales_enablement_tag")),
    )
    op.create_table(
        "sales_enablement_shelf",
        sa.Column("asset", sa.String(length=36), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("asset", name=op.f("pk_sales_enablement_shelf")),
    )
    _shares()


def _shares() -> None:
    op.create_table(
        "sales_enablement_share",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("asset", sa.String(length=36), nullable=False),
        sa.Column("slug", sa.String(length=200), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("contact", sa.String(length=36), nullable=True),
        sa.Column("contact_email", sa.String(length=320), nullable=False),
        sa.Column("user", sa.String(length=36), nullable=False),
        sa.Column("user_name", sa.String(length=320), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_enablement_share")),
        sa.UniqueConstraint("public_id", name=op.f("uq_sales_enablement_share_public_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sales_enablement_share_token_hash")),
    )
    for column in ("asset", "contact", "user"):
        op.create_index(op.f(f"ix_sales_enablement_share_{column}"), "sales_enablement_share", [column])
    op.create_table(
        "sales_enablement_view",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("share_id", sa.Integer(), nullable=False),
        sa.Column("visitor", sa.String(length=32), nullable=False),
        sa.Column("agent_class", sa.String(length=10), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("beacon", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["share_id"],
            ["sales_enablement_share.id"],
            name=op.f("fk_sales_enablement_view_share_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_enablement_view")),
        sa.UniqueConstraint("public_id", name=op.f("uq_sales_enablement_view_public_id")),
    )
    op.create_index("ix_sales_enablement_view_share", "sales_enablement_view", ["share_id", "at"])
    op.create_table(
        "sales_enablement_feedback",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asset", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("user", sa.String(length=36), nullable=False),
        sa.Column("user_name", sa.String(length=320), nullable=False),
        sa.Column("at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_enablement_feedback")),
    )
    op.create_index(op.f("ix_sales_enablement_feedback_asset"), "sales_enablement_feedback", ["asset"])


def downgrade() -> None:
    for table in ("feedback", "view", "share", "shelf", "tag", "posting", "document"):
        op.drop_table(f"sales_enablement_{table}")
