"""Alembic's environment: one connection, one transaction per migration, every table of every room."""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import create_engine, text

from app.tables import metadata

JOB_TABLES_PREFIX = "procrastinate_"


def include_object(_object: Any, name: str | None, kind: str, _reflected: bool, _compare: Any) -> bool:  # noqa: FBT001 - Alembic's signature
    """Leave the job library's own tables out of comparisons."""
    return not (kind == "table" and name is not None and name.startswith(JOB_TABLES_PREFIX))


def run() -> None:
    """Migrate over a connection of our own."""
    engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "")
    with engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_object=include_object,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
