"""Slides of a deck that are told and not drawn, and pictures for all fields that take one"""

import sqlalchemy as sa
from alembic import op

revision = "sales0004"
down_revision = "sales0003"
branch_labels = None
depends_on = None

DECK, SLIDE = "sales_enablement_deck", "sales_enablement_deck_slide"


def upgrade() -> None:
    op.add_column(SLIDE, sa.Column("block", sa.JSON(), nullable=True))
    op.add_column(DECK, sa.Column("pictures", sa.JSON(), nullable=False, server_default="{}"))
    deck = _deck()
    for row in op.get_bind().execute(sa.select(deck.c.id, deck.c.logo).where(deck.c.logo != "")).all():
        pictures = {"logo": row.logo}
        op.execute(sa.update(deck).where(deck.c.id == row.id).values(pictures=pictures))
    op.drop_column(DECK, "logo")


def downgrade() -> None:
    op.add_column(DECK, sa.Column("logo", sa.String(length=64), nullable=False, server_default=""))
    deck = _deck()
    for row in op.get_bind().execute(sa.select(deck.c.id, deck.c.pictures)).all():
        op.execute(sa.update(deck).where(deck.c.id == row.id).values(logo=row.pictures.get("logo", "")))
    op.drop_column(DECK, "pictures")
    op.execute(
        sa.delete(sa.table(SLIDE, sa.column("block", sa.JSON()))).where(sa.column("block").isnot(None))
    )
    op.drop_column(SLIDE, "block")


def _deck() -> sa.TableClause:
    return sa.table(
        DECK, sa.column("id", sa.Integer()), sa.column("logo", sa.String()), sa.column("pictures", sa.JSON())
    )
