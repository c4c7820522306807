"""Canonical JSON (RFC 8785) and the hashes made of it.

Values that are hashed hold only `str`, `int`, `bool`, `None`, lists and dicts with text keys: no floats, because
two programs must never disagree about the same number. For such values sorted, compact JSON *is* the canonical
form as long as keys sort the same by code point and by UTF-16 unit, which ASCII keys do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

MAX_INTEGER = 2**53 - 1


class NotCanonical(TypeError):
    """The value holds something that has no single canonical form."""


def canonical_bytes(value: Any) -> bytes:
    """Write `value` as canonical JSON in UTF-8.

    Raises:
        NotCanonical: The value holds a float, a huge integer, a lone surrogate, NUL or a key that is not ASCII.
    """
    _check(value, "")
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def sha256_hex(data: bytes) -> str:
    """Hash `data`; 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def canonical_hash(value: Any) -> str:
    """Hash the canonical form of `value`; 64 lower-case hex digits."""
    return sha256_hex(canonical_bytes(value))


def _check(value: Any, where: str) -> None:
    match value:
        case None | bool():
            return
        case str():
            _check_text(value, where)
        case int():
            if abs(value) > MAX_INTEGER:
                raise NotCanonical(f"{where or '/'}: integer beyond 2^53 - 1")
        case list() | tuple():
            for index, item in enumerate(value):
                _check(item, f"{where}/{index}")
        case Mapping():
            for key, item in value.items():
                if not isinstance(key, str) or not key.isascii():
                    raise NotCanonical(f"{where}/{key!r}: keys are ASCII text")
                _check(item, f"{where}/{key}")
        case _:
            raise NotCanonical(f"{where or '/'}: {type(value).__name__} has no canonical form")


def _check_text(value: str, where: str) -> None:
    if "\x00" in value:
        raise NotCanonical(f"{where or '/'}: text with NUL")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise NotCanonical(f"{where or '/'}: text with a lone surrogate") from error
