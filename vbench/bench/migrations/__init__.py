"""Steps from each version of a bench to the next; `HEAD` is the one this code reads and writes."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

HEAD = "0010"
FOLDER = Path(__file__).parent


def upgrade(connection: Connection) -> None:
    """Bring the database behind `connection` to `HEAD`, inside the caller's transaction."""
    from alembic import command  # here, since an up-to-date bench does without
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
