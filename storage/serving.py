"""How the web process answers signed addresses of the local store, without any web framework.

The route is `/objects/{key:path}` for GET, HEAD and PUT, public (the signature is the permission):

1. `target = check_url(key, query, method=..., secret=..., now=...)` from `storage.urls`.
2. GET, HEAD: `answer_get(store, target, headers=..., head_only=...)`; send its status and headers, stream
   `chunks(answer.body)` from a thread and close the body, also when the reader goes away. Ranges work, so video
   can be played and sought.
3. PUT: refuse a `Content-Length` above `target.max_bytes` or a missing one before reading (`refuse_length`), read
   the body (a part is a few MiB, it fits in memory), then `answer_put` in a thread. The answer's `ETag` is the
   SHA-256 of what arrived.

Errors are `DomainError`s and are rendered as everywhere. With S3 none of this is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import quote

from storage.errors import UploadRefused
from storage.local import LocalStore
from storage.ports import ByteStream, ObjectInfo, ObjectStore
from storage.rules import parse_range
from storage.urls import SignedTarget

_SHOWN = ("image/jpeg", "image/png", "image/webp", "application/pdf", "video/", "audio/")
_SANDBOX = "default-src 'none'; sandbox"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer.

    Attributes:
        status: The status code.
        headers: Header fields.
        body: What to send, to be closed afterwards; None for no content.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: ByteStream | None = None


def answer_get(
    store: ObjectStore, target: SignedTarget, *, headers: Mapping[str, str], head_only: bool = False
) -> Answer:
    """Answer a GET or HEAD of an object.

    Args:
        store: Where it lies.
        target: What the checked address allows.
        headers: The request's header fields, names in lower case.
        head_only: The method is HEAD: no body.

    Raises:
        ObjectMissing: There is no such object.
        RangeUnsatisfiable: The asked range lies beyond the end.
    """
    info = store.head(target.key)
    fields = _fields(info, target)
    if headers.get("if-none-match") == fields["ETag"]:
        return Answer(304, fields)
    wants_range = headers.get("if-range", fields["ETag"]) == fields["ETag"]
    asked = parse_range(headers.get("range") if wants_range else None, size_bytes=info.size_bytes)
    if asked is None:
        fields["Content-Length"] = str(info.size_bytes)
        return Answer(200, fields, None if head_only else store.open_range(target.key))
    last = asked.start + asked.length - 1
    fields["Content-Length"] = str(asked.length)
    fields["Content-Range"] = f"bytes {asked.start}-{last}/{info.size_bytes}"
    body = None if head_only else store.open_range(target.key, start=asked.start, length=asked.length)
    return Answer(206, fields, body)


def _fields(info: ObjectInfo, target: SignedTarget) -> dict[str, str]:
    is_shown = info.media_type.startswith(_SHOWN) and target.download_name is None
    disposition = "inline" if is_shown else "attachment"
    if target.download_name:
        disposition += f"; filename*=UTF-8''{quote(target.download_name, safe='')}"
    fields = {
        "Content-Type": info.media_type,
        "Content-Disposition": disposition,
        "ETag": f'"{info.sha256}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-store" if target.key.startswith("evidence/") else "private, max-age=3600",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if info.media_type != "application/pdf":  # a sandbox disables the browser's PDF viewer
        fields["Content-Security-Policy"] = _SANDBOX
    return fields


def refuse_length(target: SignedTarget, content_length: str | None) -> int:
    """Check the announced length of a PUT before any byte is read; returns it.

    Raises:
        UploadRefused: Missing, malformed, or above what the address allows.
    """
    if content_length is None or not content_length.isascii() or not content_length.isdigit():
        raise UploadRefused("请求缺少文件长度，请更换浏览器后重试")
    if int(content_length) > target.max_bytes:
        raise UploadRefused("收到的数据超过申请的大小，请重新选择文件上传", max_bytes=target.max_bytes)
    return int(content_length)


def answer_put(store: LocalStore, target: SignedTarget, body: BinaryIO, *, media_type: str) -> Answer:
    """Answer a PUT of an object or of a part; the ETag is the SHA-256 of what arrived.

    Args:
        store: Where to.
        target: What the checked address allows.
        body: What was sent.
        media_type: The request's content type; of no meaning for parts.

    Raises:
        UploadRefused: More bytes than the address allows.
        ObjectExists: Other bytes lie under this key.
        ObjectMissing: The upload of this part is finished or aborted.
    """
    if target.multipart_id is None or target.part is None:
        info = store.receive(target.key, body, media_type=media_type, max_bytes=target.max_bytes)
        return Answer(200, {"ETag": f'"{info.sha256}"'})
    part = store.write_part(target.key, target.multipart_id, target.part, body, max_bytes=target.max_bytes)
    return Answer(200, {"ETag": f'"{part.etag}"'})
