"""Second factors: authenticator apps, recovery codes, passkeys, trusted devices, a session's factors."""

import sqlalchemy as sa
from alembic import op

from idp.db import types

revision = "2026_11_22_second_factors"
down_revision = "2026_11_22_recovery"
branch_labels = None
depends_on = None

_TABLES = ("trusted_devices", "webauthn_challenges", "passkeys", "recovery_codes", "totp_devices")


def upgrade() -> None:
    """Add them."""
    op.add_column("browser_sessions", sa.Column("factors", types.Words(), nullable=True))
    op.create_table(
        "totp_devices",
        sa.Column("id", types.Identifier(), nullable=False),
        sa.Column("account_id", types.Identifier(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_used_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_totp_devices_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_totp_devices")),
    )
    op.create_index(op.f("ix_totp_devices_account_id"), "totp_devices", ["account_id"], unique=False)
    op.create_table(
        "recovery_codes",
        sa.Column("account_id", types.Identifier(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("used_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_recovery_codes_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "position", name=op.f("pk_recovery_codes")),
    )
    op.create_table(
        "passkeys",
        sa.Column("id", types.Identifier(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", types.Identifier(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("aaguid", types.Identifier(), nullable=True),
        sa.Column("transports", types.Words(), nullable=False),
        sa.Column("is_backup_eligible", sa.Boolean(), nullable=False),
        sa.Column("is_backed_up", sa.Boolean(), nullable=False),
        sa.Column("is_attested", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_used_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_passkeys_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkeys_credential_id")),
    )
    op.create_index(op.f("ix_passkeys_account_id"), "passkeys", ["account_id"], unique=False)
    op.create_table(
        "webauthn_challenges",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("ceremony", sa.String(length=16), nullable=False),
        sa.Column("account_id", types.Identifier(), nullable=True),
        sa.Column("binding", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("used_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_webauthn_challenges")),
    )
    op.create_index(
        op.f("ix_webauthn_challenges_expires_at"), "webauthn_challenges", ["expires_at"], unique=False
    )
    op.create_table(
        "trusted_devices",
        sa.Column("id", types.Identifier(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_id", types.Identifier(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_used_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("revoked_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_trusted_devices_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trusted_devices")),
        sa.UniqueConstraint("digest", name=op.f("uq_trusted_devices_digest")),
    )
    for column in ("account_id", "expires_at"):
        op.create_index(op.f(f"ix_trusted_devices_{column}"), "trusted_devices", [column], unique=False)


def downgrade() -> None:
    """Drop them."""
    for table in _TABLES:
        op.drop_table(table)
    op.drop_column("browser_sessions", "factors")
