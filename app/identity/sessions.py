"""Login sessions: opaque tokens that end at once (等保 8.1.4.1 b).

A token of 256 bits is in the browser's cookie, its hash in the database. A session ends by signing out, after 12
hours, or when nobody used it for two hours (trainees) or half an hour (staff). Every sign-in makes a new token and
ends the one the browser showed, so that a planted token is worth nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, text, update
from sqlalchemy.orm import Session

from app.core import audit
from app.core.security import new_token, token_hash
from app.core.work import Work
from app.identity.models import Account, LoginSession

__all__ = [
    "ABSOLUTE",
    "STAFF_IDLE",
    "TRAINEE_IDLE",
    "SignedIn",
    "accounts_by_tokens",
    "authenticate",
    "end_all_sessions",
    "sign_out",
    "start_session",
]

TRAINEE_IDLE = timedelta(minutes=120)
STAFF_IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)
MAX_TOKEN = 128
"""Longest token looked at, in characters; ours have 43."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who is signed in.

    Attributes:
        account_id: The account.
        role: Its role: `trainee`, `institution_author`, `institution_reviewer`, `bureau_auditor` or `operator`.
        person_id: The trainee's person; None for staff.
        organization_id: The staff member's organisation; None for trainees.
    """

    account_id: UUID
    role: str
    person_id: UUID | None
    organization_id: UUID | None


_FIND = text(
    """
    WITH live AS (
      SELECT s.id, s.token_hash, s.seen_at, a.id AS account_id, a.role, a.person_id, a.organization_id
      FROM login_session s JOIN account a ON a.id = s.account_id
      WHERE s.token_hash = ANY(:hashes) AND s.ended_at IS NULL AND a.disabled_at IS NULL
        AND s.expires_at > :now AND s.seen_at + make_interval(secs => s.idle_s) > :now
    ), touched AS (
      UPDATE login_session SET seen_at = :now WHERE id IN (
        SELECT s.id FROM login_session s JOIN live ON live.id = s.id
        WHERE live.seen_at <= :touch_before AND s.ended_at IS NULL FOR UPDATE OF s SKIP LOCKED
      )
    )
    SELECT token_hash, account_id, role, person_id, organization_id FROM live
    """
).bindparams(bindparam("hashes", type_=ARRAY(Text)))
"""One statement for many tokens: find the live sessions and touch those not seen for a minute.

A session that another transaction is touching right now is not waited for: it is being touched.
"""


def start_session(work: Work, account: Account, *, replaces: str | None = None) -> str:
    """Open a session for an account that has just proven itself.

    Args:
        work: The unit of work.
        account: The account.
        replaces: The token the browser showed, if any; its session ends.

    Returns:
        The new token, for the cookie. It is stored nowhere.
    """
    if replaces is not None:
        _end(work, replaces)
    token = new_token()
    idle = TRAINEE_IDLE if account.kind == "trainee" else STAFF_IDLE
    work.session.add(
        LoginSession(
            token_hash=token_hash(token),
            account_id=account.id,
            created_at=work.now,
            seen_at=work.now,
            idle_s=int(idle.total_seconds()),
            expires_at=work.now + ABSOLUTE,
            ip=work.actor.ip,
        )
    )
    work.session.flush()
    return token


def accounts_by_tokens(session: Session, tokens: Iterable[str], *, now: datetime) -> Mapping[str, SignedIn]:
    """Find who holds which tokens, in one statement.

    Sessions are touched as being in use, at most once a minute each.

    Args:
        session: The transaction.
        tokens: Tokens as the cookies gave them.
        now: The present instant.

    Returns:
        By `token_hash(token)`; tokens without a live session are absent.
    """
    hashes = sorted({token_hash(token) for token in tokens if len(token) <= MAX_TOKEN})
    if not hashes:
        return {}
    rows = session.execute(_FIND, {"hashes": hashes, "now": now, "touch_before": now - TOUCH_EVERY})
    return {
        row.token_hash: SignedIn(
            account_id=row.account_id,
            role=row.role,
            person_id=row.person_id,
            organization_id=row.organization_id,
        )
        for row in rows
    }


def authenticate(session: Session, token: str, *, now: datetime) -> SignedIn | None:
    """Find who holds `token`; None when its session is over or never was."""
    return accounts_by_tokens(session, [token], now=now).get(token_hash(token))


def sign_out(work: Work, *, token: str) -> None:
    """End the session of `token`; harmless when it has ended already."""
    _end(work, token)
    audit.record(work, "sign_out", subject_kind="account", subject_id=work.actor.account_id)


def end_all_sessions(work: Work, *, account_id: UUID, except_token: str | None = None) -> None:
    """End every session of an account: after a new password, a new phone, or on closing it."""
    query = update(LoginSession).where(LoginSession.account_id == account_id, LoginSession.ended_at.is_(None))
    if except_token is not None:
        query = query.where(LoginSession.token_hash != token_hash(except_token))
    work.session.execute(query.values(ended_at=work.now))


def _end(work: Work, token: str) -> None:
    work.session.execute(
        update(LoginSession)
        .where(LoginSession.token_hash == token_hash(token), LoginSession.ended_at.is_(None))
        .values(ended_at=work.now)
    )
