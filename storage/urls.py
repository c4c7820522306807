"""Signed addresses of the local store: pure functions, no I/O.

An address is `{base}/objects/{key}?expires={unix seconds}&...&signature={hex}`. The signature (HMAC-SHA-256)
covers the method, the key and every other query parameter, so that none can be altered, added or left out.
An address signed for GET also serves HEAD. How the web process serves such addresses stands in
`storage.serving`; the secret must be a key derived for this purpose only.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast
from urllib.parse import quote, urlencode

from storage.errors import LinkExpired, LinkRefused
from storage.rules import check_key

PATH = "/objects/"
"""Where the web process mounts the objects."""

Method = Literal["GET", "PUT"]


@dataclass(frozen=True, slots=True)
class SignedTarget:
    """What a checked address allows.

    Attributes:
        key: The object.
        method: `GET` (and HEAD) or `PUT`.
        download_name: Save under this name instead of showing; None: show.
        multipart_id: The unfinished upload that a part belongs to; None: the whole object.
        part: The part's number, from 1; None: the whole object.
        max_bytes: Most bytes that may be PUT; 0 for GET.
    """

    key: str
    method: Method
    download_name: str | None = None
    multipart_id: str | None = None
    part: int | None = None
    max_bytes: int = 0


def sign_url(
    key: str,
    *,
    method: Method,
    expires_at: datetime,
    secret: bytes,
    base_url: str = "",
    params: Mapping[str, str] | None = None,
) -> str:
    """Sign an address for one object and method.

    Args:
        key: The object's key.
        method: What the address allows.
        expires_at: From this instant on the address is refused.
        secret: The signing key.
        base_url: Scheme and host without a trailing slash; empty gives a path on the same origin.
        params: `name` (download name), `upload` and `part` (multipart), `max` (bytes of a PUT).
    """
    query = {**(params or {}), "expires": str(int(expires_at.timestamp()))}
    query["signature"] = _signature(check_key(key), method=method, query=query, secret=secret)
    return f"{base_url}{PATH}{quote(key)}?{urlencode(query)}"


def check_url(key: str, query: Mapping[str, str], *, method: str, secret: bytes, now: datetime) -> SignedTarget:
    """Check the address of a request.

    Args:
        key: The path behind `/objects/`, percent-decoded.
        query: The decoded query parameters.
        method: The request's method: GET, HEAD or PUT.
        secret: The signing key.
        now: The present instant.

    Raises:
        LinkRefused: Altered, or signed for something else.
        LinkExpired: Rightly signed, but past its time.
    """
    signed_for = "GET" if method == "HEAD" else method
    rest = {name: value for name, value in query.items() if name != "signature"}
    expected = _signature(key, method=signed_for, query=rest, secret=secret)
    if not hmac.compare_digest(expected.encode(), query.get("signature", "").encode()):
        raise LinkRefused
    if now.timestamp() >= int(rest["expires"]):
        raise LinkExpired
    return SignedTarget(
        key=check_key(key),
        method=cast("Method", signed_for),
        download_name=rest.get("name"),
        multipart_id=rest.get("upload"),
        part=int(rest["part"]) if "part" in rest else None,
        max_bytes=int(rest.get("max", "0")),
    )


def _signature(key: str, *, method: str, query: Mapping[str, str], secret: bytes) -> str:
    message = "\n".join(("objects-v1", method, key, urlencode(sorted(query.items()))))
    return hmac.new(secret, message.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
