"""Smartcards: whose they are, which authorities and revocation lists decide, and proofs on their way."""

import sqlalchemy as sa
from alembic import op

from idp.db import types

revision = "2026_11_22_smartcards"
down_revision = "2026_11_22_second_factors"
branch_labels = None
depends_on = None

_TABLES = ("smartcard_proofs", "smartcards", "revocation_lists", "certificate_authorities")


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "certificate_authorities",
        sa.Column("id", types.Identifier(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("crl_url", sa.Text(), nullable=True),
        sa.Column("ocsp_url", sa.Text(), nullable=True),
        sa.Column("added_at", types.UtcDateTime(), nullable=False),
        sa.Column("disabled_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate_authorities")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_certificate_authorities_fingerprint")),
    )
    op.create_table(
        "revocation_lists",
        sa.Column("authority_id", types.Identifier(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("this_update", types.UtcDateTime(), nullable=True),
        sa.Column("next_update", types.UtcDateTime(), nullable=True),
        sa.Column("fetched_at", types.UtcDateTime(), nullable=True),
        sa.Column("tried_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["authority_id"],
            ["certificate_authorities.id"],
            name=op.f("fk_revocation_lists_authority_id_certificate_authorities"),
        ),
        sa.PrimaryKeyConstraint("authority_id", name=op.f("pk_revocation_lists")),
    )
    op.create_table(
        "smartcards",
        sa.Column("id", types.Identifier(), nullable=False),
        sa.Column("account_id", types.Identifier(), nullable=False),
        sa.Column("card_number", sa.String(length=32), nullable=True),
        sa.Column("authority_id", types.Identifier(), nullable=True),
        sa.Column("serial", sa.String(length=64), nullable=True),
        sa.Column("linked_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_used_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_smartcards_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["authority_id"],
            ["certificate_authorities.id"],
            name=op.f("fk_smartcards_authority_id_certificate_authorities"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_smartcards")),
        sa.UniqueConstraint("card_number", name=op.f("uq_smartcards_card_number")),
        sa.UniqueConstraint("authority_id", "serial", name=op.f("uq_smartcards_authority_id_serial")),
    )
    op.create_index(op.f("ix_smartcards_account_id"), "smartcards", ["account_id"], unique=False)
    op.create_table(
        "smartcard_proofs",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("binding", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_id", types.Identifier(), nullable=False),
        sa.Column("detail", types.Json(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("used_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_smartcard_proofs_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_smartcard_proofs")),
    )
    op.create_index(op.f("ix_smartcard_proofs_expires_at"), "smartcard_proofs", ["expires_at"], unique=False)


def downgrade() -> None:
    """Drop them."""
    for table in _TABLES:
        op.drop_table(table)
