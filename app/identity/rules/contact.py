"""Names and phones: how they are written, compared and masked."""

from __future__ import annotations

import re
import unicodedata

from app.identity.errors import NameRefused, PhoneRefused

__all__ = ["MAX_NAME", "mask_id_number", "mask_name", "mask_phone", "parse_name", "parse_phone"]

MAX_NAME = 100
"""Longest name, in characters: the longest names on ID cards stay far below."""
_MAX_TYPED_PHONE = 32
_PHONE = re.compile(r"1[3-9][0-9]{9}")
_DOTS = str.maketrans(dict.fromkeys("•・‧∙⋅.。●", "·"))


def parse_phone(text: str) -> str:
    """Read a mobile number of mainland China: 11 digits.

    Blanks, hyphens, full-width digits and the prefix +86 are forgiven.

    Raises:
        PhoneRefused: It is not one.
    """
    if len(text) > _MAX_TYPED_PHONE:
        raise PhoneRefused
    digits = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text))
    digits = digits.removeprefix("+86")
    if not _PHONE.fullmatch(digits) or not digits.isascii():
        raise PhoneRefused
    return digits


def parse_name(text: str) -> str:
    """Bring a name into the one form that is stored and compared.

    Blanks go, width is unified, and the many dots between the parts of a minority name become the one `·`.

    Raises:
        NameRefused: It is empty, longer than `MAX_NAME`, or holds characters no name has.
    """
    if len(text) > MAX_NAME:
        raise NameRefused
    name = "".join(unicodedata.normalize("NFKC", text).translate(_DOTS).split())
    if not name or not all(char == "·" or unicodedata.category(char)[0] in "LM" for char in name):
        raise NameRefused
    return name.upper()


def mask_name(name: str) -> str:
    """Keep the first character: `张三丰` becomes `张**`. A name of one character is hidden whole."""
    return name[0] + "*" * (len(name) - 1) if len(name) > 1 else "*"


def mask_id_number(number: str) -> str:
    """Keep the first 6 and the last 4 of 18 characters."""
    return f"{number[:6]}{'*' * 8}{number[-4:]}"


def mask_phone(phone: str) -> str:
    """Keep the first 3 and the last 4 of 11 digits."""
    return f"{phone[:3]}****{phone[-4:]}"
