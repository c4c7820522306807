"""What each call of the protocol does; plain functions from a verified call to a reply."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from app.core.canonical import canonical_bytes, sha256_hex
from app.core.clock import local_date
from app.core.errors import Conflict, NotFound, Unprocessable
from app.realname.protocol import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, SigningKey, VerifiedRequest
from app.realname.simulator import seed as seeding
from app.realname.simulator.files import CHUNK_BYTES, FileStore, is_hash, read_range
from app.realname.simulator.intake import Intake
from app.realname.simulator.keys import open_city_key
from app.realname.simulator.reconcile import ClassUnknown, Reconciler
from app.realname.simulator.store import Store

OK = 200
CREATED = 201
ACCEPTED = 202
NOT_FOUND = 404
PAGE_ROWS = 100
UPLOAD_OFFSET = "Upload-Offset"


class NotJson(Unprocessable):
    """The body is not JSON."""

    slug = "schema_invalid"
    title = "请求内容不是有效的 JSON"


class BatchInvalid(Unprocessable):
    """The batch as a whole is malformed."""

    slug = "schema_invalid"
    title = "批次格式不正确"


class QueryInvalid(Unprocessable):
    """A query parameter is missing or malformed."""

    slug = "schema_invalid"
    title = "查询参数不正确"


class IdempotencyConflict(Conflict):
    """The same Idempotency-Key came before with another body."""

    slug = "idempotency_conflict"
    title = "同一幂等键对应了不同的内容"


class FileUnknown(NotFound):
    """The name is not a SHA-256."""

    slug = "file_unknown"
    title = "文件名应为 64 位十六进制摘要"


@dataclass(frozen=True, slots=True)
class City:
    """Everything a city is made of.

    Attributes:
        store: Records.
        files: Files.
        signer: The city's key.
        intake: Judges events.
        reconciler: Compares digests.
    """

    store: Store
    files: FileStore
    signer: SigningKey
    intake: Intake
    reconciler: Reconciler

    @classmethod
    def open(cls, data: Path, *, seed: dict[str, Any], now: datetime) -> City:
        """Open the city under `data`; a new one is filled from `seed`."""
        signer = open_city_key(data)
        store = Store(data / "city.sqlite3")
        files = FileStore(data / "files")
        if store.is_empty():
            seeding.fill(store, seed=seed, now=now)
        return cls(store, files, signer, Intake(store, files, signer), Reconciler(store, signer))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request whose sender is proven."""

    city: City
    sender: VerifiedRequest
    path: Mapping[str, Any]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    now: datetime

    def json(self) -> Any:
        """Read the body as JSON."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise NotJson from error

    def cursor(self) -> int:
        """Read the cursor; 0 when there is none."""
        text = self.query.get("cursor", "0")
        if not text.isdecimal():
            raise QueryInvalid("cursor 应为上一页给出的 next_cursor")
        return int(text)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer before it is signed."""

    status: int
    body: bytes = b""
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, document: Any, *, status: int = OK) -> Reply:
        """Answer with canonical JSON."""
        return cls(status, canonical_bytes(document))


def list_classes(call: Call) -> Reply:
    """Give the classes of the calling platform, with approval and supervision profile."""
    since = call.query.get("updated_since", "")
    rows = call.city.store.rows(
        "select rowid, document from class where updated_at >= ? and rowid > ?"
        " and json_extract(document, '$.platform_id') = ? order by rowid limit ?",
        since,
        call.cursor(),
        call.sender.platform_id,
        PAGE_ROWS + 1,
    )
    page = rows[:PAGE_ROWS]
    return Reply.json(
        {
            "classes": [json.loads(row["document"]) for row in page],
            "next_cursor": str(page[-1]["rowid"]) if len(rows) > PAGE_ROWS else None,
        }
    )


def list_roster(call: Call) -> Reply:
    """Give the roster of an approved class, 100 rows a page."""
    found = call.city.store.document("select document from class where class_code = ?", call.path["class_code"])
    if found is None or found["platform_id"] != call.sender.platform_id:
        raise ClassUnknown
    start = call.cursor()
    rows = call.city.store.documents(
        "select document from learner where class_code = ? and position >= ? order by position limit ?",
        call.path["class_code"],
        start,
        PAGE_ROWS,
    )
    end = start + len(rows)
    return Reply.json(
        {
            "class_code": found["class_code"],
            "roster_sha256": found["roster_sha256"],
            "total": found["headcount"],
            "rows": rows,
            "next_cursor": str(end) if rows and end < found["headcount"] else None,
        }
    )


