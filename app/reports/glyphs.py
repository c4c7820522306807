"""Which characters the report font can show, and what stands for the others.

PDF/A forbids characters without a glyph, and a paper must never fail to be made because somebody put a smiley into a
question. What the font lacks is shown by its number, so nothing disappears silently.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_FORMAT_SEGMENTS = 4
_FORMAT_GROUPS = 12
_PRIVATE_USE = "Co"
_INVISIBLE = frozenset({"Cf", "Cc", "Cs"})
_VARIATION_SELECTORS = frozenset(range(0xFE00, 0xFE10))


def covered_characters(font: Path) -> frozenset[int]:
    """List the code points a TrueType font has a glyph for.

    Raises:
        ValueError: The file has no character map.
    """
    data = font.read_bytes()
    tables = _tables(data)
    if b"cmap" not in tables:
        raise ValueError(f"{font.name} has no character map")
    start = tables[b"cmap"]
    (count,) = struct.unpack_from(">H", data, start + 2)
    found: set[int] = set()
    for index in range(count):
        (offset,) = struct.unpack_from(">I", data, start + 8 + 8 * index)
        found.update(_subtable(data, start + offset))
    return frozenset(found)


def showable(value: Any, covered: frozenset[int]) -> Any:
    """Replace, in every text of a JSON value, what the font cannot show: `（U+1F600）`; keys stay as they are."""
    match value:
        case str():
            return "".join(_shown(character, covered) for character in value)
        case list() | tuple():
            return [showable(item, covered) for item in value]
        case dict():
            return {key: showable(item, covered) for key, item in value.items()}
        case _:
            return value


def _shown(character: str, covered: frozenset[int]) -> str:
    code = ord(character)
    if character == "\n":
        return character
    if character == "\t":
        return " "
    category = unicodedata.category(character)
    if category in _INVISIBLE or code in _VARIATION_SELECTORS:
        return ""
    if code in covered and category != _PRIVATE_USE:
        return character
    return f"（U+{code:04X}）"


def _tables(data: bytes) -> dict[bytes, int]:
    (count,) = struct.unpack_from(">H", data, 4)
    records = (struct.unpack_from(">4sIII", data, 12 + 16 * index) for index in range(count))
    return {tag: offset for tag, _, offset, _ in records}


def _subtable(data: bytes, start: int) -> Iterator[int]:
    (kind,) = struct.unpack_from(">H", data, start)
    if kind == _FORMAT_SEGMENTS:
        yield from _segments(data, start)
    elif kind == _FORMAT_GROUPS:
        (count,) = struct.unpack_from(">I", data, start + 12)
        for index in range(count):
            first, last, _ = struct.unpack_from(">III", data, start + 16 + 12 * index)
            yield from range(first, last + 1)


def _segments(data: bytes, start: int) -> Iterator[int]:
    (doubled,) = struct.unpack_from(">H", data, start + 6)
    count = doubled // 2
    ends = struct.unpack_from(f">{count}H", data, start + 14)
    starts = struct.unpack_from(f">{count}H", data, start + 16 + doubled)
    deltas = struct.unpack_from(f">{count}H", data, start + 16 + 2 * doubled)
    offsets_at = start + 16 + 3 * doubled
    offsets = struct.unpack_from(f">{count}H", data, offsets_at)
    for index in range(count):
        for code in range(starts[index], ends[index] + 1):
            glyph = code
            if offsets[index]:
                place = offsets_at + 2 * index + offsets[index] + 2 * (code - starts[index])
                (glyph,) = struct.unpack_from(">H", data, place)
                if glyph == 0:
                    continue
            if (glyph + deltas[index]) & 0xFFFF:
                yield code
