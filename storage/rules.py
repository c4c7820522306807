"""Pure rules of storage: keys, part plans, kinds of content, ranges, retention.

Clauses: CC-5.3.3c, CC-5.3.3d
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from storage.errors import KeyRefused, RangeUnsatisfiable, UploadRefused

MIB = 1024 * 1024
MAX_PARTS = 10_000
"""S3 takes no more parts."""
MIN_PART_BYTES = 5 * MIB
"""S3 takes no smaller part, the last one excepted."""

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KIND = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_MAX_KEY = 512
_MAX_NAME = 200


def check_key(key: str) -> str:
    """Return `key` if it is one this platform makes.

    Segments of ASCII letters, digits, `.`, `_`, `-`, separated by single slashes; none starts with a dot. So no
    key can leave a store's folder, and every store can hold it.

    Raises:
        KeyRefused: It is not.
    """
    if len(key) > _MAX_KEY or not all(_SEGMENT.fullmatch(part) for part in key.split("/")):
        raise KeyRefused(f"文件地址“{key[:80]}”不符合规定")
    return key


def check_prefix(prefix: str) -> str:
    """Return `prefix` if it can be the beginning of a key; empty and a trailing slash are allowed."""
    if prefix:
        check_key(prefix.removesuffix("/"))
    return prefix


def is_sha256(text: str) -> bool:
    """Tell whether `text` is a SHA-256 in lower-case hex."""
    return _SHA256.fullmatch(text) is not None


def evidence_key(kind: str, sha256: str, object_id: UUID) -> str:
    """Name the place of a piece of evidence: by kind, content and record.

    The content stands in the key, so that anybody can compare the two. The record stands there too: the same
    bytes handed in twice are two objects, each with its own retention, and deleting one never takes the other.
    """
    if _KIND.fullmatch(kind) is None or not is_sha256(sha256):
        raise KeyRefused(f"存证类别“{kind[:40]}”或校验值不符合规定")
    return f"evidence/{kind}/{sha256[:2]}/{sha256}.{object_id}"


def upload_key(purpose: str, upload_id: UUID) -> str:
    """Name the place of an uploaded file; its content is not known yet."""
    if _KIND.fullmatch(purpose) is None:
        raise KeyRefused(f"上传用途“{purpose[:40]}”不符合规定")
    return f"upload/{purpose}/{upload_id}"


def check_file_name(name: str) -> str:
    """Clean the file name a person gave; only for display and saving, never part of a path.

    Raises:
        UploadRefused: Nothing usable remains.
    """
    last = re.split(r"[/\\]", name)[-1]
    clean = "".join(char for char in last if char.isprintable() and char not in '<>:"|?*').strip(" .")
    if not clean:
        raise UploadRefused("文件名无效，请改名后再上传", name=name[:_MAX_NAME])
    if len(clean) <= _MAX_NAME:
        return clean
    stem, dot, suffix = clean.rpartition(".")
    return f"{stem[: _MAX_NAME - len(suffix) - 1]}.{suffix}" if dot and len(suffix) <= 10 else clean[:_MAX_NAME]  # noqa: PLR2004 - a suffix longer than that is no suffix


# Uploads in parts


@dataclass(frozen=True, slots=True)
class UploadRule:
    """What may be uploaded for one purpose; a parameter, never a constant of the code.

    Attributes:
        purpose: Its name, for example `courseware`; lower-case letters, digits, `-` and `_`.
        max_bytes: Largest file.
        media_types: Accepted kinds, as `sniff_media_type` names them.
        part_bytes: Wished size of a part, at least 5 MiB.
        lifetime: An upload not completed after this long expires.
        max_open: Unfinished uploads one person may have.
    """

    purpose: str
    max_bytes: int
    media_types: frozenset[str]
    part_bytes: int = 8 * MIB
    lifetime: timedelta = timedelta(days=7)
    max_open: int = 20

    def __post_init__(self) -> None:
        if self.part_bytes < MIN_PART_BYTES:
            raise ValueError("a part has at least 5 MiB")


def part_size(size_bytes: int, *, wished: int) -> int:
    """Choose the size of a part in bytes so that there are at most 10,000; whole MiB when it must grow."""
    needed = -(-size_bytes // MAX_PARTS)
    return wished if needed <= wished else -(-needed // MIB) * MIB


def part_sizes(size_bytes: int, part_size_bytes: int) -> dict[int, int]:
    """Plan the parts of a file: number (from 1) to length in bytes; only the last one is shorter."""
    count = -(-size_bytes // part_size_bytes)
    return {n: min(part_size_bytes, size_bytes - (n - 1) * part_size_bytes) for n in range(1, count + 1)}


def missing_parts(expected: Mapping[int, int], present: Mapping[int, int]) -> list[int]:
    """List the parts that are not there or have the wrong length; both map number to bytes."""
    return [number for number, size in expected.items() if present.get(number) != size]


def check_announced(rule: UploadRule, *, size_bytes: int, media_type: str) -> None:
    """Refuse a file that could not be accepted anyway, before any byte of it travels.

    Raises:
        UploadRefused: Empty, too big, or not of an accepted kind.
    """
    if size_bytes <= 0:
        raise UploadRefused("文件是空的，请检查后重新选择")
    if size_bytes > rule.max_bytes:
        raise UploadRefused(f"文件超过上限 {_readable(rule.max_bytes)}，请压缩或拆分后再上传", max_bytes=rule.max_bytes)
    if media_type not in rule.media_types:
        raise UploadRefused("不支持该文件类型，请按页面提示选择文件", accepted=sorted(rule.media_types))


def _readable(size_bytes: int) -> str:
    gib = 1024 * MIB
    if size_bytes >= gib:
        return f"{size_bytes / gib:.1f} GB"
    return f"{size_bytes / MIB:.1f} MB" if size_bytes >= MIB else f"{size_bytes / 1024:.0f} KB"


HEAD_BYTES = 64
"""How many bytes from the beginning `sniff_media_type` wants."""


def sniff_media_type(head: bytes) -> str | None:
    """Tell a file's kind by its first bytes; None when it is none of the kinds the platform takes.

    A name and a declared type are claims; only the content decides. Office files are ZIP containers and are
    reported as `application/zip`; who takes them looks inside.
    """
    if head[4:8] == b"ftyp":
        return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    if head[:4] == b"RIFF":
        return "image/webp" if head[8:12] == b"WEBP" else None
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "video/webm" if b"webm" in head else "video/x-matroska"
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)


_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"%PDF-", "application/pdf"),
    (b"FLV\x01", "video/x-flv"),
    (b"PK\x03\x04", "application/zip"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
)

_SAME_CONTAINER = {
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "application/zip",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "application/zip",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "application/zip",
    "application/x-zip-compressed": "application/zip",
    "audio/mp4": "video/mp4",
    "audio/webm": "video/webm",
    "video/flv": "video/x-flv",
}


def has_announced_kind(head: bytes, media_type: str) -> bool:
    """Tell whether content beginning with `head` can be of the announced media type."""
    essence = media_type.split(";", maxsplit=1)[0].strip().lower()
    return sniff_media_type(head) == _SAME_CONTAINER.get(essence, essence)


# Byte ranges (RFC 9110, section 14)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A piece of an object: `length` bytes from `start` (0-based)."""

    start: int
    length: int


