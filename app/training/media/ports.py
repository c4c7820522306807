"""What this domain needs from whoever can read video files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.training.media.rules import MediaFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A file made playable.

    Attributes:
        facts: What was measured of it.
        is_transcoded: Whether pictures or sound had to be encoded anew.
    """

    facts: MediaFacts
    is_transcoded: bool


class MediaWorkshop(Protocol):
    """Measures a courseware file and makes it playable everywhere."""

    def prepare(self, source: Path, target: Path) -> Prepared:
        """Write an mp4 (H.264, AAC, fast start) of `source` to `target`.

        Args:
            source: The uploaded file; may be hostile.
            target: Where the playable file goes; does not exist yet.

        Raises:
            MediaRefused: It is no usable courseware; the message says why.
        """
