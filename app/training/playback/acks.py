"""What a player is told, and the tokens its heartbeats carry."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from app.core.db import Json
from app.core.security import Vault, derive_key
from app.training.playback.reasons import excluded_list

_TOKEN_BYTES = 16


@dataclass(frozen=True, slots=True)
class Ack:
    """What the player is told.

    Attributes:
        seq: Number of the last heartbeat taken in.
        next_token: Token of the next one.
        state: Phase of the session.
        watched: Whether all of the lesson was watched.
        check_in: The check-in that stops the clock, as the page shows it.
    """

    seq: int
    next_token: str
    interval_s: int
    credited_ms: int
    furthest_ms: int
    needed_ms: int
    state: str
    excluded: Mapping[str, int]
    watched: bool
    check_in: Json | None
    server_time: str

    def as_json(self) -> Json:
        """Write it as the player reads it; seconds with milliseconds."""
        return {
            "seq": self.seq,
            "next_token": self.next_token,
            "interval_s": self.interval_s,
            "credited_s": self.credited_ms / 1000,
            "furthest_s": self.furthest_ms / 1000,
            "needed_s": self.needed_ms / 1000,
            "state": self.state,
            "excluded": excluded_list(self.excluded),
            "check_in": self.check_in,
            "watched": self.watched,
            "server_time": self.server_time,
        }


class TokenIssuer:
    """Issues the token of every heartbeat: an HMAC over session and number, so nothing has to be stored."""

    def __init__(self, vault: Vault) -> None:
        self._keyed = hmac.new(derive_key(vault.index_secret, "heartbeat-token"), digestmod="sha256")

    def token(self, session_id: UUID, seq: int) -> str:
        """Make the token of heartbeat `seq`: 22 characters."""
        keyed = self._keyed.copy()  # unlike `hmac.digest` this never gives the interpreter's lock away
        keyed.update(session_id.bytes + seq.to_bytes(8, "big"))
        return base64.urlsafe_b64encode(keyed.digest()[:_TOKEN_BYTES]).rstrip(b"=").decode()

    def is_issued(self, token: str, session_id: UUID, seq: int) -> bool:
        """Tell whether `token` is that of heartbeat `seq`; takes the same time for every wrong one."""
        return hmac.compare_digest(self.token(session_id, seq).encode(), token.encode())
