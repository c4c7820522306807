"""A store that keeps taking evidence while S3 is down: a local folder holds it until S3 is back.

What the platform itself puts (pictures, reports, packs) goes to the spool when the primary store does not take it,
under the same key, and `drain` moves it afterwards; moving is repeatable and verified by hash. Uploads in parts
need the primary store. Reads look into the spool first. Every process that shares the spool must see the same
folder, and the web process serves the spool's signed addresses as it does for a local store.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO, TypeVar

from storage.errors import ObjectMissing, StoreUnavailable
from storage.local import LocalStore
from storage.ports import ByteStream, Lock, ObjectInfo, ObjectStore, PartInfo, StoreFeatures

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DrainReport:
    """What a drain has done.

    Attributes:
        moved: Objects that are in the primary store now.
        is_done: The spool is empty; otherwise the primary store failed again, or the limit was reached.
    """

    moved: int
    is_done: bool


class SpoolingStore:
    """Puts into the primary store, or into the spool while that is down.

    Args:
        primary: Where objects belong.
        spool: Where they wait.
        pause: After a failure everything goes to the spool for so long; then one call tries the primary again.
    """

    def __init__(self, primary: ObjectStore, spool: LocalStore, *, pause: timedelta = timedelta(seconds=15)) -> None:
        self._primary = primary
        self._spool = spool
        self._pause_s = pause.total_seconds()
        self._closed_until = 0.0

    @property
    def features(self) -> StoreFeatures:
        """Those of the primary store."""
        return self._primary.features

    def put(
        self,
        key: str,
        data: bytes | BinaryIO,
        *,
        media_type: str,
        sha256: str,
        retain_until: datetime | None = None,
    ) -> ObjectInfo:
        """Store bytes under a new key; see the port. A stream must be able to go back to its beginning."""
        begin = 0 if isinstance(data, bytes) else data.tell()
        if self._may_try():
            try:
                info = self._primary.put(key, data, media_type=media_type, sha256=sha256, retain_until=retain_until)
            except StoreUnavailable:
                self._closed_until = time.monotonic() + self._pause_s
                if not isinstance(data, bytes):
                    data.seek(begin)
            else:
                self._closed_until = 0.0
                return info
        return self._spool.put(key, data, media_type=media_type, sha256=sha256, retain_until=retain_until)

    def _may_try(self) -> bool:
        now = time.monotonic()
        if now < self._closed_until:
            return False
        if self._closed_until:  # one call finds out for all whether the primary is back
            self._closed_until = now + self._pause_s
        return True

    # The spool is small and near: reads look there first.

    def _either(self, read: Callable[[ObjectStore], T]) -> T:
        try:
            return read(self._spool)
        except ObjectMissing:
            return read(self._primary)

    def get(self, key: str, *, version_id: str | None = None) -> bytes:
        """Read a whole (small) object; see the port."""
        return self._either(lambda store: store.get(key, version_id=version_id))

    def open_range(
        self, key: str, *, start: int = 0, length: int | None = None, version_id: str | None = None
    ) -> ByteStream:
        """Open a piece of an object for reading; see the port."""
        return self._either(lambda store: store.open_range(key, start=start, length=length, version_id=version_id))

    def head(self, key: str, *, version_id: str | None = None) -> ObjectInfo:
        """Describe an object; see the port."""
        return self._either(lambda store: store.head(key, version_id=version_id))

    def lock(self, key: str, *, version_id: str | None = None) -> Lock:
        """Tell what protects an object; see the port."""
        return self._either(lambda store: store.lock(key, version_id=version_id))

    def set_legal_hold(self, key: str, *, on: bool) -> None:
        """Put an object under legal hold, or lift it; a drain carries it over."""
        self._either(lambda store: store.set_legal_hold(key, on=on))

    def extend_retention(self, key: str, *, until: datetime) -> None:
        """Forbid deletion before `until`; never shortens; a drain carries it over."""
        self._either(lambda store: store.extend_retention(key, until=until))

    def delete(self, key: str) -> None:
        """Delete an object for good, from both places; see the port."""
        self._spool.delete(key)
        self._primary.delete(key)

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        """List objects of both places by prefix, ordered by key; one being moved is listed once."""
        both = heapq.merge(
            self._spool.list_objects(prefix), self._primary.list_objects(prefix), key=lambda info: info.key
        )
        last = None
        for info in both:
            if info.key != last:
                yield info
            last = info.key

    def presign_get(
        self,
        key: str,
        *,
        now: datetime,
        expires_in: timedelta,
        download_name: str | None = None,
        version_id: str | None = None,
    ) -> str:
        """Sign an address to read an object where it lies at present; see the port."""
        try:
            self._spool.head(key)
        except ObjectMissing:
            store: ObjectStore = self._primary
        else:
            store = self._spool
        return store.presign_get(
            key, now=now, expires_in=expires_in, download_name=download_name, version_id=version_id
        )

    # Uploads need the primary store.

    def presign_put(self, key: str, *, now: datetime, expires_in: timedelta, max_bytes: int) -> str:
        """Sign an address to PUT one object; see the port."""
        return self._primary.presign_put(key, now=now, expires_in=expires_in, max_bytes=max_bytes)

    def presign_part(
        self, key: str, multipart_id: str, number: int, *, now: datetime, expires_in: timedelta, max_bytes: int
    ) -> str:
        """Sign an address to PUT one part; see the port."""
        return self._primary.presign_part(
            key, multipart_id, number, now=now, expires_in=expires_in, max_bytes=max_bytes
        )

    def create_multipart(self, key: str, *, media_type: str) -> str:
        """Begin an object that arrives in parts; see the port."""
        return self._primary.create_multipart(key, media_type=media_type)

    def list_parts(self, key: str, multipart_id: str) -> list[PartInfo]:
        """List the parts that have arrived, ordered; see the port."""
        return self._primary.list_parts(key, multipart_id)

    def complete_multipart(self, key: str, multipart_id: str, parts: Sequence[PartInfo]) -> ObjectInfo:
        """Join the parts to one object; see the port."""
        return self._primary.complete_multipart(key, multipart_id, parts)

    def abort_multipart(self, key: str, multipart_id: str) -> None:
        """Throw the parts away; harmless when they are gone."""
        self._primary.abort_multipart(key, multipart_id)

    # The way back

    def backlog(self) -> int:
        """Count the objects that wait in the spool."""
        return sum(1 for _ in self._spool.list_objects(""))

    def drain(self, *, limit: int = 1000) -> DrainReport:
        """Move what waits into the primary store; stops when that fails again, and may run at any time."""
        moved = 0
        for info in self._spool.list_objects(""):
            if moved >= limit:
                return DrainReport(moved, is_done=False)
            try:
                self._move(info)
            except ObjectMissing:  # another drain was faster, or it was deleted
                continue
            except StoreUnavailable:
                return DrainReport(moved, is_done=False)
            moved += 1
        self._closed_until = 0.0
        return DrainReport(moved, is_done=True)

    def _move(self, info: ObjectInfo) -> None:
        with self._spool.open_file(info.key) as file:
            lock = self._spool.lock(info.key)
            self._primary.put(
                info.key,
                file,
                media_type=info.media_type,
                sha256=str(info.sha256),
                retain_until=lock.retain_until,
            )
        if lock.legal_hold and self._primary.features.object_lock:
            self._primary.set_legal_hold(info.key, on=True)
        self._spool.hand_over(info.key)
