"""Pages of the public site, and addresses that they have left"""

import sqlalchemy as sa
from alembic import op

from cms_core import UTCDateTime

revision = "seo0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seo_page",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("slug", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("published_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seo_page")),
        sa.UniqueConstraint("connection", "path", name=op.f("uq_seo_page_connection_path")),
        sa.UniqueConstraint("key", name=op.f("uq_seo_page_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_seo_page_public_id")),
    )
    op.create_index("ix_seo_page_newest", "seo_page", ["connection", "state", "published_at"])
    op.create_index("ix_seo_page_slug", "seo_page", ["connection", "slug"])
    op.create_table(
        "seo_moved",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["page_id"], ["seo_page.id"], name=op.f("fk_seo_moved_page_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seo_moved")),
        sa.UniqueConstraint("connection", "path", name=op.f("uq_seo_moved_connection_path")),
    )
    op.create_index(op.f("ix_seo_moved_page_id"), "seo_moved", ["page_id"])


def downgrade() -> None:
    op.drop_table("seo_moved")
    op.drop_table("seo_page")
