"""Questions that prompts ask, who answered them, what judges were asked and paid, defects and pairs."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("prompts", sa.Column("questions", sa.JSON(), server_default="[]", nullable=False))
    op.create_table(
        "questions",
        sa.Column("digest", sa.String(length=16), nullable=False),
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("by", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "answers",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("question", sa.String(length=16), nullable=False),
        sa.Column("answerer", sa.String(length=120), nullable=False),
        sa.Column("by", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("t_s", sa.Float(precision=53), nullable=True),
        sa.Column("box", sa.JSON(), nullable=True),
        sa.Column("confidence", sa.Float(precision=53), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("frames", sa.JSON(), nullable=False),
        sa.Column("was", sa.String(length=16), nullable=True),
        sa.Column("cost_usd", sa.Float(precision=53), nullable=True),
        sa.Column("latency_s", sa.Float(precision=53), nullable=True),
        sa.Column("added", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_answers_answerer", "answers", ["answerer"], unique=False)
    op.create_index("ix_answers_question", "answers", ["question"], unique=False)
    op.create_index("ix_answers_sha256", "answers", ["sha256"], unique=False)
    op.create_table(
        "overrules",
        sa.Column("clip", sa.String(length=16), nullable=False),
        sa.Column("question", sa.String(length=16), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["clip"], ["clips.id"]),
        sa.PrimaryKeyConstraint("clip", "question", "author"),
    )
    op.create_table(
        "judge_calls",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("judge", sa.String(length=120), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("what", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("is_billable", sa.Boolean(), nullable=False),
        sa.Column("estimate_usd", sa.Float(precision=53), nullable=True),
        sa.Column("cost_usd", sa.Float(precision=53), nullable=True),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("latency_s", sa.Float(precision=53), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("run", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("lease_until", sa.Float(precision=53), nullable=False),
        sa.Column("started", sa.String(length=32), nullable=False),
        sa.Column("finished", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_judge_calls_judge", "judge_calls", ["judge"], unique=False)
    op.create_index("ix_judge_calls_run", "judge_calls", ["run"], unique=False)
    op.create_index("ix_judge_calls_state", "judge_calls", ["state"], unique=False)
    op.create_table(
        "defects",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("clip", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("start_s", sa.Float(precision=53), nullable=False),
        sa.Column("end_s", sa.Float(precision=53), nullable=False),
        sa.Column("severity", sa.Float(precision=53), nullable=False),
        sa.Column("answerer", sa.String(length=120), nullable=False),
        sa.Column("by", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("survived", sa.Boolean(), nullable=False),
        sa.Column("box", sa.JSON(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["clip"], ["clips.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_defects_clip", "defects", ["clip"], unique=False)
    op.create_table(
        "inspections",
        sa.Column("clip", sa.String(length=16), nullable=False),
        sa.Column("answerer", sa.String(length=120), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("added", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["clip"], ["clips.id"]),
        sa.PrimaryKeyConstraint("clip", "answerer"),
    )
    op.create_table(
        "report_cards",
        sa.Column("judge", sa.String(length=120), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.Column("made", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("judge"),
    )
    op.create_table(
        "judge_pairs",
        sa.Column("judge", sa.String(length=120), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("a", sa.String(length=16), nullable=False),
        sa.Column("b", sa.String(length=16), nullable=False),
        sa.Column("prompt_key", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("flipped", sa.Boolean(), nullable=False),
        sa.Column("n_asked", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cost_usd", sa.Float(precision=53), nullable=True),
        sa.Column("created", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["a"], ["clips.id"]),
        sa.ForeignKeyConstraint(["b"], ["clips.id"]),
        sa.PrimaryKeyConstraint("judge", "version", "a", "b"),
    )
