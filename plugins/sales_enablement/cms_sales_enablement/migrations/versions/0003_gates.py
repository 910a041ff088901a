"""What a link asks for before it shows anything, what it allows, and who looked by the address that they gave"""

import sqlalchemy as sa
from alembic import op

from cms_core import UTCDateTime

revision = "sales0003"
down_revision = "sales0002"
branch_labels = None
depends_on = None

SHARE, VIEW = "sales_enablement_share", "sales_enablement_view"


def upgrade() -> None:
    op.add_column(SHARE, sa.Column("gate", sa.String(length=10), nullable=False, server_default=""))
    for name in ("download", "watermark"):
        op.add_column(SHARE, sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column(SHARE, sa.Column("max_views", sa.Integer(), nullable=True))
    op.add_column(VIEW, sa.Column("email", sa.String(length=320), nullable=False, server_default=""))
    op.create_index(op.f("ix_sales_enablement_view_email"), VIEW, ["email"])
    for name in ("verified", "downloaded"):
        op.add_column(VIEW, sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    _rules()
    _codes()


def _rules() -> None:
    table = "sales_enablement_share_rule"
    op.create_table(
        table,
        sa.Column("share_id", sa.Integer(), nullable=False),
        sa.Column("denied", sa.Boolean(), nullable=False),
        sa.Column("what", sa.String(length=320), nullable=False),
        sa.ForeignKeyConstraint(
            ["share_id"],
            [f"{SHARE}.id"],
            name=op.f("fk_sales_enablement_share_rule_share_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("share_id", "denied", "what", name=op.f("pk_sales_enablement_share_rule")),
    )
    op.create_index(op.f("ix_sales_enablement_share_rule_what"), table, ["what"])


def _codes() -> None:
    table = "sales_enablement_code"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("share_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("sent_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["share_id"], [f"{SHARE}.id"], name=op.f("fk_sales_enablement_code_share_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_enablement_code")),
    )
    op.create_index("ix_sales_enablement_code_share", table, ["share_id", "address"])
    for column in ("address", "sent_at"):
        op.create_index(op.f(f"ix_sales_enablement_code_{column}"), table, [column])


def downgrade() -> None:
    for table in ("code", "share_rule"):
        op.drop_table(f"sales_enablement_{table}")
    op.drop_index(op.f("ix_sales_enablement_view_email"), VIEW)
    for column in ("email", "verified", "downloaded"):
        op.drop_column(VIEW, column)
    for column in ("gate", "download", "watermark", "max_views"):
        op.drop_column(SHARE, column)
