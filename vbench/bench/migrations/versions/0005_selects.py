"""Takes are selected by state, with a reason and the seconds to use; remarks may draw and be done."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("selects", schema=None) as batch_op:
        batch_op.add_column(sa.Column("state", sa.String(length=16), server_default="", nullable=False))
        batch_op.add_column(sa.Column("reason", sa.String(length=16), server_default="", nullable=False))
        batch_op.add_column(sa.Column("ranges", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("updated", sa.String(length=32), server_default="", nullable=False))
    selects = sa.table("selects", sa.column("state", sa.String), sa.column("rejected", sa.Boolean))
    op.execute(selects.update().where(selects.c.rejected).values(state="reject"))
    with op.batch_alter_table("selects", schema=None) as batch_op:
        batch_op.drop_column("rejected")
    op.add_column("notes", sa.Column("drawing", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("notes", sa.Column("is_resolved", sa.Boolean(), server_default=sa.false(), nullable=False))
