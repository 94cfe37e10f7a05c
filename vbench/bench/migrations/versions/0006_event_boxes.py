"""Moments that are somewhere in the picture, such as a watermark."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("events", sa.Column("box", sa.JSON(), nullable=True))
