"""Take files in chunks, check their hash, keep them under it.

An unfinished file lies beside as ``<sha256>.part`` and is continued where it stopped. It becomes visible under its
name only after all bytes are there, the hash is right and the bytes are on the disk.

Clauses: CC-4.1.3b
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import Conflict, Unprocessable

CHUNK_BYTES = 8 * 1024 * 1024
MAX_FILE_BYTES = 200 * 1024 * 1024

_HASH = re.compile(r"[0-9a-f]{64}")
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class FileHashMismatch(Unprocessable):
    """The bytes received are not those of the hash; the partial file is thrown away."""

    slug = "file_hash_mismatch"
    title = "文件内容与摘要不一致，请重新上传"


class RangeInvalid(Unprocessable):
    """The `Content-Range` header is missing, malformed or too large."""

    slug = "range_invalid"
    title = "文件分段标记不正确"


class OffsetConflict(Conflict):
    """The chunk does not start where the file ends; `offset` says where it does."""

    slug = "offset_conflict"
    title = "文件分段不连续"


@dataclass(frozen=True, slots=True)
class Chunk:
    """The place of a chunk in its file; `end` is exclusive."""

    start: int
    end: int
    total: int


class FileStore:
    """The city's files.

    Args:
        folder: Where they lie; made when absent.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = threading.Lock()

    def has(self, sha256: str) -> bool:
        """Tell whether the whole file is here."""
        return self._path(sha256).exists()

    def size(self, sha256: str) -> int:
        """Give the size in bytes of a whole file."""
        return self._path(sha256).stat().st_size

    def offset(self, sha256: str) -> int:
        """Give how many bytes of an unfinished file are here."""
        part = self._part(sha256)
        return part.stat().st_size if part.exists() else 0

    def count_and_bytes(self) -> tuple[int, int]:
        """Count whole files and their bytes."""
        sizes = [path.stat().st_size for path in self._folder.glob("*/*") if path.suffix != ".part"]
        return len(sizes), sum(sizes)

    def put(self, sha256: str, *, chunk: Chunk, body: bytes) -> bool:
        """Append a chunk; True when the file is complete. Repeating a chunk is harmless.

        Raises:
            OffsetConflict: The chunk starts beyond the end of what is here.
            FileHashMismatch: All bytes are here and are not those of `sha256`.
        """
        with self._lock:
            if self.has(sha256):
                return True
            part = self._part(sha256)
            part.parent.mkdir(parents=True, exist_ok=True)
            held = self.offset(sha256)
            if chunk.start > held:
                raise OffsetConflict(offset=held)
            if chunk.end > held:
                with part.open("ab") as target:
                    target.write(body[held - chunk.start :])
                    target.flush()
                    os.fsync(target.fileno())
            if max(held, chunk.end) < chunk.total:
                return False
            self._finish(part, sha256)
            return True

    def _finish(self, part: Path, sha256: str) -> None:
        with part.open("rb") as source:
            found = hashlib.file_digest(source, "sha256").hexdigest()
        if found != sha256:
            part.unlink()
            raise FileHashMismatch
        part.rename(self._path(sha256))
        folder = os.open(part.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    def _part(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / f"{sha256}.part"


def is_hash(text: str) -> bool:
    """Tell whether `text` is a SHA-256 in lower-case hex."""
    return _HASH.fullmatch(text) is not None


def read_range(header: str | None, *, body_bytes: int) -> Chunk:
    """Read `Content-Range: bytes first-last/total`.

    Raises:
        RangeInvalid: Missing, malformed, not the size of the body, or the file is too large.
    """
    if header is None and body_bytes == 0:
        return Chunk(0, 0, 0)
    match = _RANGE.fullmatch(header or "")
    if match is None:
        raise RangeInvalid("请用 Content-Range: bytes 起-止/总长 标明分段")
    first, last, total = (int(group) for group in match.groups())
    if last - first + 1 != body_bytes or last >= total:
        raise RangeInvalid("Content-Range 与内容长度不一致")
    if total > MAX_FILE_BYTES:
        raise RangeInvalid("单个文件不得超过 200 MB")
    return Chunk(first, last + 1, total)
