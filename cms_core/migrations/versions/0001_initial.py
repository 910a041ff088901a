"""All tables of the core"""

import sqlalchemy as sa
from alembic import op

import cms_core.db

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "core_campaign",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("goal", sa.Text(), nullable=False),
        sa.Column("budget_micros", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("tz", sa.String(length=64), nullable=False),
        sa.Column("utm", sa.JSON(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_campaign")),
        sa.UniqueConstraint("key", name=op.f("uq_core_campaign_key")),
        sa.UniqueConstraint("name", name=op.f("uq_core_campaign_name")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_campaign_public_id")),
    )
    op.create_table(
        "core_cap",
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_cap")),
        sa.UniqueConstraint("days", "channel", name=op.f("uq_core_cap_days_channel")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_cap_public_id")),
    )
    op.create_table(
        "core_quiet_hours",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("starts", sa.Integer(), nullable=False),
        sa.Column("ends", sa.Integer(), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_quiet_hours")),
        sa.UniqueConstraint("channel", name=op.f("uq_core_quiet_hours_channel")),
    )
    op.create_table(
        "core_company",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=600), nullable=False),
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_company")),
        sa.UniqueConstraint("key", name=op.f("uq_core_company_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_company_public_id")),
    )
    with op.batch_alter_table("core_company", schema=None) as batch_op:
        batch_op.create_index(
            "ix_core_company_domain",
            ["domain"],
            unique=True,
            sqlite_where=sa.text("domain != ''"),
            postgresql_where=sa.text("domain != ''"),
        )

    op.create_table(
        "core_connection",
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("secrets", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("checked_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("expires_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("circuit_reason", sa.Text(), nullable=False),
        sa.Column("probe_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_connection")),
        sa.UniqueConstraint("channel", "name", name=op.f("uq_core_connection_channel_name")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_connection_public_id")),
    )
    op.create_table(
        "core_bucket",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["core_connection.id"], name=op.f("fk_core_bucket_connection_id")
        ),
        sa.PrimaryKeyConstraint("connection_id", "domain", name=op.f("pk_core_bucket")),
    )
    op.create_table(
        "core_cursor",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("ledger", sa.String(length=60), nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_core_cursor")),
    )
    op.create_table(
        "core_event",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("source_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("received_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("agent_class", sa.String(length=10), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("visitor", sa.String(length=64), nullable=True),
        sa.Column("client", sa.String(length=32), nullable=True),
        sa.Column("company_id", sa.Integer(), nullable=True),
        sa.Column("campaign", sa.String(length=120), nullable=True),
        sa.Column("publication_id", sa.Integer(), nullable=True),
        sa.Column("delivery_id", sa.Integer(), nullable=True),
        sa.Column("asset_id", sa.Integer(), nullable=True),
        sa.Column("channel", sa.String(length=40), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("value_micros", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("props", sa.JSON(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("xid", sa.BigInteger(), server_default=cms_core.db.current_xid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_event")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_event_public_id")),
        sa.UniqueConstraint("source", "source_id", name=op.f("uq_core_event_source_source_id")),
    )
    with op.batch_alter_table("core_event", schema=None) as batch_op:
        batch_op.create_index("ix_core_event_campaign", ["campaign", "kind"], unique=False)
        batch_op.create_index("ix_core_event_client", ["client", "received_at"], unique=False)
        batch_op.create_index("ix_core_event_contact", ["contact_id", "kind", "at"], unique=False)
        batch_op.create_index(
            "ix_core_event_publication", ["publication_id", "kind", "delivery_id", "contact_id"], unique=False
        )
        batch_op.create_index("ix_core_event_visitor", ["visitor", "kind", "at"], unique=False)

    op.create_table(
        "core_field",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("type", sa.String(length=10), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_core_field")),
    )
    op.create_table(
        "core_measurement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("campaign", sa.String(length=120), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("metric", sa.String(length=40), nullable=False),
        sa.Column("value_micros", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("received_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("xid", sa.BigInteger(), server_default=cms_core.db.current_xid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_measurement")),
        sa.UniqueConstraint(
            "publication_id",
            "campaign",
            "channel",
            "metric",
            "currency",
            "at",
            name=op.f("uq_core_measurement_number"),
        ),
    )
    op.create_table(
        "core_media",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("mime", sa.String(length=80), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("alt", sa.Text(), nullable=False),
        sa.Column("filename", sa.String(length=200), nullable=False),
        sa.Column("focal_x", sa.Integer(), nullable=False),
        sa.Column("focal_y", sa.Integer(), nullable=False),
        sa.Column("source_url", sa.Text(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("archived_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_media")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_media_public_id")),
        sa.UniqueConstraint("sha256", name=op.f("uq_core_media_sha256")),
    )
    with op.batch_alter_table("core_media", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_media_source_sha256"), ["source_sha256"], unique=False)

    op.create_table(
        "core_plugin_settings",
        sa.Column("plugin", sa.String(length=40), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("secrets", sa.Text(), nullable=False),
        sa.Column("updated_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("plugin", name=op.f("pk_core_plugin_settings")),
    )
    op.create_table(
        "core_rollup",
        sa.Column("campaign", sa.String(length=120), nullable=False),
        sa.Column("publication_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("asset_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("agent_class", sa.String(length=10), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("value_micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "campaign",
            "publication_id",
            "channel",
            "asset_id",
            "kind",
            "agent_class",
            "day",
            name=op.f("pk_core_rollup"),
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "core_rollup_contacts",
        sa.Column("campaign", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("asset_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("contacts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "campaign", "kind", "level", "channel", "asset_id", name=op.f("pk_core_rollup_contacts")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "core_rollup_person",
        sa.Column("campaign", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=80), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("asset_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("publication_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "campaign",
            "kind",
            "person",
            "channel",
            "asset_id",
            "publication_id",
            name=op.f("pk_core_rollup_person"),
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "core_segment",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_segment")),
        sa.UniqueConstraint("name", name=op.f("uq_core_segment_name")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_segment_public_id")),
    )
    op.create_table(
        "core_suppression",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address_hash", sa.String(length=43), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("scope", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("until", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_suppression")),
        sa.UniqueConstraint(
            "address_hash", "channel", "scope", name=op.f("uq_core_suppression_address_hash_channel_scope")
        ),
    )
    op.create_table(
        "core_user",
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("session_epoch", sa.Integer(), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_user")),
        sa.UniqueConstraint("email", name=op.f("uq_core_user_email")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_user_public_id")),
    )
    op.create_table(
        "core_instance",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_instance")),
    )
    op.create_table(
        "core_worker",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("started_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("seen_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_core_worker")),
    )
    op.create_table(
        "core_round",
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("next_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_core_round")),
    )
    op.create_table(
        "core_webhook",
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("chat", sa.Boolean(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("failing_since", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("disabled_reason", sa.String(length=300), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_webhook")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_webhook_public_id")),
    )
    op.create_table(
        "core_webhook_message",
        sa.Column("webhook_id", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("next_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("settled_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("request_head", sa.Text(), nullable=False),
        sa.Column("response_head", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["core_webhook.id"],
            name=op.f("fk_core_webhook_message_webhook_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_webhook_message")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_webhook_message_public_id")),
        sa.UniqueConstraint("webhook_id", "event", name=op.f("uq_core_webhook_message_webhook_id_event")),
    )
    with op.batch_alter_table("core_webhook_message", schema=None) as batch_op:
        batch_op.create_index("ix_core_webhook_message_due", ["webhook_id", "state", "next_at"], unique=False)
        batch_op.create_index("ix_core_webhook_message_settled", ["settled_at"], unique=False)

    op.create_table(
        "core_api_token",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("prefix", sa.String(length=12), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name=op.f("fk_core_api_token_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_api_token")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_api_token_public_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_core_api_token_token_hash")),
    )
    with op.batch_alter_table("core_api_token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_api_token_user_id"), ["user_id"], unique=False)

    op.create_table(
        "core_idempotency_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["token_id"], ["core_api_token.id"], name=op.f("fk_core_idempotency_key_token_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_idempotency_key")),
        sa.UniqueConstraint("token_id", "key", name=op.f("uq_core_idempotency_key_token_id_key")),
    )
    with op.batch_alter_table("core_idempotency_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_idempotency_key_created_at"), ["created_at"], unique=False)

    op.create_table(
        "core_asset",
        sa.Column("slug", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("funnel_stage", sa.String(length=40), nullable=False),
        sa.Column("persona", sa.String(length=80), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("archived_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("unpublish_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("source", sa.String(length=500), nullable=False),
        sa.Column("source_url", sa.Text(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["core_user.id"], name=op.f("fk_core_asset_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_asset")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_asset_public_id")),
        sa.UniqueConstraint("slug", name=op.f("uq_core_asset_slug")),
    )
    with op.batch_alter_table("core_asset", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_asset_kind"), ["kind"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_asset_source"), ["source"], unique=False)

    op.create_table(
        "core_audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("via", sa.String(length=20), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name=op.f("fk_core_audit_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_audit")),
    )
    with op.batch_alter_table("core_audit", schema=None) as batch_op:
        batch_op.create_index("ix_core_audit_subject", ["kind", "subject"], unique=False)

    op.create_table(
        "core_contact",
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("address_hash", sa.String(length=43), nullable=True),
        sa.Column("first_name", sa.String(length=200), nullable=False),
        sa.Column("last_name", sa.String(length=200), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=True),
        sa.Column("country", sa.String(length=80), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("merged_into_id", sa.Integer(), nullable=True),
        sa.Column("erased_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["core_company.id"], name=op.f("fk_core_contact_company_id")),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["core_contact.id"], name=op.f("fk_core_contact_merged_into_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_contact")),
        sa.UniqueConstraint("email", name=op.f("uq_core_contact_email")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_contact_public_id")),
    )
    with op.batch_alter_table("core_contact", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_contact_address_hash"), ["address_hash"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_contact_company_id"), ["company_id"], unique=False)
        batch_op.create_index("ix_core_contact_country", ["country"], unique=False)
        batch_op.create_index(
            "ix_core_contact_domain",
            ["domain"],
            unique=False,
            sqlite_where=sa.text("company_id IS NULL"),
            postgresql_where=sa.text("company_id IS NULL"),
        )
        batch_op.create_index(
            "ix_core_contact_merged",
            ["merged_into_id"],
            unique=False,
            sqlite_where=sa.text("merged_into_id IS NOT NULL"),
            postgresql_where=sa.text("merged_into_id IS NOT NULL"),
        )

    op.create_table(
        "core_visitor",
        sa.Column("visitor", sa.String(length=64), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["core_contact.id"], name=op.f("fk_core_visitor_contact_id")),
        sa.PrimaryKeyConstraint("visitor", name=op.f("pk_core_visitor")),
    )
    with op.batch_alter_table("core_visitor", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_visitor_contact_id"), ["contact_id"], unique=False)

    op.create_table(
        "core_reclassification",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("was", sa.String(length=10), nullable=False),
        sa.Column("at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["core_event.id"], name=op.f("fk_core_reclassification_event_id")
        ),
        sa.Column("xid", sa.BigInteger(), server_default=cms_core.db.current_xid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_reclassification")),
        sa.UniqueConstraint("event_id", name=op.f("uq_core_reclassification_event_id")),
    )
    op.create_table(
        "core_asset_tag",
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["core_asset.id"], name=op.f("fk_core_asset_tag_asset_id")),
        sa.PrimaryKeyConstraint("asset_id", "name", name=op.f("pk_core_asset_tag")),
    )
    with op.batch_alter_table("core_asset_tag", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_asset_tag_name"), ["name"], unique=False)

    op.create_table(
        "core_consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("topic", sa.String(length=60), nullable=False),
        sa.Column("action", sa.String(length=10), nullable=False),
        sa.Column("basis", sa.String(length=60), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["core_contact.id"], name=op.f("fk_core_consent_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_consent")),
    )
    with op.batch_alter_table("core_consent", schema=None) as batch_op:
        batch_op.create_index(
            "ix_core_consent_current", ["contact_id", "channel", "topic", "id"], unique=False
        )

    op.create_table(
        "core_contact_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("change", sa.String(length=20), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["core_contact.id"], name=op.f("fk_core_contact_change_contact_id")
        ),
        sa.Column("xid", sa.BigInteger(), server_default=cms_core.db.current_xid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_contact_change")),
    )
    op.create_table(
        "core_blackout",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("policy", sa.String(length=10), nullable=False),
        sa.Column("tz", sa.String(length=64), nullable=False),
        sa.Column("starts", sa.DateTime(), nullable=True),
        sa.Column("ends", sa.DateTime(), nullable=True),
        sa.Column("rrule", sa.String(length=500), nullable=False),
        sa.Column("country", sa.String(length=10), nullable=False),
        sa.Column("subdivision", sa.String(length=20), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=True),
        sa.Column("connection_id", sa.Integer(), nullable=True),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["core_campaign.id"], name=op.f("fk_core_blackout_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["core_connection.id"], name=op.f("fk_core_blackout_connection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_blackout")),
        sa.UniqueConstraint("name", name=op.f("uq_core_blackout_name")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_blackout_public_id")),
    )
    with op.batch_alter_table("core_blackout", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_blackout_campaign_id"), ["campaign_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_blackout_connection_id"), ["connection_id"], unique=False)

    op.create_table(
        "core_feed",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name=op.f("fk_core_feed_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_core_feed")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_core_feed_token_hash")),
    )
    op.create_table(
        "core_slot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.Column("tz", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["core_connection.id"], name=op.f("fk_core_slot_connection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_slot")),
        sa.UniqueConstraint(
            "connection_id", "weekday", "minute", name=op.f("uq_core_slot_connection_id_weekday_minute")
        ),
    )
    op.create_table(
        "core_series",
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("rrule", sa.String(length=500), nullable=False),
        sa.Column("start", sa.DateTime(), nullable=False),
        sa.Column("first", sa.DateTime(), nullable=True),
        sa.Column("until", sa.DateTime(), nullable=True),
        sa.Column("tz", sa.String(length=64), nullable=False),
        sa.Column("shift", sa.Integer(), nullable=False),
        sa.Column("made_until", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("armed", sa.Boolean(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=True),
        sa.Column("asset_id", sa.Integer(), nullable=True),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=True),
        sa.Column("segment_id", sa.Integer(), nullable=True),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["core_asset.id"], name=op.f("fk_core_series_asset_id")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["core_campaign.id"], name=op.f("fk_core_series_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["core_connection.id"], name=op.f("fk_core_series_connection_id")
        ),
        sa.ForeignKeyConstraint(["segment_id"], ["core_segment.id"], name=op.f("fk_core_series_segment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_series")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_series_public_id")),
    )
    with op.batch_alter_table("core_series", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_series_campaign_id"), ["campaign_id"], unique=False)
        batch_op.create_index("ix_core_series_made_until", ["made_until"], unique=False)

    op.create_table(
        "core_entry",
        sa.Column("campaign_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("mode", sa.String(length=20), nullable=False),
        sa.Column("wall", sa.DateTime(), nullable=True),
        sa.Column("tz", sa.String(length=64), nullable=False),
        sa.Column("instant", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("after_id", sa.Integer(), nullable=True),
        sa.Column("offset", sa.String(length=40), nullable=False),
        sa.Column("condition", sa.String(length=10), nullable=False),
        sa.Column("slot_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("series_id", sa.Integer(), nullable=True),
        sa.Column("original_wall", sa.DateTime(), nullable=True),
        sa.Column("deferred", sa.String(length=300), nullable=False),
        sa.Column("tzdata", sa.String(length=20), nullable=False),
        sa.Column("ends_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=True),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=True),
        sa.Column("segment_id", sa.Integer(), nullable=True),
        sa.Column("assignee_id", sa.Integer(), nullable=True),
        sa.Column("budget_micros", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["after_id"], ["core_entry.id"], name=op.f("fk_core_entry_after_id")),
        sa.ForeignKeyConstraint(["asset_id"], ["core_asset.id"], name=op.f("fk_core_entry_asset_id")),
        sa.ForeignKeyConstraint(["assignee_id"], ["core_user.id"], name=op.f("fk_core_entry_assignee_id")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["core_campaign.id"], name=op.f("fk_core_entry_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["core_connection.id"], name=op.f("fk_core_entry_connection_id")
        ),
        sa.ForeignKeyConstraint(["segment_id"], ["core_segment.id"], name=op.f("fk_core_entry_segment_id")),
        sa.ForeignKeyConstraint(["series_id"], ["core_series.id"], name=op.f("fk_core_entry_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_entry")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_entry_public_id")),
    )
    with op.batch_alter_table("core_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_entry_after_id"), ["after_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_entry_asset_id"), ["asset_id"], unique=False)
        batch_op.create_index("ix_core_entry_campaign", ["campaign_id", "instant"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_entry_connection_id"), ["connection_id"], unique=False)
        batch_op.create_index(
            "ix_core_entry_flight",
            ["ends_at"],
            unique=False,
            sqlite_where=sa.text("kind = 'flight'"),
            postgresql_where=sa.text("kind = 'flight'"),
        )
        batch_op.create_index("ix_core_entry_instant", ["instant", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_entry_segment_id"), ["segment_id"], unique=False)
        batch_op.create_index(
            "ix_core_entry_series",
            ["series_id", "original_wall"],
            unique=True,
            sqlite_where=sa.text("series_id IS NOT NULL"),
            postgresql_where=sa.text("series_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_core_entry_slot",
            ["connection_id", "slot_at"],
            unique=True,
            sqlite_where=sa.text("slot_at IS NOT NULL"),
            postgresql_where=sa.text("slot_at IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_core_entry_state"), ["state"], unique=False)
        batch_op.create_index(
            "uq_core_entry_plugin",
            ["source"],
            unique=True,
            sqlite_where=sa.text("substr(source, 1, 7) = 'plugin:'"),
            postgresql_where=sa.text("substr(source, 1, 7) = 'plugin:'"),
        )

    op.create_table(
        "core_revision",
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("variants", sa.JSON(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["core_asset.id"], name=op.f("fk_core_revision_asset_id")),
        sa.ForeignKeyConstraint(["author_id"], ["core_user.id"], name=op.f("fk_core_revision_author_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["core_revision.id"], name=op.f("fk_core_revision_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_revision")),
        sa.UniqueConstraint("asset_id", "n", name=op.f("uq_core_revision_asset_id_n")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_revision_public_id")),
    )
    with op.batch_alter_table("core_revision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_revision_content_hash"), ["content_hash"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_revision_state"), ["state"], unique=False)

    op.create_table(
        "core_segment_member",
        sa.Column("segment_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["core_contact.id"], name=op.f("fk_core_segment_member_contact_id")
        ),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["core_segment.id"], name=op.f("fk_core_segment_member_segment_id")
        ),
        sa.PrimaryKeyConstraint("segment_id", "contact_id", name=op.f("pk_core_segment_member")),
    )
    with op.batch_alter_table("core_segment_member", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_segment_member_contact_id"), ["contact_id"], unique=False)

    op.create_table(
        "core_publication",
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.Column("campaign_id", sa.Integer(), nullable=True),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("revision_id", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("plugin", sa.String(length=60), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("segment_id", sa.Integer(), nullable=True),
        sa.Column("segment_rule", sa.Text(), nullable=True),
        sa.Column("topic", sa.String(length=60), nullable=False),
        sa.Column("due_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("late_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("ends_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("wake_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("awaits", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("paused_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("paused_reason", sa.Text(), nullable=False),
        sa.Column("switch_to", sa.String(length=10), nullable=True),
        sa.Column("switch_reason", sa.Text(), nullable=False),
        sa.Column("withdraw_asked_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("supersedes_id", sa.Integer(), nullable=True),
        sa.Column("superseded_by_id", sa.Integer(), nullable=True),
        sa.Column("claim_no", sa.Integer(), nullable=False),
        sa.Column("lease_until", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.String(length=80), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("retry_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("needs_person", sa.Boolean(), nullable=False),
        sa.Column("audience_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("external_id", sa.String(length=300), nullable=False),
        sa.Column("external_url", sa.Text(), nullable=False),
        sa.Column("receipt", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("published_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("dedupe_key", sa.String(length=200), nullable=True),
        sa.Column("stream", sa.String(length=100), nullable=True),
        sa.Column("closed_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["core_asset.id"], name=op.f("fk_core_publication_asset_id")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["core_campaign.id"], name=op.f("fk_core_publication_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["core_connection.id"], name=op.f("fk_core_publication_connection_id")
        ),
        sa.ForeignKeyConstraint(["entry_id"], ["core_entry.id"], name=op.f("fk_core_publication_entry_id")),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["core_revision.id"], name=op.f("fk_core_publication_revision_id")
        ),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["core_segment.id"], name=op.f("fk_core_publication_segment_id")
        ),
        sa.ForeignKeyConstraint(
            ["superseded_by_id"], ["core_publication.id"], name=op.f("fk_core_publication_superseded_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["core_publication.id"], name=op.f("fk_core_publication_supersedes_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_publication")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_core_publication_dedupe_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_publication_public_id")),
    )
    with op.batch_alter_table("core_publication", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_publication_asset_id"), ["asset_id"], unique=False)
        batch_op.create_index(
            "ix_core_publication_awaits",
            ["awaits", "id"],
            unique=False,
            sqlite_where=sa.text("awaits != ''"),
            postgresql_where=sa.text("awaits != ''"),
        )
        batch_op.create_index(batch_op.f("ix_core_publication_campaign_id"), ["campaign_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_core_publication_connection_id"), ["connection_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_core_publication_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index("ix_core_publication_state", ["state", "due_at", "id"], unique=False)
        batch_op.create_index(
            "ix_core_publication_ends",
            ["ends_at"],
            unique=False,
            sqlite_where=sa.text("ends_at IS NOT NULL"),
            postgresql_where=sa.text("ends_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_core_publication_withdraw",
            ["withdraw_asked_at"],
            unique=False,
            sqlite_where=sa.text("withdraw_asked_at IS NOT NULL"),
            postgresql_where=sa.text("withdraw_asked_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_core_publication_switch",
            ["switch_to"],
            unique=False,
            sqlite_where=sa.text("switch_to IS NOT NULL"),
            postgresql_where=sa.text("switch_to IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_core_publication_stream",
            ["stream", "state"],
            unique=False,
            sqlite_where=sa.text("stream IS NOT NULL"),
            postgresql_where=sa.text("stream IS NOT NULL"),
        )
        batch_op.create_index(
            batch_op.f("ix_core_publication_supersedes_id"), ["supersedes_id"], unique=False
        )

    op.create_table(
        "core_reference",
        sa.Column("revision_id", sa.Integer(), nullable=False),
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["media_id"], ["core_media.id"], name=op.f("fk_core_reference_media_id")),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["core_revision.id"], name=op.f("fk_core_reference_revision_id")
        ),
        sa.PrimaryKeyConstraint("revision_id", "media_id", name=op.f("pk_core_reference")),
    )
    with op.batch_alter_table("core_reference", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_reference_media_id"), ["media_id"], unique=False)

    op.create_table(
        "core_asset_link",
        sa.Column("revision_id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["core_revision.id"], name=op.f("fk_core_asset_link_revision_id")
        ),
        sa.PrimaryKeyConstraint("revision_id", "slug", name=op.f("pk_core_asset_link")),
    )
    with op.batch_alter_table("core_asset_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_asset_link_slug"), ["slug"], unique=False)

    op.create_table(
        "core_former_slug",
        sa.Column("slug", sa.String(length=200), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("redirects", sa.Boolean(), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["core_asset.id"], name=op.f("fk_core_former_slug_asset_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_former_slug")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_former_slug_public_id")),
        sa.UniqueConstraint("slug", name=op.f("uq_core_former_slug_slug")),
    )
    with op.batch_alter_table("core_former_slug", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_former_slug_asset_id"), ["asset_id"], unique=False)

    op.create_table(
        "core_review",
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("revision_id", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("requested_by_id", sa.Integer(), nullable=True),
        sa.Column("requested_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["core_asset.id"], name=op.f("fk_core_review_asset_id")),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["core_user.id"], name=op.f("fk_core_review_decided_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["requested_by_id"], ["core_user.id"], name=op.f("fk_core_review_requested_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["core_revision.id"], name=op.f("fk_core_review_revision_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_review")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_review_public_id")),
    )
    with op.batch_alter_table("core_review", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_review_asset_id"), ["asset_id"], unique=False)
        batch_op.create_index("ix_core_review_state", ["state"], unique=False)

    op.create_table(
        "core_arm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("variant", sa.String(length=120), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("prepared", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("progress", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("prepared_hash", sa.String(length=64), nullable=False),
        sa.Column("plugin_version", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["core_publication.id"], name=op.f("fk_core_arm_publication_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_arm")),
        sa.UniqueConstraint("publication_id", "name", name=op.f("uq_core_arm_publication_id_name")),
    )
    op.create_table(
        "core_erasure",
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("pending", sa.JSON(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("completed_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["core_contact.id"], name=op.f("fk_core_erasure_contact_id")),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_core_erasure")),
    )
    op.create_table(
        "core_experiment",
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("metric", sa.String(length=20), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("hold_out", sa.Integer(), nullable=False),
        sa.Column("decide_after", sa.Integer(), nullable=True),
        sa.Column("decide_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("winner_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["core_user.id"], name=op.f("fk_core_experiment_decided_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["core_publication.id"], name=op.f("fk_core_experiment_publication_id")
        ),
        sa.ForeignKeyConstraint(["winner_id"], ["core_arm.id"], name=op.f("fk_core_experiment_winner_id")),
        sa.PrimaryKeyConstraint("publication_id", name=op.f("pk_core_experiment")),
    )
    op.create_table(
        "core_attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(length=10), nullable=False),
        sa.Column("claim_no", sa.Integer(), nullable=False),
        sa.Column("started_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("error_class", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("retry_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["core_publication.id"], name=op.f("fk_core_attempt_publication_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_attempt")),
        sa.UniqueConstraint("publication_id", "n", name=op.f("uq_core_attempt_publication_id_n")),
    )
    op.create_table(
        "core_claim",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("sender", sa.String(length=80), nullable=False),
        sa.Column("boot", sa.String(length=64), nullable=False),
        sa.Column("at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["core_publication.id"], name=op.f("fk_core_claim_publication_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_claim")),
    )
    with op.batch_alter_table("core_claim", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_claim_sender"), ["sender"], unique=False)

    op.create_table(
        "core_link",
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["core_publication.id"], name=op.f("fk_core_link_publication_id")
        ),
        sa.PrimaryKeyConstraint("publication_id", "n", name=op.f("pk_core_link")),
        sa.UniqueConstraint("publication_id", "url", name=op.f("uq_core_link_publication_id_url")),
    )
    op.create_table(
        "core_delivery",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("arm_id", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("address_hash", sa.String(length=43), nullable=False),
        sa.Column("tz", sa.String(length=64), nullable=False),
        sa.Column("due_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("claim_id", sa.Integer(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("retry_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("settled_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("provider_id", sa.String(length=200), nullable=True),
        sa.Column("dedupe_key", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["arm_id"], ["core_arm.id"], name=op.f("fk_core_delivery_arm_id")),
        sa.ForeignKeyConstraint(["claim_id"], ["core_claim.id"], name=op.f("fk_core_delivery_claim_id")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["core_contact.id"], name=op.f("fk_core_delivery_contact_id")
        ),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["core_publication.id"], name=op.f("fk_core_delivery_publication_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_delivery")),
        sa.UniqueConstraint(
            "publication_id",
            "address",
            "dedupe_key",
            name=op.f("uq_core_delivery_publication_id_address_dedupe_key"),
        ),
    )
    with op.batch_alter_table("core_delivery", schema=None) as batch_op:
        batch_op.create_index(
            "ix_core_delivery_claimed",
            ["claim_id"],
            unique=False,
            sqlite_where=sa.text("state = 'claimed'"),
            postgresql_where=sa.text("state = 'claimed'"),
        )
        batch_op.create_index("ix_core_delivery_contact", ["contact_id"], unique=False)
        batch_op.create_index(
            "ix_core_delivery_provider",
            ["provider_id"],
            unique=False,
            sqlite_where=sa.text("provider_id IS NOT NULL"),
            postgresql_where=sa.text("provider_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_core_delivery_retry",
            ["publication_id", "retry_at"],
            unique=False,
            sqlite_where=sa.text("state = 'retry_wait'"),
            postgresql_where=sa.text("state = 'retry_wait'"),
        )
        batch_op.create_index(
            "ix_core_delivery_state",
            ["publication_id", "state", "arm_id", "due_at", "id"],
            unique=False,
        )

    if op.get_bind().dialect.name == "postgresql":  # the order in which ledgers are read there
        for ledger in ("core_contact_change", "core_event", "core_measurement", "core_reclassification"):
            op.create_index(f"ix_{ledger}_xid", ledger, ["xid", "id"])

    op.create_table(
        "core_reset_request",
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("asked_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_core_reset_request")),
    )
    op.create_table(
        "core_access_link",
        sa.Column("purpose", sa.String(length=12), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("made_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("used_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["made_by_id"], ["core_user.id"], name=op.f("fk_core_access_link_made_by_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name=op.f("fk_core_access_link_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_access_link")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_access_link_public_id")),
    )
    with op.batch_alter_table("core_access_link", schema=None) as batch_op:
        batch_op.create_index("ix_core_access_link_email", ["purpose", "email"], unique=False)

    op.create_table(
        "core_notice",
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("permission", sa.String(length=100), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("except_id", sa.Integer(), nullable=True),
        sa.Column("contact", sa.String(length=36), nullable=True),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("last_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["except_id"], ["core_user.id"], name=op.f("fk_core_notice_except_id")),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name=op.f("fk_core_notice_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_notice")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_notice_public_id")),
    )
    with op.batch_alter_table("core_notice", schema=None) as batch_op:
        batch_op.create_index("ix_core_notice_contact", ["contact"], unique=False)
        batch_op.create_index("ix_core_notice_last", ["last_at"], unique=False)
        batch_op.create_index(
            "uq_core_notice_open",
            ["source", "key"],
            unique=True,
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        )

    op.create_table(
        "core_notice_choice",
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("how", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name=op.f("fk_core_notice_choice_user_id")),
        sa.PrimaryKeyConstraint("user_id", "kind", name=op.f("pk_core_notice_choice")),
    )
    op.create_table(
        "core_mail",
        sa.Column("purpose", sa.String(length=12), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("link_id", sa.Integer(), nullable=True),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("next_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("on_wire_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("settled_at", cms_core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["link_id"], ["core_access_link.id"], name=op.f("fk_core_mail_link_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name=op.f("fk_core_mail_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_mail")),
        sa.UniqueConstraint("public_id", name=op.f("uq_core_mail_public_id")),
    )
    with op.batch_alter_table("core_mail", schema=None) as batch_op:
        batch_op.create_index("ix_core_mail_due", ["state", "next_at"], unique=False)
        batch_op.create_index("ix_core_mail_user", ["user_id", "purpose", "created_at"], unique=False)

    op.create_table(
        "core_notice_post",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("webhook_id", sa.Integer(), nullable=True),
        sa.Column("due_at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["core_notice.id"], name=op.f("fk_core_notice_post_notice_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name=op.f("fk_core_notice_post_user_id")),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["core_webhook.id"],
            name=op.f("fk_core_notice_post_webhook_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_notice_post")),
        sa.UniqueConstraint("notice_id", "user_id", name=op.f("uq_core_notice_post_notice_id_user_id")),
        sa.UniqueConstraint("notice_id", "webhook_id", name=op.f("uq_core_notice_post_notice_id_webhook_id")),
    )
    with op.batch_alter_table("core_notice_post", schema=None) as batch_op:
        batch_op.create_index("ix_core_notice_post_due", ["due_at"], unique=False)

    op.create_table(
        "core_notice_read",
        sa.Column("notice_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", cms_core.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["core_notice.id"], name=op.f("fk_core_notice_read_notice_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["core_user.id"], name=op.f("fk_core_notice_read_user_id")),
        sa.PrimaryKeyConstraint("notice_id", "user_id", name=op.f("pk_core_notice_read")),
    )


def downgrade() -> None:
    op.drop_table("core_notice_read")
    with op.batch_alter_table("core_notice_post", schema=None) as batch_op:
        batch_op.drop_index("ix_core_notice_post_due")

    op.drop_table("core_notice_post")
    with op.batch_alter_table("core_mail", schema=None) as batch_op:
        batch_op.drop_index("ix_core_mail_user")
        batch_op.drop_index("ix_core_mail_due")

    op.drop_table("core_mail")
    op.drop_table("core_notice_choice")
    with op.batch_alter_table("core_notice", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_core_notice_open",
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        )
        batch_op.drop_index("ix_core_notice_last")
        batch_op.drop_index("ix_core_notice_contact")

    op.drop_table("core_notice")
    with op.batch_alter_table("core_access_link", schema=None) as batch_op:
        batch_op.drop_index("ix_core_access_link_email")

    op.drop_table("core_access_link")
    op.drop_table("core_reset_request")

    with op.batch_alter_table("core_delivery", schema=None) as batch_op:
        batch_op.drop_index("ix_core_delivery_state")
        batch_op.drop_index(
            "ix_core_delivery_retry",
            sqlite_where=sa.text("state = 'retry_wait'"),
            postgresql_where=sa.text("state = 'retry_wait'"),
        )
        batch_op.drop_index(
            "ix_core_delivery_provider",
            sqlite_where=sa.text("provider_id IS NOT NULL"),
            postgresql_where=sa.text("provider_id IS NOT NULL"),
        )
        batch_op.drop_index("ix_core_delivery_contact")
        batch_op.drop_index(
            "ix_core_delivery_claimed",
            sqlite_where=sa.text("state = 'claimed'"),
            postgresql_where=sa.text("state = 'claimed'"),
        )

    op.drop_table("core_delivery")
    op.drop_table("core_link")
    with op.batch_alter_table("core_claim", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_claim_sender"))

    op.drop_table("core_claim")
    op.drop_table("core_attempt")
    op.drop_table("core_experiment")
    op.drop_table("core_erasure")
    op.drop_table("core_arm")
    with op.batch_alter_table("core_review", schema=None) as batch_op:
        batch_op.drop_index("ix_core_review_state")
        batch_op.drop_index(batch_op.f("ix_core_review_asset_id"))

    op.drop_table("core_review")
    with op.batch_alter_table("core_former_slug", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_former_slug_asset_id"))

    op.drop_table("core_former_slug")
    with op.batch_alter_table("core_asset_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_asset_link_slug"))

    op.drop_table("core_asset_link")
    with op.batch_alter_table("core_reference", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_reference_media_id"))

    op.drop_table("core_reference")
    with op.batch_alter_table("core_publication", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_publication_supersedes_id"))
        batch_op.drop_index(
            "ix_core_publication_stream",
            sqlite_where=sa.text("stream IS NOT NULL"),
            postgresql_where=sa.text("stream IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_core_publication_ends",
            sqlite_where=sa.text("ends_at IS NOT NULL"),
            postgresql_where=sa.text("ends_at IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_core_publication_withdraw",
            sqlite_where=sa.text("withdraw_asked_at IS NOT NULL"),
            postgresql_where=sa.text("withdraw_asked_at IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_core_publication_switch",
            sqlite_where=sa.text("switch_to IS NOT NULL"),
            postgresql_where=sa.text("switch_to IS NOT NULL"),
        )
        batch_op.drop_index("ix_core_publication_state")
        batch_op.drop_index(batch_op.f("ix_core_publication_entry_id"))
        batch_op.drop_index(batch_op.f("ix_core_publication_connection_id"))
        batch_op.drop_index(batch_op.f("ix_core_publication_campaign_id"))
        batch_op.drop_index("ix_core_publication_awaits")
        batch_op.drop_index(batch_op.f("ix_core_publication_asset_id"))

    op.drop_table("core_publication")
    with op.batch_alter_table("core_segment_member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_segment_member_contact_id"))

    op.drop_table("core_segment_member")
    with op.batch_alter_table("core_revision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_revision_state"))
        batch_op.drop_index(batch_op.f("ix_core_revision_content_hash"))

    op.drop_table("core_revision")
    with op.batch_alter_table("core_entry", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_core_entry_plugin",
            sqlite_where=sa.text("substr(source, 1, 7) = 'plugin:'"),
            postgresql_where=sa.text("substr(source, 1, 7) = 'plugin:'"),
        )
        batch_op.drop_index(batch_op.f("ix_core_entry_state"))
        batch_op.drop_index("ix_core_entry_slot")
        batch_op.drop_index("ix_core_entry_series")
        batch_op.drop_index(batch_op.f("ix_core_entry_segment_id"))
        batch_op.drop_index("ix_core_entry_instant")
        batch_op.drop_index("ix_core_entry_flight")
        batch_op.drop_index(batch_op.f("ix_core_entry_connection_id"))
        batch_op.drop_index("ix_core_entry_campaign")
        batch_op.drop_index(batch_op.f("ix_core_entry_asset_id"))
        batch_op.drop_index(batch_op.f("ix_core_entry_after_id"))

    op.drop_table("core_entry")
    with op.batch_alter_table("core_series", schema=None) as batch_op:
        batch_op.drop_index("ix_core_series_made_until")
        batch_op.drop_index(batch_op.f("ix_core_series_campaign_id"))

    op.drop_table("core_series")
    op.drop_table("core_slot")
    op.drop_table("core_feed")
    with op.batch_alter_table("core_blackout", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_blackout_connection_id"))
        batch_op.drop_index(batch_op.f("ix_core_blackout_campaign_id"))

    op.drop_table("core_blackout")
    op.drop_table("core_contact_change")
    with op.batch_alter_table("core_consent", schema=None) as batch_op:
        batch_op.drop_index("ix_core_consent_current")

    op.drop_table("core_consent")
    with op.batch_alter_table("core_asset_tag", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_asset_tag_name"))

    op.drop_table("core_asset_tag")
    op.drop_table("core_reclassification")
    op.drop_table("core_visitor")
    with op.batch_alter_table("core_contact", schema=None) as batch_op:
        batch_op.drop_index("ix_core_contact_merged")
        batch_op.drop_index("ix_core_contact_domain")
        batch_op.drop_index("ix_core_contact_country")
        batch_op.drop_index(batch_op.f("ix_core_contact_company_id"))
        batch_op.drop_index(batch_op.f("ix_core_contact_address_hash"))

    op.drop_table("core_contact")
    with op.batch_alter_table("core_audit", schema=None) as batch_op:
        batch_op.drop_index("ix_core_audit_subject")

    op.drop_table("core_audit")
    with op.batch_alter_table("core_asset", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_asset_source"))
        batch_op.drop_index(batch_op.f("ix_core_asset_kind"))

    op.drop_table("core_asset")
    op.drop_table("core_idempotency_key")
    op.drop_table("core_api_token")
    op.drop_table("core_webhook_message")
    op.drop_table("core_webhook")
    op.drop_table("core_round")
    op.drop_table("core_worker")
    op.drop_table("core_instance")
    op.drop_table("core_user")
    op.drop_table("core_suppression")
    op.drop_table("core_segment")
    op.drop_table("core_rollup_person")
    op.drop_table("core_rollup_contacts")
    op.drop_table("core_rollup")
    op.drop_table("core_plugin_settings")
    with op.batch_alter_table("core_media", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_media_source_sha256"))

    op.drop_table("core_media")
    op.drop_table("core_measurement")
    op.drop_table("core_field")
    with op.batch_alter_table("core_event", schema=None) as batch_op:
        batch_op.drop_index("ix_core_event_visitor")
        batch_op.drop_index("ix_core_event_publication")
        batch_op.drop_index("ix_core_event_contact")
        batch_op.drop_index("ix_core_event_client")
        batch_op.drop_index("ix_core_event_campaign")

    op.drop_table("core_event")
    op.drop_table("core_cursor")
    op.drop_table("core_bucket")
    op.drop_table("core_connection")
    with op.batch_alter_table("core_company", schema=None) as batch_op:
        batch_op.drop_index("ix_core_company_domain")

    op.drop_table("core_company")
    op.drop_table("core_quiet_hours")
    op.drop_table("core_cap")
    op.drop_table("core_campaign")
