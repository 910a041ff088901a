"""Slides that are found by their words and facets, translations of slides, and stars"""

import sqlalchemy as sa
from alembic import op

from cms_core import UTCDateTime

revision = "sales0007"
down_revision = "sales0006"
branch_labels = None
depends_on = None

DOCUMENT = "sales_enablement_document"
TERM = sa.String(length=40).with_variant(sa.String(length=40, collation="C"), "postgresql")


def upgrade() -> None:
    for name, length in (("industry", 80), ("product", 80), ("file", 64)):
        op.add_column(DOCUMENT, sa.Column(name, sa.String(length=length), nullable=False, server_default=""))
    op.create_index(op.f("ix_sales_enablement_document_file"), DOCUMENT, ["file"])
    documents = sa.table(DOCUMENT, sa.column("version"))
    op.execute(documents.update().values(version=sa.literal_column("''")))  # all of them are read again
    _postings()
    _facets()
    _variants()
    _ratings()


def _postings() -> None:
    table = "sales_enablement_slide_posting"
    op.create_table(
        table,
        sa.Column("term", TERM, nullable=False),
        sa.Column("slide_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["slide_id"],
            ["sales_enablement_slide.id"],
            name=op.f("fk_sales_enablement_slide_posting_slide_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("term", "slide_id", name=op.f("pk_sales_enablement_slide_posting")),
    )
    op.create_index(op.f("ix_sales_enablement_slide_posting_slide_id"), table, ["slide_id"])


def _facets() -> None:
    table = "sales_enablement_slide_facet"
    op.create_table(
        table,
        sa.Column("asset", sa.String(length=36), nullable=False),
        sa.Column("uid", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("value", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint(
            "asset", "uid", "name", "value", name=op.f("pk_sales_enablement_slide_facet")
        ),
    )
    op.create_index("ix_sales_enablement_slide_facet_value", table, ["name", "value"])


def _variants() -> None:
    op.create_table(
        "sales_enablement_slide_variant",
        sa.Column("asset", sa.String(length=36), nullable=False),
        sa.Column("uid", sa.String(length=80), nullable=False),
        sa.Column("original", sa.String(length=80), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("asset", "uid", name=op.f("pk_sales_enablement_slide_variant")),
        sa.UniqueConstraint(
            "asset",
            "original",
            "locale",
            name=op.f("uq_sales_enablement_slide_variant_asset_original_locale"),
        ),
    )


def _ratings() -> None:
    op.create_table(
        "sales_enablement_rating",
        sa.Column("asset", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("user", sa.String(length=36), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("asset", "revision", "user", name=op.f("pk_sales_enablement_rating")),
    )


def downgrade() -> None:
    for table in ("rating", "slide_variant", "slide_facet", "slide_posting"):
        op.drop_table(f"sales_enablement_{table}")
    op.drop_index(op.f("ix_sales_enablement_document_file"), DOCUMENT)
    for column in ("industry", "product", "file"):
        op.drop_column(DOCUMENT, column)
