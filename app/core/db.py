"""PostgreSQL: the base of all tables, the engine, transactions, and the embedded server.

One dialect everywhere: the embedded server (PostgreSQL 18 from a wheel) is a real one, started under the data
folder; production sets `DATABASE_URL`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from sqlalchemy import BigInteger, Date, DateTime, MetaData, String, Uuid, create_engine
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, sessionmaker

from app.core.embedded import EmbeddedPostgres, start_embedded
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


def _write_json(value: Any) -> str:
    return orjson.dumps(value).decode()


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
            json_serializer=_write_json,
            json_deserializer=orjson.loads,
            max_overflow=pool_size,
            pool_pre_ping=True,
            pool_timeout=10,
            hide_parameters=True,  # an error's text goes to the log; values of people must not
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
