"""Build, hash and check the envelope every event travels in.

An event is one JSON document. Its `payload` is hashed by itself (`payload_hash`), the rest of the document
carries that hash, and the hash of the rest (`entry_hash`) is the `prev_hash` of the next event of the class.
So one altered byte anywhere breaks the chain, and the chain can be checked without the payloads.

`claimable` stands in every envelope: an event of a demonstration class says itself that it proves no claim.

Clauses: CC-4.1.3b, CC-A2-3.1
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import starmap
from typing import Any

from app.core.canonical import NotCanonical, canonical_bytes, canonical_hash
from app.core.clock import china_iso

GENESIS_HASH = "0" * 64
SCHEMA = "1.0"
MAX_BATCH_EVENTS = 200
MAX_BATCH_BYTES = 1024 * 1024

Document = dict[str, Any]


class EventType(StrEnum):
    """Events the city does something with; others of a class's chain are kept as they come, so that it stays whole."""

    LEARNER_REGISTERED = "learner.registered"
    LEARNER_ENROLLED = "learner.enrolled"
    CLASS_OPENED = "class.opened"
    LESSON_SIGNED_IN = "lesson.signed_in"
    CHECKIN_COMPLETED = "checkin.completed"
    SNAPSHOT_CAPTURED = "snapshot.captured"
    LESSON_COMPLETED = "lesson.completed"
    QUIZ_GATE_EVALUATED = "quiz.gate_evaluated"
    EXAM_STARTED = "exam.started"
    EXAM_IDENTITY_CHECKED = "exam.identity_checked"
    EXAM_SUBMITTED = "exam.submitted"
    EXAM_GRADED = "exam.graded"
    EXAM_PAPER_PDF = "exam.paper_pdf"
    CERTIFICATE_ELIGIBILITY = "certificate.eligibility"
    RISK_FINDING = "risk.finding"
    CLASS_CLOSED = "class.closed"
    REPORT_PUBLISHED = "report.published"
    EVENT_CORRECTED = "event.corrected"
    EVENT_VOIDED = "event.voided"


class ResultStatus(StrEnum):
    """What became of one event; only `STORED` and `DUPLICATE` end its delivery."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    PENDING_FILES = "pending_files"
    REJECTED = "rejected"


class RejectCode(StrEnum):
    """Why one event was not simply stored."""

    SCHEMA_INVALID = "schema_invalid"
    UNKNOWN_CLASS = "unknown_class"
    UNKNOWN_LEARNER = "unknown_learner"
    CLASS_NOT_APPROVED = "class_not_approved"
    OUT_OF_CLASS_PERIOD = "out_of_class_period"
    SEQ_GAP = "seq_gap"
    HASH_CONFLICT = "hash_conflict"
    CHAIN_BROKEN = "chain_broken"
    FILE_MISSING = "file_missing"
    FILE_HASH_MISMATCH = "file_hash_mismatch"
    REGION_NOT_ALLOWED = "region_not_allowed"
    CLOSED_CLASS = "closed_class"
    PACK_MISMATCH = "pack_mismatch"
    CLAIMABLE_MISMATCH = "claimable_mismatch"


MAY_PASS_LATER = frozenset(
    {
        RejectCode.UNKNOWN_CLASS,
        RejectCode.UNKNOWN_LEARNER,
        RejectCode.CLASS_NOT_APPROVED,
        RejectCode.CHAIN_BROKEN,
        RejectCode.FILE_MISSING,
    }
)
"""Rejections that end when the city's master data, a file or an earlier event arrives; others need a person."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """A wrong member of an event, and what is wrong with it in Chinese."""

    field: str
    detail: str


_HEX64 = re.compile(r"[0-9a-f]{64}")
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_EVENT_TYPE = re.compile(r"[a-z][a-z_]{0,30}\.[a-z][a-z_]{0,30}")
_REGION = re.compile(r"\d{6}")
_ID_NUMBER = re.compile(rb"(?<![0-9A-Za-z])\d{17}[\dXx](?![0-9A-Za-z])")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def payload_hash(payload: Mapping[str, Any]) -> str:
    """Hash a payload in canonical form; 64 hex digits."""
    return canonical_hash(dict(payload))


def entry_hash(event: Mapping[str, Any]) -> str:
    """Hash an event without its payload, which `payload_hash` stands for; 64 hex digits."""
    return canonical_hash({name: value for name, value in event.items() if name != "payload"})


def build_event(  # noqa: PLR0913 - one parameter per member of the envelope
    payload: Mapping[str, Any],
    *,
    event_id: str,
    event_type: str,
    platform_id: str,
    region: str,
    class_code: str,
    learner_ref: str | None,
    seq: int,
    occurred_at: datetime,
    recorded_at: datetime,
    pack: str,
    claimable: bool,
    prev_hash: str,
    corrects: str | None = None,
    files: Sequence[Mapping[str, Any]] = (),
) -> Document:
    """Put a payload into its envelope; times are written with milliseconds and +08:00."""
    return {
        "event_id": event_id,
        "event_type": event_type,
        "schema": SCHEMA,
        "platform_id": platform_id,
        "region": region,
        "class_code": class_code,
        "learner_ref": learner_ref,
        "seq": seq,
        "occurred_at": china_iso(occurred_at),
        "recorded_at": china_iso(recorded_at),
        "pack": pack,
        "corrects": corrects,
        "claimable": claimable,
        "prev_hash": prev_hash,
        "payload_hash": payload_hash(payload),
        "files": [dict(item) for item in files],
        "payload": dict(payload),
    }


