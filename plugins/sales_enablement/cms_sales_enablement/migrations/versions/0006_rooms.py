"""Rooms: pieces in an order behind one link, what is to be done next, questions and answers"""

import sqlalchemy as sa
from alembic import op

from cms_core import UTCDateTime

revision = "sales0006"
down_revision = "sales0005"
branch_labels = None
depends_on = None

SHARE, VIEW = "sales_enablement_share", "sales_enablement_view"
ROOM = "sales_enablement_room"


def upgrade() -> None:
    op.add_column(SHARE, sa.Column("room", sa.String(length=36), nullable=True))
    op.create_index(op.f("ix_sales_enablement_share_room"), SHARE, ["room"])
    op.add_column(VIEW, sa.Column("visit", sa.String(length=36), nullable=False, server_default=""))
    op.create_index(op.f("ix_sales_enablement_view_visit"), VIEW, ["visit"])
    _rooms()
    _items()
    _steps()
    _questions()


def _rooms() -> None:
    op.create_table(
        ROOM,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("welcome", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("company", sa.String(length=36), nullable=True),
        sa.Column("deal", sa.String(length=36), nullable=True),
        sa.Column("user", sa.String(length=36), nullable=False),
        sa.Column("user_name", sa.String(length=320), nullable=False),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("closed_at", UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{ROOM}")),
        sa.UniqueConstraint("public_id", name=op.f(f"uq_{ROOM}_public_id")),
    )
    for column in ("company", "deal", "user"):
        op.create_index(op.f(f"ix_{ROOM}_{column}"), ROOM, [column])


def _items() -> None:
    table = f"{ROOM}_item"
    op.create_table(
        table,
        sa.Column("share_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["share_id"], [f"{SHARE}.id"], name=op.f(f"fk_{table}_share_id"), ondelete="CASCADE"
        ),
        _room_key(table),
        sa.PrimaryKeyConstraint("share_id", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_room_id"), table, ["room_id"])


def _steps() -> None:
    table = f"{ROOM}_step"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(length=300), nullable=False),
        sa.Column("who", sa.String(length=4), nullable=False),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("done_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.String(length=320), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        _room_key(table),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("public_id", name=op.f(f"uq_{table}_public_id")),
    )
    for column in ("room_id", "done_by"):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def _questions() -> None:
    table = f"{ROOM}_question"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("room_id", sa.Integer(), nullable=False),
        sa.Column("share_id", sa.Integer(), nullable=True),
        sa.Column("asked_by", sa.String(length=320), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("asked_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.String(length=320), nullable=False),
        sa.Column("answered_at", UTCDateTime(timezone=True), nullable=True),
        _room_key(table),
        sa.ForeignKeyConstraint(
            ["share_id"], [f"{SHARE}.id"], name=op.f(f"fk_{table}_share_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("public_id", name=op.f(f"uq_{table}_public_id")),
    )
    op.create_index(f"ix_{table}_room", table, ["room_id", "asked_at"])
    op.create_index(op.f(f"ix_{table}_asked_by"), table, ["asked_by"])


def _room_key(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["room_id"], [f"{ROOM}.id"], name=op.f(f"fk_{table}_room_id"), ondelete="CASCADE"
    )


def downgrade() -> None:
    for table in ("question", "step", "item"):
        op.drop_table(f"{ROOM}_{table}")
    op.drop_table(ROOM)
    op.drop_index(op.f("ix_sales_enablement_view_visit"), VIEW)
    op.drop_column(VIEW, "visit")
    op.drop_index(op.f("ix_sales_enablement_share_room"), SHARE)
    op.drop_column(SHARE, "room")
