"""What the relay remembers between two contacts with the city."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Json, Sha256, UuidKey


class CityChannel(Base):
    """State of the line to the city: one row. `stopped_reason` needs a person; the breaker closes by itself."""

    __tablename__ = "city_channel"

    name: Mapped[str] = mapped_column(primary_key=True)
    failure_count: Mapped[int] = mapped_column(default=0)
    open_until: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    stopped_reason: Mapped[str | None]
    last_success_at: Mapped[datetime | None]


class CityBatch(Base):
    """Events on their way: kept before they are sent, so that a retry sends the same ones under the same key."""

    __tablename__ = "city_batch"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'answered', 'given_up')", name="status_known"),
        Index("uq_city_batch_chain_id_open", "chain_id", unique=True, postgresql_where="status = 'open'"),
    )

    id: Mapped[UuidKey]
    chain_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("ledger_chain.id"))
    entry_ids: Mapped[list[Any]]
    status: Mapped[str]
    made_at: Mapped[datetime]
    attempt_count: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]


class CityFile(Base):
    """A file the city holds completely."""

    __tablename__ = "city_file"

    sha256: Mapped[Sha256] = mapped_column(primary_key=True)
    delivered_at: Mapped[datetime]


class CityDigest(Base):
    """A digest and what the city said to it."""

    __tablename__ = "city_digest"
    __table_args__ = (UniqueConstraint("chain_id", "kind", "day"),)

    id: Mapped[UuidKey]
    chain_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("ledger_chain.id"))
    kind: Mapped[str]
    day: Mapped[date]
    document: Mapped[Json]
    posted_at: Mapped[datetime | None]
    matched: Mapped[bool | None]
    differences: Mapped[Json]
