"""Sessions and clocks of accounts, and what was made ready"""

import sqlalchemy as sa
from alembic import op

from cms_core import UTCDateTime

revision = "social0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "social_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("session_no", sa.Integer(), nullable=False),
        sa.Column("renewing_until", UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_social_account")),
        sa.UniqueConstraint("channel", "connection", name=op.f("uq_social_account_channel_connection")),
    )
    op.create_table(
        "social_post",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("publication", sa.String(length=36), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_social_post")),
        sa.UniqueConstraint(
            "channel", "connection", "publication", name=op.f("uq_social_post_channel_connection_publication")
        ),
    )
    op.create_index("ix_social_post_digest", "social_post", ["channel", "connection", "digest"])


def downgrade() -> None:
    op.drop_table("social_post")
    op.drop_table("social_account")
