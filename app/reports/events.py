"""What reports tell the other rooms."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.core.ledger import FileRef


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSealed:
    """The paper of an attempt lies sealed in the store, as a document.

    Attributes:
        attempt_id: The attempt.
        enrollment_id: Whose.
        file: The PDF, as the ledger names it.
        page_count: Its pages.
        content_sha256: Hash of the canonical data it shows; the same data gives the same document.
        template_version: Version of its layout.
    """

    attempt_id: UUID
    enrollment_id: UUID
    file: FileRef
    page_count: int
    content_sha256: str
    template_version: str
