"""How a sign-in ends. A refusal is returned, not raised: its count and its audit line must be committed.

See Note [Refusals are returned] at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from uuid import UUID

from app.core.errors import DomainError
from app.core.work import Work

__all__ = ["Refused", "Signed", "Unit"]

Unit = Callable[[], AbstractContextManager[Work]]
"""Opens a short transaction, committed at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A sign-in that succeeded.

    Attributes:
        account_id: Who signed in.
        token: The session's token, for the cookie.
        device: A mark for the browser, so that it is known next time; None when it showed a good one.
    """

    account_id: UUID
    token: str = field(repr=False)
    device: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Something was refused; the edge commits, then raises `error`."""

    error: DomainError


# Note [Refusals are returned]
# A raised error rolls the transaction back, and with it the counted try and the audit line: five wrong codes would
# then be five first tries. So whatever counts tries returns its refusal, the edge commits, and raises afterwards.
