"""Chance that nobody can pick and everybody can check afterwards.

A secret seed is drawn once; its hash (the *commitment*) goes into the ledger before the seed is used, and the
seed itself is revealed when the chain closes. Every draw is an HMAC-SHA-256 stream of the seed and a label that
names what is drawn, so that an auditor re-computes it and an operator cannot influence it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from fractions import Fraction
from typing import TypeVar

T = TypeVar("T")

SEED_BYTES = 32
_WORD = 1 << 64


def new_seed() -> bytes:
    """Draw a secret seed of 32 bytes from the operating system."""
    return secrets.token_bytes(SEED_BYTES)


def commitment_of(seed: bytes) -> str:
    """Compute the commitment of a seed: SHA-256, 64 hex digits."""
    return hashlib.sha256(b"zhengxue-seed\x00" + seed).hexdigest()


class Draw:
    """An endless, reproducible stream of draws for one label.

    Args:
        seed: The committed seed, 32 bytes.
        *label: What is drawn, for example `("check-in", enrollment_id, lesson_id, "1")`. The parts are joined
            with NUL, which none of them may contain.
    """

    def __init__(self, seed: bytes, *label: str) -> None:
        self._seed = seed
        self._label = "\x00".join(label).encode()
        self._counter = 0

    def _word(self) -> int:
        message = self._label + b"\x00" + self._counter.to_bytes(8, "big")
        self._counter += 1
        return int.from_bytes(hmac.digest(self._seed, message, "sha256")[:8], "big")

    def below(self, limit: int) -> int:
        """Draw an integer in `0 <= n < limit`, all equally likely (rejection, no modulo bias)."""
        if limit < 1:
            raise ValueError("limit must be at least 1")
        ceiling = _WORD - _WORD % limit
        while (word := self._word()) >= ceiling:
            pass
        return word % limit

    def between(self, start: int, end: int) -> int:
        """Draw an integer in `start <= n <= end`."""
        return start + self.below(end - start + 1)

    def ratio(self) -> Fraction:
        """Draw a fraction in `0 <= x < 1`."""
        return Fraction(self._word(), _WORD)

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Order `items` at random (Fisher-Yates)."""
        result = list(items)
        for last in range(len(result) - 1, 0, -1):
            other = self.below(last + 1)
            result[last], result[other] = result[other], result[last]
        return result

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """Draw `count` different items in random order."""
        if count > len(items):
            raise ValueError("more items asked for than there are")
        return self.shuffled(items)[:count]
