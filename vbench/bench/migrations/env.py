"""Run by Alembic: migrates over the connection that `migrations.upgrade` or a developer's tool hands in."""

from alembic import context

from vbench.bench.tables import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True, transactional_ddl=False)
context.run_migrations()
