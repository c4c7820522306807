"""Background jobs on the same PostgreSQL: a job and its cause commit together.

Names of tasks are plain text; the worker process binds them to functions (`app/worker.py`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.schema import SchemaManager
from sqlalchemy.orm import Session

__all__ = ["DROP_JOB_SCHEMA", "ProcrastinateQueue", "job_schema_sql"]


class ProcrastinateQueue:
    """Defer jobs through `procrastinate`, on the caller's own connection."""

    def __init__(self) -> None:
        self._app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())

    def defer(
        self,
        session: Session,
        name: str,
        *,
        lock: str | None = None,
        queueing_lock: str | None = None,
        run_at: datetime | None = None,
        **arguments: Any,
    ) -> None:
        """Add a job in the caller's transaction; see `JobQueue.defer`."""
        try:
            with session.begin_nested():
                self._app.configure_task(
                    name,
                    lock=lock,
                    queueing_lock=queueing_lock,
                    schedule_at=run_at,
                    connection=session.connection().connection.driver_connection,
                ).defer(**arguments)
        except AlreadyEnqueued:
            return


def job_schema_sql() -> str:
    """Read the job library's own schema, as its pinned version ships it."""
    return SchemaManager.get_schema()


DROP_JOB_SCHEMA = """
DO $$
DECLARE found record;
BEGIN
  FOR found IN SELECT oid::regclass AS name FROM pg_class
    WHERE relname LIKE 'procrastinate\\_%' AND relkind = 'r' LOOP
    EXECUTE 'DROP TABLE IF EXISTS ' || found.name || ' CASCADE';
  END LOOP;
  FOR found IN SELECT oid::regprocedure AS name FROM pg_proc WHERE proname LIKE 'procrastinate\\_%' LOOP
    EXECUTE 'DROP FUNCTION IF EXISTS ' || found.name || ' CASCADE';
  END LOOP;
  FOR found IN SELECT oid::regtype AS name FROM pg_type
    WHERE typname LIKE 'procrastinate\\_%' AND typtype IN ('e', 'c') LOOP
    EXECUTE 'DROP TYPE IF EXISTS ' || found.name || ' CASCADE';
  END LOOP;
END $$
"""
