"""Resumable uploads: the server answers addresses, the browser PUTs parts there, the server joins and checks.

The protocol is the same for every store:

1. `open_upload` answers an id and the plan (part size, number of parts).
2. `part_urls` answers signed addresses; the browser PUTs each part, then `record_part` notes its SHA-256.
3. After an interruption `resume` tells which parts are there; the browser compares their SHA-256 with the file it
   has, so that another file is not continued by mistake, and sends the missing ones.
4. `complete_upload` joins the parts, checks length, hash and kind of content, and records the object.

What counts at the end is what the store holds, never what the browser said. Commands that move bytes take the
transaction maker and not a session, because no transaction stays open while the network works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.ids import new_id
from storage.errors import (
    ContentMismatch,
    ObjectMissing,
    PartsMissing,
    TooManyUploads,
    UploadClosed,
    UploadMissing,
    UploadRefused,
)
from storage.models import StoredObject, StoredObjectId, Upload, UploadId, UploadPart
from storage.ports import ObjectInfo, ObjectStore
from storage.rules import (
    DEFAULT_PERIODS,
    HEAD_BYTES,
    KEPT_FROM_MAKING,
    Period,
    RetentionClass,
    UploadRule,
    check_announced,
    check_file_name,
    has_announced_kind,
    is_sha256,
    missing_parts,
    part_size,
    part_sizes,
    retain_until,
    upload_key,
)
from storage.service import ObjectRef, SealedBytes, Transaction, mirror_lock, record_sealed, ref_of
from storage.streams import hash_stream, read_exactly

URL_LIFETIME = timedelta(hours=1)
MAX_URLS = 100
"""Most addresses in one answer."""


@dataclass(frozen=True, slots=True)
class UploadView:
    """An upload as its owner sees it.

    Attributes:
        id: Its id.
        purpose: What it is for; the name of its rule.
        state: `open`, `completed`, `aborted` or `expired`.
        file_name: As the owner's device calls it.
        size_bytes: Length of the whole file.
        part_size_bytes: Length of every part but the last.
        part_count: Number of parts.
        received: SHA-256 of each confirmed part, by its number.
        missing: Numbers of the parts not confirmed yet.
        expires_at: Not completed by then, it expires.
        stored_object_id: The record, once completed.
    """

    id: UploadId
    purpose: str
    state: str
    file_name: str
    size_bytes: int
    part_size_bytes: int
    part_count: int
    received: Mapping[int, str]
    missing: Sequence[int]
    expires_at: datetime
    stored_object_id: StoredObjectId | None


def open_upload(
    transaction: Transaction,
    store: ObjectStore,
    rule: UploadRule,
    *,
    owner_id: UUID,
    file_name: str,
    size_bytes: int,
    media_type: str,
    now: datetime,
    sha256: str | None = None,
) -> UploadView:
    """Begin an upload.

    Args:
        transaction: Opens transactions.
        store: Where the file goes.
        rule: What may be uploaded.
        owner_id: Only this account may continue it.
        file_name: For display.
        size_bytes: Length of the file.
        media_type: What it claims to be.
        now: The present instant.
        sha256: Its hash, where the browser can compute it beforehand.

    Raises:
        UploadRefused: Empty, too big, not of an accepted kind, or without a usable name.
        TooManyUploads: The owner has too many unfinished uploads.
    """
    check_announced(rule, size_bytes=size_bytes, media_type=media_type)
    if sha256 is not None and not is_sha256(sha256):
        raise UploadRefused("文件校验值格式不正确，请刷新页面后重试")
    upload_id = new_id()
    key = upload_key(rule.purpose, upload_id)
    name = check_file_name(file_name)
    multipart_id = store.create_multipart(key, media_type=media_type)
    try:
        with transaction() as session:
            _check_open_count(session, owner_id, limit=rule.max_open)
            row = Upload(
                id=upload_id,
                owner_id=owner_id,
                purpose=rule.purpose,
                file_name=name,
                media_type=media_type,
                size_bytes=size_bytes,
                part_size_bytes=part_size(size_bytes, wished=rule.part_bytes),
                sha256=sha256,
                key=key,
                multipart_id=multipart_id,
                state="open",
                created_at=now,
                expires_at=now + rule.lifetime,
            )
            session.add(row)
            session.flush()
            return _view(row, {})
    except BaseException:
        store.abort_multipart(key, multipart_id)
        raise


def _check_open_count(session: Session, owner_id: UUID, *, limit: int) -> None:
    wanted = select(func.count()).where(Upload.owner_id == owner_id, Upload.state == "open")
    if (session.scalar(wanted) or 0) >= limit:
        raise TooManyUploads


def resume(session: Session, upload_id: UUID, *, owner_id: UUID) -> UploadView:
    """Tell how far an upload has come.

    Raises:
        UploadMissing: There is none, or it is someone else's.
    """
    row = _get(session, upload_id, owner_id=owner_id)
    wanted = select(UploadPart.number, UploadPart.sha256).where(UploadPart.upload_id == row.id)
    found = session.execute(wanted.order_by(UploadPart.number))
    return _view(row, {part.number: part.sha256 for part in found})


def _get(session: Session, upload_id: UUID, *, owner_id: UUID, is_locked: bool = False) -> Upload:
    wanted = select(Upload).where(Upload.id == upload_id, Upload.owner_id == owner_id)
    row = session.scalar(wanted.with_for_update() if is_locked else wanted)
    if row is None:
        raise UploadMissing
    return row


def _get_open(session: Session, upload_id: UUID, *, owner_id: UUID, now: datetime) -> Upload:
    row = _get(session, upload_id, owner_id=owner_id)
    if row.state != "open" or now >= row.expires_at:
        raise UploadClosed
    return row


def _view(row: Upload, received: Mapping[int, str]) -> UploadView:
    numbers = part_sizes(row.size_bytes, row.part_size_bytes)
    return UploadView(
        id=UploadId(row.id),
        purpose=row.purpose,
        state=row.state,
        file_name=row.file_name,
        size_bytes=row.size_bytes,
        part_size_bytes=row.part_size_bytes,
        part_count=len(numbers),
        received=received,
        missing=[number for number in numbers if number not in received],
        expires_at=row.expires_at,
        stored_object_id=StoredObjectId(row.stored_object_id) if row.stored_object_id else None,
    )


def part_urls(
    session: Session,
    store: ObjectStore,
    upload_id: UUID,
    *,
    owner_id: UUID,
    numbers: Sequence[int],
    now: datetime,
    expires_in: timedelta = URL_LIFETIME,
) -> dict[int, str]:
    """Sign addresses for parts; computed here, nothing is sent to the store.

    Raises:
        UploadMissing: There is no such upload, or it is someone else's.
        UploadClosed: It is not open any more.
        UploadRefused: A number is not in the plan, or more than 100 are asked for.
    """
    row = _get_open(session, upload_id, owner_id=owner_id, now=now)
    plan = part_sizes(row.size_bytes, row.part_size_bytes)
    if len(numbers) > MAX_URLS or not set(numbers) <= plan.keys():
        raise UploadRefused("分片序号不正确，请刷新页面后继续上传")
    return {
        number: store.presign_part(
            row.key, row.multipart_id, number, now=now, expires_in=expires_in, max_bytes=plan[number]
        )
        for number in numbers
    }


def record_part(session: Session, upload_id: UUID, number: int, *, owner_id: UUID, sha256: str, now: datetime) -> None:
    """Note that a part has been sent; sent again, it replaces itself.

    Raises:
        UploadMissing: There is no such upload, or it is someone else's.
        UploadClosed: It is not open any more.
        UploadRefused: The number is not in the plan, or the hash is malformed.
    """
    row = _get_open(session, upload_id, owner_id=owner_id, now=now)
    size = part_sizes(row.size_bytes, row.part_size_bytes).get(number)
    if size is None or not is_sha256(sha256):
        raise UploadRefused("分片信息不正确，请刷新页面后继续上传")
    values = {"size_bytes": size, "sha256": sha256, "received_at": now}
    statement = insert(UploadPart).values(upload_id=row.id, number=number, **values)
    session.execute(
        statement.on_conflict_do_update(index_elements=["upload_id", "number"], set_=values),
        execution_options={"synchronize_session": False},
    )


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What completing needs to know of an upload, free of any session."""

    key: str
    multipart_id: str
    media_type: str
    size_bytes: int
    plan: Mapping[int, int]
    sha256: str | None


