"""The push protocol ``rnp/1`` between the platform and a city's real-name system (实名制系统): pure rules.

Nothing here opens a connection, reads a clock or rolls dice by itself.

- `signing`: who sent this, and was it altered
- `envelope`: events, their hashes and their chain
- `retry`: what follows a failure
- `digest` and `merkle`: do both sides hold the same

Clauses: CC-4.1.3b, CC-A2-3.1
"""

from app.realname.protocol.digest import (
    ClassDigest,
    DigestKind,
    compute_digest,
    digest_differences,
    entries_of_day,
    hash_differences,
    missing_ranges,
)
from app.realname.protocol.envelope import (
    GENESIS_HASH,
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    MAY_PASS_LATER,
    Document,
    EventType,
    FieldError,
    RejectCode,
    ResultStatus,
    batch_bytes,
    build_event,
    entry_hash,
    event_errors,
    payload_hash,
)
from app.realname.protocol.merkle import merkle_root, merkle_root_of_hashes
from app.realname.protocol.retry import RETRYABLE, Action, Breaker, Decision, ErrorKind, kind_of_status, next_attempt
from app.realname.protocol.signing import (
    KeyRing,
    ProtocolRefusal,
    RequestTarget,
    SigningKey,
    VerifiedRequest,
    VerifyKey,
    answer_headers,
    content_digest,
    request_headers,
    signed_document,
    verify_answer,
    verify_document,
    verify_request,
)

__all__ = [
    "GENESIS_HASH",
    "MAX_BATCH_BYTES",
    "MAX_BATCH_EVENTS",
    "MAY_PASS_LATER",
    "RETRYABLE",
    "Action",
    "Breaker",
    "ClassDigest",
    "Decision",
    "DigestKind",
    "Document",
    "ErrorKind",
    "EventType",
    "FieldError",
    "KeyRing",
    "ProtocolRefusal",
    "RejectCode",
    "RequestTarget",
    "ResultStatus",
    "SigningKey",
    "VerifiedRequest",
    "VerifyKey",
    "answer_headers",
    "batch_bytes",
    "build_event",
    "compute_digest",
    "content_digest",
    "digest_differences",
    "entries_of_day",
    "entry_hash",
    "event_errors",
    "hash_differences",
    "kind_of_status",
    "merkle_root",
    "merkle_root_of_hashes",
    "missing_ranges",
    "next_attempt",
    "payload_hash",
    "request_headers",
    "signed_document",
    "verify_answer",
    "verify_document",
    "verify_request",
]
