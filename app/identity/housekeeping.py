"""Clear away what has had its time; run every hour by the worker."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete

from app.core.work import Work
from app.identity.models import LoginSession, SmsCode, SmsOutbox, Throttle, WebauthnChallenge

__all__ = ["sweep"]

_KEEP_CODES = timedelta(days=1)
_KEEP_SESSIONS = timedelta(days=30)


def sweep(work: Work) -> None:
    """Delete counters that no longer count, old codes, messages, challenges, and sessions a month past their end."""
    now = work.now
    for statement in (
        delete(Throttle).where(Throttle.stale_at < now),
        delete(SmsCode).where(SmsCode.created_at < now - _KEEP_CODES),
        delete(SmsOutbox).where(SmsOutbox.sent_at < now - _KEEP_CODES),
        delete(WebauthnChallenge).where(WebauthnChallenge.expires_at < now - _KEEP_CODES),
        delete(LoginSession).where(LoginSession.expires_at < now - _KEEP_SESSIONS),
    ):
        work.session.execute(statement)
