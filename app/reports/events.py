"""What reports tell the other rooms."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.core.ledger import FileRef


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSealed:
    """The paper of an attempt exists as a sealed PDF.

    Attributes:
        attempt_id: The attempt.
        enrollment_id: Whose.
        file: The PDF.
        page_count: Its pages.
        content_sha256: Hash of the data it shows; a new rendering of the same data has the same.
        template_version: Version of its layout.
    """

    attempt_id: UUID
    enrollment_id: UUID
    file: FileRef
    page_count: int
    content_sha256: str
    template_version: str
