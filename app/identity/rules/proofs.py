"""Proof files: what is taken, told by the bytes and never by the name."""

from __future__ import annotations

__all__ = ["MAX_PROOF_BYTES", "PROOF_ADVICE", "proof_media_type"]

MAX_PROOF_BYTES = 10 * 1024 * 1024
PROOF_ADVICE = "请上传 JPG、PNG 图片或 PDF 文件，大小不超过 10 MB。"
_SMALLEST = 64
_JPEG_END = b"\xff\xd9"
_PNG_START = b"\x89PNG\r\n\x1a\n"


def proof_media_type(content: bytes) -> str | None:
    """Tell what a proof file is by how it begins and ends; None when it is refused.

    Args:
        content: The file; one byte more than `MAX_PROOF_BYTES` at most.
    """
    if not _SMALLEST <= len(content) <= MAX_PROOF_BYTES:
        return None
    tail = content[-1024:]
    if content.startswith(b"\xff\xd8\xff") and _JPEG_END in tail:
        return "image/jpeg"
    if content.startswith(_PNG_START) and b"IEND" in tail:
        return "image/png"
    if content.startswith(b"%PDF-") and b"%%EOF" in tail:
        return "application/pdf"
    return None
