"""Small helpers for bytes on their way."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import BinaryIO, Self

from storage.errors import UploadRefused
from storage.ports import CHUNK_BYTES, ByteStream


def as_stream(data: bytes | BinaryIO) -> BinaryIO:
    """Give bytes the face of a file."""
    return io.BytesIO(data) if isinstance(data, bytes) else data


def chunks(stream: ByteStream | BinaryIO, *, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Read a stream to its end in pieces of at most `size` bytes."""
    while piece := stream.read(size):
        yield piece


def read_exactly(stream: ByteStream | BinaryIO, size: int) -> bytes:
    """Read `size` bytes, or all that is left when that is less."""
    pieces = []
    while size > 0 and (piece := stream.read(min(size, CHUNK_BYTES))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def hash_stream(stream: ByteStream | BinaryIO) -> tuple[str, int]:
    """Hash a stream to its end: SHA-256 in hex, and the number of bytes."""
    digest, size = hashlib.sha256(), 0
    for piece in chunks(stream):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


class Limited:
    """The next `length` bytes of a file, as a `ByteStream` that owns the file."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length

    def read(self, size: int = -1, /) -> bytes:
        """Read up to `size` bytes (all the rest when negative)."""
        piece = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Hashing:
    """Pass pieces on, hash and count them, and stop at a limit.

    Args:
        pieces: What passes.
        max_bytes: More than this raises `UploadRefused`; None: no limit.

    Attributes:
        size_bytes: How much has passed.
    """

    def __init__(self, pieces: Iterator[bytes], *, max_bytes: int | None = None) -> None:
        self._pieces = pieces
        self._max_bytes = max_bytes
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size_bytes += len(piece)
            if self._max_bytes is not None and self.size_bytes > self._max_bytes:
                raise UploadRefused("收到的数据超过申请的大小，请重新选择文件上传")
            self._digest.update(piece)
            yield piece

    @property
    def sha256(self) -> str:
        """The hash of what has passed, 64 hex digits."""
        return self._digest.hexdigest()
