"""Reads on evidence, and the comparisons of records with the store.

Clauses: CC-5.3.3c
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.errors import ObjectMissing
from storage.models import StoredObject, Upload
from storage.ports import ObjectInfo, ObjectStore
from storage.service import ObjectRef, Transaction, ref_of

_BATCH = 500
ORPHAN_AGE = timedelta(days=1)
"""Younger objects may still be waiting for their row."""


def get_stored(session: Session, object_id: UUID) -> StoredObject:
    """Find a record whose bytes are kept.

    Raises:
        ObjectMissing: There is no such record, or its bytes were deleted.
    """
    row = session.get(StoredObject, object_id)
    if row is None or row.deleted_at is not None:
        raise ObjectMissing
    return row


def find_record(session: Session, object_id: UUID) -> StoredObject | None:
    """Find a record, tombstones included."""
    return session.get(StoredObject, object_id)


def evidence_link(
    store: ObjectStore,
    ref: ObjectRef,
    *,
    now: datetime,
    expires_in: timedelta = timedelta(minutes=10),
    download_name: str | None = None,
) -> str:
    """Sign a short-lived address of sealed bytes; the caller has checked who may see them and logs the view."""
    return store.presign_get(
        ref.key, now=now, expires_in=expires_in, download_name=download_name, version_id=ref.version_id
    )


@dataclass(frozen=True, slots=True)
class DueClass:
    """What may be deleted now, of one retention class.

    Attributes:
        retention: The class.
        count: Objects.
        size_bytes: Their length together.
        since: When the first of them became due.
    """

    retention: str
    count: int
    size_bytes: int
    since: datetime


def due_report(session: Session, *, now: datetime) -> list[DueClass]:
    """Report what `delete_due` would delete, without deleting anything."""
    due = (
        select(
            StoredObject.retention,
            func.count(),
            func.coalesce(func.sum(StoredObject.size_bytes), 0),
            func.min(StoredObject.retain_until),
        )
        .where(
            StoredObject.deleted_at.is_(None),
            StoredObject.legal_hold.is_(False),
            StoredObject.retain_until <= now,
        )
        .group_by(StoredObject.retention)
        .order_by(StoredObject.retention)
    )
    rows = session.execute(due)
    return [DueClass(kind, count, int(size), since) for kind, count, size, since in rows if since is not None]


def pending_purge(session: Session, *, limit: int = 500) -> list[ObjectRef]:
    """List tombstones whose bytes may still be there."""
    wanted = (
        select(StoredObject)
        .where(StoredObject.deleted_at.is_not(None), StoredObject.purged_at.is_(None))
        .order_by(StoredObject.deleted_at)
        .limit(limit)
    )
    return [ref_of(row) for row in session.scalars(wanted)]


def find_orphans(
    transaction: Transaction, store: ObjectStore, *, now: datetime, min_age: timedelta = ORPHAN_AGE
) -> Iterator[ObjectInfo]:
    """List objects that no record speaks for: leftovers of crashes between bytes and row.

    Objects younger than `min_age`, of open uploads, and tombstones waiting for `purge` are none.
    """
    for prefix in ("evidence/", "upload/"):
        listing = store.list_objects(prefix)
        while batch := list(islice(listing, _BATCH)):
            old = [info for info in batch if now - info.modified_at >= min_age]
            with transaction() as session:
                known = _spoken_for(session, [info.key for info in old])
            yield from (info for info in old if info.key not in known)


def _spoken_for(session: Session, keys: list[str]) -> set[str]:
    recorded = select(StoredObject.key).where(StoredObject.key.in_(keys), StoredObject.purged_at.is_(None))
    open_uploads = select(Upload.key).where(Upload.key.in_(keys), Upload.state == "open")
    return {*session.scalars(recorded), *session.scalars(open_uploads)}


def find_missing(transaction: Transaction, store: ObjectStore) -> Iterator[ObjectRef]:
    """List records whose bytes are not in the store: after a restore, or after somebody's hand."""
    after: UUID | None = None
    while True:
        wanted = select(StoredObject).where(StoredObject.deleted_at.is_(None))
        if after is not None:
            wanted = wanted.where(StoredObject.id > after)
        with transaction() as session:
            batch = [ref_of(row) for row in session.scalars(wanted.order_by(StoredObject.id).limit(_BATCH))]
        if not batch:
            return
        after = batch[-1].id
        for ref in batch:
            try:
                store.head(ref.key, version_id=ref.version_id)
            except ObjectMissing:
                yield ref
