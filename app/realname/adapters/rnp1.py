"""Speak the protocol ``rnp/1`` to a city real-name system over HTTP.

Requests are signed with a fresh nonce each; answers are believed only when the city signed them for exactly this
request. An unsigned or altered answer, also an unsigned error of some proxy in between, counts as no answer: the relay
sends the same batch again under the same Idempotency-Key, which is always harmless.

Clauses: CC-4.1.3b, CC-5.3.2a, CC-5.3.2f, CC-A2-3.1
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, BinaryIO, Self, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import httpx
from pydantic import TypeAdapter, ValidationError

from app.core.canonical import NotCanonical, canonical_bytes, canonical_hash
from app.core.clock import Clock, china_iso
from app.realname.ports import (
    CityClass,
    DigestAnswer,
    EventResult,
    Failure,
    FileState,
    Health,
    Outcome,
    PersonClaims,
    Receipt,
    ReceiptPage,
    Roster,
    RosterRow,
)
from app.realname.protocol import (
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    ClassDigest,
    Document,
    ErrorKind,
    KeyRing,
    ProtocolRefusal,
    RequestTarget,
    SigningKey,
    batch_bytes,
    kind_of_status,
    request_headers,
    verify_answer,
    verify_document,
)

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
CHUNK_BYTES = 8 * 1024 * 1024

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_RESEND_CODES = frozenset({"replay", "digest_mismatch"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Answer:
    """A signed answer: status, JSON document (None without a body) and headers."""

    status: int
    document: Any
    headers: Mapping[str, str]


class Rnp1Client:
    """A `CitySystem` that speaks ``rnp/1``.

    Args:
        base_url: Address of the city system; must be https unless it is this machine.
        platform_id: Our number at the city.
        signer: Our key; its public half is registered with the city.
        city_keys: Gives the city's public keys as they are known now.
        clock: Tells the time.
        transport: Replaces the network, for tests.

    Raises:
        ValueError: The address is neither https nor this machine.
    """

    def __init__(
        self,
        base_url: str,
        *,
        platform_id: str,
        signer: SigningKey,
        city_keys: Callable[[], KeyRing],
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise ValueError("名册含个人信息，实名制系统地址必须使用 https")
        self._platform_id = platform_id
        self._signer = signer
        self._city_keys = city_keys
        self._clock = clock
        self._http = httpx.Client(
            base_url=base_url,
            timeout=httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            transport=transport,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def pull_classes(self, *, updated_since: datetime | None = None) -> Outcome[tuple[CityClass, ...]]:
        """Read all classes assigned to this platform, changed at or after `updated_since`."""
        query = {} if updated_since is None else {"updated_since": china_iso(updated_since)}
        rows = self._pages("/rnp/1/classes", query, "classes")
        return rows if isinstance(rows, Failure) else _read(tuple[CityClass, ...], rows)

    def pull_roster(self, class_code: str) -> Outcome[Roster]:
        """Read the whole roster of a class; a roster that changed while being read is a retryable failure."""
        path = f"/rnp/1/classes/{quote(class_code, safe='')}/roster"
        hashes: set[str | None] = set()
        rows = self._pages(path, {}, "rows", look=lambda page: hashes.add(page.get("roster_sha256")))
        if isinstance(rows, Failure):
            return rows
        expected = _roster_hash(rows)
        if hashes != {expected}:
            return _broken("roster_hash_mismatch", "名册内容与其摘要不一致，请重新获取")
        people = _read(tuple[RosterRow, ...], rows)
        if isinstance(people, Failure):
            return people
        return Roster(class_code=class_code, roster_sha256=expected, rows=people)

    def push_events(self, events: Sequence[Document], *, batch_id: str) -> Outcome[Receipt]:
        """Deliver 1 to 200 events, at most 1 MiB."""
        body = batch_bytes(batch_id, events)
        if len(events) > MAX_BATCH_EVENTS or len(body) > MAX_BATCH_BYTES:
            return Failure(kind=ErrorKind.TOO_LARGE, code="too_large", detail="批次超过 200 个事件或 1 MiB")
        answer = self._call("POST", "/rnp/1/events", body=body, idempotency_key=batch_id)
        if isinstance(answer, Failure):
            return answer
        receipt = self._receipt(answer.document)
        if isinstance(receipt, Failure):
            return receipt
        sent = [event["event_id"] for event in events]
        if receipt.batch_id != batch_id or [result.event_id for result in receipt.results] != sent:
            return _broken("wrong_receipt", "回执与所发批次不符")
        return receipt

    def head_file(self, sha256: str) -> Outcome[FileState]:
        """Ask what the city holds of a file."""
        answer = self._call("HEAD", f"/rnp/1/files/{sha256}", accepted=frozenset({404}))
        if isinstance(answer, Failure):
            return answer
        offset = answer.headers.get("Upload-Offset", "0")
        if not offset.isdecimal():
            return _broken("upload_offset", "实名制系统返回的上传进度不正确")
        is_complete = answer.status == httpx.codes.OK
        return FileState(sha256=sha256, is_complete=is_complete, offset=int(offset))

    def put_file(self, sha256: str, *, content: BinaryIO, size_bytes: int) -> Outcome[FileState]:
        """Send a file in chunks of 8 MiB from where the city's copy ends."""
        state = self.head_file(sha256)
        while not isinstance(state, Failure) and not state.is_complete:
            start = state.offset
            state = self._put_chunk(sha256, content=content, start=start, size_bytes=size_bytes)
            if not isinstance(state, Failure) and not state.is_complete and state.offset <= start:
                return _broken("upload_offset", "文件上传没有进展")
        return state

    def _put_chunk(self, sha256: str, *, content: BinaryIO, start: int, size_bytes: int) -> Outcome[FileState]:
        content.seek(start)
        chunk = content.read(min(CHUNK_BYTES, max(size_bytes - start, 0)))
        if not chunk and size_bytes:
            return Failure(kind=ErrorKind.INVALID, code="file_truncated", detail="本地文件比登记的长度短")
        extra = {"Content-Range": f"bytes {start}-{start + len(chunk) - 1}/{size_bytes}"} if chunk else {}
        answer = self._call("PUT", f"/rnp/1/files/{sha256}", body=chunk, extra=extra)
        if isinstance(answer, Failure):
            return answer
        found = _read(_UploadState, answer.document)
        if isinstance(found, Failure):
            return found
        return FileState(sha256=found.sha256, is_complete=found.complete, offset=found.offset)

    def receipts(self, *, cursor: str | None = None) -> Outcome[ReceiptPage]:
        """Read up to 100 receipts after `cursor`; every one is checked against the city's key."""
        query = {} if cursor is None else {"cursor": cursor}
        answer = self._call("GET", "/rnp/1/receipts", query=query)
        if isinstance(answer, Failure):
            return answer
        page = _read(_ReceiptPage, answer.document)
        if isinstance(page, Failure):
            return page
        found = []
        for document in page.receipts:
            receipt = self._receipt(document)
            if isinstance(receipt, Failure):
                return receipt
            found.append(receipt)
        return ReceiptPage(receipts=tuple(found), next_cursor=page.next_cursor)

    def post_digest(self, digest: ClassDigest) -> Outcome[DigestAnswer]:
        """Compare a digest with the city's records."""
        answer = self._call("POST", "/rnp/1/digests", body=canonical_bytes(digest.to_document()))
        return answer if isinstance(answer, Failure) else _read(DigestAnswer, answer.document)

    def digest_diff(self, day: date) -> Outcome[tuple[DigestAnswer, ...]]:
        """Compare all digests of a day again with what the city holds now."""
        answer = self._call("GET", f"/rnp/1/digests/{day.isoformat()}/diff")
        if isinstance(answer, Failure):
            return answer
        found = _read(_Diff, answer.document)
        return found if isinstance(found, Failure) else found.classes

    def person_claims(self, person_key: str) -> Outcome[PersonClaims]:
        """Ask for earlier claims of a person."""
        answer = self._call("GET", "/rnp/1/person-claims", query={"person_key": person_key})
        return answer if isinstance(answer, Failure) else _read(PersonClaims, answer.document)

    def health(self) -> Outcome[Health]:
        """Ask whether the city answers."""
        answer = self._call("GET", "/rnp/1/health")
        return answer if isinstance(answer, Failure) else _read(Health, answer.document)

    def _receipt(self, document: Any) -> Outcome[Receipt]:
        found = _read(_ReceiptDocument, document)
        if isinstance(found, Failure):
            return found
        try:
            verify_document(document, keys=self._city_keys(), at=found.receiver_time)
        except (ProtocolRefusal, NotCanonical):
            return _broken("receipt_signature", "回执签名不正确")
        return Receipt(
            receipt_id=found.receipt_id,
            batch_id=found.batch_id,
            results=found.results,
            receiver_time=found.receiver_time,
            document=document,
        )

    def _pages(
        self,
        path: str,
        query: Mapping[str, str],
        member: str,
        *,
        look: Callable[[Mapping[str, Any]], None] = lambda _: None,
    ) -> Outcome[list[Any]]:
        """Read all pages of a list; `look` sees each page."""
        rows: list[Any] = []
        cursor: str | None = None
        seen: set[str] = set()
        while True:
            more = {} if cursor is None else {"cursor": cursor}
            answer = self._call("GET", path, query={**query, **more})
            if isinstance(answer, Failure):
                return answer
            page = answer.document
            if not isinstance(page, dict) or not isinstance(page.get(member), list):
                return _broken("schema_invalid", "实名制系统的应答缺少列表")
            look(page)
            rows += page[member]
            cursor = page.get("next_cursor")
            if cursor is None:
                return rows
            if not isinstance(cursor, str) or cursor in seen or not page[member]:
                return _broken("endless_pages", "实名制系统的分页没有尽头")
            seen.add(cursor)

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        idempotency_key: str = "",
        extra: Mapping[str, str] | None = None,
        accepted: frozenset[int] = frozenset(),
    ) -> Outcome[_Answer]:
        """Send a signed request and check the answer's signature; `accepted` names good statuses beside 2xx."""
        target = RequestTarget(method, path, urlencode(query or {}))
        nonce = secrets.token_hex(16)
        headers = request_headers(
            target,
            signer=self._signer,
            platform_id=self._platform_id,
            body=body,
            nonce=nonce,
            now=self._clock.now(),
            idempotency_key=idempotency_key,
        )
        url = f"{path}?{target.query}" if target.query else path
        try:
            response = self._http.request(method, url, content=body, headers={**headers, **(extra or {})})
        except httpx.TimeoutException as error:
            return Failure(kind=ErrorKind.TIMEOUT, code=type(error).__name__, detail="实名制系统没有按时应答")
        except httpx.HTTPError as error:
            return Failure(kind=ErrorKind.NETWORK, code=type(error).__name__, detail="无法连接实名制系统")
        return self._judge(target, nonce, response, accepted)

    def _judge(
        self, target: RequestTarget, nonce: str, response: httpx.Response, accepted: frozenset[int]
    ) -> Outcome[_Answer]:
        is_good = response.is_success or response.status_code in accepted
        kind = kind_of_status(response.status_code)
        try:
            verify_answer(
                target,
                status=response.status_code,
                request_nonce=nonce,
                headers=response.headers,
                body=response.content,
                keys=self._city_keys(),
                now=self._clock.now(),
            )
        except ProtocolRefusal as error:
            if not is_good and kind in {ErrorKind.SERVER_ERROR, ErrorKind.THROTTLED, ErrorKind.TIMEOUT}:
                return _failure(kind, response, {})
            return Failure(
                kind=ErrorKind.BROKEN_ANSWER,
                code=f"answer_{error.slug}",
                detail="应答没有通过签名核验，视为未收到",
                status=response.status_code,
            )
        try:
            document = json.loads(response.content) if response.content else None
        except ValueError:
            return _broken("not_json", "应答不是有效的 JSON")
        if is_good:
            return _Answer(response.status_code, document, response.headers)
        return _failure(kind, response, document if isinstance(document, dict) else {})