def complete_upload(
    transaction: Transaction,
    store: ObjectStore,
    upload_id: UUID,
    *,
    owner_id: UUID,
    kind: str,
    retention: RetentionClass,
    now: datetime,
    sha256: str | None = None,
    periods: Mapping[RetentionClass, Period] = DEFAULT_PERIODS,
) -> ObjectRef:
    """Join the parts, check what came out, and record it; harmless when repeated.

    Reads the whole file once when the store has not hashed it already: call it where that may take its time.

    Args:
        transaction: Opens transactions.
        store: Where the parts lie.
        upload_id: The upload.
        owner_id: Its owner.
        kind: Kind of the record, for example `courseware`.
        retention: Why the file is kept.
        now: The present instant.
        sha256: The file's hash as its sender computed it; None: not known to the sender.
        periods: The region's retention periods.

    Raises:
        UploadMissing: There is no such upload, or it is someone else's.
        UploadClosed: It was aborted or has expired.
        PartsMissing: Parts are missing or have the wrong length; `missing` lists them.
        ContentMismatch: The file is not the announced one; the upload is aborted and its bytes are gone.
        UploadRefused: Its content is not of the announced kind; aborted likewise.
    """
    with transaction() as session:
        row = _get(session, upload_id, owner_id=owner_id)
        if row.state == "completed":
            return _stored(session, row)
        snapshot = _snapshot(_get_open(session, upload_id, owner_id=owner_id, now=now), sha256=sha256)
    info = _join(store, snapshot)
    try:
        found = _checked_hash(store, snapshot, info)
    except (ContentMismatch, UploadRefused):
        if _close(transaction, upload_id, owner_id=owner_id, state="aborted", now=now):
            store.delete(snapshot.key)
        raise
    sealed = SealedBytes(
        ref=ObjectRef(StoredObjectId(new_id()), snapshot.key, found, info.size_bytes, info.version_id),
        kind=kind,
        media_type=snapshot.media_type,
        retention=retention,
        retain_until=retain_until(retention, begins_at=now if retention in KEPT_FROM_MAKING else None, periods=periods),
    )
    with transaction() as session:
        ref = _record_completed(session, sealed, upload_id, owner_id=owner_id, now=now)
    mirror_lock(store, ref, until=sealed.retain_until, legal_hold=False)
    return ref


