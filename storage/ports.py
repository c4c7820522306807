"""The port every object store serves, and the values that pass through it.

Objects are immutable: a key is written once. Writing the same bytes again is harmless, writing other bytes is
refused. Whoever needs a new version uses a new key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol, Self

CHUNK_BYTES = 256 * 1024
"""How much is read or written at a time, in bytes."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store knows of one object.

    Attributes:
        key: Its name in the store.
        size_bytes: Its length.
        media_type: As given when it was stored; `application/octet-stream` in listings of S3.
        modified_at: When it was stored; UTC.
        sha256: 64 hex digits, or None where the store did not learn it (multipart on S3, listings of S3).
        version_id: The store's name of this very version, or None without versioning.
    """

    key: str
    size_bytes: int
    media_type: str
    modified_at: datetime
    sha256: str | None = None
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class PartInfo:
    """One part of an unfinished multipart upload.

    Attributes:
        number: Its place, from 1.
        size_bytes: Its length.
        etag: The store's mark of its content.
    """

    number: int
    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class Lock:
    """What protects an object from deletion.

    Attributes:
        retain_until: Not deletable before this instant; None without retention.
        legal_hold: Not deletable while true.
    """

    retain_until: datetime | None = None
    legal_hold: bool = False


@dataclass(frozen=True, slots=True)
class StoreFeatures:
    """What a store can do beyond the port's minimum.

    Attributes:
        versioning: Objects carry a version id; bytes written over a key do not destroy what lay there.
        object_lock: The store itself refuses early deletion, whoever asks. Without it the adapter refuses.
        direct_urls: Signed addresses lead to the store itself. Without it the platform serves them.
    """

    versioning: bool
    object_lock: bool
    direct_urls: bool


class ByteStream(Protocol):
    """Bytes being read; close it, or use it as a context manager."""

    def read(self, size: int = -1, /) -> bytes:
        """Read up to `size` bytes (all the rest when negative); empty at the end."""

    def close(self) -> None:
        """Give the connection or file back."""

    def __enter__(self) -> Self:
        """Use in a `with` statement."""

    def __exit__(self, *_: object) -> None:
        """Close."""


class ObjectStore(Protocol):
    """Keeps objects. Every method may raise `StoreUnavailable`; keys are checked (`KeyRefused`)."""

    @property
    def features(self) -> StoreFeatures:
        """What this store can do."""

    def put(
        self, key: str, data: bytes | BinaryIO, *, media_type: str, sha256: str, retain_until: datetime | None = None
    ) -> ObjectInfo:
        """Store bytes under a new key; durable when this returns.

        Args:
            key: Where to; see `storage.rules.check_key`.
            data: The bytes, or a binary file read from its present position to its end.
            media_type: What they are.
            sha256: Their hash, 64 hex digits; compared before anything becomes visible.
            retain_until: Forbid deletion before this instant.

        Raises:
            ContentMismatch: The bytes have another hash; nothing was stored.
            ObjectExists: Other bytes lie under this key. The same bytes are no error.
        """

    def get(self, key: str, *, version_id: str | None = None) -> bytes:
        """Read a whole (small) object.

        Raises:
            ObjectMissing: There is none.
        """

    def open_range(
        self, key: str, *, start: int = 0, length: int | None = None, version_id: str | None = None
    ) -> ByteStream:
        """Open `length` bytes from `start` (0-based; None: to the end) for reading.

        Raises:
            ObjectMissing: There is none.
            RangeUnsatisfiable: `start` lies at or beyond the end of a non-empty object.
        """

    def head(self, key: str, *, version_id: str | None = None) -> ObjectInfo:
        """Describe an object.

        Raises:
            ObjectMissing: There is none.
        """

    def delete(self, key: str) -> None:
        """Delete an object for good, every version of it; deleting what is not there is no error.

        Raises:
            ObjectLocked: Retention or a legal hold forbids it.
        """

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        """List objects whose key starts with `prefix`, ordered by key."""

    def lock(self, key: str, *, version_id: str | None = None) -> Lock:
        """Tell what protects an object."""

    def set_legal_hold(self, key: str, *, on: bool) -> None:
        """Put an object under legal hold, or lift it."""

    def extend_retention(self, key: str, *, until: datetime) -> None:
        """Forbid deletion before `until`; an earlier instant than the present one changes nothing."""

    def presign_get(
        self,
        key: str,
        *,
        now: datetime,
        expires_in: timedelta,
        download_name: str | None = None,
        version_id: str | None = None,
    ) -> str:
        """Sign an address to read an object, ranges included.

        Args:
            key: Which object; need not exist yet.
            now: The present instant.
            expires_in: How long the address works, at most 7 days.
            download_name: Have the browser save it under this name (may be Chinese) instead of showing it.
            version_id: Bind the address to this version, where the store has versions.
        """

    def presign_put(self, key: str, *, now: datetime, expires_in: timedelta, max_bytes: int) -> str:
        """Sign an address to which a browser may PUT one object of at most `max_bytes`.

        S3 cannot bind the size; who records the object checks it again.
        """

    def create_multipart(self, key: str, *, media_type: str) -> str:
        """Begin an object that arrives in parts; the answer names the upload."""

    def presign_part(
        self, key: str, multipart_id: str, number: int, *, now: datetime, expires_in: timedelta, max_bytes: int
    ) -> str:
        """Sign an address to which a browser may PUT part `number` (from 1); sent twice, it replaces itself."""

    def list_parts(self, key: str, multipart_id: str) -> list[PartInfo]:
        """List the parts that have arrived, ordered; empty when the upload is unknown or finished."""

    def complete_multipart(self, key: str, multipart_id: str, parts: Sequence[PartInfo]) -> ObjectInfo:
        """Join the parts to one object. Harmless when that was done before.

        Raises:
            PartsMissing: A part is not there, or has changed since it was listed.
            ObjectMissing: Neither the upload nor the object is known.
        """

    def abort_multipart(self, key: str, multipart_id: str) -> None:
        """Throw the parts away; harmless when they are gone."""
