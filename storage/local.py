"""The local store: objects in a folder.

Every object is a folder `objects/{key}~/` with the files `data` and `meta.json`, made under `tmp/` and renamed to
its name when both are on the disk: it appears whole or not at all. Keys never contain `~`, so that the objects
`a` and `a/b` can both exist. Parts of unfinished uploads lie under `multipart/{id}/`, each with its SHA-256 in
front.

Retention and legal hold are kept by this adapter: they guard against mistakes of the platform, not against
somebody who can write to the folder. The ledger shows such a change; only S3 with object lock prevents it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from app.core.clock import Clock
from storage import folder
from storage.errors import (
    ContentMismatch,
    ObjectExists,
    ObjectLocked,
    ObjectMissing,
    PartsMissing,
    RangeUnsatisfiable,
    UploadRefused,
)
from storage.ports import ByteStream, Lock, ObjectInfo, PartInfo, StoreFeatures
from storage.rules import MAX_PARTS, check_key, check_prefix
from storage.streams import Hashing, Limited, as_stream, chunks
from storage.urls import Method, sign_url

_DATA = "data"
_META = "meta.json"
_PART_HEAD = 65  # the part's SHA-256 in hex, and a line feed
_MULTIPART_ID = re.compile(r"[0-9a-f]{32}")


class LocalStore:
    """Keeps objects in a folder; see the module's description.

    Args:
        root: The folder; made when missing. One disk; many processes may use it at once.
        url_secret: Signs addresses; every web process needs the same.
        clock: Tells whether retention has run out.
        base_url: Scheme and host put in front of signed addresses; empty: same origin.
    """

    def __init__(self, root: Path, *, url_secret: bytes, clock: Clock, base_url: str = "") -> None:
        self._objects = root / "objects"
        self._multipart = root / "multipart"
        self._tmp = root / "tmp"
        self._secret = url_secret
        self._clock = clock
        self._base_url = base_url
        with folder.disk_errors():
            for each in (self._objects, self._multipart, self._tmp):
                each.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def features(self) -> StoreFeatures:
        """No versions (objects never change), locks by the adapter, addresses served by the platform."""
        return StoreFeatures(versioning=False, object_lock=True, direct_urls=False)

    # Objects

    def put(
        self,
        key: str,
        data: bytes | BinaryIO,
        *,
        media_type: str,
        sha256: str,
        retain_until: datetime | None = None,
    ) -> ObjectInfo:
        """Store bytes under a new key; see the port."""
        pieces = Hashing(chunks(as_stream(data)))
        return self._store(key, pieces, media_type=media_type, expected=sha256, retain_until=retain_until)

    def receive(self, key: str, stream: ByteStream | BinaryIO, *, media_type: str, max_bytes: int) -> ObjectInfo:
        """Store what a signed PUT brings.

        Raises:
            UploadRefused: More than `max_bytes`; nothing was stored.
            ObjectExists: Other bytes lie under this key.
        """
        return self._store(key, Hashing(chunks(stream), max_bytes=max_bytes), media_type=media_type)

    def _store(
        self,
        key: str,
        pieces: Hashing,
        *,
        media_type: str,
        expected: str | None = None,
        retain_until: datetime | None = None,
    ) -> ObjectInfo:
        place = self._place(key)
        with folder.disk_errors(), folder.staged_folder(self._tmp) as staged:
            folder.write_file(staged / _DATA, iter(pieces))
            if expected is not None and pieces.sha256 != expected:
                raise ContentMismatch
            meta = _meta_bytes(media_type, pieces.sha256, Lock(retain_until=retain_until))
            folder.write_file(staged / _META, iter((meta,)))
            folder.make_folders(place.parent, under=self._objects)
            published = folder.publish(staged, place)
        info = self.head(key)
        if not published and info.sha256 != pieces.sha256:
            raise ObjectExists(key=key)
        return info

    def get(self, key: str, *, version_id: str | None = None) -> bytes:
        """Read a whole (small) object; see the port."""
        with self.open_range(key, version_id=version_id) as stream:
            return stream.read()

    def open_range(
        self, key: str, *, start: int = 0, length: int | None = None, version_id: str | None = None
    ) -> ByteStream:
        """Open a piece of an object for reading; see the port."""
        del version_id
        file = self.open_file(key)
        with folder.disk_errors():
            size = os.fstat(file.fileno()).st_size
            if start > 0 and start >= size:
                file.close()
                raise RangeUnsatisfiable(size_bytes=size)
            file.seek(start)
        return Limited(file, size - start if length is None else min(length, size - start))

    def open_file(self, key: str) -> BinaryIO:
        """Open a whole object as a file.

        Raises:
            ObjectMissing: There is none.
        """
        with folder.disk_errors():
            try:
                return (self._place(key) / _DATA).open("rb")
            except (FileNotFoundError, NotADirectoryError) as error:
                raise ObjectMissing(key=key) from error

    def head(self, key: str, *, version_id: str | None = None) -> ObjectInfo:
        """Describe an object; see the port."""
        del version_id
        return self._describe(key, self._place(key))

    def _describe(self, key: str, place: Path) -> ObjectInfo:
        with folder.disk_errors():
            try:
                status = (place / _DATA).stat()
                media_type, sha256, _ = _read_meta(place)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise ObjectMissing(key=key) from error
        modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
        return ObjectInfo(key, status.st_size, media_type, modified_at, sha256)

    def delete(self, key: str) -> None:
        """Delete an object for good; see the port."""
        with suppress(ObjectMissing):
            lock = self.lock(key)
            if lock.legal_hold or (lock.retain_until is not None and self._clock.now() < lock.retain_until):
                raise ObjectLocked(key=key)
            with folder.disk_errors():
                folder.discard(self._place(key), temporary=self._tmp)

    def hand_over(self, key: str) -> None:
        """Remove an object that another store has taken over, its lock with it; harmless when it is gone."""
        with folder.disk_errors():
            folder.discard(self._place(key), temporary=self._tmp)

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        """List objects by prefix, ordered by key; see the port."""
        with folder.disk_errors():
            yield from self._walk(check_prefix(prefix).rpartition("/")[0], prefix)

    def _walk(self, parent: str, prefix: str) -> Iterator[ObjectInfo]:
        try:
            names = os.listdir(self._objects / parent)  # noqa: PTH208 - names are all that is needed
        except FileNotFoundError:
            return
        ordered = sorted(name[:-1] if name.endswith("~") else name + "/" for name in names)
        for name in ordered:
            key = f"{parent}/{name}" if parent else name
            if name.endswith("/"):
                if key.startswith(prefix) or prefix.startswith(key):
                    yield from self._walk(key[:-1], prefix)
            elif key.startswith(prefix):
                with suppress(ObjectMissing):  # deleted meanwhile
                    yield self.head(key)

    # Locks

    def lock(self, key: str, *, version_id: str | None = None) -> Lock:
        """Tell what protects an object; see the port."""
        del version_id
        with folder.disk_errors():
            try:
                return _read_meta(self._place(key))[2]
            except (FileNotFoundError, NotADirectoryError) as error:
                raise ObjectMissing(key=key) from error

    def set_legal_hold(self, key: str, *, on: bool) -> None:
        """Put an object under legal hold, or lift it."""
        self._change_lock(key, Lock(self.lock(key).retain_until, legal_hold=on))

    def extend_retention(self, key: str, *, until: datetime) -> None:
        """Forbid deletion before `until`; never shortens."""
        present = self.lock(key)
        if present.retain_until is None or present.retain_until < until:
            self._change_lock(key, Lock(until, legal_hold=present.legal_hold))

    def _change_lock(self, key: str, lock: Lock) -> None:
        info = self.head(key)
        content = _meta_bytes(info.media_type, str(info.sha256), lock)
        with folder.disk_errors():
            folder.replace_file(self._place(key) / _META, content, temporary=self._tmp)

    # Signed addresses

    def presign_get(
        self,
        key: str,
        *,
        now: datetime,
        expires_in: timedelta,
        download_name: str | None = None,
        version_id: str | None = None,
    ) -> str:
        """Sign an address to read an object; see the port."""
        del version_id
        params = {"name": download_name} if download_name else {}
        return self._sign(key, "GET", now + expires_in, params)

    def presign_put(self, key: str, *, now: datetime, expires_in: timedelta, max_bytes: int) -> str:
        """Sign an address to PUT one object; see the port."""
        return self._sign(key, "PUT", now + expires_in, {"max": str(max_bytes)})

    def presign_part(
        self, key: str, multipart_id: str, number: int, *, now: datetime, expires_in: timedelta, max_bytes: int
    ) -> str:
        """Sign an address to PUT one part; see the port."""
        params = {"upload": multipart_id, "part": str(number), "max": str(max_bytes)}
        return self._sign(key, "PUT", now + expires_in, params)

    def _sign(self, key: str, method: Method, expires_at: datetime, params: dict[str, str]) -> str:
        return sign_url(
            key, method=method, expires_at=expires_at, secret=self._secret, base_url=self._base_url, params=params
        )

    # Uploads in parts

    def create_multipart(self, key: str, *, media_type: str) -> str:
        """Begin an object that arrives in parts; see the port."""
        check_key(key)
        multipart_id = uuid4().hex
        meta = json.dumps({"key": key, "media_type": media_type}).encode()
        with folder.disk_errors(), folder.staged_folder(self._tmp) as staged:
            folder.write_file(staged / _META, iter((meta,)))
            folder.publish(staged, self._multipart / multipart_id)
        return multipart_id

    def write_part(
        self, key: str, multipart_id: str, number: int, stream: ByteStream | BinaryIO, *, max_bytes: int
    ) -> PartInfo:
        """Store what a signed PUT of a part brings; sent twice, the later one stands.

        Raises:
            ObjectMissing: The upload is unknown, finished or of another key.
            UploadRefused: More than `max_bytes`, or the number is out of range; nothing was stored.
        """
        if not 1 <= number <= MAX_PARTS:
            raise UploadRefused("分片序号超出范围，请刷新页面后重新上传")
        home, _ = self._multipart_home(key, multipart_id)
        pieces = Hashing(chunks(stream), max_bytes=max_bytes)
        staged = self._tmp / uuid4().hex
        with folder.disk_errors():
            try:
                folder.write_file(staged, _with_head(pieces))
                _write_head(staged, pieces.sha256)
                staged.replace(home / f"{number:05d}")
                folder.sync_folder(home)
            except FileNotFoundError as error:  # finished or aborted meanwhile
                raise ObjectMissing(key=key) from error
            finally:
                staged.unlink(missing_ok=True)
        return PartInfo(number, pieces.size_bytes, pieces.sha256)

    def list_parts(self, key: str, multipart_id: str) -> list[PartInfo]:
        """List the parts that have arrived, ordered; see the port."""
        with folder.disk_errors():
            try:
                home, _ = self._multipart_home(key, multipart_id)
                return [_describe_part(path) for path in sorted(home.glob("[0-9]*"))]
            except (ObjectMissing, FileNotFoundError):
                return []

    def complete_multipart(self, key: str, multipart_id: str, parts: Sequence[PartInfo]) -> ObjectInfo:
        """Join the parts to one object; see the port."""
        try:
            home, media_type = self._multipart_home(key, multipart_id)
            info = self._store(key, Hashing(_joined(home, parts)), media_type=media_type)
        except ObjectMissing:
            return self.head(key)
        except PartsMissing:
            with suppress(ObjectMissing):  # another request finished meanwhile and took the parts away
                return self.head(key)
            raise
        with folder.disk_errors():
            folder.discard(home, temporary=self._tmp)
        return info

    def abort_multipart(self, key: str, multipart_id: str) -> None:
        """Throw the parts away; harmless when they are gone."""
        with suppress(ObjectMissing), folder.disk_errors():
            folder.discard(self._multipart_home(key, multipart_id)[0], temporary=self._tmp)

    # Housekeeping

    def sweep(self, *, older_than: timedelta) -> int:
        """Remove what killed processes left half-written; returns how many pieces."""
        with folder.disk_errors():
            return folder.sweep(self._tmp, before=(self._clock.now() - older_than).timestamp())

    def _place(self, key: str) -> Path:
        return self._objects / f"{check_key(key)}~"

    def _multipart_home(self, key: str, multipart_id: str) -> tuple[Path, str]:
        """Find an unfinished upload: its folder, and the media type it was begun with."""
        check_key(key)
        home = self._multipart / multipart_id
        if _MULTIPART_ID.fullmatch(multipart_id) is None:
            raise ObjectMissing(key=key)
        with folder.disk_errors():
            try:
                meta = json.loads((home / _META).read_bytes())
            except FileNotFoundError as error:
                raise ObjectMissing(key=key) from error
        if meta["key"] != key:
            raise ObjectMissing(key=key)
        return home, str(meta["media_type"])


def _meta_bytes(media_type: str, sha256: str, lock: Lock) -> bytes:
    until = lock.retain_until.astimezone(UTC).isoformat() if lock.retain_until else None
    return json.dumps(
        {"media_type": media_type, "sha256": sha256, "retain_until": until, "legal_hold": lock.legal_hold}
    ).encode()


def _read_meta(place: Path) -> tuple[str, str, Lock]:
    meta = json.loads((place / _META).read_bytes())
    until = datetime.fromisoformat(meta["retain_until"]) if meta["retain_until"] else None
    return meta["media_type"], meta["sha256"], Lock(until, legal_hold=meta["legal_hold"])


def _with_head(pieces: Hashing) -> Iterator[bytes]:
    yield b"-" * (_PART_HEAD - 1) + b"\n"
    yield from pieces


def _write_head(part: Path, sha256: str) -> None:
    with part.open("r+b") as file:
        file.write(sha256.encode())
        file.flush()
        os.fsync(file.fileno())


def _describe_part(path: Path) -> PartInfo:
    with path.open("rb") as file:
        etag = file.read(_PART_HEAD - 1).decode()
        return PartInfo(int(path.name), os.fstat(file.fileno()).st_size - _PART_HEAD, etag)


def _joined(home: Path, parts: Sequence[PartInfo]) -> Iterator[bytes]:
    """Read the parts one after the other; each must still be what it was when it was listed."""
    for part in parts:
        try:
            file = (home / f"{part.number:05d}").open("rb")
        except FileNotFoundError as error:
            raise PartsMissing(missing=[part.number]) from error
        with file:
            file.seek(_PART_HEAD)
            digest = hashlib.sha256()
            for piece in chunks(file):
                digest.update(piece)
                yield piece
        if digest.hexdigest() != part.etag:
            raise PartsMissing(missing=[part.number])
