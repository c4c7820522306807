"""Commands on evidence: seal, hold, begin retention, delete with a tombstone.

Bytes go first, the row follows: a crash in between leaves an object without a row (an orphan, which a sweep
lists), never a row without bytes. Bytes travel outside of transactions: `store_bytes` and `purge` take no session,
`record_sealed` and the others take no store. `seal_evidence` does both for callers whose session has done nothing
yet, so that no connection waits for the network.

Clauses: CC-5.3.3c, CC-5.3.3d
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, TypeAlias
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.ids import new_id
from storage.errors import EvidenceDamaged, ObjectLocked, ObjectMissing
from storage.models import StoredObject, StoredObjectId
from storage.ports import ObjectStore
from storage.rules import (
    DEFAULT_PERIODS,
    KEPT_FROM_MAKING,
    Period,
    RetentionClass,
    evidence_key,
    longest,
    retain_until,
)
from storage.streams import hash_stream

Transaction: TypeAlias = Callable[[], AbstractContextManager[Session]]
"""Opens one transaction and commits at its end, as `Database.transaction` does."""


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """Where sealed bytes lie and what they must be; free of any session.

    Attributes:
        id: The record.
        key: The object's key.
        sha256: Its hash, 64 hex digits.
        size_bytes: Its length.
        version_id: The sealed version, or None.
    """

    id: StoredObjectId
    key: str
    sha256: str
    size_bytes: int
    version_id: str | None


@dataclass(frozen=True, slots=True)
class SealedBytes:
    """Bytes that are safely stored and not recorded yet.

    Attributes:
        ref: Where they lie; `ref.id` becomes the id of the record.
        kind: Kind of evidence, for example `check_in_photo`.
        media_type: What they are.
        retention: Why they are kept.
        retain_until: Until when; None while the period has not begun.
    """

    ref: ObjectRef
    kind: str
    media_type: str
    retention: RetentionClass
    retain_until: datetime | None


def store_bytes(
    store: ObjectStore,
    data: bytes | BinaryIO,
    *,
    kind: str,
    media_type: str,
    retention: RetentionClass,
    now: datetime,
    sha256: str | None = None,
    periods: Mapping[RetentionClass, Period] = DEFAULT_PERIODS,
) -> SealedBytes:
    """Put bytes into the store, to be recorded by `record_sealed` in a transaction afterwards.

    Args:
        store: Where to.
        data: The bytes, or a binary file (then `sha256` is needed).
        kind: Kind of evidence; lower-case letters, digits, `-`, `_`.
        media_type: What they are.
        retention: Why they are kept; the period begins now only for classes kept from their making.
        now: The present instant.
        sha256: Their hash; computed when they are given as bytes.
        periods: The region's retention periods.

    Raises:
        ContentMismatch: The bytes do not have the given hash.
        StoreUnavailable: The store does not take them; nothing was stored.
    """
    if sha256 is None:
        if not isinstance(data, bytes):
            raise TypeError("a stream needs its sha256 beforehand")
        sha256 = hashlib.sha256(data).hexdigest()
    object_id = StoredObjectId(new_id())
    until = retain_until(retention, begins_at=now if retention in KEPT_FROM_MAKING else None, periods=periods)
    key = evidence_key(kind, sha256, object_id)
    info = store.put(key, data, media_type=media_type, sha256=sha256, retain_until=until)
    ref = ObjectRef(object_id, key, sha256, info.size_bytes, info.version_id)
    return SealedBytes(ref, kind, media_type, retention, until)


def record_sealed(
    session: Session, sealed: SealedBytes, *, now: datetime, created_by: UUID | None = None
) -> StoredObject:
    """Record stored bytes as evidence.

    Args:
        session: The transaction.
        sealed: What `store_bytes` answered.
        now: The present instant.
        created_by: Account or person who handed them in; None: the platform itself.
    """
    row = StoredObject(
        id=sealed.ref.id,
        key=sealed.ref.key,
        version_id=sealed.ref.version_id,
        sha256=sealed.ref.sha256,
        size_bytes=sealed.ref.size_bytes,
        media_type=sealed.media_type,
        kind=sealed.kind,
        created_at=now,
        created_by=created_by,
        retention=sealed.retention.value,
        retain_until=sealed.retain_until,
    )
    session.add(row)
    session.flush()
    return row


def seal_evidence(
    session: Session,
    store: ObjectStore,
    data: bytes,
    *,
    kind: str,
    media_type: str,
    retention: RetentionClass,
    now: datetime,
    created_by: UUID | None = None,
    periods: Mapping[RetentionClass, Period] = DEFAULT_PERIODS,
) -> StoredObject:
    """Store bytes and record them; see `store_bytes` and `record_sealed`.

    For sessions that have not asked the database anything yet; otherwise call the two steps yourself, the first
    before the transaction.
    """
    sealed = store_bytes(store, data, kind=kind, media_type=media_type, retention=retention, now=now, periods=periods)
    return record_sealed(session, sealed, now=now, created_by=created_by)


def ref_of(row: StoredObject) -> ObjectRef:
    """Take from a record what is needed to read its bytes after the transaction."""
    return ObjectRef(StoredObjectId(row.id), row.key, row.sha256, row.size_bytes, row.version_id)


def read_evidence(store: ObjectStore, ref: ObjectRef) -> bytes:
    """Read (small) evidence and check it against its record.

    Raises:
        ObjectMissing: The bytes are gone.
        EvidenceDamaged: They are not what was sealed.
    """
    content = store.get(ref.key, version_id=ref.version_id)
    if hashlib.sha256(content).hexdigest() != ref.sha256:
        raise EvidenceDamaged(key=ref.key)
    return content


def verify_evidence(store: ObjectStore, ref: ObjectRef) -> None:
    """Check evidence of any size against its record, piece by piece.

    Raises:
        ObjectMissing: The bytes are gone.
        EvidenceDamaged: They are not what was sealed.
    """
    with store.open_range(ref.key, version_id=ref.version_id) as stream:
        if hash_stream(stream) != (ref.sha256, ref.size_bytes):
            raise EvidenceDamaged(key=ref.key)


# Retention, hold, deletion


def _locked_row(session: Session, object_id: UUID) -> StoredObject:
    row = session.scalar(select(StoredObject).where(StoredObject.id == object_id).with_for_update())
    if row is None or row.deleted_at is not None:
        raise ObjectMissing
    return row


def begin_retention(
    session: Session,
    object_ids: Sequence[UUID],
    *,
    begins_at: datetime,
    periods: Mapping[RetentionClass, Period] = DEFAULT_PERIODS,
) -> None:
    """Begin the period of evidence whose purpose has ended (claim paid, class ended, identity verified).

    An end that is already set later is never moved forward.
    """
    wanted = select(StoredObject).where(StoredObject.id.in_(object_ids), StoredObject.deleted_at.is_(None))
    for row in session.scalars(wanted.order_by(StoredObject.id).with_for_update()):
        until = retain_until(RetentionClass(row.retention), begins_at=begins_at, periods=periods)
        row.retain_until = until if row.retain_until is None else longest((row.retain_until, until))
    session.flush()


def set_legal_hold(session: Session, object_id: UUID, *, reason: str) -> StoredObject:
    """Forbid deletion whatever the retention says, until the hold is lifted.

    Raises:
        ObjectMissing: There is no such record, or its bytes are deleted.
    """
    row = _locked_row(session, object_id)
    row.legal_hold, row.legal_hold_reason = True, reason
    session.flush()
    return row


def lift_legal_hold(session: Session, object_id: UUID) -> StoredObject:
    """Lift a legal hold; the reason stays in the record.

    Raises:
        ObjectMissing: There is no such record, or its bytes are deleted.
    """
    row = _locked_row(session, object_id)
    row.legal_hold = False
    session.flush()
    return row


def mirror_lock(store: ObjectStore, ref: ObjectRef, *, until: datetime | None, legal_hold: bool) -> None:
    """Have the store itself enforce what the record says, where it can; after the commit, repeatable."""
    if not store.features.object_lock:
        return
    if until is not None:
        store.extend_retention(ref.key, until=until)
    if store.lock(ref.key).legal_hold != legal_hold:
        store.set_legal_hold(ref.key, on=legal_hold)


def delete_evidence(session: Session, object_id: UUID, *, reason: str, now: datetime) -> ObjectRef:
    """Turn a record into a tombstone; hand the answer to `purge` after the commit.

    Possible when the retention has run out or has not begun (withdrawn consent, identity verified).

    Raises:
        ObjectLocked: Retention runs, or a legal hold lies on it.
        ObjectMissing: There is no such record, or it is deleted already.
    """
    row = _locked_row(session, object_id)
    if row.legal_hold or (row.retain_until is not None and now < row.retain_until):
        raise ObjectLocked(retain_until=row.retain_until.isoformat() if row.retain_until else None)
    row.deleted_at, row.deletion_reason = now, reason
    session.flush()
    return ref_of(row)


def delete_due(session: Session, *, now: datetime, limit: int = 500) -> list[ObjectRef]:
    """Turn records whose retention has run out into tombstones; `purge` them after the commit.

    Rows that another worker holds are left to it.
    """
    due = (
        select(StoredObject)
        .where(
            StoredObject.deleted_at.is_(None),
            StoredObject.legal_hold.is_(False),
            StoredObject.retain_until <= now,
        )
        .order_by(StoredObject.retain_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = list(session.scalars(due))
    for row in rows:
        row.deleted_at, row.deletion_reason = now, "保存期限届满"
    session.flush()
    return [ref_of(row) for row in rows]


def purge(store: ObjectStore, refs: Sequence[ObjectRef]) -> list[ObjectRef]:
    """Delete the bytes of tombstones; outside of any transaction, repeatable.

    Returns those that are gone, for `record_purged`. What the store still locks (its retention may be longer than
    the record's) is left for the next run.
    """
    gone = []
    for ref in refs:
        try:
            store.delete(ref.key)
        except ObjectLocked:
            continue
        gone.append(ref)
    return gone


def record_purged(session: Session, refs: Sequence[ObjectRef], *, now: datetime) -> None:
    """Record that the bytes of tombstones are gone."""
    wanted = select(StoredObject).where(
        StoredObject.id.in_([ref.id for ref in refs]), StoredObject.deleted_at.is_not(None)
    )
    for row in session.scalars(wanted.with_for_update()):
        row.purged_at = row.purged_at or now
    session.flush()