def batch_bytes(batch_id: str, events: Sequence[Mapping[str, Any]]) -> bytes:
    """Write the body of `POST /rnp/1/events`."""
    return canonical_bytes({"batch_id": batch_id, "events": [dict(event) for event in events]})


def event_errors(event: Any) -> tuple[FieldError, ...]:
    """Check one event by itself: members, types, payload hash, no ID number in clear.

    Returns:
        What is wrong, empty when nothing is. What needs the receiver's records (class, learner, chain) is not
        looked at.
    """
    if not isinstance(event, dict):
        return (FieldError("", "事件应为 JSON 对象"),)
    errors = [
        FieldError(name, detail)
        for name, (is_right, detail) in _ENVELOPE.items()
        if name not in event or not is_right(event[name])
    ]
    errors += [FieldError(name, "多余的字段") for name in sorted(event.keys() - _ENVELOPE.keys())]
    return tuple(errors) or _payload_errors(event)


def _payload_errors(event: Document) -> tuple[FieldError, ...]:
    payload = event["payload"]
    try:
        if payload_hash(payload) != event["payload_hash"]:
            return (FieldError("payload_hash", "内容摘要与内容不一致"),)
        if holds_id_number(canonical_bytes(event)):
            return (FieldError("payload", "不得包含明文身份证号"),)
    except NotCanonical as error:
        return (FieldError("payload", f"无法规范化：{error}"),)
    if event["event_type"] in _CORRECTIONS and event["corrects"] is None:
        return (FieldError("corrects", "应为被更正或作废事件的编号"),)
    wanted = _PAYLOAD.get(event["event_type"], {})
    return tuple(
        FieldError(f"payload.{name}", detail)
        for name, (is_right, detail) in wanted.items()
        if name not in payload or not is_right(payload[name])
    )


def holds_id_number(data: bytes) -> bool:
    """Tell whether text holds a valid 18-digit resident ID number (GB 11643)."""
    return any(_is_id_number(match.group().decode().upper()) for match in _ID_NUMBER.finditer(data))


def _is_id_number(text: str) -> bool:
    total = sum(starmap(int.__mul__, zip(map(int, text[:17]), _ID_WEIGHTS, strict=True)))
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    return "10X98765432"[total % 11] == text[17] and 1880 < born.year < 2100  # noqa: PLR2004 - a human life


def _is_instant(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 64  # noqa: PLR2004 - codes and references are short


def _is_text_or_none(value: Any) -> bool:
    return value is None or _is_text(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _matches(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_file(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and _matches(_HEX64)(value.get("sha256"))
        and (value.get("sm3") is None or _matches(_HEX64)(value["sm3"]))
        and _is_count(value.get("bytes"))
        and _is_text(value.get("media_type"))
        and _is_text(value.get("kind"))
        and value.keys() <= {"sha256", "sm3", "bytes", "media_type", "kind"}
    )


_CORRECTIONS = frozenset({EventType.EVENT_CORRECTED, EventType.EVENT_VOIDED})

_Rule = tuple[Callable[[Any], bool], str]

_ENVELOPE: dict[str, _Rule] = {
    "event_id": (_matches(_UUID7), "应为 UUIDv7"),
    "event_type": (_matches(_EVENT_TYPE), "应为“领域.动作”形式的事件类型"),
    "schema": (lambda value: value == SCHEMA, f"应为 {SCHEMA}"),
    "platform_id": (_is_text, "应为平台编号"),
    "region": (_matches(_REGION), "应为 6 位行政区划代码"),
    "class_code": (_is_text, "应为班级编号"),
    "learner_ref": (_is_text_or_none, "应为学员编号或空"),
    "seq": (lambda value: _is_count(value) and value > 0, "应为正整数"),
    "occurred_at": (_is_instant, "应为带时区的时间"),
    "recorded_at": (_is_instant, "应为带时区的时间"),
    "pack": (_is_text, "应为规则包编号"),
    "corrects": (lambda value: value is None or _matches(_UUID7)(value), "应为被更正事件的编号或空"),
    "claimable": (lambda value: isinstance(value, bool), "应为 true 或 false"),
    "prev_hash": (_matches(_HEX64), "应为 64 位十六进制摘要"),
    "payload_hash": (_matches(_HEX64), "应为 64 位十六进制摘要"),
    "files": (lambda value: isinstance(value, list) and all(map(_is_file, value)), "文件清单格式不正确"),
    "payload": (lambda value: isinstance(value, dict), "应为 JSON 对象"),
}

_PAYLOAD: dict[str, dict[str, _Rule]] = {
    EventType.CHECKIN_COMPLETED: {
        "result": (lambda value: value in {"passed", "failed", "missed"}, "应为 passed、failed 或 missed")
    },
    EventType.LESSON_COMPLETED: {"hours_granted": (_is_count, "应为不小于 0 的整数学时")},
}
"""Members the reconciliation depends on; the receiver passes the others on as they are."""


def read_instant(text: str) -> datetime:
    """Read a checked envelope time; aware, UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)