_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def parse_range(header: str | None, *, size_bytes: int) -> ByteRange | None:
    """Read a `Range` header; None means: send everything.

    As the RFC allows, several ranges or a malformed header are answered with the whole object.

    Raises:
        RangeUnsatisfiable: The range begins at or beyond the end.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        length = min(int(last), size_bytes)
        start = size_bytes - length
    else:
        start = int(first)
        end = min(int(last), size_bytes - 1) if last else size_bytes - 1
        if last and int(last) < start:
            return None
        length = end - start + 1
    if length <= 0:
        raise RangeUnsatisfiable(size_bytes=size_bytes)
    return ByteRange(start, length)


# Retention


class RetentionClass(StrEnum):
    """Why something is kept; each class has its own period and its own beginning.

    Attributes:
        PROOF: Papers, reports, records of hours and marks; from their making.
        PRESENCE: Check-in pictures and recordings; from the payment of the claim they support.
        FACE_TEMPLATE: Enrolment photos and face templates; from the end of the class.
        IDENTITY_DOCUMENT: Pictures of identity cards; from their verification.
        AUDIT: Exports of the audit log; from their making.
        CONSENT: Consents and impact assessments; from their making.
        COURSEWARE: Course media; from the withdrawal of the course.
        WORKING: Exports and files in between; from their making.
    """

    PROOF = "proof"
    PRESENCE = "presence"
    FACE_TEMPLATE = "face_template"
    IDENTITY_DOCUMENT = "identity_document"
    AUDIT = "audit"
    CONSENT = "consent"
    COURSEWARE = "courseware"
    WORKING = "working"


KEPT_FROM_MAKING = frozenset(
    {RetentionClass.PROOF, RetentionClass.AUDIT, RetentionClass.CONSENT, RetentionClass.WORKING}
)
"""Classes whose period begins when the thing is made; the others wait for an event that ends their purpose."""


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time in calendar years, months and days."""

    years: int = 0
    months: int = 0
    days: int = 0

    def after(self, instant: datetime) -> datetime:
        """Add the period to `instant`; a day the month lacks becomes its last day."""
        months = instant.year * 12 + instant.month - 1 + self.years * 12 + self.months
        day = instant.day
        while True:
            try:
                moved = instant.replace(year=months // 12, month=months % 12 + 1, day=day)
            except ValueError:
                day -= 1
            else:
                return moved + timedelta(days=self.days)


DEFAULT_PERIODS: Mapping[RetentionClass, Period] = {
    RetentionClass.PROOF: Period(years=10),
    RetentionClass.PRESENCE: Period(years=2),
    RetentionClass.FACE_TEMPLATE: Period(days=30),
    RetentionClass.IDENTITY_DOCUMENT: Period(),
    RetentionClass.AUDIT: Period(months=36),
    RetentionClass.CONSENT: Period(years=3),
    RetentionClass.COURSEWARE: Period(years=10),
    RetentionClass.WORKING: Period(days=30),
}
"""Periods where no region's document says otherwise (CC-5.3.3d: such a document goes first)."""


def retain_until(
    retention: RetentionClass, *, begins_at: datetime | None, periods: Mapping[RetentionClass, Period]
) -> datetime | None:
    """Compute until when something is kept; None while its period has not begun, that is: keep.

    Args:
        retention: Why it is kept.
        begins_at: When the period began (made, claim paid, class ended); None when that has not happened.
        periods: The region's periods.
    """
    return None if begins_at is None else periods[retention].after(begins_at)


def is_due(*, until: datetime | None, legal_hold: bool, now: datetime) -> bool:
    """Tell whether something may be deleted: its period has run out and nobody holds it."""
    return until is not None and not legal_hold and now >= until


def longest(instants: Iterable[datetime | None]) -> datetime | None:
    """Find the latest instant; None (keep without end) is later than all."""
    known = list(instants)
    return None if not known or None in known else max(instant for instant in known if instant is not None)
