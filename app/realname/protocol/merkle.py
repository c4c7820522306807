"""Compute the Merkle tree hash of RFC 6962, section 2.1.

A leaf is hashed with the prefix 0x00, an inner node with 0x01, so a node can never be passed off as a leaf.
The tree is built from the left in one pass: a stack holds the roots of the full subtrees seen so far.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def merkle_root(leaves: Iterable[bytes]) -> str:
    """Compute the root over `leaves` in their order; 64 hex digits. No leaves give SHA-256 of nothing."""
    stack: list[tuple[int, bytes]] = []
    for leaf in leaves:
        size, node = 1, hashlib.sha256(b"\x00" + leaf).digest()
        while stack and stack[-1][0] == size:
            node = _join(stack.pop()[1], node)
            size *= 2
        stack.append((size, node))
    if not stack:
        return hashlib.sha256(b"").hexdigest()
    root = stack.pop()[1]
    while stack:
        root = _join(stack.pop()[1], root)
    return root.hex()


def merkle_root_of_hashes(hashes: Iterable[str]) -> str:
    """Compute the root over hashes given as hex; each leaf is the raw 32 bytes."""
    return merkle_root(bytes.fromhex(text) for text in hashes)


def _join(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