def _snapshot(row: Upload, *, sha256: str | None) -> _Snapshot:
    return _Snapshot(
        row.key,
        row.multipart_id,
        row.media_type,
        row.size_bytes,
        part_sizes(row.size_bytes, row.part_size_bytes),
        sha256 or row.sha256,
    )


def _stored(session: Session, row: Upload) -> ObjectRef:
    return ref_of(session.get_one(StoredObject, row.stored_object_id))


def _record_completed(
    session: Session, sealed: SealedBytes, upload_id: UUID, *, owner_id: UUID, now: datetime
) -> ObjectRef:
    """Record the joined file, unless another request has done so meanwhile."""
    row = _get(session, upload_id, owner_id=owner_id, is_locked=True)
    if row.state == "completed":
        return _stored(session, row)
    if row.state != "open":
        raise UploadClosed
    stored = record_sealed(session, sealed, now=now, created_by=owner_id)
    row.state, row.closed_at, row.stored_object_id = "completed", now, stored.id
    session.flush()
    return ref_of(stored)


def _join(store: ObjectStore, upload: _Snapshot) -> ObjectInfo:
    parts = store.list_parts(upload.key, upload.multipart_id)
    if not parts:  # joined before, and then something failed; or nothing was ever sent
        try:
            return store.head(upload.key)
        except ObjectMissing:
            raise PartsMissing(missing=list(upload.plan)) from None
    wanted = [part for part in parts if part.number in upload.plan]
    if missing := missing_parts(upload.plan, {part.number: part.size_bytes for part in wanted}):
        raise PartsMissing(missing=missing)
    return store.complete_multipart(upload.key, upload.multipart_id, wanted)


def _checked_hash(store: ObjectStore, upload: _Snapshot, info: ObjectInfo) -> str:
    """Compare an object with what was announced; returns its SHA-256."""
    with store.open_range(upload.key, version_id=info.version_id) as stream:
        head = read_exactly(stream, HEAD_BYTES)
    if not has_announced_kind(head, upload.media_type):
        raise UploadRefused("文件内容与所选类型不符，请确认文件格式后重新上传")
    if info.sha256 is None:
        with store.open_range(upload.key, version_id=info.version_id) as stream:
            found, size_bytes = hash_stream(stream)
    else:
        found, size_bytes = info.sha256, info.size_bytes
    if size_bytes != upload.size_bytes or (upload.sha256 is not None and found != upload.sha256):
        raise ContentMismatch
    return found


def _close(transaction: Transaction, upload_id: UUID, *, owner_id: UUID, state: str, now: datetime) -> bool:
    """Close an upload that is still open; False when it was closed already."""
    with transaction() as session:
        row = _get(session, upload_id, owner_id=owner_id, is_locked=True)
        if row.state != "open":
            return False
        row.state, row.closed_at = state, now
        return True


def abort_upload(
    transaction: Transaction, store: ObjectStore, upload_id: UUID, *, owner_id: UUID, now: datetime
) -> None:
    """Give an upload up and throw its parts away; harmless when it was given up before.

    Raises:
        UploadMissing: There is no such upload, or it is someone else's.
        UploadClosed: It is completed: what was recorded stays.
    """
    with transaction() as session:
        row = _get(session, upload_id, owner_id=owner_id)
        if row.state == "completed":
            raise UploadClosed("该文件已上传完成，不能取消上传")
        key, multipart_id = row.key, row.multipart_id
    _close(transaction, upload_id, owner_id=owner_id, state="aborted", now=now)
    store.abort_multipart(key, multipart_id)


def expire_uploads(transaction: Transaction, store: ObjectStore, *, now: datetime, limit: int = 200) -> int:
    """Close uploads that were not completed in time and throw their parts away; returns how many.

    The parts go first: when the store does not answer, the upload stays open and is tried again.
    """
    with transaction() as session:
        late = select(Upload.id, Upload.owner_id, Upload.key, Upload.multipart_id).where(
            Upload.state == "open", Upload.expires_at <= now
        )
        found = session.execute(late.order_by(Upload.expires_at).limit(limit)).all()
    for upload_id, owner_id, key, multipart_id in found:
        store.abort_multipart(key, multipart_id)
        _close(transaction, upload_id, owner_id=owner_id, state="expired", now=now)
    return len(found)
