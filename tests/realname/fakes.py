"""A `CitySystem` in memory; keeps the promises of the port, nothing else."""

from __future__ import annotations

import hashlib
from datetime import date, datetime

from app.core.canonical import canonical_hash
from app.core.clock import Clock
from app.realname.ports import (
    CityClass,
    DigestAnswer,
    EventResult,
    Failure,
    FileState,
    Health,
    PersonClaims,
    Receipt,
    ReceiptPage,
    Roster,
    RosterRow,
)
from app.realname.protocol import (
    MAX_BATCH_EVENTS,
    ClassDigest,
    DigestKind,
    ErrorKind,
    RejectCode,
    ResultStatus,
    compute_digest,
    digest_differences,
    entries_of_day,
    entry_hash,
    event_errors,
    missing_ranges,
)


class FakeCity:
    """A city without a network."""

    def __init__(self, *, classes, rosters, clock: Clock):
        self.classes: dict[str, CityClass] = {item.class_code: item for item in classes}
        self.rosters: dict[str, tuple[RosterRow, ...]] = rosters
        self.clock = clock
        self.events: dict[str, dict] = {}
        self.files: dict[str, bytes] = {}
        self.kept_receipts: list[Receipt] = []
        self.by_batch: dict[str, tuple[str, Receipt]] = {}
        self.digests: dict[tuple[str, str, date], ClassDigest] = {}

    def pull_classes(self, *, updated_since: datetime | None = None):
        return tuple(
            item for item in self.classes.values() if updated_since is None or item.updated_at >= updated_since
        )

    def pull_roster(self, class_code):
        if class_code not in self.classes:
            return Failure(kind=ErrorKind.INVALID, code="unknown_class", detail="没有该班级", status=404)
        sha256 = self.classes[class_code].roster_sha256
        return Roster(class_code=class_code, roster_sha256=sha256, rows=self.rosters.get(class_code, ()))

    def push_events(self, events, *, batch_id):
        if len(events) > MAX_BATCH_EVENTS:
            return Failure(kind=ErrorKind.TOO_LARGE, code="too_large", detail="批次过大")
        content = canonical_hash(list(events))
        if batch_id in self.by_batch:
            before, receipt = self.by_batch[batch_id]
            if before != content:
                return Failure(kind=ErrorKind.CONFLICT, code="idempotency_conflict", detail="冲突", status=409)
            return receipt
        receipt = Receipt(
            receipt_id=len(self.kept_receipts) + 1,
            batch_id=batch_id,
            results=tuple(self._judge(event) for event in events),
            receiver_time=self.clock.now(),
            document={"batch_id": batch_id},
        )
        self.kept_receipts.append(receipt)
        self.by_batch[batch_id] = (content, receipt)
        return receipt

    def _judge(self, event):
        def result(status, code=None):
            return EventResult(event_id=event["event_id"], status=status, code=code)

        if event_errors(event):
            return result(ResultStatus.REJECTED, RejectCode.SCHEMA_INVALID)
        held = [
            other
            for other in self.events.values()
            if other["event_id"] == event["event_id"]
            or (other["class_code"], other["seq"]) == (event["class_code"], event["seq"])
        ]
        if any(entry_hash(other) != entry_hash(event) for other in held):
            return result(ResultStatus.REJECTED, RejectCode.HASH_CONFLICT)
        if held:
            return result(ResultStatus.DUPLICATE)
        if code := self._refusal(event):
            return result(ResultStatus.REJECTED, code)
        if any(file["sha256"] not in self.files for file in event["files"]):
            return result(ResultStatus.PENDING_FILES, RejectCode.FILE_MISSING)
        self.events[event["event_id"]] = event
        seqs = {other["seq"] for other in self._of(event["class_code"])}
        gap = event["seq"] > 1 and event["seq"] - 1 not in seqs
        return result(ResultStatus.STORED, RejectCode.SEQ_GAP if gap else None)

    def _refusal(self, event):
        found = self.classes.get(event["class_code"])
        if found is None:
            return RejectCode.UNKNOWN_CLASS
        if found.approval_no is None:
            return RejectCode.CLASS_NOT_APPROVED
        if event["claimable"] != found.claimable:
            return RejectCode.CLAIMABLE_MISMATCH
        known = {row.learner_ref for row in self.rosters.get(found.class_code, ())}
        return None if event["learner_ref"] in known | {None} else RejectCode.UNKNOWN_LEARNER

    def _of(self, class_code):
        return [event for event in self.events.values() if event["class_code"] == class_code]

    def head_file(self, sha256):
        held = self.files.get(sha256)
        return FileState(sha256=sha256, is_complete=held is not None, offset=len(held or b""))

    def put_file(self, sha256, *, content, size_bytes):
        data = content.read()
        if hashlib.sha256(data).hexdigest() != sha256:
            return Failure(kind=ErrorKind.INVALID, code="file_hash_mismatch", detail="摘要不一致", status=422)
        self.files[sha256] = data
        return FileState(sha256=sha256, is_complete=True, offset=size_bytes)

    def receipts(self, *, cursor=None):
        after = int(cursor or 0)
        found = tuple(receipt for receipt in self.kept_receipts if receipt.receipt_id > after)[:100]
        return ReceiptPage(receipts=found, next_cursor=str(found[-1].receipt_id if found else after))

    def post_digest(self, digest: ClassDigest):
        self.digests[digest.class_code, digest.kind, digest.day] = digest
        return self._compare(digest)

    def digest_diff(self, day):
        return tuple(self._compare(digest) for digest in self.digests.values() if digest.day == day)

    def _compare(self, digest: ClassDigest):
        events = self._of(digest.class_code)
        if digest.kind is DigestKind.DAILY:
            events = entries_of_day(events, day=digest.day)
        ours = compute_digest(
            events, platform_id="P001", class_code=digest.class_code, kind=digest.kind, day=digest.day
        )
        differing = digest_differences(digest.to_document(), ours.to_document())
        held = [event["seq"] for event in self._of(digest.class_code)]
        missing = missing_ranges(held, first=digest.first_seq, last=digest.last_seq) if digest.last_seq else []
        return DigestAnswer(
            class_code=digest.class_code,
            day=digest.day,
            kind=str(digest.kind),
            matched=not differing,
            differences=tuple(differing),
            missing=tuple(missing),
            unknown_learners=(),
            entries=tuple((event["seq"], event["payload_hash"]) for event in events) if differing else (),
            receiver=ours.to_document(),
            receiver_time=self.clock.now(),
        )

    def person_claims(self, person_key):
        return PersonClaims(person_key=person_key, year=self.clock.now().year, claims_in_year=0, claims=())

    def health(self):
        return Health(status="ok", receiver_time=self.clock.now())
