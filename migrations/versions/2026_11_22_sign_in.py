"""Browser sessions, parked authorization requests, guesses and links."""

import sqlalchemy as sa
from alembic import op

from idp.db import types

revision = "2026_11_22_sign_in"
down_revision = "2026_11_22_clients"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "address_failures",
        sa.Column("address", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.LargeBinary(length=32), nullable=False),
        sa.Column("failed_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("address", "name", name=op.f("pk_address_failures")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_address_failures_failed_at", "address_failures", ["failed_at"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("factor", sa.String(length=16), nullable=False),
        sa.Column("bucket", sa.String(length=32), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("not_before", types.UtcDateTime(), nullable=False),
        sa.Column("stranger", sa.Boolean(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", "factor", "bucket", name=op.f("pk_attempts")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_attempts_stranger_updated_at", "attempts", ["stranger", "updated_at"], unique=False)
    op.create_table(
        "rates",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("window_start", types.UtcDateTime(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rates")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_rates_window_start"), "rates", ["window_start"], unique=False)
    op.create_table(
        "authorization_requests",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("binding_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("parameters", types.Json(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("signed_in_sid", types.Identifier(), nullable=True),
        sa.Column("selected_sid", types.Identifier(), nullable=True),
        sa.Column("consented_sid", types.Identifier(), nullable=True),
        sa.Column("completed_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("fk_authorization_requests_client_id_clients")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_authorization_requests")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_authorization_requests_expires_at"), "authorization_requests", ["expires_at"], unique=False
    )
    op.create_table(
        "browser_sessions",
        sa.Column("sid", types.Identifier(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_id", types.Identifier(), nullable=False),
        sa.Column("auth_time", types.UtcDateTime(), nullable=False),
        sa.Column("acr", sa.Text(), nullable=False),
        sa.Column("amr", types.Words(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", types.UtcDateTime(), nullable=False),
        sa.Column("idle_expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_browser_sessions_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("sid", name=op.f("pk_browser_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_browser_sessions_digest")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_browser_sessions_account_id"), "browser_sessions", ["account_id"], unique=False)
    op.create_index("ix_browser_sessions_expires_at", "browser_sessions", ["expires_at"], unique=False)
    op.create_table(
        "links",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("account_id", types.Identifier(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("used_at", types.UtcDateTime(), nullable=True),
        sa.Column("superseded_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_links_account_id_accounts")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_links")),
    )
    op.create_index(op.f("ix_links_account_id"), "links", ["account_id"], unique=False)
    op.create_index(op.f("ix_links_expires_at"), "links", ["expires_at"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index(op.f("ix_links_expires_at"), table_name="links")
    op.drop_index(op.f("ix_links_account_id"), table_name="links")
    op.drop_table("links")
    op.drop_index("ix_browser_sessions_expires_at", table_name="browser_sessions")
    op.drop_index(op.f("ix_browser_sessions_account_id"), table_name="browser_sessions")
    op.drop_table("browser_sessions")
    op.drop_index(op.f("ix_authorization_requests_expires_at"), table_name="authorization_requests")
    op.drop_table("authorization_requests")
    op.drop_index(op.f("ix_rates_window_start"), table_name="rates")
    op.drop_table("rates")
    op.drop_index("ix_attempts_stranger_updated_at", table_name="attempts")
    op.drop_table("attempts")
    op.drop_index("ix_address_failures_failed_at", table_name="address_failures")
    op.drop_table("address_failures")
