"""Points of contacts, hand-offs to sales, and deals"""

import sqlalchemy as sa
from alembic import op

from cms_core import UTCDateTime

revision = "leads0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "leads_lead",
        sa.Column("contact", sa.String(length=36), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("as_of", UTCDateTime(timezone=True), nullable=False),
        sa.Column("above", sa.Boolean(), nullable=False),
        sa.Column("crossings", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("contact", name=op.f("pk_leads_lead")),
    )
    op.create_index("ix_leads_lead_points", "leads_lead", ["points", "contact"])
    op.create_table(
        "leads_mark",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leads_mark")),
    )
    _create_handoffs()
    _create_deals()


def _create_handoffs() -> None:
    op.create_table(
        "leads_handoff",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("contact", sa.String(length=36), nullable=False),
        sa.Column("crossing", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("due_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("decided_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=320), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leads_handoff")),
        sa.UniqueConstraint("contact", "crossing", name=op.f("uq_leads_handoff_contact_crossing")),
        sa.UniqueConstraint("public_id", name=op.f("uq_leads_handoff_public_id")),
    )
    op.create_index("ix_leads_handoff_state", "leads_handoff", ["state", "due_at"])


def _create_deals() -> None:
    op.create_table(
        "leads_deal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("identity", sa.String(length=900), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("company", sa.String(length=36), nullable=True),
        sa.Column("amount_micros", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("stage", sa.String(length=100), nullable=False),
        sa.Column("outcome", sa.String(length=4), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("closed_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("outcomes", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leads_deal")),
        sa.UniqueConstraint("identity", name=op.f("uq_leads_deal_identity")),
        sa.UniqueConstraint("public_id", name=op.f("uq_leads_deal_public_id")),
    )
    op.create_index("ix_leads_deal_company", "leads_deal", ["company"])
    op.create_table(
        "leads_deal_contact",
        sa.Column("deal_id", sa.Integer(), nullable=False),
        sa.Column("contact", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deal_id"],
            ["leads_deal.id"],
            name=op.f("fk_leads_deal_contact_deal_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("deal_id", "contact", name=op.f("pk_leads_deal_contact")),
    )
    op.create_index("ix_leads_deal_contact_contact", "leads_deal_contact", ["contact"])


def downgrade() -> None:
    for table in ("leads_deal_contact", "leads_deal", "leads_handoff", "leads_mark", "leads_lead"):
        op.drop_table(table)