@dataclass(frozen=True, slots=True)
class _UploadState:
    sha256: str
    complete: bool
    offset: int


@dataclass(frozen=True, slots=True)
class _ReceiptPage:
    receipts: tuple[dict[str, Any], ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class _ReceiptDocument:
    batch_id: str | None
    receipt_id: int
    results: tuple[EventResult, ...]
    receiver_time: datetime


@dataclass(frozen=True, slots=True)
class _Diff:
    day: date
    classes: tuple[DigestAnswer, ...]


def _read(kind: type[T], document: Any) -> Outcome[T]:
    try:
        return TypeAdapter(kind).validate_python(document)
    except ValidationError as error:
        where = "/".join(str(part) for part in error.errors()[0]["loc"])
        return _broken("schema_invalid", f"实名制系统的应答格式不正确：{where}")


def _roster_hash(rows: list[Any]) -> str | None:
    try:
        return canonical_hash(rows) if rows else None
    except NotCanonical:
        return None


def _failure(kind: ErrorKind, response: httpx.Response, problem: Mapping[str, Any]) -> Failure:
    code = str(problem.get("code") or f"http_{response.status_code}")
    wait = response.headers.get("Retry-After", "")
    return Failure(
        kind=ErrorKind.BROKEN_ANSWER if code in _RESEND_CODES else kind,
        code=code,
        detail=str(problem.get("detail") or f"实名制系统返回 {response.status_code}"),
        status=response.status_code,
        retry_after_s=int(wait) if wait.isdecimal() else None,
    )


def _broken(code: str, detail: str) -> Failure:
    return Failure(kind=ErrorKind.BROKEN_ANSWER, code=code, detail=detail)
