"""Marks for browsers that have signed in before: guessing by strangers must not keep the right person out.

A mark is a random number with a keyed hash over it and over whose it is; nothing is stored. It proves nothing about
who sits there and opens nothing: tries from a marked browser are only counted apart from everybody else's.
"""

from __future__ import annotations

import hmac
import secrets

from app.core.security import Vault

__all__ = ["known_nonce", "new_mark"]

_MAX_MARK = 128
_NONCE_BYTES = 16


def new_mark(vault: Vault, *, who: str) -> str:
    """Make a mark for a browser in which `who` has just signed in."""
    nonce = secrets.token_hex(_NONCE_BYTES)
    return f"{nonce}.{_mac(vault, who=who, nonce=nonce)}"


def known_nonce(vault: Vault, *, who: str, mark: str | None) -> str | None:
    """Read the random number of a mark made for `who`; None when it is missing, forged or somebody else's."""
    nonce, _, mac = (mark or "")[:_MAX_MARK].partition(".")
    expected = _mac(vault, who=who, nonce=nonce)
    return nonce if nonce and hmac.compare_digest(mac.encode(), expected.encode()) else None


def _mac(vault: Vault, *, who: str, nonce: str) -> str:
    return vault.blind_index(f"{who}\x00{nonce}", purpose="device-mark")
