"""Sets of media time as sorted, disjoint, half-open stretches in integer milliseconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Stretch = tuple[int, int]
"""From (included) to (excluded), in milliseconds of media."""

Coverage = tuple[Stretch, ...]
"""Sorted, disjoint, not touching, none empty."""


def union(stretches: Iterable[Stretch]) -> Coverage:
    """Join stretches of any order and overlap; touching ones become one, empty ones vanish."""
    joined: list[Stretch] = []
    for start, end in sorted(stretches):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            if end > joined[-1][1]:
                joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)


def clip(stretches: Iterable[Stretch], *, end: int) -> Coverage:
    """Keep what lies in `0 <= t < end`."""
    return union((max(0, a), min(b, end)) for a, b in stretches)


def subtract(stretches: Sequence[Stretch], taken: Coverage) -> Coverage:
    """Keep what lies in `stretches` (sorted, disjoint) and not in `taken`."""
    left: list[Stretch] = []
    for start, end in stretches:
        at = start
        for a, b in taken:
            if b <= at:
                continue
            if a >= end:
                break
            if a > at:
                left.append((at, a))
            at = b
            if at >= end:
                break
        if at < end:
            left.append((at, end))
    return tuple(left)


def measure(stretches: Iterable[Stretch]) -> int:
    """Add up the lengths, in milliseconds."""
    return sum(end - start for start, end in stretches)


def split(stretches: Sequence[Stretch], length: int) -> tuple[Coverage, Coverage]:
    """Cut after `length` milliseconds: what lies before the cut, and the rest."""
    before: list[Stretch] = []
    for index, (start, end) in enumerate(stretches):
        if length <= 0:
            return tuple(before), tuple(stretches[index:])
        if end - start > length:
            return (*before, (start, start + length)), ((start + length, end), *stretches[index + 1 :])
        before.append((start, end))
        length -= end - start
    return tuple(before), ()
