"""Flights, costs, mappings, rates and the guard"""

import sqlalchemy as sa
from alembic import op

from cms_core import UTCDateTime

revision = "ads0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ads_running",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("shown", sa.String(length=36), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("changed_at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ads_running")),
        sa.UniqueConstraint("key", name=op.f("uq_ads_running_key")),
    )
    op.create_table(
        "ads_cost",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("vendor", sa.String(length=20), nullable=False),
        sa.Column("account", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("utm", sa.String(length=120), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.Column("impressions", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("imported_at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ads_cost")),
        sa.UniqueConstraint(
            "vendor", "account", "name", "day", "until", "currency", name=op.f("uq_ads_cost_place")
        ),
    )
    op.create_index("ix_ads_cost_day", "ads_cost", ["day"])
    op.create_table(
        "ads_mapping",
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("campaign", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ads_mapping")),
    )
    op.create_table(
        "ads_rate",
        sa.Column("base", sa.String(length=3), nullable=False),
        sa.Column("quote", sa.String(length=3), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("value", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("base", "quote", "day", name=op.f("pk_ads_rate")),
    )
    op.create_table(
        "ads_told",
        sa.Column("campaign", sa.String(length=120), nullable=False),
        sa.Column("publication", sa.String(length=36), nullable=False),
        sa.Column("metric", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("value_micros", sa.BigInteger(), nullable=False),
        sa.Column("at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "publication", "metric", "currency", name=op.f("pk_ads_told")),
    )
    op.create_table(
        "ads_guarded",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("crossing", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("stops", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("changed_at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_ads_guarded")),
    )


def downgrade() -> None:
    for table in ("guarded", "told", "rate", "mapping", "cost", "running"):
        op.drop_table(f"ads_{table}")
