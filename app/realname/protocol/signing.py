"""Sign and check requests, answers and documents of the push protocol ``rnp/1``.

A request is signed over the string ``METHOD, path, sorted query, platform id, key id, timestamp, nonce,
idempotency key, content digest`` (UTF-8, one LF between members). An answer is signed over its status and the
nonce of the request it belongs to, so an old answer cannot be played to a new request. A receipt carries its own
signature besides, because it is kept as evidence after the connection is gone.

Keys are Ed25519. A public key is named by its own hash, so a name can never point at two keys.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.core.canonical import canonical_bytes
from app.core.clock import china_iso
from app.core.errors import Unauthenticated

PLATFORM_ID = "X-Platform-Id"
KEY_ID = "X-Key-Id"
TIMESTAMP = "X-Timestamp"
NONCE = "X-Nonce"
IDEMPOTENCY_KEY = "Idempotency-Key"
CONTENT_DIGEST = "Content-Digest"
SIGNATURE = "X-Signature"

MAX_SKEW = timedelta(seconds=300)
NONCE_MEMORY = timedelta(minutes=10)

_ALGORITHM = "alg=ed25519;sig="
_NONCE_HEX_DIGITS = 32


class ProtocolRefusal(Unauthenticated):
    """The request does not prove who sent it; `slug` is the protocol's reject code."""

    slug = "signature_invalid"
    title = "请求没有通过身份核验"


class ClockSkew(ProtocolRefusal):
    """The request's time is more than `MAX_SKEW` away from the receiver's."""

    slug = "clock_skew"
    title = "双方时钟相差超过 5 分钟，请先校准服务器时间"


class Replay(ProtocolRefusal):
    """The nonce was seen within the last ten minutes."""

    slug = "replay"
    title = "收到了重复的请求"


class KeyUnknown(ProtocolRefusal):
    """The key is not registered, not yet valid or no longer valid."""

    slug = "key_unknown"
    title = "签名密钥未登记或已失效"


class DigestMismatch(ProtocolRefusal):
    """The body is not the one the sender hashed."""

    slug = "digest_mismatch"
    title = "内容与摘要不一致，请重新发送"
    status = 400


class SignatureInvalid(ProtocolRefusal):
    """The signature does not belong to this request and key."""

    slug = "signature_invalid"
    title = "签名不正确"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id under which the other side knows its public half."""

    private_key: Ed25519PrivateKey = field(repr=False)

    @property
    def key_id(self) -> str:
        """Name the key."""
        return key_id_of(self.private_key.public_key())

    def sign(self, message: bytes) -> str:
        """Sign `message`; the value of the `X-Signature` header."""
        return _ALGORITHM + base64.b64encode(self.private_key.sign(message)).decode()


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A public key of the other side, valid in the half-open period `valid_from` to `valid_to`."""

    public_key: Ed25519PublicKey
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    @property
    def key_id(self) -> str:
        """Name the key."""
        return key_id_of(self.public_key)

    def is_valid(self, at: datetime) -> bool:
        """Tell whether the key may be used at that instant."""
        started = self.valid_from is None or self.valid_from <= at
        return started and (self.valid_to is None or at < self.valid_to)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The public keys of the other side; two may be valid at once while one replaces the other."""

    keys: Mapping[str, VerifyKey]

    @classmethod
    def of(cls, keys: Iterable[VerifyKey]) -> KeyRing:
        """Collect keys under their ids."""
        return cls({key.key_id: key for key in keys})

    def check(self, message: bytes, *, key_id: str, signature: str, now: datetime) -> None:
        """Check a signature.

        Raises:
            KeyUnknown: No such key, or not valid at `now`.
            SignatureInvalid: The signature does not fit, or names another algorithm.
        """
        key = self.keys.get(key_id)
        if key is None or not key.is_valid(now):
            raise KeyUnknown(key_id=key_id)
        if not signature.startswith(_ALGORITHM):
            raise SignatureInvalid("签名算法不受支持，本接口使用 ed25519")
        try:
            raw = base64.b64decode(signature.removeprefix(_ALGORITHM), validate=True)
            key.public_key.verify(raw, message)
        except (binascii.Error, InvalidSignature) as error:
            raise SignatureInvalid from error


@dataclass(frozen=True, slots=True)
class RequestTarget:
    """What a request asks for.

    Attributes:
        method: HTTP method, upper case.
        path: Percent-encoded path, without the query.
        query: Query as sent; its order does not matter.
    """

    method: str
    path: str
    query: str = ""

    def lines(self) -> list[str]:
        """List the three members that open every string to sign."""
        pairs = sorted(parse_qsl(self.query, keep_blank_values=True))
        return [self.method, self.path, urlencode(pairs, quote_via=quote, safe="")]


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """Who sent a request, proven by its signature."""

    platform_id: str
    key_id: str
    nonce: str
    idempotency_key: str


def key_id_of(public_key: Ed25519PublicKey) -> str:
    """Name a public key by the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def encode_public_key(public_key: Ed25519PublicKey) -> str:
    """Write a public key as base64 of its 32 bytes."""
    return base64.b64encode(public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def decode_public_key(text: str) -> Ed25519PublicKey:
    """Read a public key from base64.

    Raises:
        ValueError: The text is not the base64 form of 32 bytes.
    """
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text.strip(), validate=True))


