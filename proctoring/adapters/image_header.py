"""Read format and size of a picture from its first bytes, before anything is decoded.

A few kilobytes can unfold into gigabytes of pixels; so the size that a picture claims is checked first. Only
JPEG, PNG and WebP pass, and only when their end is there: decoders fill a cut-off picture with grey.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from proctoring.ports import QualityIssue

MAX_BYTES = 5_000_000
MAX_PIXELS = 25_000_000
# A progressive JPEG of many scans is decoded from the start for each of them; cameras write at most a dozen.
_MAX_SCANS = 64

_PNG_START = b"\x89PNG\r\n\x1a\n"
_SOI, _EOI, _SOS = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"
_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MARKERS_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Size in pixels as stored, before any EXIF rotation."""

    width: int
    height: int


def read_header(data: bytes) -> ImageHeader | QualityIssue:
    """Read the size of a picture, or say why it must not be decoded. Never raises."""
    if len(data) > MAX_BYTES:
        return QualityIssue.TOO_MANY_BYTES
    try:
        header = _read(data)
    except (struct.error, IndexError):
        return QualityIssue.DAMAGED
    if isinstance(header, QualityIssue):
        return header
    if header.width < 1 or header.height < 1:
        return QualityIssue.DAMAGED
    if header.width * header.height > MAX_PIXELS:
        return QualityIssue.TOO_MANY_PIXELS
    return header


def _read(data: bytes) -> ImageHeader | QualityIssue:
    if data.startswith(_SOI + b"\xff"):
        return _read_jpeg(data)
    if data.startswith(_PNG_START):
        return _read_png(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _read_webp(data)
    return QualityIssue.UNSUPPORTED


def _read_jpeg(data: bytes) -> ImageHeader | QualityIssue:
    position, header = 2, None
    while True:
        if data[position] != 0xFF:  # noqa: PLR2004 - every marker starts with this byte
            return QualityIssue.DAMAGED
        marker = data[position + 1]
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte
            position += 1
            continue
        if marker in _MARKERS_WITHOUT_LENGTH:
            position += 2
            continue
        if marker == _SOS[1]:
            break
        if marker in _SIZE_MARKERS:
            if header is not None:
                return QualityIssue.DAMAGED
            height, width = struct.unpack_from(">HH", data, position + 5)
            header = ImageHeader(width, height)
        position += 2 + max(2, struct.unpack_from(">H", data, position + 2)[0])
    if header is None or data.rfind(_EOI) < position or data.count(_SOS, position) > _MAX_SCANS:
        return QualityIssue.DAMAGED
    return header


def _read_png(data: bytes) -> ImageHeader | QualityIssue:
    width, height = struct.unpack_from(">II", data, 16)
    if data[12:16] != b"IHDR" or data.rfind(b"IEND") < 0:
        return QualityIssue.DAMAGED
    return ImageHeader(width, height)


def _read_webp(data: bytes) -> ImageHeader | QualityIssue:
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data):
        return QualityIssue.DAMAGED
    kind = data[12:16]
    if kind == b"VP8X":
        if data[20] & 0x02:
            return QualityIssue.UNSUPPORTED  # an animation is not a photo
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:
        return QualityIssue.DAMAGED
    return ImageHeader(width, height)
