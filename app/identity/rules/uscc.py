"""Unified social credit codes of organisations (GB 32100-2015): 18 characters, the last one a check, modulo 31."""

from __future__ import annotations

import re

from app.identity.errors import UsccRefused

__all__ = ["parse_uscc", "uscc_check_character"]

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""Digits and capitals without I, O, S, V, Z: what a clerk may misread."""
_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_SHAPE = re.compile(rf"[{_ALPHABET}]{{2}}[0-9]{{6}}[{_ALPHABET}]{{10}}")


def parse_uscc(text: str) -> str:
    """Read a code; lower case and blanks around it are forgiven.

    Raises:
        UsccRefused: Shape or check character is wrong.
    """
    code = text.strip().upper()
    if not _SHAPE.fullmatch(code) or uscc_check_character(code[:17]) != code[17]:
        raise UsccRefused
    return code


def uscc_check_character(first17: str) -> str:
    """Compute the check character of the first 17 characters."""
    total = sum(_ALPHABET.index(char) * weight for char, weight in zip(first17, _WEIGHTS, strict=True))
    return _ALPHABET[(31 - total % 31) % 31]