def read_key_file(text: str) -> KeyRing:
    """Read public keys, one a line: base64, then optionally the instant (RFC 3339) the key ends.

    Empty lines and lines starting with `#` are skipped.

    Raises:
        ValueError: A line holds no public key or no instant.
    """
    keys = []
    for line in text.splitlines():
        words = line.split()
        if words and not words[0].startswith("#"):
            end = datetime.fromisoformat(words[1]) if len(words) > 1 else None
            keys.append(VerifyKey(decode_public_key(words[0]), valid_to=end))
    return KeyRing.of(keys)


def content_digest(body: bytes) -> str:
    """Write the RFC 9530 `Content-Digest` of a body (sha-256); also of an empty one."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def request_headers(
    target: RequestTarget,
    *,
    signer: SigningKey,
    platform_id: str,
    body: bytes,
    nonce: str,
    now: datetime,
    idempotency_key: str = "",
) -> dict[str, str]:
    """Write the headers that authenticate a request.

    Args:
        target: Method, path and query.
        signer: The platform's key.
        platform_id: The platform's number at the city.
        body: The body as it will be sent.
        nonce: 128 random bits as 32 hex digits, fresh for every sending.
        now: The present instant.
        idempotency_key: UUIDv7 of the batch; empty where the request has none.
    """
    headers = {
        PLATFORM_ID: platform_id,
        KEY_ID: signer.key_id,
        TIMESTAMP: china_iso(now),
        NONCE: nonce,
        IDEMPOTENCY_KEY: idempotency_key,
        CONTENT_DIGEST: content_digest(body),
    }
    signature = signer.sign(_request_string(target, headers))
    return {name: value for name, value in headers.items() if value} | {SIGNATURE: signature}


def verify_request(
    target: RequestTarget,
    *,
    headers: Mapping[str, str],
    body: bytes,
    keys_of: Callable[[str], KeyRing],
    now: datetime,
) -> VerifiedRequest:
    """Check everything about a request but its nonce, which the receiver must remember.

    Args:
        target: Method, path and query as received.
        headers: Headers as received; look-up must ignore case.
        body: The body as received.
        keys_of: Gives the keys of a platform; an empty ring for an unknown one.
        now: The receiver's present instant.

    Raises:
        ProtocolRefusal: One of its subclasses names the reason.
    """
    values = {
        name: headers.get(name, "")
        for name in (PLATFORM_ID, KEY_ID, TIMESTAMP, NONCE, IDEMPOTENCY_KEY, CONTENT_DIGEST, SIGNATURE)
    }
    keys = keys_of(values[PLATFORM_ID])
    if values[KEY_ID] not in keys.keys:
        raise KeyUnknown(key_id=values[KEY_ID])
    if abs(_read_time(values[TIMESTAMP]) - now) > MAX_SKEW:
        raise ClockSkew(receiver_time=china_iso(now))
    if values[CONTENT_DIGEST] != content_digest(body):
        raise DigestMismatch
    keys.check(_request_string(target, values), key_id=values[KEY_ID], signature=values[SIGNATURE], now=now)
    _check_nonce(values[NONCE])
    return VerifiedRequest(values[PLATFORM_ID], values[KEY_ID], values[NONCE], values[IDEMPOTENCY_KEY])


def answer_headers(
    target: RequestTarget, *, status: int, request_nonce: str, body: bytes, signer: SigningKey, now: datetime
) -> dict[str, str]:
    """Write the headers that authenticate an answer and tie it to the request's nonce."""
    headers = {
        KEY_ID: signer.key_id,
        TIMESTAMP: china_iso(now),
        NONCE: request_nonce,
        CONTENT_DIGEST: content_digest(body),
    }
    return headers | {SIGNATURE: signer.sign(_answer_string(target, status, headers))}


