"""Processes that measure the clips of one bench divide them by claims."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "claims",
        sa.Column("clip", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("lease_until", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(
            ["clip"],
            ["clips.id"],
        ),
        sa.PrimaryKeyConstraint("clip"),
    )
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_claims_owner"), ["owner"], unique=False)
