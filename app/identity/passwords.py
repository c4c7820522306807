"""Sign-in of staff by password and one-time code (等保 8.1.4.1 a, b, d).

Five failures within ten minutes lock the name for a quarter of an hour. A name nobody has is counted, hashed and
answered in the same way. A browser that has signed in before carries a mark; its tries are counted apart, so that
a stranger who guesses cannot keep the right person out.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pyotp
from sqlalchemy import select

from app.core import audit
from app.core.security import is_password
from app.core.work import Work
from app.identity.devices import known_nonce, new_mark
from app.identity.errors import SignInLocked, SignInRefused
from app.identity.models import Account
from app.identity.outcomes import Refused, Signed, Unit
from app.identity.rules.network import network_of
from app.identity.sessions import start_session
from app.identity.throttle import Limit, clear, take

__all__ = ["LOCK", "TOTP_SECRET", "find_totp_step", "sign_in_by_password"]

TOTP_SECRET = "totp-secret"  # noqa: S105 - the name of a purpose, not a secret
LOCK = Limit(name="password", count=5, within=timedelta(minutes=10), block=timedelta(minutes=15))
_PER_ADDRESS = Limit(name="password-address", count=100, within=timedelta(minutes=10))
_STEP_S = 30
_STEPS_OFF = (0, -1, 1)
"""A phone's clock may be half a minute off, either way."""
_NO_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - computed with where there is no account
MAX_LOGIN_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Try:
    """One counted try, before it is judged."""

    account_id: UUID | None
    password_hash: str | None = field(repr=False)
    who: str
    is_known_device: bool
    is_last: bool


def sign_in_by_password(
    unit: Unit,
    *,
    login_name: str,
    password: str,
    totp: str,
    device: str | None = None,
    replaces: str | None = None,
) -> Signed | Refused:
    """Sign a staff member in.

    Takes three steps: count the try (committed), judge the password outside of any transaction, then judge the
    one-time code and open the session.

    Args:
        unit: Opens short transactions.
        login_name: As typed; case does not matter.
        password: As typed.
        totp: Six digits of the authenticator; each is good for one sign-in.
        device: The mark this browser was given at an earlier sign-in.
        replaces: Token of the session the browser showed; it ends.

    Raises:
        SignInLocked: Too many tries for this name or from this address.
    """
    name = login_name.strip().lower()[:MAX_LOGIN_NAME]
    with unit() as work:
        opened = _open(work, name=name, device=device)
    is_right = is_password(password, opened.password_hash)
    with unit() as work:
        return _finish(work, opened, is_right=is_right, totp=totp, name=name, replaces=replaces)


def find_totp_step(secret: str, code: str, *, now: datetime) -> int | None:
    """Find which step of 30 seconds a one-time code belongs to; None when it is wrong.

    Compares against all steps taken, in the same time whatever the code.
    """
    present = int(now.timestamp()) // _STEP_S
    generator = pyotp.TOTP(secret)
    given = code.strip()[:16].encode()
    steps = [present + off for off in _STEPS_OFF]
    matches = [step for step in steps if hmac.compare_digest(generator.generate_otp(step).encode(), given)]
    return matches[0] if matches else None


def _open(work: Work, *, name: str, device: str | None) -> _Try:
    by_address = take(work, _PER_ADDRESS, who=network_of(work.actor.ip))
    nonce = known_nonce(work.vault, who=name, mark=device)
    who = name if nonce is None else f"{name}\x00{nonce}"
    by_name = take(work, LOCK, who=who)
    wait_s = max(by_address.retry_after_s or 0, by_name.retry_after_s or 0)
    if wait_s:
        raise SignInLocked(f"尝试次数过多，请在{-(-wait_s // 60)}分钟后再试。", retry_after_s=wait_s)
    account = work.session.scalars(select(Account).where(Account.login_name == name)).one_or_none()
    is_open = account is not None and account.disabled_at is None
    return _Try(
        account_id=account.id if account and is_open else None,
        password_hash=account.password_hash if account and is_open else None,
        who=who,
        is_known_device=nonce is not None,
        is_last=by_name.is_last,
    )


def _finish(
    work: Work, opened: _Try, *, is_right: bool, totp: str, name: str, replaces: str | None
) -> Signed | Refused:
    account = _locked(work, opened)
    sealed = account.totp_secret_enc if account else None
    secret = work.vault.decrypt(sealed, purpose=TOTP_SECRET) if sealed else _NO_SECRET
    step = find_totp_step(secret, totp, now=work.now)
    fault = _fault(account, is_right=is_right, step=step)
    if account is None or step is None or fault is not None:
        return _refuse(work, opened, reason=fault or "wrong_password")
    account.totp_last_step = step
    clear(work, LOCK, who=opened.who)
    audit.record(work, "sign_in", subject_kind="account", subject_id=account.id, method="password_totp")
    return Signed(
        account_id=account.id,
        token=start_session(work, account, replaces=replaces),
        device=None if opened.is_known_device else new_mark(work.vault, who=name),
    )


def _locked(work: Work, opened: _Try) -> Account | None:
    """Lock the account: of two sign-ins with one code only one counts. None if it changed meanwhile."""
    return work.session.scalars(
        select(Account)
        .where(
            Account.id == opened.account_id,
            Account.password_hash == opened.password_hash,
            Account.disabled_at.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _fault(account: Account | None, *, is_right: bool, step: int | None) -> str | None:
    """Name what is wrong, for the audit trail only."""
    if account is None or not is_right:
        return "wrong_password"
    if step is None:
        return "wrong_totp"
    return "replayed_totp" if step <= account.totp_last_step else None


def _refuse(work: Work, opened: _Try, *, reason: str) -> Refused:
    kind = "account" if opened.account_id else None
    audit.record(work, "sign_in", subject_kind=kind, subject_id=opened.account_id, outcome="refused", reason=reason)
    if opened.is_last:
        audit.record(work, "lock_sign_in", subject_kind=kind, subject_id=opened.account_id)
    return Refused(error=SignInRefused())
