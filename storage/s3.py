"""The S3 store, through the `minio` client; the only module that imports it.

Made for any server of the S3 family and tested against the Ceph Object Gateway. What differs between servers is
handled here; see the notes at the end.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import chain
from typing import Any, BinaryIO, Self
from urllib.parse import quote, urlsplit
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.datatypes import ListPartsResult
from minio.error import MinioException, S3Error
from minio.retention import Retention
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout

from storage.errors import (
    ContentMismatch,
    ObjectExists,
    ObjectLocked,
    ObjectMissing,
    PartsMissing,
    RangeUnsatisfiable,
    StoreFull,
    StoreUnavailable,
)
from storage.ports import ByteStream, Lock, ObjectInfo, PartInfo, StoreFeatures
from storage.rules import MIB, check_key, check_prefix
from storage.s3_wire import (
    S3Config,
    answer_date,
    changed_parts,
    completion_document,
    content_md5,
    instant_in,
    is_etag_of,
)
from storage.streams import Limited, as_stream, hash_stream, read_exactly

_PUT_PART_BYTES = 16 * MIB
_SHA_HEADER = "x-amz-meta-sha256"
_MISSING = {"NoSuchKey", "NoSuchVersion", "NotFound"}
_NO_LOCK = {"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "InvalidRequest"}
_FULL = {"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull"}
_BUSY = {"InternalError", "OperationAborted"}
_PARTS_WRONG = {"InvalidPart", "InvalidPartOrder", "EntityTooSmall"}


class S3Store:
    """Keeps objects in one S3 bucket.

    Args:
        config: How to reach it. Nothing is sent before the first call.
    """

    def __init__(self, config: S3Config) -> None:
        self._config = config
        self._bucket = config.bucket
        self._client = _client(config, endpoint=config.endpoint, secure=config.secure)
        public = urlsplit(config.public_url) if config.public_url else None
        self._signer = (
            _client(config, endpoint=public.netloc, secure=public.scheme == "https") if public else self._client
        )

    @property
    def features(self) -> StoreFeatures:
        """Versions and locks as configured; signed addresses lead to the server itself."""
        lock = self._config.object_lock
        return StoreFeatures(versioning=lock, object_lock=lock, direct_urls=True)

    def ensure_bucket(self) -> None:
        """Make the bucket when it is missing; check that its object lock is as configured.

        Raises:
            StoreUnavailable: It has no object lock although the configuration says so.
        """
        with _translated():
            if not self._client.bucket_exists(self._bucket):
                self._client.make_bucket(self._bucket, object_lock=self._config.object_lock)
            status = self._client.get_bucket_versioning(self._bucket).status
        if self._config.object_lock and status != "Enabled":
            raise StoreUnavailable("存储桶没有开启对象锁定，请按部署文档重新创建存储桶或调整设置")

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
        """Store bytes under a new key; see the port. Large streams go in parts of 16 MiB."""
        check_key(key)
        stream = as_stream(data)
        first, second = read_exactly(stream, _PUT_PART_BYTES), read_exactly(stream, _PUT_PART_BYTES)
        headers = {"Content-Type": media_type, _SHA_HEADER: sha256, **self._lock_headers(retain_until)}
        if second:
            rest = iter(lambda: read_exactly(stream, _PUT_PART_BYTES), b"")
            return self._put_parts(key, chain((first, second), rest), headers=headers, sha256=sha256)
        if hashlib.sha256(first).hexdigest() != sha256:
            raise ContentMismatch
        return self._put_whole(key, first, headers=headers, sha256=sha256)

    def _put_whole(self, key: str, content: bytes, *, headers: dict[str, str], sha256: str) -> ObjectInfo:
        if self.features.versioning and (present := self._same_already(key, sha256)):
            return present  # see Note [Write once]
        headers |= {"Content-MD5": content_md5(content), "If-None-Match": "*"}
        with _translated(key):
            try:
                answer = self._call("PUT", key, body=content, headers=headers)
            except S3Error as error:
                if error.code != "PreconditionFailed":
                    raise
                answer = None
        if answer is None:
            return self._same_already(key, sha256) or self.head(key)
        if not is_etag_of(answer.headers, content):
            raise StoreUnavailable("存储服务返回的校验值不符，文件未确认保存，请稍后重试")
        version_id = answer.headers.get("x-amz-version-id")
        return ObjectInfo(key, len(content), headers["Content-Type"], answer_date(answer.headers), sha256, version_id)

    def _same_already(self, key: str, sha256: str) -> ObjectInfo | None:
        """Find the object when these very bytes lie there; refuse when others do."""
        try:
            present = self.head(key)
        except ObjectMissing:
            return None
        if present.sha256 is None:
            with self.open_range(key, version_id=present.version_id) as stream:
                found, _ = hash_stream(stream)
        else:
            found = present.sha256
        if found != sha256:
            raise ObjectExists(key=key)
        return present

    def _put_parts(self, key: str, pieces: Iterable[bytes], *, headers: dict[str, str], sha256: str) -> ObjectInfo:
        if present := self._same_already(key, sha256):
            return present
        multipart_id = self._begin(key, headers)
        try:
            parts = self._send_parts(key, multipart_id, pieces, sha256=sha256)
            return self.complete_multipart(key, multipart_id, parts)
        except BaseException:
            with suppress(StoreUnavailable):
                self.abort_multipart(key, multipart_id)
            raise

    def _send_parts(self, key: str, multipart_id: str, pieces: Iterable[bytes], *, sha256: str) -> list[PartInfo]:
        digest, parts = hashlib.sha256(), list[PartInfo]()
        for number, piece in enumerate(pieces, start=1):
            digest.update(piece)
            query = {"partNumber": str(number), "uploadId": multipart_id}
            with _translated(key):
                answer = self._call("PUT", key, body=piece, query=query)
            parts.append(PartInfo(number, len(piece), answer.headers["etag"].strip('"')))
        if digest.hexdigest() != sha256:
            raise ContentMismatch
        return parts

    def get(self, key: str, *, version_id: str | None = None) -> bytes:
        """Read a whole (small) object; see the port."""
        with self.open_range(key, version_id=version_id) as stream:
            return stream.read()

    def open_range(
        self, key: str, *, start: int = 0, length: int | None = None, version_id: str | None = None
    ) -> ByteStream:
        """Open a piece of an object for reading; see the port."""
        check_key(key)
        if length == 0:
            self.head(key, version_id=version_id)
            return Limited(BytesIO(), 0)
        with _translated(key):
            response = self._client.get_object(
                self._bucket, key, offset=start, length=length or 0, version_id=version_id
            )
        return _Body(response)

    def head(self, key: str, *, version_id: str | None = None) -> ObjectInfo:
        """Describe an object; see the port."""
        check_key(key)
        with _translated(key):
            found = self._client.stat_object(self._bucket, key, version_id=version_id)
        headers = found.metadata or {}
        return ObjectInfo(
            key,
            found.size or 0,
            found.content_type or "application/octet-stream",
            found.last_modified or answer_date(headers),
            headers.get(_SHA_HEADER),
            found.version_id,
        )

    def delete(self, key: str) -> None:
        """Delete an object for good, every version of it; see the port."""
        check_key(key)
        for version_id in self._versions(key):
            try:
                with _translated(key):
                    self._client.remove_object(self._bucket, key, version_id=version_id)
            except ObjectMissing:
                continue
            except StoreUnavailable as error:
                if _code(error) == "AccessDenied" and self._is_locked(key, version_id):
                    raise ObjectLocked(key=key) from error
                raise

    def _versions(self, key: str) -> list[str | None]:
        if not self.features.versioning:
            return [None]
        with _translated(key):
            found = self._client.list_objects(self._bucket, prefix=key, recursive=True, include_version=True)
            return [each.version_id for each in found if each.object_name == key]

    def _is_locked(self, key: str, version_id: str | None) -> bool:
        lock = self.lock(key, version_id=version_id)
        return lock.legal_hold or lock.retain_until is not None

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        """List objects by prefix, ordered by key; see the port."""
        with _translated():
            found = self._client.list_objects(self._bucket, prefix=check_prefix(prefix), recursive=True)
            for each in found:
                yield ObjectInfo(
                    each.object_name or "",
                    each.size or 0,
                    "application/octet-stream",
                    each.last_modified or datetime.fromtimestamp(0, UTC),
                )

    # Locks

    def lock(self, key: str, *, version_id: str | None = None) -> Lock:
        """Tell what protects an object; see the port."""
        check_key(key)
        if not self._config.object_lock:
            self.head(key)
            return Lock()
        return Lock(
            retain_until=instant_in(self._lock_part(key, "retention", version_id), "RetainUntilDate"),
            legal_hold=b"<Status>ON</Status>" in self._lock_part(key, "legal-hold", version_id),
        )

    def _lock_part(self, key: str, name: str, version_id: str | None) -> bytes:
        query = {name: ""} | ({"versionId": version_id} if version_id else {})
        with _translated(key):
            try:
                return bytes(self._call("GET", key, query=query).data)
            except S3Error as error:
                if error.code not in _NO_LOCK:
                    raise
                return b""

    def set_legal_hold(self, key: str, *, on: bool) -> None:
        """Put an object under legal hold, or lift it."""
        with _translated(check_key(key)):
            if on:
                self._client.enable_object_legal_hold(self._bucket, key)
            else:
                self._client.disable_object_legal_hold(self._bucket, key)

    def extend_retention(self, key: str, *, until: datetime) -> None:
        """Forbid deletion before `until`; never shortens."""
        present = self.lock(key).retain_until
        if present is None or present < until:
            with _translated(key):
                retention = Retention(self._config.lock_mode, until)
                self._client.set_object_retention(self._bucket, key, retention)

    def _lock_headers(self, retain_until: datetime | None) -> dict[str, str]:
        if retain_until is None or not self._config.object_lock:
            return {}
        return {
            "x-amz-object-lock-mode": self._config.lock_mode,
            "x-amz-object-lock-retain-until-date": retain_until.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    # Signed addresses: computed here, without asking the server

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
        extra = {"versionId": version_id} if version_id else {}
        if download_name:
            extra["response-content-disposition"] = f"attachment; filename*=UTF-8''{quote(download_name, safe='')}"
        return self._sign("GET", key, now=now, expires_in=expires_in, query=extra)

    def presign_put(self, key: str, *, now: datetime, expires_in: timedelta, max_bytes: int) -> str:
        """Sign an address to PUT one object; see the port. S3 cannot bind `max_bytes`."""
        del max_bytes
        return self._sign("PUT", key, now=now, expires_in=expires_in, query={})

    def presign_part(
        self, key: str, multipart_id: str, number: int, *, now: datetime, expires_in: timedelta, max_bytes: int
    ) -> str:
        """Sign an address to PUT one part; see the port. S3 cannot bind `max_bytes`."""
        del max_bytes
        query = {"partNumber": str(number), "uploadId": multipart_id}
        return self._sign("PUT", key, now=now, expires_in=expires_in, query=query)

    def _sign(self, method: str, key: str, *, now: datetime, expires_in: timedelta, query: dict[str, str]) -> str:
        return self._signer.get_presigned_url(
            method,
            self._bucket,
            check_key(key),
            expires=expires_in,
            request_date=now.astimezone(UTC),
            extra_query_params={**query},
        )

    # Uploads in parts

    def create_multipart(self, key: str, *, media_type: str) -> str:
        """Begin an object that arrives in parts; see the port."""
        return self._begin(check_key(key), {"Content-Type": media_type})

    def _begin(self, key: str, headers: dict[str, str]) -> str:
        with _translated(key):
            answer = bytes(self._call("POST", key, headers=headers, query={"uploads": ""}).data)
        found = re.search(rb"<UploadId>([^<]+)</UploadId>", answer)
        if found is None:
            raise StoreUnavailable
        return found.group(1).decode()

    def list_parts(self, key: str, multipart_id: str) -> list[PartInfo]:
        """List the parts that have arrived, ordered; see the port."""
        check_key(key)
        parts, marker = list[PartInfo](), ""
        while True:
            query = {"uploadId": multipart_id, "max-parts": "1000"}
            query |= {"part-number-marker": marker} if marker else {}
            try:
                with _translated(key):
                    page = ListPartsResult(self._call("GET", key, query=query))
            except ObjectMissing:
                return []
            parts += [PartInfo(each.part_number, each.size or 0, each.etag) for each in page.parts]
            if not page.is_truncated or not page.next_part_number_marker:
                return parts
            marker = page.next_part_number_marker

    def complete_multipart(self, key: str, multipart_id: str, parts: Sequence[PartInfo]) -> ObjectInfo:
        """Join the parts to one object; see the port."""
        check_key(key)
        body = completion_document(parts)
        headers = {"Content-Type": "application/xml", "Content-MD5": content_md5(body)}
        for pause_s in (0.1, 0.2, 0.4, 0.8, 1.6, None):
            try:
                with suppress(ObjectMissing), _translated(key):
                    self._call("POST", key, body=body, headers=headers, query={"uploadId": multipart_id})
                break
            except StoreUnavailable as error:
                present = self.list_parts(key, multipart_id)
                if not present:
                    break  # no such upload any more, whatever the server calls it; `head` tells what became of it
                if _code(error) in _PARTS_WRONG:
                    raise PartsMissing(missing=changed_parts(parts, present)) from error
                if _code(error) not in _BUSY or pause_s is None:
                    raise
                time.sleep(pause_s)  # another request is joining the same parts
        info = self.head(key)
        if info.size_bytes != sum(part.size_bytes for part in parts):
            raise StoreUnavailable("存储服务合并分片后的大小不符，请稍后重试")
        return info

    def abort_multipart(self, key: str, multipart_id: str) -> None:
        """Throw the parts away; harmless when they are gone."""
        with suppress(ObjectMissing), _translated(check_key(key)):
            self._call("DELETE", key, query={"uploadId": multipart_id})

    def _call(
        self,
        method: str,
        key: str,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> Any:
        """Send one signed request; the client has no public call for parts, conditions and raw answers."""
        return self._client._execute(  # noqa: SLF001 - see above; the contract tests watch it
            method,
            self._bucket,
            key,
            body=body,
            headers={**(headers or {})},
            query_params={**(query or {})},
            no_body_trace=True,
        )


class _Body:
    """The body of an answer as a `ByteStream`; failures on the way become `StoreUnavailable`."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def read(self, size: int = -1, /) -> bytes:
        with _translated():
            return bytes(self._response.read(None if size < 0 else size))

    def close(self) -> None:
        self._response.close()
        self._response.release_conn()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _client(config: S3Config, *, endpoint: str, secure: bool) -> Minio:
    pool = urllib3.PoolManager(
        timeout=Timeout(connect=min(3.0, config.timeout_s), read=config.timeout_s),
        maxsize=16,
        retries=Retry(total=2, backoff_factor=0.1, status_forcelist=[500, 502, 503, 504], redirect=0),
    )
    return Minio(
        endpoint,
        access_key=config.access_key,
        secret_key=config.secret_key,
        secure=secure,
        region=config.region,
        http_client=pool,
    )


