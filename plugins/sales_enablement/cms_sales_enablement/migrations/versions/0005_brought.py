"""Which asset a presentation's file was taken in as: one file is one presentation"""

import sqlalchemy as sa
from alembic import op

revision = "sales0005"
down_revision = "sales0004"
branch_labels = None
depends_on = None

TABLE = "sales_enablement_presentation"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("asset", sa.String(length=36), nullable=True))
    op.create_index(op.f("ix_sales_enablement_presentation_asset"), TABLE, ["asset"])


def downgrade() -> None:
    op.drop_index(op.f("ix_sales_enablement_presentation_asset"), TABLE)
    op.drop_column(TABLE, "asset")
