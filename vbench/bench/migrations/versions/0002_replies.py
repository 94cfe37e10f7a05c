"""Remarks that answer remarks."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notes", sa.Column("reply_to", sa.String(length=32), server_default="", nullable=False))
