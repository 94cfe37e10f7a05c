"""The first version of a bench."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ceilings",
        sa.Column("key", sa.String(length=16), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("max_cost_usd", sa.Float(precision=53), nullable=True),
        sa.Column("max_jobs", sa.Integer(), nullable=True),
        sa.Column("updated", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "expansions",
        sa.Column("key", sa.String(length=16), nullable=False),
        sa.Column("arm", sa.String(length=80), nullable=False),
        sa.Column("prompt_key", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("info", sa.JSON(), nullable=False),
        sa.Column("created", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "metrics",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("info", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", "version"),
    )
    op.create_table(
        "models",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "params",
        sa.Column("key", sa.String(length=16), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "prompts",
        sa.Column("key", sa.String(length=16), nullable=False),
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("suite", sa.String(length=200), nullable=False),
        sa.Column("negative", sa.Text(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("expects", sa.JSON(), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("prompts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_prompts_id"), ["id"], unique=False)

    op.create_table(
        "secrets",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("progress", sa.Float(precision=53), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=True),
        sa.Column("heartbeat", sa.Float(precision=53), nullable=True),
        sa.Column("created", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tasks_state"), ["state"], unique=False)

    op.create_table(
        "clips",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("prompt_key", sa.String(length=16), nullable=False),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media", sa.Text(), nullable=False),
        sa.Column("linked", sa.Boolean(), nullable=False),
        sa.Column("probe", sa.JSON(), nullable=False),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.Column("added", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["model"],
            ["models.id"],
        ),
        sa.ForeignKeyConstraint(
            ["prompt_key"],
            ["prompts.key"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("model", "prompt_key", "sample", name="uq_clips_place"),
    )
    with op.batch_alter_table("clips", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_clips_model"), ["model"], unique=False)
        batch_op.create_index(batch_op.f("ix_clips_prompt_key"), ["prompt_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_clips_sha256"), ["sha256"], unique=False)

    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("clip", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("metric", sa.String(length=120), nullable=False),
        sa.Column("start_s", sa.Float(precision=53), nullable=False),
        sa.Column("end_s", sa.Float(precision=53), nullable=False),
        sa.Column("frame", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(
            ["clip"],
            ["clips.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_events_clip"), ["clip"], unique=False)

    op.create_table(
        "failures",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("clip", sa.String(length=16), nullable=True),
        sa.Column("metric", sa.String(length=120), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("params_key", sa.String(length=16), nullable=True),
        sa.Column("added", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["clip"],
            ["clips.id"],
        ),
        sa.ForeignKeyConstraint(
            ["params_key"],
            ["params.key"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("failures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_failures_clip"), ["clip"], unique=False)
        batch_op.create_index(batch_op.f("ix_failures_stage"), ["stage"], unique=False)

    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("identity", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("prompt_key", sa.String(length=16), nullable=False),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("handle", sa.JSON(), nullable=True),
        sa.Column("is_billable", sa.Boolean(), nullable=False),
        sa.Column("estimate_usd", sa.Float(precision=53), nullable=True),
        sa.Column("cost_usd", sa.Float(precision=53), nullable=True),
        sa.Column("clip", sa.String(length=16), nullable=True),
        sa.Column("owner", sa.String(length=80), nullable=True),
        sa.Column("lease_until", sa.Float(precision=53), nullable=True),
        sa.Column("run", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("planned_at", sa.String(length=32), nullable=False),
        sa.Column("submitting_at", sa.String(length=32), nullable=True),
        sa.Column("submitted_at", sa.String(length=32), nullable=True),
        sa.Column("finished_at", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["clip"],
            ["clips.id"],
        ),
        sa.ForeignKeyConstraint(
            ["model"],
            ["models.id"],
        ),
        sa.ForeignKeyConstraint(
            ["prompt_key"],
            ["prompts.key"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("identity"),
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_jobs_model"), ["model"], unique=False)
        batch_op.create_index(batch_op.f("ix_jobs_run"), ["run"], unique=False)
        batch_op.create_index(batch_op.f("ix_jobs_state"), ["state"], unique=False)

    op.create_table(
        "notes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("clip", sa.String(length=16), nullable=False),
        sa.Column("start_s", sa.Float(precision=53), nullable=False),
        sa.Column("end_s", sa.Float(precision=53), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("created", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["clip"],
            ["clips.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("notes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notes_clip"), ["clip"], unique=False)

    op.create_table(
        "scores",
        sa.Column("clip", sa.String(length=16), nullable=False),
        sa.Column("metric", sa.String(length=120), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("params_key", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.Column("added", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["clip"],
            ["clips.id"],
        ),
        sa.ForeignKeyConstraint(
            ["params_key"],
            ["params.key"],
        ),
        sa.PrimaryKeyConstraint("clip", "metric", "version", "params_key"),
    )
    with op.batch_alter_table("scores", schema=None) as batch_op:
        batch_op.create_index("ix_scores_metric", ["metric", "version", "params_key"], unique=False)

    op.create_table(
        "selects",
        sa.Column("clip", sa.String(length=16), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clip"],
            ["clips.id"],
        ),
        sa.PrimaryKeyConstraint("clip", "author"),
    )
    op.create_table(
        "timelines",
        sa.Column("clip", sa.String(length=16), nullable=False),
        sa.Column("metric", sa.String(length=120), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("params_key", sa.String(length=16), nullable=False),
        sa.Column("t_s", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clip"],
            ["clips.id"],
        ),
        sa.ForeignKeyConstraint(
            ["params_key"],
            ["params.key"],
        ),
        sa.PrimaryKeyConstraint("clip", "metric", "version", "params_key"),
    )
    op.create_table(
        "votes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("a", sa.String(length=16), nullable=False),
        sa.Column("b", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("voter", sa.String(length=64), nullable=False),
        sa.Column("left", sa.String(length=1), nullable=False),
        sa.Column("watched", sa.JSON(), nullable=False),
        sa.Column("propensity", sa.Float(precision=53), nullable=False),
        sa.Column("created", sa.String(length=32), nullable=False),
        sa.Column("excluded", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["a"],
            ["clips.id"],
        ),
        sa.ForeignKeyConstraint(
            ["b"],
            ["clips.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("votes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_votes_a"), ["a"], unique=False)
        batch_op.create_index(batch_op.f("ix_votes_b"), ["b"], unique=False)
        batch_op.create_index(batch_op.f("ix_votes_voter"), ["voter"], unique=False)
