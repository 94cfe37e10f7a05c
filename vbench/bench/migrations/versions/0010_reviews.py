"""Links for guests, and what these say of takes."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reviews",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("clips", sa.JSON(), nullable=False),
        sa.Column("password", sa.String(length=300), nullable=False),
        sa.Column("is_blind", sa.Boolean(), nullable=False),
        sa.Column("created", sa.String(length=32), nullable=False),
        sa.Column("expires", sa.String(length=32), nullable=False),
        sa.Column("revoked", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("token"),
    )
    op.create_table(
        "approvals",
        sa.Column("review", sa.String(length=64), sa.ForeignKey("reviews.token"), nullable=False),
        sa.Column("clip", sa.String(length=16), sa.ForeignKey("clips.id"), nullable=False),
        sa.Column("guest", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("updated", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("review", "clip", "guest"),
    )
    op.add_column("notes", sa.Column("review", sa.String(length=64), server_default="", nullable=False))
