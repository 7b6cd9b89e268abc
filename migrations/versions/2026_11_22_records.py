"""The audit log, traces and the outbox."""

import sqlalchemy as sa
from alembic import op

from idp.db import types

revision = "2026_11_22_records"
down_revision = "2026_11_22_tokens"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "audit",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("event", sa.String(length=48), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("account_id", types.Identifier(), nullable=True),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("sid", types.Identifier(), nullable=True),
        sa.Column("grant_id", types.Identifier(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("reference", sa.String(length=16), nullable=True),
        sa.Column("detail", types.Json(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
    )
    op.create_index(
        "ix_audit_account_id",
        "audit",
        ["account_id", "at"],
        unique=False,
        sqlite_where=sa.text("account_id IS NOT NULL"),
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    op.create_index(
        "ix_audit_reference",
        "audit",
        ["reference"],
        unique=False,
        sqlite_where=sa.text("reference IS NOT NULL"),
        postgresql_where=sa.text("reference IS NOT NULL"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", types.Identifier(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("next_attempt_at", types.UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("delivered_at", types.UtcDateTime(), nullable=True),
        sa.Column("failed_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_next_attempt_at"), "outbox", ["next_attempt_at"], unique=False)
    op.create_table(
        "traces",
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("detail", types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_traces")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_traces_at"), "traces", ["at"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index(op.f("ix_traces_at"), table_name="traces")
    op.drop_table("traces")
    op.drop_index(op.f("ix_outbox_next_attempt_at"), table_name="outbox")
    op.drop_table("outbox")
    op.drop_index(
        "ix_audit_reference",
        table_name="audit",
        sqlite_where=sa.text("reference IS NOT NULL"),
        postgresql_where=sa.text("reference IS NOT NULL"),
    )
    op.drop_index(
        "ix_audit_account_id",
        table_name="audit",
        sqlite_where=sa.text("account_id IS NOT NULL"),
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    op.drop_table("audit")
