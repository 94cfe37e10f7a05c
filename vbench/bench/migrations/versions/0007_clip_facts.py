"""What a ranking reads of every clip, in columns of its own."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ROWS_AT_ONCE = 5_000


def upgrade() -> None:
    for name in ("duration_s", "latency_s", "cost_usd"):
        op.add_column("clips", sa.Column(name, sa.Float(precision=53), nullable=True))
    op.add_column("clips", sa.Column("said", sa.Text(), nullable=True))
    clips = sa.table(
        "clips",
        sa.column("id", sa.String),
        sa.column("probe", sa.JSON),
        sa.column("provenance", sa.JSON),
        *(sa.column(name, sa.Float) for name in ("duration_s", "latency_s", "cost_usd")),
        sa.column("said", sa.Text),
    )
    change = (
        sa.update(clips)
        .where(clips.c.id == sa.bindparam("of"))
        .values({name: sa.bindparam(f"new_{name}") for name in ("duration_s", "latency_s", "cost_usd", "said")})
    )
    connection, last = op.get_bind(), ""
    query = sa.select(clips.c.id, clips.c.probe, clips.c.provenance).order_by(clips.c.id).limit(ROWS_AT_ONCE)
    while rows := connection.execute(query.where(clips.c.id > last)).all():
        connection.execute(change, [_facts(*row) for row in rows])
        last = rows[-1][0]


def _facts(id: str, probe: dict[str, Any], provenance: dict[str, Any]) -> dict[str, Any]:
    said = [*probe.get("warnings", ()), *provenance.get("warnings", ())]
    return {
        "of": id,
        "new_duration_s": probe.get("duration_s"),
        "new_latency_s": provenance.get("latency_s"),
        "new_cost_usd": provenance.get("cost_usd"),
        "new_said": json.dumps(said, ensure_ascii=False) if said else None,
    }
