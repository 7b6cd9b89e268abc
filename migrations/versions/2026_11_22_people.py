"""Employers, people and their accounts."""

import sqlalchemy as sa
from alembic import op

from idp.db import types

revision = "2026_11_22_people"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "employers",
        sa.Column("code", sa.String(length=3), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("ods_code", sa.String(length=16), nullable=True),
        sa.Column("locality", sa.Text(), nullable=True),
        sa.Column("service_desk", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_employers")),
    )
    op.create_table(
        "people",
        sa.Column("id", types.Identifier(), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=True),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("second_email", sa.Text(), nullable=True),
        sa.Column("second_email_verified_at", types.UtcDateTime(), nullable=True),
        sa.Column("date_of_birth", sa.Date(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
    )
    op.create_index("ix_people_email", "people", [sa.text("lower(email)")])
    op.create_table(
        "accounts",
        sa.Column("id", types.Identifier(), nullable=False),
        sa.Column("person_id", types.Identifier(), nullable=False),
        sa.Column("employer_code", sa.String(length=3), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("job_title", sa.Text(), nullable=True),
        sa.Column("locality", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_changed_at", types.UtcDateTime(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_sign_in_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["employer_code"], ["employers.code"], name=op.f("fk_accounts_employer_code_employers")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_accounts_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("username", name=op.f("uq_accounts_username")),
    )
    op.create_index(op.f("ix_accounts_employer_code"), "accounts", ["employer_code"], unique=False)
    op.create_index(op.f("ix_accounts_person_id"), "accounts", ["person_id"], unique=False)
    op.create_table(
        "password_history",
        sa.Column("id", types.Identifier(), nullable=False),
        sa.Column("account_id", types.Identifier(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_password_history_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_history")),
    )
    op.create_index(
        "ix_password_history_account_id", "password_history", ["account_id", "created_at"], unique=False
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_password_history_account_id", table_name="password_history")
    op.drop_table("password_history")
    op.drop_index(op.f("ix_accounts_person_id"), table_name="accounts")
    op.drop_index(op.f("ix_accounts_employer_code"), table_name="accounts")
    op.drop_table("accounts")
    op.drop_index("ix_people_email", table_name="people")
    op.drop_table("people")
    op.drop_table("employers")
