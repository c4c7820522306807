"""What this room needs from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from app.core.work import Work

__all__ = ["ClassPlace", "ConsentText", "SmsSender"]


class SmsSender(Protocol):
    """Sends text messages to phones."""

    def send(self, work: Work, *, phone: str, text: str) -> None:
        """Send, or hand over for sending within the transaction; nothing leaves when it is rolled back.

        An adapter for a gateway writes a job here and speaks to the network when the job runs.

        Args:
            work: The unit of work.
            phone: 11 digits.
            text: The message.
        """


class ConsentText(Protocol):
    """A consent as it is shown."""

    @property
    def purpose(self) -> str:
        """What for: one purpose per text."""

    @property
    def version(self) -> str:
        """Version of the text."""

    @property
    def sha256(self) -> str:
        """Hash of the text as shown, 64 hex digits."""

    @property
    def is_required(self) -> bool:
        """Whether supervised training is impossible without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPlace:
    """A trainee's place in a class, as the class list gives it.

    Attributes:
        enrollment_id: The enrolment.
        trade_code: Trade of the class.
        level: Level of the class, `5` to `1`.
        category_code: The subsidised group.
        needs_proof: Whether that group needs a proof file.
    """

    enrollment_id: UUID
    trade_code: str
    level: str
    category_code: str
    needs_proof: bool
