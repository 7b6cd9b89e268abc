"""NHS Care Identity: requests on their way to it, whose its people are, and the sessions it began."""

import sqlalchemy as sa
from alembic import op

from idp.db import types

revision = "2026_11_22_care_identity"
down_revision = "2026_11_22_smartcards"
branch_labels = None
depends_on = None

_TABLES = ("care_identity_sessions", "care_identities", "upstream_requests")
_KNOW_WHO = ("browser_sessions", "authorization_codes", "grants")


def upgrade() -> None:
    """Add them."""
    for table in _KNOW_WHO:
        op.add_column(table, sa.Column("nhsid_useruid", sa.Text(), nullable=True))
    op.create_table(
        "upstream_requests",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("acr_values", types.Words(), nullable=False),
        sa.Column("max_age", sa.Integer(), nullable=False),
        sa.Column("asked_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("used_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_upstream_requests")),
    )
    op.create_index(
        op.f("ix_upstream_requests_expires_at"), "upstream_requests", ["expires_at"], unique=False
    )
    op.create_table(
        "care_identities",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("smartcard_id", types.Identifier(), nullable=False),
        sa.Column("linked_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_used_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["smartcard_id"],
            ["smartcards.id"],
            name=op.f("fk_care_identities_smartcard_id_smartcards"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_care_identities")),
        sa.UniqueConstraint("issuer", "smartcard_id", name=op.f("uq_care_identities_issuer_smartcard_id")),
    )
    op.create_index(
        op.f("ix_care_identities_smartcard_id"), "care_identities", ["smartcard_id"], unique=False
    )
    op.create_table(
        "care_identity_sessions",
        sa.Column("sid", types.Identifier(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("upstream_sid", sa.Text(), nullable=True),
        sa.Column("begun_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sid"],
            ["browser_sessions.sid"],
            name=op.f("fk_care_identity_sessions_sid_browser_sessions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("sid", name=op.f("pk_care_identity_sessions")),
    )
    for column in ("upstream_sid", "subject"):
        op.create_index(
            op.f(f"ix_care_identity_sessions_{column}"),
            "care_identity_sessions",
            ["issuer", column],
            unique=False,
        )


def downgrade() -> None:
    """Drop them."""
    for table in _TABLES:
        op.drop_table(table)
    for table in _KNOW_WHO:
        op.drop_column(table, "nhsid_useruid")
