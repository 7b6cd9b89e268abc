"""Requests for login details, those that matched nobody, and what administrators see of mail."""

import sqlalchemy as sa
from alembic import op

from idp.db import types

revision = "2026_11_22_recovery"
down_revision = "2026_11_22_records"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    op.add_column("outbox", sa.Column("person_id", types.Identifier(), nullable=True))
    op.add_column("outbox", sa.Column("reference", sa.String(length=16), nullable=True))
    op.add_column("outbox", sa.Column("last_error", sa.Text(), nullable=True))
    op.create_index(op.f("ix_outbox_person_id"), "outbox", ["person_id"], unique=False)
    op.create_index(op.f("ix_outbox_reference"), "outbox", ["reference"], unique=False)
    op.create_index(op.f("ix_outbox_created_at"), "outbox", ["created_at"], unique=False)
    op.create_index(op.f("ix_outbox_failed_at"), "outbox", ["failed_at"], unique=False)
    op.create_index(
        "ix_outbox_urgent",
        "outbox",
        ["next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("kind != 'welcome'"),
        postgresql_where=sa.text("kind != 'welcome'"),
    )
    op.create_table(
        "recovery_requests",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("next_attempt_at", types.UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_recovery_requests")),
    )
    for column in ("expires_at", "next_attempt_at"):
        op.create_index(op.f(f"ix_recovery_requests_{column}"), "recovery_requests", [column], unique=False)
    op.create_table(
        "recovery_misses",
        sa.Column("id", types.Identifier(), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("reported_at", types.UtcDateTime(), nullable=True),
        sa.Column("is_on_record", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_misses")),
    )
    op.create_index(op.f("ix_recovery_misses_at"), "recovery_misses", ["at"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index(op.f("ix_recovery_misses_at"), table_name="recovery_misses")
    op.drop_table("recovery_misses")
    for column in ("next_attempt_at", "expires_at"):
        op.drop_index(op.f(f"ix_recovery_requests_{column}"), table_name="recovery_requests")
    op.drop_table("recovery_requests")
    op.drop_index("ix_outbox_urgent", table_name="outbox")
    for column in ("failed_at", "created_at", "reference", "person_id"):
        op.drop_index(op.f(f"ix_outbox_{column}"), table_name="outbox")
    for column in ("last_error", "reference", "person_id"):
        op.drop_column("outbox", column)
