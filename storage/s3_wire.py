"""What goes over the wire to S3, apart from the client: configuration, marks and small documents."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from storage.ports import PartInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Config:
    """How to reach a bucket.

    Attributes:
        endpoint: Host and port as this process reaches them, without scheme.
        access_key: Access key.
        secret_key: Secret key.
        bucket: Name of the bucket.
        region: Region name; given, so that addresses are signed without asking the server.
        secure: Use HTTPS.
        public_url: Scheme, host and port as browsers reach the server; None: the same as `endpoint`.
        object_lock: The bucket has object lock (and so versioning); the server refuses early deletion.
        lock_mode: `GOVERNANCE`: a holder of a special right may still delete. `COMPLIANCE`: nobody may.
        timeout_s: Seconds to wait for an answer.
    """

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    bucket: str
    region: str = "us-east-1"
    secure: bool = True
    public_url: str | None = None
    object_lock: bool = True
    lock_mode: Literal["GOVERNANCE", "COMPLIANCE"] = "GOVERNANCE"
    timeout_s: float = 10.0


def content_md5(content: bytes) -> str:
    """Compute the `Content-MD5` header; object lock on AWS demands it."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def is_etag_of(headers: Mapping[str, str], content: bytes) -> bool:
    """Tell whether the ETag in an answer belongs to `content`; with a key service the ETag is no MD5."""
    if headers.get("x-amz-server-side-encryption", "").startswith("aws:kms"):
        return True
    expected = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return headers.get("etag", "").strip('"').lower() == expected


def completion_document(parts: Iterable[PartInfo]) -> bytes:
    """Write the list of parts that completes a multipart upload; XML."""
    listed = "".join(f'<Part><PartNumber>{part.number}</PartNumber><ETag>"{part.etag}"</ETag></Part>' for part in parts)
    return f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()


def changed_parts(wanted: Iterable[PartInfo], present: Iterable[PartInfo]) -> list[int]:
    """List the wanted parts that are not there, or are not what they were."""
    found = {part.number: part for part in present}
    return [part.number for part in wanted if found.get(part.number) != part]


def answer_date(headers: Mapping[str, str]) -> datetime:
    """Read when the server answered; UTC, to the second."""
    return datetime.strptime(headers["Date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)


def instant_in(document: bytes, tag: str) -> datetime | None:
    """Read an instant from an answer, to the second; Ceph writes nine decimals."""
    found = re.search(rf"<{tag}>(\d+-\d+-\d+T\d+:\d+:\d+)(?:\.\d+)?Z</{tag}>".encode(), document)
    return datetime.fromisoformat(found.group(1).decode()).replace(tzinfo=UTC) if found else None
