"""Private files: encrypted before they reach the store, known by the hash of what they really are.

Pictures of people and their papers lie in the store as ciphertext only. Records elsewhere (ledger, receipts, evidence
packs) name the SHA-256 of the plaintext; the row here ties it to the stored object. Reading one is always somebody's
act, so callers write it into the audit trail.

Clauses: CC-4.1.3b, CC-5.3.3c
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Uuid, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base, Sha256
from app.core.ledger import FileRef
from app.core.security import Vault
from storage.errors import EvidenceDamaged, ObjectMissing
from storage.models import StoredObject
from storage.ports import ObjectStore
from storage.rules import RetentionClass
from storage.service import ObjectRef, SealedBytes, read_evidence, record_sealed, ref_of, store_bytes

PICTURE = "picture"
"""Purpose of the key for pictures of people."""

CIPHERTEXT = "application/octet-stream"


class PrivateFile(Base):
    """What an encrypted object is when it is decrypted."""

    __tablename__ = "private_file"
    __table_args__ = (Index("ix_private_file_sha256", "sha256"),)

    object_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("stored_object.id"), primary_key=True)
    sha256: Mapped[Sha256]
    size_bytes: Mapped[int]
    media_type: Mapped[str] = mapped_column(String(80))
    purpose: Mapped[str] = mapped_column(String(40))


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateBytes:
    """Encrypted bytes that are safely stored and not recorded yet.

    Attributes:
        sealed: The ciphertext in the store.
        file: What it is in clear: hash, size, media type, kind.
        purpose: Purpose of its key.
    """

    sealed: SealedBytes
    file: FileRef
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlace:
    """Where a file named by its plaintext hash lies, free of any session.

    Attributes:
        ref: The stored object.
        media_type: What it is in clear.
        kind: Kind of evidence.
        purpose: Purpose of its key; None when it lies in clear.
    """

    ref: ObjectRef
    sha256: str
    media_type: str
    kind: str
    purpose: str | None


def put_private(
    store: ObjectStore,
    vault: Vault,
    data: bytes,
    *,
    kind: str,
    media_type: str,
    retention: RetentionClass,
    now: datetime,
    purpose: str = PICTURE,
) -> PrivateBytes:
    """Encrypt bytes and put them into the store, to be recorded by `record_private` afterwards.

    Args:
        store: Where to.
        vault: Whose keys.
        data: The file in clear.
        kind: Kind of evidence.
        media_type: What it is in clear.
        retention: Why it is kept.
        now: The present instant.
        purpose: Purpose of the key.

    Raises:
        StoreUnavailable: The store does not take it; nothing was stored.
    """
    sealed = store_bytes(
        store,
        vault.encrypt_bytes(data, purpose=purpose),
        kind=kind,
        media_type=CIPHERTEXT,
        retention=retention,
        now=now,
    )
    file = FileRef(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), media_type=media_type, kind=kind)
    return PrivateBytes(sealed=sealed, file=file, purpose=purpose)


def record_private(
    session: Session, private: PrivateBytes, *, now: datetime, created_by: UUID | None = None
) -> FileRef:
    """Record a private file; the answer is how the ledger names it."""
    row = record_sealed(session, private.sealed, now=now, created_by=created_by)
    session.add(
        PrivateFile(
            object_id=row.id,
            sha256=private.file.sha256,
            size_bytes=private.file.bytes,
            media_type=private.file.media_type,
            purpose=private.purpose,
        )
    )
    session.flush()
    return private.file


def find_file(session: Session, sha256: str) -> FilePlace:
    """Find a sealed file by the hash of its content in clear.

    Raises:
        ObjectMissing: No such file, or its bytes were deleted when their time was over.
    """
    hidden = session.execute(
        select(StoredObject, PrivateFile)
        .join(PrivateFile, PrivateFile.object_id == StoredObject.id)
        .where(PrivateFile.sha256 == sha256, StoredObject.deleted_at.is_(None))
        .order_by(StoredObject.id)
        .limit(1)
    ).one_or_none()
    if hidden is not None:
        row, file = hidden
        return FilePlace(
            ref=ref_of(row), sha256=sha256, media_type=file.media_type, kind=row.kind, purpose=file.purpose
        )
    plain = session.scalars(
        select(StoredObject)
        .where(StoredObject.sha256 == sha256, StoredObject.deleted_at.is_(None))
        .order_by(StoredObject.id)
        .limit(1)
    ).one_or_none()
    if plain is None:
        raise ObjectMissing
    return FilePlace(ref=ref_of(plain), sha256=sha256, media_type=plain.media_type, kind=plain.kind, purpose=None)


def read_file(store: ObjectStore, vault: Vault, place: FilePlace) -> bytes:
    """Read a sealed file in clear and check it against its hash.

    Raises:
        ObjectMissing: The bytes are gone.
        EvidenceDamaged: They are not what was sealed.
    """
    content = read_evidence(store, place.ref)
    if place.purpose is not None:
        content = vault.decrypt_bytes(content, purpose=place.purpose)
    if hashlib.sha256(content).hexdigest() != place.sha256:
        raise EvidenceDamaged(key=place.ref.key)
    return content