def verify_answer(
    target: RequestTarget,
    *,
    status: int,
    request_nonce: str,
    headers: Mapping[str, str],
    body: bytes,
    keys: KeyRing,
    now: datetime,
) -> None:
    """Check that an answer is the city's answer to exactly this request.

    The answer to a HEAD request has no body; its digest is that of zero bytes.

    Raises:
        ProtocolRefusal: The answer is unsigned, altered, or belongs to another request.
    """
    values = {name: headers.get(name, "") for name in (KEY_ID, TIMESTAMP, NONCE, CONTENT_DIGEST, SIGNATURE)}
    if values[NONCE] != request_nonce:
        raise Replay("收到的应答不属于本次请求")
    if values[CONTENT_DIGEST] != content_digest(body):
        raise DigestMismatch("应答内容与摘要不一致")
    message = _answer_string(target, status, values)
    keys.check(message, key_id=values[KEY_ID], signature=values[SIGNATURE], now=now)


def signed_document(document: Mapping[str, Any], *, signer: SigningKey) -> dict[str, Any]:
    """Add `key_id` and `signature` to a JSON document; the signature covers its canonical form."""
    named = {**document, "key_id": signer.key_id}
    return {**named, "signature": signer.sign(canonical_bytes(named))}


def verify_document(document: Mapping[str, Any], *, keys: KeyRing, at: datetime) -> None:
    """Check a document signed by `signed_document`; `at` is the instant it claims to be signed.

    Raises:
        ProtocolRefusal: The document is unsigned, altered, or signed with an unknown key.
    """
    unsigned = {name: value for name, value in document.items() if name != "signature"}
    keys.check(
        canonical_bytes(unsigned),
        key_id=str(document.get("key_id", "")),
        signature=str(document.get("signature", "")),
        now=at,
    )


def _request_string(target: RequestTarget, headers: Mapping[str, str]) -> bytes:
    names = (PLATFORM_ID, KEY_ID, TIMESTAMP, NONCE, IDEMPOTENCY_KEY, CONTENT_DIGEST)
    return "\n".join([*target.lines(), *(headers[name] for name in names)]).encode()


def _answer_string(target: RequestTarget, status: int, headers: Mapping[str, str]) -> bytes:
    names = (KEY_ID, TIMESTAMP, NONCE, CONTENT_DIGEST)
    return "\n".join([str(status), *target.lines(), *(headers[name] for name in names)]).encode()


def _read_time(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ClockSkew(f"请求头 {TIMESTAMP} 不是 RFC 3339 时间") from error
    if instant.tzinfo is None:
        raise ClockSkew(f"请求头 {TIMESTAMP} 缺少时区")
    return instant


def _check_nonce(nonce: str) -> None:
    if len(nonce) != _NONCE_HEX_DIGITS or not set(nonce) <= set("0123456789abcdef"):
        raise SignatureInvalid(f"请求头 {NONCE} 应为 128 位随机数（32 个十六进制小写字符）")