@contextmanager
def _translated(key: str = "") -> Iterator[None]:
    """Translate the client's failures into the store's own errors.

    Raises:
        ObjectMissing: No such object, version or upload.
        RangeUnsatisfiable: The range lies beyond the object.
        StoreFull: Over quota.
        StoreUnavailable: Everything else, the cause attached.
    """
    try:
        yield
    except S3Error as error:
        if error.code in _MISSING or error.code == "NoSuchUpload":
            raise ObjectMissing(key=key) from error
        if error.code == "InvalidRange":
            raise RangeUnsatisfiable from error
        raise (StoreFull if error.code in _FULL else StoreUnavailable) from error
    except (MinioException, HTTPError, OSError, ParseError) as error:
        raise StoreUnavailable from error


def _code(error: StoreUnavailable) -> str | None:
    """The server's own name of a failure."""
    return error.__cause__.code if isinstance(error.__cause__, S3Error) else None


# Note [Write once]
# `If-None-Match: *` makes a server refuse a second write. Ceph (16) honours it in plain buckets and ignores it in
# versioned ones, where a second write only adds a version; so there we look first. Keys of evidence hold the hash
# and a fresh id, hence two writers never meet there; and a record pins the version it sealed, so that whatever is
# written later over a key is neither read nor able to destroy what was sealed.
