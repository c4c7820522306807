"""Judge a batch of events by the city's own records and write the receipt.

Every event is judged by itself: a wrong one does not hold up its neighbours. The order of the questions is the
order of `_judge`: is it well formed, is it known already, may this class be reported at all, does it fit the chain,
are its files here.

Clauses: CC-4.1.3b, CC-5.3.2b, CC-5.3.2e
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from app.core.clock import china_iso, local_date
from app.realname.protocol import (
    GENESIS_HASH,
    Document,
    EventType,
    RejectCode,
    ResultStatus,
    SigningKey,
    entry_hash,
    event_errors,
    missing_ranges,
    signed_document,
)
from app.realname.protocol.envelope import read_instant
from app.realname.simulator.files import FileStore
from app.realname.simulator.store import Store, dump, load

_IN_PERIOD = frozenset(
    {
        EventType.LESSON_SIGNED_IN,
        EventType.CHECKIN_COMPLETED,
        EventType.SNAPSHOT_CAPTURED,
        EventType.LESSON_COMPLETED,
        EventType.QUIZ_GATE_EVALUATED,
    }
)
_PROCESS = _IN_PERIOD | {
    EventType.EXAM_STARTED,
    EventType.EXAM_IDENTITY_CHECKED,
    EventType.EXAM_SUBMITTED,
    EventType.EXAM_GRADED,
}
"""What happens in class: refused outside the class period and after the class is closed."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one event."""

    event_id: str | None
    status: ResultStatus
    code: RejectCode | None = None
    field: str | None = None
    detail: str | None = None

    def to_document(self) -> Document:
        """Write the result as it stands in a receipt."""
        return {
            "event_id": self.event_id,
            "status": str(self.status),
            "code": None if self.code is None else str(self.code),
            "field": self.field,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class Intake:
    """The city's counter for events.

    Attributes:
        store: The city's records.
        files: The city's files.
        signer: The city's key, for receipts.
    """

    store: Store
    files: FileStore
    signer: SigningKey

    def receive(self, events: list[Any], *, batch_id: str, platform_id: str, now: datetime) -> Document:
        """Judge and store a batch; returns the signed receipt. Runs inside the caller's transaction."""
        receipt_id = self.store.execute("insert into receipt (platform_id, document) values (?, '{}')", platform_id)
        results = []
        for event in events:
            result = self._judge(event, platform_id)
            self._write(event, result, receipt_id=receipt_id, now=now)
            results.append(result)
        return self._seal(receipt_id, batch_id=batch_id, results=results, now=now)

    def file_arrived(self, sha256: str, *, now: datetime) -> None:
        """Store for good what waited for this file alone, and say so in a receipt of its own."""
        with self.store.transaction():
            waiting = self.store.rows(
                "select e.event_id, e.document from event e join event_file f using (event_id)"
                " where f.sha256 = ? and e.status = ?",
                sha256,
                ResultStatus.PENDING_FILES,
            )
            complete = [row for row in waiting if not self._missing_files(load(row["document"]))]
            if not complete:
                return
            platform_id = load(complete[0]["document"])["platform_id"]
            receipt_id = self.store.execute("insert into receipt (platform_id, document) values (?, '{}')", platform_id)
            for row in complete:
                self.store.execute(
                    "update event set status = ?, receipt_id = ? where event_id = ?",
                    ResultStatus.STORED,
                    receipt_id,
                    row["event_id"],
                )
            results = [Result(row["event_id"], ResultStatus.STORED) for row in complete]
            self._seal(receipt_id, batch_id=None, results=results, now=now)

    def _seal(self, receipt_id: int, *, batch_id: str | None, results: list[Result], now: datetime) -> Document:
        document = {
            "batch_id": batch_id,
            "receipt_id": receipt_id,
            "results": [result.to_document() for result in results],
            "receiver_time": china_iso(now),
        }
        signed = signed_document(document, signer=self.signer)
        self.store.execute("update receipt set document = ? where receipt_id = ?", dump(signed), receipt_id)
        return signed

    def _judge(self, event: Any, platform_id: str) -> Result:
        event_id = event.get("event_id") if isinstance(event, dict) else None
        blank = Result(event_id if isinstance(event_id, str) else None, ResultStatus.REJECTED)
        if errors := event_errors(event):
            return replace(blank, code=RejectCode.SCHEMA_INVALID, field=errors[0].field, detail=errors[0].detail)
        if event["platform_id"] != platform_id:
            return replace(blank, code=RejectCode.SCHEMA_INVALID, field="platform_id", detail="与请求方不一致")
        return self._known(event, blank) or self._not_allowed(event, blank) or self._chained(event, blank)

    def _known(self, event: Document, blank: Result) -> Result | None:
        """Look for the same event, or another in its place."""
        held = self.store.rows(
            "select event_id, entry_hash, status from event where event_id = ? or (class_code = ? and seq = ?)",
            event["event_id"],
            event["class_code"],
            event["seq"],
        )
        if not held:
            return None
        if any(row["entry_hash"] != entry_hash(event) for row in held):
            detail = "同一编号或同一序号已收到内容不同的事件"
            return replace(blank, code=RejectCode.HASH_CONFLICT, field="event_id", detail=detail)
        if held[0]["status"] == ResultStatus.PENDING_FILES:
            return self._waiting(event, blank)
        return replace(blank, status=ResultStatus.DUPLICATE)

    def _not_allowed(self, event: Document, blank: Result) -> Result | None:
        """Ask whether this class, learner and moment may be reported."""
        row = self.store.document("select document from class where class_code = ?", event["class_code"])
        if row is None or row["platform_id"] != event["platform_id"]:
            return replace(blank, code=RejectCode.UNKNOWN_CLASS, field="class_code", detail="没有该班级")
        reason = self._class_reason(event, row) or self._moment_reason(event, row)
        if reason is None:
            return None
        code, name, detail = reason
        return replace(blank, code=code, field=name, detail=detail)

    def _class_reason(self, event: Document, row: Document) -> tuple[RejectCode, str, str] | None:
        platform = self.store.row("select regions from platform where platform_id = ?", event["platform_id"])
        regions = load(platform["regions"]) if platform is not None else []
        if event["region"] != row["region"] or event["region"] not in regions:
            return RejectCode.REGION_NOT_ALLOWED, "region", "该平台或班级不属于此行政区划"
        if row["approval_no"] is None:
            return RejectCode.CLASS_NOT_APPROVED, "class_code", "开班申请尚未获准，不能报送培训数据"
        if event["pack"] != row["pack"]:
            return RejectCode.PACK_MISMATCH, "pack", f"本班适用规则为 {row['pack']}"
        if event["claimable"] != row["claimable"]:
            return RejectCode.CLAIMABLE_MISMATCH, "claimable", "演示班级与正式班级的标记不一致"
        learner = event["learner_ref"]
        if learner is not None and not self._has_learner(event["class_code"], learner):
            return RejectCode.UNKNOWN_LEARNER, "learner_ref", "名册中没有该学员"
        return None

    def _moment_reason(self, event: Document, row: Document) -> tuple[RejectCode, str, str] | None:
        day = local_date(read_instant(event["occurred_at"]))
        kind = event["event_type"]
        start, end = date.fromisoformat(row["start"]), date.fromisoformat(row["end"])
        if kind in _PROCESS and (day < start or (kind in _IN_PERIOD and day > end)):
            return RejectCode.OUT_OF_CLASS_PERIOD, "occurred_at", f"培训日期为 {start} 至 {end}"
        if kind in _PROCESS and self._is_closed(event, row):
            return RejectCode.CLOSED_CLASS, "class_code", "班级已结班，不再接收培训过程数据"
        return None

    def _is_closed(self, event: Document, row: Document) -> bool:
        closing = self.store.row(
            "select min(seq) as seq from event where class_code = ? and event_type = ?",
            event["class_code"],
            EventType.CLASS_CLOSED,
        )
        closed_at = None if closing is None else closing["seq"]
        return row["status"] == "closed" or (closed_at is not None and event["seq"] > closed_at)

    def _has_learner(self, class_code: str, learner_ref: str) -> bool:
        found = self.store.row(
            "select 1 from learner where class_code = ? and learner_ref = ?", class_code, learner_ref
        )
        return found is not None

    def _chained(self, event: Document, blank: Result) -> Result:
        """Compare with the neighbours in the chain, as far as they have arrived."""
        before = self._neighbor(event, -1)
        after = self._neighbor(event, 1)
        expected = GENESIS_HASH if event["seq"] == 1 else (before["entry_hash"] if before is not None else None)
        fits_before = expected is None or event["prev_hash"] == expected
        fits_after = after is None or after["prev_hash"] == entry_hash(event)
        if not (fits_before and fits_after):
            detail = "前后摘要不衔接，请核对本班事件链"
            return replace(blank, code=RejectCode.CHAIN_BROKEN, field="prev_hash", detail=detail)
        result = self._waiting(event, blank)
        if expected is None and result.status is ResultStatus.STORED:
            return replace(result, code=RejectCode.SEQ_GAP, field="seq", detail=self._gap_text(event))
        return result

    def _neighbor(self, event: Document, distance: int) -> Any:
        return self.store.row(
            "select prev_hash, entry_hash from event where class_code = ? and seq = ?",
            event["class_code"],
            event["seq"] + distance,
        )

    def _gap_text(self, event: Document) -> str:
        last = event["seq"] - 1
        held = self.store.row(
            "select max(seq) from event where class_code = ? and seq < ?", event["class_code"], event["seq"]
        )
        first = 1 if held is None or held[0] is None else held[0] + 1
        return f"已收下，但缺少序号 {first} 至 {last}，请补发"

    def _waiting(self, event: Document, blank: Result) -> Result:
        if missing := self._missing_files(event):
            return replace(
                blank,
                status=ResultStatus.PENDING_FILES,
                code=RejectCode.FILE_MISSING,
                field="files",
                detail="缺少文件：" + "、".join(missing[:3]),
            )
        return replace(blank, status=ResultStatus.STORED)

    def _missing_files(self, event: Document) -> list[str]:
        return [item["sha256"] for item in event["files"] if not self.files.has(item["sha256"])]

    def _write(self, event: Any, result: Result, *, receipt_id: int, now: datetime) -> None:
        match result.status:
            case ResultStatus.REJECTED:
                self._write_rejection(event, result, now)
            case ResultStatus.STORED | ResultStatus.PENDING_FILES:
                self._write_event(event, result, receipt_id, now)
            case ResultStatus.DUPLICATE:
                pass

    def _write_rejection(self, event: Any, result: Result, now: datetime) -> None:
        named = event if isinstance(event, dict) else {}
        class_code, learner_ref = named.get("class_code"), named.get("learner_ref")
        self.store.execute(
            "insert into rejection (event_id, class_code, learner_ref, code, field, detail, received_at)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            result.event_id,
            class_code if isinstance(class_code, str) else None,
            learner_ref if isinstance(learner_ref, str) else None,
            result.code,
            result.field,
            result.detail,
            china_iso(now),
        )

    def _write_event(self, event: Document, result: Result, receipt_id: int, now: datetime) -> None:
        self.store.execute(
            "insert into event values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " on conflict (event_id) do update set status = excluded.status, receipt_id = excluded.receipt_id",
            event["event_id"],
            event["class_code"],
            event["seq"],
            event["event_type"],
            event["learner_ref"],
            event["recorded_at"],
            china_iso(now),
            result.status,
            event["payload_hash"],
            entry_hash(event),
            event["prev_hash"],
            receipt_id,
            dump(event),
        )
        for item in event["files"]:
            self.store.execute("insert or ignore into event_file values (?, ?)", item["sha256"], event["event_id"])


def missing_of_class(store: Store, class_code: str, *, first: int, last: int) -> list[tuple[int, int]]:
    """Find the ranges of sequence numbers of a class the city does not hold."""
    held = store.rows("select seq from event where class_code = ?", class_code)
    return missing_ranges((row["seq"] for row in held), first=first, last=last)
