"""Ids that sort by time: UUID version 7, one `NewType` per table where the table is defined."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7

__all__ = ["new_id"]


def new_id() -> UUID:
    """Make a UUIDv7: unique, and ordered by the time of its making."""
    return uuid7()