def receive_events(call: Call) -> Reply:
    """Judge a batch; the same Idempotency-Key gets the same answer again."""
    key = call.sender.idempotency_key
    batch = call.json()
    events = batch.get("events") if isinstance(batch, dict) else None
    if not key or not isinstance(batch, dict) or batch.get("batch_id") != key:
        raise BatchInvalid("Idempotency-Key 应与 batch_id 相同")
    if not isinstance(events, list) or not 1 <= len(events) <= MAX_BATCH_EVENTS:
        raise BatchInvalid(f"每批 1 至 {MAX_BATCH_EVENTS} 个事件")
    with call.city.store.transaction():
        digest = sha256_hex(call.body)
        before = _answered(call, digest)
        if before is not None:
            return Reply(ACCEPTED, before)
        receipt = call.city.intake.receive(events, batch_id=key, platform_id=call.sender.platform_id, now=call.now)
        reply = Reply.json(receipt, status=ACCEPTED)
        call.city.store.execute(
            "insert into answered values (?, ?, ?, ?)",
            call.sender.platform_id,
            key,
            digest,
            reply.body.decode(),
        )
    return reply


def _answered(call: Call, digest: str) -> bytes | None:
    row = call.city.store.row(
        "select request_digest, body from answered where platform_id = ? and idempotency_key = ?",
        call.sender.platform_id,
        call.sender.idempotency_key,
    )
    if row is None:
        return None
    if row["request_digest"] != digest:
        raise IdempotencyConflict
    return str(row["body"]).encode()


def find_file(call: Call) -> Reply:
    """Say whether a file is here, and how much of an unfinished one."""
    sha256 = _file_name(call)
    if call.city.files.has(sha256):
        return Reply(OK, headers={UPLOAD_OFFSET: str(call.city.files.size(sha256))})
    return Reply(NOT_FOUND, headers={UPLOAD_OFFSET: str(call.city.files.offset(sha256))})


def receive_file(call: Call) -> Reply:
    """Take one chunk; 201 with the last one, 202 before."""
    sha256 = _file_name(call)
    chunk = read_range(call.headers.get("Content-Range"), body_bytes=len(call.body))
    is_complete = call.city.files.put(sha256, chunk=chunk, body=call.body)
    if is_complete:
        call.city.intake.file_arrived(sha256, now=call.now)
    offset = call.city.files.size(sha256) if is_complete else call.city.files.offset(sha256)
    document = {"sha256": sha256, "complete": is_complete, "offset": offset}
    return Reply.json(document, status=CREATED if is_complete else ACCEPTED)


def _file_name(call: Call) -> str:
    name = str(call.path["sha256"])
    if not is_hash(name):
        raise FileUnknown
    return name


def list_receipts(call: Call) -> Reply:
    """Give the receipts after the cursor, oldest first."""
    rows = call.city.store.rows(
        "select receipt_id, document from receipt where platform_id = ? and receipt_id > ? order by receipt_id limit ?",
        call.sender.platform_id,
        call.cursor(),
        PAGE_ROWS,
    )
    return Reply.json(
        {
            "receipts": [json.loads(row["document"]) for row in rows],
            "next_cursor": str(rows[-1]["receipt_id"]) if rows else str(call.cursor()),
        }
    )


def receive_digest(call: Call) -> Reply:
    """Compare a daily digest."""
    with call.city.store.transaction():
        answer = call.city.reconciler.receive(call.json(), platform_id=call.sender.platform_id, now=call.now)
    return Reply.json(answer)


def diff_digests(call: Call) -> Reply:
    """Compare the digests of a day again with what is held now."""
    day = _day(call.path["day"])
    classes = call.city.reconciler.diff(day.isoformat(), platform_id=call.sender.platform_id, now=call.now)
    return Reply.json({"day": day.isoformat(), "classes": classes})


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise QueryInvalid("日期应为 YYYY-MM-DD") from error


def count_claims(call: Call) -> Reply:
    """Give every subsidy claim the city knows of a person, whatever platform it came through."""
    person_key = call.query.get("person_key", "")
    if not person_key:
        raise QueryInvalid("缺少 person_key")
    claims = call.city.store.documents(
        "select document from claim where person_key = ? order by claimed_on", person_key
    )
    year = local_date(call.now).year
    return Reply.json(
        {
            "person_key": person_key,
            "year": year,
            "claims_in_year": sum(claim["claimed_on"].startswith(str(year)) for claim in claims),
            "claims": claims,
        }
    )


Handler = Callable[[Call], Reply]

TABLE: tuple[tuple[str, str, Handler, int], ...] = (
    ("/rnp/1/classes", "GET", list_classes, 0),
    ("/rnp/1/classes/{class_code}/roster", "GET", list_roster, 0),
    ("/rnp/1/events", "POST", receive_events, MAX_BATCH_BYTES),
    ("/rnp/1/files/{sha256}", "HEAD", find_file, 0),
    ("/rnp/1/files/{sha256}", "PUT", receive_file, CHUNK_BYTES),
    ("/rnp/1/receipts", "GET", list_receipts, 0),
    ("/rnp/1/digests", "POST", receive_digest, 64 * 1024),
    ("/rnp/1/digests/{day}/diff", "GET", diff_digests, 0),
    ("/rnp/1/person-claims", "GET", count_claims, 0),
)
"""Path, method, handler, and the largest body in bytes."""
