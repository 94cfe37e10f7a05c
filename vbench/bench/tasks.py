"""Work that the page asks for: queued in the bench, done by a worker process."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import func, select, update

from vbench.bench.rows import task_record
from vbench.bench.tables import TaskRow
from vbench.bench.workspace import Workspace, now
from vbench.records import Task


class TaskStore(Workspace):
    """Tasks, whoever queued them."""

    def add_task(self, kind: str, args: Mapping[str, Any]) -> str:
        """Queue work for a worker process; its id."""
        task = secrets.token_hex(8)
        with self.write() as session:
            session.add(TaskRow(id=task, kind=kind, args=dict(args), state="waiting", created=now()))
        return task

    def claim_task(self, worker: str, *, stale_after_s: float = 60.0) -> Task | None:
        """The oldest waiting task, or one whose worker has shown no sign of life; now this worker's."""
        stale = time.time() - stale_after_s
        with self.write() as session:
            query = (
                select(TaskRow)
                .where((TaskRow.state == "waiting") | ((TaskRow.state == "running") & (TaskRow.heartbeat < stale)))
                .order_by(TaskRow.created, TaskRow.id)
                .limit(1)
            )
            row = session.scalar(query if self.database.is_sqlite else query.with_for_update(skip_locked=True))
            if row is None:
                return None
            row.state, row.owner, row.heartbeat = "running", worker, time.time()
            return task_record(row)

    def update_task(
        self,
        task: str,
        *,
        state: Literal["running", "done", "failed", "cancelled"] | None = None,
        progress: float | None = None,
        message: str | None = None,
    ) -> None:
        """A sign of life from the worker, or a person's wish to cancel."""
        values: dict[str, Any] = {"heartbeat": time.time()}
        values |= {k: v for k, v in {"state": state, "progress": progress, "message": message}.items() if v is not None}
        with self.write() as session:
            session.execute(update(TaskRow).where(TaskRow.id == task).values(**values))

    def task(self, task: str) -> Task | None:
        """The task with this id, or None."""
        with self.session() as session:
            row = session.get(TaskRow, task)
            return None if row is None else task_record(row)

    def n_ended_tasks(self) -> int:
        """How many tasks have come to an end, whatever end."""
        query = select(func.count()).where(TaskRow.state.in_(("done", "failed", "cancelled")))
        with self.session() as session:
            return session.scalar(query) or 0

    def tasks(self) -> list[Task]:
        """All tasks, newest first."""
        with self.session() as session:
            rows = session.scalars(select(TaskRow).order_by(TaskRow.created.desc(), TaskRow.id))
            return [task_record(row) for row in rows]
